"""Honest notebooks that are odd: what careful, careless and clever students hand in.

Each is a real assignment's student version with right or wrong answers, put in or beside their cells in another
way. What counts is what every check shows when all cells are run in order.
"""

import copy
import json

import nbformat

NAMES = ("top_k_softmax", "attention_pooling", "pooling_gradient")
IMPORTS = "import math\nimport numpy as np"


def solved(source, answers):
    """The source notebook without hidden tests and marks of solutions, with these answers in their cells."""
    notebook = nbformat.read(source, as_version=4)
    for cell in notebook.cells:
        cell.source = cell.source.split("### BEGIN HIDDEN TESTS")[0].rstrip("\n")
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if name in answers:
            cell.source = answers[name]
    return notebook


def solutions(source):
    """The model answers, by name."""
    notebook = nbformat.read(source, as_version=4)
    found = {}
    for cell in notebook.cells:
        mark = cell.metadata.get("nbgrader", {})
        if mark.get("solution") and not mark.get("grade"):
            lines = [line for line in cell.source.split("\n") if "### " not in line]
            found[mark["grade_id"]] = "\n".join(lines)
    return found


def place(notebook, name):
    """Where an answer's cell stands."""
    return next(i for i, cell in enumerate(notebook.cells)
                if cell.metadata.get("nbgrader", {}).get("grade_id") == name)


def code(source, like=None):
    """A new cell, with the marks of another if it is to look like one."""
    cell = nbformat.v4.new_code_cell(source)
    if like is not None:
        cell.metadata = copy.deepcopy(like.metadata)
    return cell


STUB = "def {name}(*args, **kwargs):\n    raise NotImplementedError"


def _below(notebook, name, source):
    notebook.cells.insert(place(notebook, name) + 1, code(source))


def _above(notebook, name, source):
    notebook.cells.insert(place(notebook, name), code(source))


def _answer(notebook, name):
    return notebook.cells[place(notebook, name)]


def _wrap(n, name, body, before=""):
    """Put a function around the answer, whose body calls it as KEPT."""
    inner = f"_kept_{name}"
    lines = "".join(f"    {line}\n" for line in body.replace("KEPT", f"{inner}(*a, **k)").split("\n"))
    _answer(n, name).source += f"\n{before}\n{inner} = {name}\ndef {name}(*a, **k):\n{lines}"


def added_below(n, name):
    """The answer in an added cell, the stub left where it was."""
    _below(n, name, _answer(n, name).source)
    _answer(n, name).source = STUB.format(name=name)


def added_above(n, name):
    """The answer in an added cell above the stub, which wins."""
    _above(n, name, _answer(n, name).source)
    _answer(n, name).source = STUB.format(name=name)


def older_below(n, name):
    """A try that is wrong in an added cell below."""
    _below(n, name, STUB.format(name=name).replace("raise NotImplementedError", "return None"))


def split(n, name):
    """The cell split in two, both with the id: a helper in one half."""
    at = place(n, name)
    n.cells.insert(at, code("def of_mine(x):\n    return x", n.cells[at]))
    n.cells[at + 1].source += "\nof_mine(1)"


def split_with_a_test(n, name):
    """The cell split in two, a test of the student's own in the second half."""
    at = place(n, name)
    n.cells.insert(at + 1, code(f"print({name}.__name__)", n.cells[at]))


def helper_before(n, name):
    """A helper of the student's own in a cell before, whose name the notebook binds again later."""
    _above(n, name, "def my_part(x):\n    return x")
    _wrap(n, name, "return my_part(KEPT)")
    n.cells.append(code("my_part = 3"))


def helper_rebound_before_the_check(n, name):
    """The helper's name is bound to something else between the answer and its check."""
    helper_before(n, name)
    _below(n, name, "my_part = 3")


def own_softmax(n, name):
    """The student's own version of a function that was given, with the same name."""
    _above(n, name, "def softmax(x, axis=-1):\n    e = np.exp(x - np.max(x, axis=axis, keepdims=True))\n"
                    "    return e / np.sum(e, axis=axis, keepdims=True)")


def wrong_own_softmax(n, name):
    """A worse version of a function that was given, in a cell between."""
    _above(n, name, "def softmax(x, axis=-1):\n    return x * 0.0")


def star_import(n, name):
    """Names from an import with a star."""
    _above(n, name, "from math import *")
    _answer(n, name).source = _answer(n, name).source.replace("math.sqrt", "sqrt")


def given_variable(n, name):
    """A variable of another cell."""
    _above(n, name, "ONE = float(np.exp(0.0))")
    _wrap(n, name, "return KEPT if ONE else 0")


def magics(n, name):
    """Lines of IPython's own syntax in the answer's cell."""
    _answer(n, name).source += f"\nnp.repeat?\n?np.repeat\n%time x_{name} = 1\nfiles = !ls\n%matplotlib inline"


def cell_magic(n, name):
    """The whole cell is timed."""
    _answer(n, name).source = "%%time\n" + _answer(n, name).source


def timeit(n, name):
    """A line that times it."""
    _answer(n, name).source += "\n%timeit -n 1 -r 1 np.ones(3).sum()"


def top_level_await(n, name):
    """`await` at the top of the cell."""
    _answer(n, name).source = "import asyncio\nawait asyncio.sleep(0)\n" + _answer(n, name).source


def state_elsewhere(n, name):
    """State that is filled by item assignment in another cell."""
    _above(n, name, "settings = {'calls': 0}")
    _above(n, name, "settings['calls'] += 1")
    _wrap(n, name, "settings['calls'] += 1\nreturn KEPT if settings['calls'] > 1 else None")


def attribute_elsewhere(n, name):
    """A method that another cell puts on a class."""
    _above(n, name, "class Table:\n    pass")
    _above(n, name, "Table.same = lambda self, x: x")
    _wrap(n, name, "return Table().same(KEPT)")


def future_annotations(n, name):
    """Annotations that name nothing, allowed by an import in the first cell."""
    n.cells.insert(0, code("from __future__ import annotations"))
    _answer(n, name).source += f"\ndef unused_{name}(x: Nothing) -> AlsoNothing:\n    return x"


def show_inside(n, name):
    """`show` and `print` left inside the function."""
    _wrap(n, name, "show(a[0])\nprint('here')\nreturn KEPT")


def named_tuple(n, name):
    """A named tuple where a tuple is asked for."""
    _wrap(n, name, "r = KEPT\nreturn namedtuple('Both', 'one two')(*r) if isinstance(r, tuple) else r",
          "from collections import namedtuple")


def thread_pool(n, name):
    """Work given to threads."""
    _wrap(n, name, "with ThreadPoolExecutor(2) as pool:\n    return pool.submit(lambda: KEPT).result()",
          "from concurrent.futures import ThreadPoolExecutor")


def thread(n, name):
    """A thread by hand."""
    _wrap(n, name, "out = []\nworker = threading.Thread(target=lambda: out.append(KEPT))\nworker.start()\n"
          "worker.join()\nreturn out[0]", "import threading")


def scratch_that_breaks(n, name):
    """A scratch cell that stops with an error."""
    _above(n, name, "1 / 0")


def scratch_that_binds(n, name):
    """A scratch cell that binds names that answers use as locals."""
    _above(n, name, "k = B = T = D = real = weights = empty = scores = 'scratch'")


def scratch_syntax(n, name):
    """A scratch cell that is no Python."""
    _above(n, name, "def half(:\n  return")


def leaves_early(n, name):
    """`os._exit` below a right function."""
    _answer(n, name).source += "\nimport os\nos._exit(0)"


def exits(n, name):
    """`exit()` and `sys.exit()` below a right function."""
    _answer(n, name).source += "\nimport sys\nsys.exit(1)"


def error_below(n, name):
    """An error below a right function."""
    _answer(n, name).source += "\nraise ValueError('a test of mine')"


def error_above(n, name):
    """An error above a right function, which is never defined."""
    _answer(n, name).source = "raise ValueError('first')\n" + _answer(n, name).source


def missing_colon(n, name):
    """A missing colon: later exercises lose what they use of it, here as in the notebook."""
    _answer(n, name).source = _answer(n, name).source.replace("):", ")", 1)


def wrong_name(n, name):
    """The function under another name."""
    _answer(n, name).source = _answer(n, name).source.replace(f"def {name}", f"def my_{name}")


def renamed_after(n, name):
    """The function under another name, and the right one bound to it."""
    wrong_name(n, name)
    _answer(n, name).source += f"\n{name} = my_{name}"


def as_lambda(n, name):
    """Bound by a lambda to another function."""
    wrong_name(n, name)
    _answer(n, name).source += f"\n{name} = lambda *a, **k: my_{name}(*a, **k)"


def decorated(n, name):
    """A decorator of the student's own."""
    _answer(n, name).source = ("import functools\ndef logged(f):\n    @functools.wraps(f)\n    def inner(*a, **k):\n"
                               "        return f(*a, **k)\n    return inner\n@logged\n" + _answer(n, name).source)


def cached(n, name):
    """Another cell wraps it after it was defined."""
    _below(n, name, f"_wrapped_{name} = {name}\ndef {name}(*a, **k):\n    return _wrapped_{name}(*a, **k)")


def import_inside(n, name):
    """Imports inside the function, of Python's own modules."""
    _wrap(n, name, "import itertools, collections\nreturn KEPT")


def deleted_scratch(n, name):
    """A given cell that draws was deleted."""
    n.cells = [cell for cell in n.cells if "heatmap(" not in cell.source]


def moved_import(n, name):
    """The imports moved into the answer's cell."""
    n.cells = [cell for cell in n.cells if cell.source.strip() != IMPORTS]
    first = _answer(n, NAMES[0])
    first.source = IMPORTS + "\n" + first.source
    n.cells.insert(place(n, NAMES[0]) - 4, code(IMPORTS))


def own_inside(n, name):
    """`own` of the exercise inside its answer, which `check` refuses."""
    _answer(n, name).source = f"def {name}(*a, **k):\n    return own('{name}')(*a, **k)"


def course_inside(n, name):
    """A module of the course that this homework does not allow."""
    _wrap(n, name, "theirs\nreturn KEPT", "from course_utils.attention import attention as theirs")


def windows_lines(n, name):
    """Line ends of Windows, and tabs."""
    _answer(n, name).source = _answer(n, name).source.replace("\n", "\r\n")


def comment_only(n, name):
    """Nothing but comments."""
    _answer(n, name).source = "# I did not get to this one"


def deleted(n, name):
    """The answer's cell deleted."""
    n.cells = [cell for cell in n.cells if cell is not _answer(n, name)]


def retyped(n, name):
    """The answer's cell deleted and typed anew without its id."""
    cell = _answer(n, name)
    n.cells[place(n, name)] = code(cell.source)


def shuffled(n, name):
    """The answer's cell moved to the end, after its check."""
    cell = _answer(n, name)
    n.cells = [other for other in n.cells if other is not cell] + [cell]


def plain(n, name):
    """Nothing odd."""


def sleeping(n, name):
    """A scratch cell that sleeps."""
    _above(n, name, "import time\ntime.sleep(0.01)")


def looping(n, name):
    """A scratch cell that works for a while and binds a local's name."""
    _above(n, name, "k = 0\nwhile k < 300_000:\n    k += 1")


KINDS = [value for key, value in list(globals().items()) if key[0] != "_" and getattr(value, "__doc__", None)
         and getattr(value, "__code__", None) and value.__code__.co_varnames[:2] == ("n", "name")]


def write(notebook):
    """The bytes of the file."""
    return json.dumps(notebook, ensure_ascii=False).encode()
