"""`own` across kernels: what passed in one notebook runs in another, checked again, and only if it is the learner's."""

import json
import os
import subprocess
import sys
import textwrap

import nbformat
import pytest

from course_utils import check, exercises, own
from course_utils.checks import passes
from course_utils.classroom.lab import doctor
from course_utils.classroom.lab.kernels import run_notebook
from course_utils.explorers import SoftmaxExplorer
from course_utils.learner import journal, kept
from course_utils.learner.answer_source import Unkept, answer_source

SOFTMAX = """
import numpy as np

TINY = {tiny}

def largest(x, axis):
    # a helper in a cell of its own
    return np.max(x, axis=axis, keepdims=True)
"""
ANSWER = """
import math
def softmax(x, axis=-1):
    e = np.exp(x - largest(x, axis) + TINY)
    return e / e.sum(axis=axis, keepdims=True)
"""


@pytest.fixture(autouse=True)
def record(tmp_path, monkeypatch):
    """A record of this test's own."""
    path = tmp_path / "progress.jsonl"
    monkeypatch.setenv("COURSE_PROGRESS", str(path))
    monkeypatch.delenv(kept.SWITCH, raising=False)
    return path


def kernel(*cells, folder, env=None):
    """Run cells in a new kernel; give what each printed, an error's last line included."""
    start = "from course_utils import check, own"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(textwrap.dedent(c)) for c in (start, *cells)])
    run_notebook(notebook, folder, env=env)
    return ["".join(output.get("text", output.get("data", {}).get("text/plain", "")) for output in cell.outputs)
            for cell in notebook.cells[1:]]


USE_SOFTMAX = "f = own('softmax'); print(f.whose); print(f(np.array([0.0, 0.0])))"


def use(code="print(own('softmax').whose)", **options):
    [said] = kernel("import numpy as np\n" + code, **options)
    return said


def test_a_numpy_function_with_its_helper_constant_and_import(tmp_path):
    said = kernel(SOFTMAX.format(tiny="1e-9"), ANSWER, "check('softmax', softmax)", folder=tmp_path)
    assert "✓ softmax: passed" in said[-1]
    said = use("print('torch' in __import__('sys').modules)\n" + USE_SOFTMAX
               + "\nprint('torch' in __import__('sys').modules)", folder=tmp_path)
    assert said.splitlines() == ["False", "your own softmax, from notebook 02", "[0.5 0.5]", "False"]
    [answer] = kept.kept_answers()["softmax"]
    assert "# a helper in a cell of its own" in answer.source, "comments are the learner's too"
    assert "TINY = 1e-09" in answer.source
    assert "math" not in answer.source, "what the answer does not use is not kept"
    assert answer.missing == ()


TORCH = """
import math, torch
from torch.nn import functional as F
def scaled_dot_product_attention(q, k, v):
    weights = F.softmax(q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1]), dim=-1)
    return weights @ v, weights
check("scaled_dot_product_attention", scaled_dot_product_attention)
"""
MODULE = """
import torch
from torch import nn
import torch.nn.functional as F

def cut(x, n):
    return x.unflatten(-1, (n, -1)).transpose(-3, -2)

class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, n_heads, bias=True):
        super().__init__()
        if d_model % n_heads:
            raise ValueError(f"n_heads should divide d_model = {d_model}, got {n_heads}")
        self.n_heads = n_heads
        self.W_q, self.W_k, self.W_v, self.W_o = (nn.Linear(d_model, d_model, bias=bias) for _ in range(4))

    def forward(self, x, context=None, mask=None):
        context = x if context is None else context
        q, k, v = (cut(y, self.n_heads) for y in (self.W_q(x), self.W_k(context), self.W_v(context)))
        scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
        if mask is not None:
            scores = scores.masked_fill(~mask, -torch.inf)
        weights = scores.softmax(-1)
        weights = torch.where(weights.isnan(), 0.0, weights)
        return self.W_o((weights @ v).transpose(-3, -2).flatten(-2)), weights
check("MultiHeadAttention", MultiHeadAttention)
"""


def test_a_torch_function_and_a_module(tmp_path):
    said = kernel(TORCH, MODULE, folder=tmp_path)
    assert "✓ scaled_dot_product_attention: passed" in said[0]
    assert "✓ MultiHeadAttention: passed" in said[1], said[1]
    attend, module = kernel(
        "import torch; f = own('scaled_dot_product_attention'); print(f.whose)\n"
        "print(f(*torch.ones(3, 2, 2))[1].tolist(), f.function.__code__.co_filename)",
        "m = own('MultiHeadAttention'); print(m.whose)\n"
        "print(type(m(4, 2)).__module__, m(4, 2)(torch.ones(1, 3, 4))[1].shape)", folder=tmp_path)
    assert attend.splitlines() == ["your own scaled_dot_product_attention, from notebook 04",
                                   "[[0.5, 0.5], [0.5, 0.5]] <your scaled_dot_product_attention>"]
    assert module.splitlines() == ["your own MultiHeadAttention, from notebook 08",
                                   "your_MultiHeadAttention torch.Size([1, 2, 3, 3])"]


def keep(source, name="softmax", exercise="softmax", missing=()):
    assert kept.keep(kept.Kept(exercise, name, source, missing)) == ""


GOOD = """import numpy as np
def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)
"""


def test_a_worse_answer_later_changes_nothing(tmp_path, record):
    kernel(GOOD + "check('softmax', softmax)", folder=tmp_path)
    before = kept.answers_path().read_bytes()
    said = kernel("def softmax(x, axis=-1): return x\ncheck('softmax', softmax)", "print(own('softmax').whose)",
                  folder=tmp_path)
    assert "✗" in said[0]
    assert said[1] == "your own softmax, from notebook 02\n"
    assert kept.answers_path().read_bytes() == before


def test_a_newer_answer_is_used_and_the_older_where_it_does_not_pass_alone(tmp_path):
    keep(GOOD + "OLDER = True\n")
    keep(GOOD.replace("softmax", "mine"), name="mine")
    assert use("print(own('softmax').function.__name__)", folder=tmp_path) == "mine\n"
    keep("def softmax(x, axis=-1): return helper(x)\n", missing=("helper",))
    assert use("print(own('softmax').function.__name__)", folder=tmp_path) == "mine\n"


def test_the_same_answer_is_kept_once():
    keep(GOOD)
    keep(GOOD)
    assert len(kept.answers_path().read_text().splitlines()) == 1


def test_what_names_faults_is_not_kept_for_it_computes_nothing():
    exercise = exercises.find("torch_facts")
    assert check("torch_facts", lambda: exercise.reference()).passed
    assert not kept.answers_path().exists()


@pytest.mark.parametrize(("source", "missing", "words"), [
    ("def softmax(x, axis=-1): return helper(x)\n", ("helper",), "yours needs helper, which could not be kept with it"),
    ("def softmax(x, axis=-1): return x\n", (), "the one kept from you did not pass its check here"),
    ("def softmax(x, axis=-1:\n", (), "the one kept from you did not pass its check here"),
    ("while True: pass\n", (), "the one kept from you did not pass its check here"),
    ("raise SystemExit\n", (), "the one kept from you did not pass its check here"),
    ("from course_utils import own\nsoftmax = own('softmax').function.nothing\n", (), "the one kept from you did not"),
])
def test_what_does_not_pass_here_is_told_in_a_line_and_the_courses_is_used(source, missing, words, tmp_path):
    keep(source, missing=missing)
    said = use(USE_SOFTMAX, folder=tmp_path).splitlines()
    assert said[0].startswith(f"the course's softmax ({words}")
    assert said[1:] == ["[0.5 0.5]"]


def test_a_broken_file_is_harmless_and_goes_on(tmp_path):
    path = kept.answers_path()
    path.write_bytes(b'\xff\xfe{"exercise": "softmax"}\n[1]\n{"exercise": 3, "name": 1, "source": [], "missing": 2, '
                     b'"problem": 0}\n{"exercise": "softmax", "name": "sof')
    before = path.read_bytes()
    assert "once its check has passed" in use(folder=tmp_path)
    keep(GOOD)
    assert path.read_bytes().startswith(before)
    assert use(folder=tmp_path) == "your own softmax, from notebook 02\n"


def test_a_link_to_another_file_is_not_read(tmp_path):
    keep(GOOD)
    kept.answers_path().rename(tmp_path / "elsewhere.jsonl")
    kept.answers_path().symlink_to(tmp_path / "elsewhere.jsonl")
    assert use(folder=tmp_path) == ("the course's softmax (your kept answers are not used: progress.answers.jsonl is a "
                                    "link to another file)\n")
    assert "could not be kept" in kept.keep(kept.Kept("softmax", "f", "other"))


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="files have no owner's number here")
def test_a_file_of_somebody_else_is_not_read(monkeypatch):
    keep(GOOD)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(kept.Untrusted, match=r"progress\.answers\.jsonl belongs to another user"):
        kept.kept_answers()


def test_a_full_disk_loses_nothing_and_is_told(monkeypatch, tmp_path):
    keep(GOOD)
    before = kept.answers_path().read_bytes()
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:20]))
    said = kept.keep(kept.Kept("softmax", "f", "def f(x): pass"))
    assert said.startswith("your answer could not be kept for later notebooks in progress.answers.jsonl: No space")
    monkeypatch.undo()
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.jsonl"))
    assert kept.answers_path().read_bytes().startswith(before)
    keep(GOOD.replace("softmax", "again"), name="again")
    assert [answer.name for answer in kept.kept_answers()["softmax"]] == ["again", "softmax"]


def test_one_switch_turns_it_off(tmp_path):
    keep(GOOD)
    journal.record_pass("softmax")
    off = {kept.SWITCH: "off"}
    said = use(folder=tmp_path, env=off)
    assert said == "the course's softmax (yours stays in the kernel where it passed: COURSE_KEEP_ANSWERS is off)\n"
    before = kept.answers_path().read_bytes()
    kernel(GOOD + "print(1)\n" + "check('softmax', softmax)", folder=tmp_path, env=off)
    assert kept.answers_path().read_bytes() == before


def test_a_pass_from_before_answers_were_kept_is_told(tmp_path):
    journal.record_pass("softmax")
    assert "takes its place once its check has passed again, in notebook 02" in use(folder=tmp_path)


def test_another_kernel_that_passes_meanwhile_is_noticed(tmp_path, record):
    program = tmp_path / "another_kernel.py"
    program.write_text(f"from course_utils.learner import kept\nkept.keep(kept.Kept('softmax', 'softmax', {GOOD!r}))")
    code = "import subprocess, sys; print(own('softmax').whose)\n" \
           "subprocess.run([sys.executable, 'another_kernel.py'], check=True); print(own('softmax').whose)"
    first, second = kernel(code, folder=tmp_path)[0].splitlines()
    assert first.startswith("the course's softmax (yours takes its place")
    assert second == "your own softmax, from notebook 02"


def test_a_check_on_the_way_changes_no_random_numbers(tmp_path):
    keep("""import numpy as np, random, torch
def split_heads(x, n_heads):
    np.random.rand(), random.random(), torch.rand(1)
    return x.unflatten(-1, (n_heads, -1)).transpose(-3, -2)
""", name="split_heads", exercise="split_heads")
    draw = "import random, torch; print(np.random.rand(), random.random(), torch.rand(1).item())"
    seeds = "import random, torch; np.random.seed(1); random.seed(1); torch.manual_seed(1)\n"
    before, whose, after = kernel("import numpy as np\n" + seeds + draw, seeds + "print(own('split_heads').whose)",
                                  draw, folder=tmp_path)
    assert whose == "your own split_heads, from notebook 07\n"
    assert after == before


@pytest.mark.parametrize("name", ["dot", "softmax", "softmax_with_temperature", "split_heads", "self_attention"])
def test_passing_here_is_what_the_check_calls_passing(name):
    exercise = exercises.find(name)
    assert passes(exercise, exercise.reference)
    assert all(passes(exercise, equivalent.function) for equivalent in exercise.equivalents)
    assert not any(passes(exercise, exercise.wrong_answer(mistake)) for mistake in exercise.mistakes)


# --- what is collected -----------------------------------------------------------------------------------------


def collected(tmp_path, *cells, name="answer"):
    """Run cells in a kernel and collect what its `answer` needs; (source, name, missing) or why not."""
    ask = f"""
        import json
        from course_utils.learner.answer_source import Unkept, answer_source
        try:
            print(json.dumps(answer_source({name})))
        except Unkept as why:
            print(json.dumps(str(why)))
    """
    return json.loads(kernel(*cells, ask, folder=tmp_path)[-1])


def test_what_other_cells_give_is_collected_in_order(tmp_path):
    source, name, missing = collected(
        tmp_path, "import numpy as np, math\nfrom numpy import exp as e_to_the",
        "LIMIT = -math.inf\nNAMES = ('a', {'b': [1, 2]})\nSMALL = np.eye(2)\nBIG = np.zeros((100, 100))",
        "def inner(x): return e_to_the(x) if x > LIMIT else NAMES", "alias = inner",
        "from functools import cache\n@cache\ndef outer(n):\n    return alias(n) + SMALL\nclass Helper:\n"
        "    def twice(self, x): return outer(x) * 2",
        "def answer(x, helper=Helper()):\n    return helper.twice(x) + (BIG if x is None else 0)")
    assert (name, missing) == ("answer", ["BIG"])
    space = {}
    exec(source, space)
    space["BIG"] = 0
    assert space["answer"](0).tolist() == [[4, 2], [2, 4]]
    assert space["LIMIT"] == float("-inf")


@pytest.mark.parametrize(("code", "words"), [
    ("def make():\n    def inner(x): return x\n    return inner\nanswer = make()", "was made by another function"),
    ("def make(y):\n    def inner(x): return x + y\n    return inner\nanswer = make(1)", "was made by another"),
    ("from functools import partial\nanswer = partial(max, 1)", "is not a function or class that was written in a"),
    ("exec('def answer(x): return x')", "has no source that could be found"),
    ("from course_utils.attention import softmax as answer", "is the course's own function"),
    ("def answer(x):\n    return '" + "x" * 60_000 + "'", "is longer than 50000 characters"),
])
def test_what_cannot_be_kept_says_why(code, words, tmp_path):
    said = collected(tmp_path, code)
    assert isinstance(said, str)
    assert words in said


@pytest.mark.parametrize(("code", "value"), [
    ("answer = lambda x: x + 1", 3), ("import numpy as np\nanswer = np.negative", -2),
    ("def answer(x): return x * 2\nold = answer", 4),
    ("def answer(x): return x\ndef answer(x): return x * 3", 6),
    ("def first(x): return x * 4\nanswer = first", 8),
    ("def answer(x): return 1 if x < 1 else x * answer(x - 1)", 2)])
def test_ways_to_write_an_answer(code, value, tmp_path):
    source, name, missing = collected(tmp_path, code)
    space = {}
    exec(source, space)
    assert (space[name](2), missing) == (value, [])


def test_a_function_of_a_file_is_imported():
    assert answer_source(json.dumps) == ("from json import dumps\n", "dumps", ())
    with pytest.raises(Unkept, match="was made by another function"):
        answer_source((lambda y: lambda x: x + y)(1))


def test_reading_what_is_kept_needs_the_standard_library_alone():
    code = ("import sys; from course_utils.learner import kept; kept.kept_answers();"
            "print([m for m in ('numpy', 'torch', 'matplotlib') if m in sys.modules])")
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def test_a_narrow_label_says_whose_it_is_without_the_notebook():
    keep(GOOD)
    assert SoftmaxExplorer([1.0, 2.0], function=own("softmax")).function_name == "your own softmax"


# --- what the doctor says --------------------------------------------------------------------------------------


def told():
    return [(finding.level, finding.found) for finding in doctor.check_answers()]


def test_the_doctor_shows_what_is_kept(monkeypatch):
    assert told() == [("ok", "Your own functions that are kept for other notebooks: none yet")]
    keep(GOOD)
    keep("f = 1", exercise="dot", missing=("table",))
    kept.keep(kept.Kept("nearest", problem="is the course's own function"))
    assert told() == [
        ("ok", "Your own functions that are kept for other notebooks: softmax"),
        ("note", "Your dot needs table, which could not be kept: other notebooks run on the course's."),
        ("note", "Your nearest is the course's own function: other notebooks run on the course's.")]
    monkeypatch.setenv(kept.SWITCH, "0")
    [(level, words)] = told()
    assert level == "note"
    assert words.startswith("COURSE_KEEP_ANSWERS is off")


def test_the_doctor_names_a_file_that_is_not_ones_own():
    kept.answers_path().mkdir()
    [(level, words)] = told()
    assert (level, words) == ("note", "The answers that you passed are not used in other notebooks: "
                                      "progress.answers.jsonl is not a file.")
