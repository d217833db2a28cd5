"""The source of an answer, with all it needs from other cells: what makes it run in another kernel."""

import ast
import dis
import inspect
import linecache
import math
import sys
import types

__all__ = ["Unkept", "answer_source"]

_LONGEST = 50_000  # characters of source; an answer has some hundred
_LARGEST = 1_000  # characters of a constant, numbers of an array


class Unkept(Exception):
    """Why the source of an answer cannot be kept, in words that go on after "your answer"."""


def answer_source(answer):
    """Collect the source of a function or class, and of everything that it uses from other cells.

    Parameters
    ----------
    answer : callable
        A function or class that was written in a notebook, or taken from a library.

    Returns
    -------
    source : str
        Statements that define it in a new module: imports, constants, helpers, the answer itself.
    name : str
        What the answer is called there.
    missing : tuple of str
        Names it uses that could not be taken along: a large array, an open file.

    Raises
    ------
    Unkept
        If it was not written as a function or class in a cell, or is too long.

    Examples
    --------
    >>> answer_source(math.sqrt)
    ('from math import sqrt\\n', 'sqrt', ())
    """
    if _of_the_course(answer):
        raise Unkept("is the course's own function")
    if _import_of("answer", answer):
        name = answer.__name__ if answer.__name__.isidentifier() else "answer"
        return _import_of(name, answer), name, ()
    collector = _Collector()
    name = collector.take(answer)
    source = "\n".join(collector.statements) + "\n"
    if len(source) > _LONGEST:
        raise Unkept(f"is longer than {_LONGEST} characters, with all it needs")
    return source, name, tuple(sorted(collector.missing))


class _Collector:
    """Gathers statements, what is needed before what needs it."""

    def __init__(self):
        self.statements, self.missing, self._taken = [], set(), set()

    def take(self, thing):
        """Take a function or class of the notebook with all it needs, and tell the name it has there."""
        node, text, namespace = _definition(thing)
        name = _bound_name(node)
        if id(thing) in self._taken:
            return name
        self._taken.add(id(thing))
        for needed in _names_used(node):
            # What is nowhere is Python's own, or never reached: running it tells.
            if needed != name and needed in namespace:
                self._take_value(needed, namespace[needed])
        self.statements.append(text)
        return name

    def _take_value(self, name, value):
        if (name, id(value)) in self._taken:
            return
        self._taken.add((name, id(value)))
        line = _import_of(name, value) or _constant(name, value) or _own(name, value)
        if line:
            self.statements.append(line.rstrip("\n"))
            return
        try:
            defined_as = self.take(value)
        except Unkept:
            self.missing.add(name)
            return
        if defined_as != name:
            self.statements.append(f"{name} = {defined_as}")


# --- where it was written ---


def _definition(thing):
    """The top-level statement of the cell that defines a function or class, its text, and the names it can see."""
    code, namespace = _code_of(thing)
    if code is None:
        raise Unkept("is not a function or class that was written in a cell")
    if "<locals>" in inspect.unwrap(thing).__qualname__:
        raise Unkept("was made by another function, not written in a cell of its own")
    lines = linecache.getlines(code.co_filename)
    try:
        statements = ast.parse("".join(lines)).body
    except SyntaxError:
        statements = []
    for node in statements:
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
        if first <= code.co_firstlineno <= node.end_lineno and _bound_name(node):
            return node, _text(node, lines[first - 1:node.end_lineno]), namespace
    raise Unkept("has no source that could be found")


def _text(node, lines):
    """The statement as it was written, comments included, where it has its lines for itself."""
    text = "".join(lines).rstrip("\n")
    try:
        alone = ast.dump(ast.parse(text)) == ast.dump(ast.Module([node], []))
    except SyntaxError:
        alone = False
    return text if alone else ast.unparse(node)


def _code_of(thing):
    """The code of a function, or of the first method of a class, and its global names."""
    if isinstance(thing, type):
        for member in vars(thing).values():
            member = inspect.unwrap(getattr(member, "__func__", None) or getattr(member, "fget", None) or member)
            if inspect.isfunction(member) and linecache.getlines(member.__code__.co_filename):
                return member.__code__, member.__globals__
        return None, {}
    function = inspect.unwrap(thing) if callable(thing) else thing
    return (function.__code__, function.__globals__) if inspect.isfunction(function) else (None, {})


def _bound_name(node):
    """The name that a definition binds: a function, a class, or a function written as a lambda."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return node.name
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and isinstance(node.value, ast.Lambda):
        return node.targets[0].id
    return None


def _names_used(node):
    """The global names that a definition uses, those of its decorators, defaults and inner functions included."""
    names, todo = {}, [compile(ast.Module([node], []), "<answer>", "exec")]
    while todo:
        code = todo.pop(0)
        todo += [inner for inner in code.co_consts if isinstance(inner, types.CodeType)]
        for step in dis.get_instructions(code):
            # The body of a class asks for `__name__`, which the new module has anew.
            if step.opname in ("LOAD_GLOBAL", "LOAD_NAME") and not step.argval.startswith("__"):
                names[step.argval] = None
    return list(names)


# --- what it uses ---


def _import_of(name, value):
    """The line that imports a module, or something that a module holds; empty if there is none."""
    if isinstance(value, types.ModuleType):
        return "" if value.__name__ == "__main__" else f"import {value.__name__} as {name}\n"
    home, path = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if type(value).__name__ == "ufunc":  # not every NumPy lets them say where they come from
        home, path = "numpy", value.__name__
    if not isinstance(home, str) or not isinstance(path, str) or home == "__main__" or "<" in path:
        return ""
    found = sys.modules.get(home)
    for part in path.split("."):
        found = getattr(found, part, None)
    if found is not value:
        return ""
    if "." in path:
        return f"import {home}\n{name} = {home}.{path}\n"
    return f"from {home} import {path}\n" if path == name else f"from {home} import {path} as {name}\n"


def _of_the_course(value):
    return str(getattr(value, "__module__", "")).split(".")[0] == "course_utils"


def _constant(name, value):
    """The line that makes a small constant or array again; empty for anything else."""
    if type(value) in (float, complex) and not math.isfinite(abs(value)):
        return f"{name} = {type(value).__name__}({str(value)!r})"
    array = type(value).__module__ in ("numpy", "torch") and type(value).__name__ in ("ndarray", "Tensor")
    if array and math.prod(value.shape) <= _LARGEST:
        maker = "array" if type(value).__module__ == "numpy" else "tensor"
        if str(value.dtype).split(".")[-1].rstrip("0123456789") not in ("float", "int", "uint", "bool"):
            return ""
        module, dtype = type(value).__module__, str(value.dtype).split(".")[-1]
        numbers = repr(value.tolist())
        made = f"{module}.{maker}({numbers}, dtype={module}.{dtype}).reshape({tuple(value.shape)})"
        return f"import {module}\nfrom math import inf, nan\n{name} = {made}"
    if type(value).__module__ == "torch" and type(value).__name__ == "dtype":
        return f"import torch\n{name} = {value!r}"
    try:
        written = repr(value)
        same = len(written) <= _LARGEST and ast.literal_eval(written) == value
    except Exception:
        return ""
    return f"{name} = {written}" if same else ""


def _own(name, value):
    """The line for something that the notebook got from `own`."""
    learner = sys.modules.get("course_utils.learner.calls")
    if learner and isinstance(value, learner.Own):
        return f"from course_utils import own\n{name} = own({value.name!r})"
    return ""
