"""The source of an answer and of the functions that it calls, as far as a notebook keeps it."""

import ast
import dis
import functools
import inspect
import linecache
import re
import types
from dataclasses import dataclass

from course_utils.checks.places import is_cell, own_files

__all__ = ["Written", "definition_of", "globals_read", "is_int_array", "is_number", "look_up", "mended", "named_in",
           "parsed"]

_MAGIC = re.compile(r"^(\s*)[%!].*$", re.MULTILINE)


@dataclass(frozen=True)
class Written:
    """What a learner wrote.

    Attributes
    ----------
    tree : ast.FunctionDef, ast.Lambda or ast.ClassDef
        The answer.
    helpers : tuple of ast.FunctionDef
        The learner's functions that it calls, directly or through each other.
    cell : ast.Module
        The cell in which the answer stands.
    names : mapping
        The notebook's names, as the answer finds them.
    code : code object or None
        Of the answer, if it is a function.
    """

    tree: ast.AST
    helpers: tuple
    cell: ast.Module
    names: dict
    code: types.CodeType | None

    @property
    def nodes(self):
        """Every node of the answer and its helpers."""
        return [node for tree in (self.tree, *self.helpers) for node in ast.walk(tree)]

    @functools.cached_property
    def arguments(self):
        """The names of the answer's arguments; those of its methods if it is a class."""
        functions = [node for node in ast.walk(self.tree) if isinstance(node, (ast.FunctionDef, ast.Lambda))]
        if not isinstance(self.tree, ast.ClassDef):
            functions = functions[:1]
        return {a.arg for f in functions for a in (*f.args.posonlyargs, *f.args.args, *f.args.kwonlyargs)} - {"self"}

    @functools.cached_property
    def defined_in_cell(self):
        """The names to which the cell itself gives a value."""
        return {node.id for statement in self.cell.body if not isinstance(statement, (ast.FunctionDef, ast.ClassDef))
                for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def globals_read(code):
    """The names that a function looks up in its notebook, those of the functions inside it included.

    Reading the instructions takes longer than all else of a check: `named_in` tells in a moment where that is in vain.
    """
    found = {i.argval for i in dis.get_instructions(code) if i.opname == "LOAD_GLOBAL"}
    return found.union(*(globals_read(inner) for inner in code.co_consts if inspect.iscode(inner)))


def named_in(code):
    """All names that are looked up, in the notebook or as attributes, by a function and those inside it."""
    return set(code.co_names).union(*(named_in(inner) for inner in code.co_consts if inspect.iscode(inner)))


def look_up(answer):
    """Find the source of an answer.

    Parameters
    ----------
    answer : callable

    Returns
    -------
    Written or None
        None where there is no source, or it cannot be read.
    """
    try:
        return _look_up(answer)
    except Exception:  # the source is whatever stands in the file now; nothing depends on it but words
        return None


def _look_up(answer):
    function = answer if inspect.isclass(answer) else inspect.unwrap(answer)
    files = own_files(answer)
    if not files or not (inspect.isclass(answer) or inspect.isfunction(function)):
        return None
    cell = parsed(min(files))
    if inspect.isclass(function):
        trees = [node for node in ast.walk(cell) if isinstance(node, ast.ClassDef) and node.name == function.__name__]
        method = next(part for part in vars(function).values() if inspect.isfunction(part))
        return Written(trees[-1], (), cell, method.__globals__, None) if trees else None
    tree = definition_of(cell, function.__code__)
    if tree is None:
        return None
    return Written(tree, tuple(_helpers(tree, function, {function.__code__})), cell, function.__globals__,
                   function.__code__)


@functools.lru_cache(maxsize=32)
def _parse_text(text):
    try:
        return ast.parse(text)
    except SyntaxError:
        return ast.parse(_MAGIC.sub(r"\1pass", text))


def parsed(file):
    return _parse_text("".join(linecache.getlines(file)))


def definition_of(cell, code):
    for node in ast.walk(cell):
        if isinstance(node, (ast.FunctionDef, ast.Lambda)):
            first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
            if first == code.co_firstlineno and getattr(node, "name", "<lambda>") == code.co_name:
                return node
    return None


def _helpers(tree, function, seen):
    """The learner's functions that a tree calls by name."""
    for node in ast.walk(tree):
        found = function.__globals__.get(node.id) if isinstance(node, ast.Name) else None
        if isinstance(found, types.FunctionType) and found.__code__ not in seen:
            seen.add(found.__code__)
            file = found.__code__.co_filename
            if file == function.__code__.co_filename or is_cell(file):
                inner = definition_of(parsed(file), found.__code__)
                if inner is not None:
                    yield inner
                    yield from _helpers(inner, found, seen)


def mended(written, change):
    """Give the answer with one change made to its source, or None.

    Parameters
    ----------
    written : Written
    change : ast.NodeTransformer
        Has to set its attribute `done` when it changes something.

    Returns
    -------
    callable or None
        None for a class, for a function inside another, and where nothing was to change.
    """
    if not isinstance(written.tree, ast.FunctionDef) or written.code.co_freevars:
        return None
    tree = change.visit(ast.parse(ast.unparse(written.tree)))
    if not change.done:
        return None
    names = dict(written.names)
    exec(compile(ast.fix_missing_locations(tree), "<mended>", "exec"), names)
    return names[written.tree.name]


def is_number(node, *numbers):
    """Tell whether a node is a number, with a minus or without, and one of the given ones if there are any."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        node = node.operand
    return isinstance(node, ast.Constant) and type(node.value) in (int, float) and (
        not numbers or node.value in numbers)


def is_int_array(value):
    """Tell whether a node makes an array of whole numbers: np.array([0] * S), np.zeros(S, dtype=int) and the like."""
    if not (isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute)):
        return False
    dtypes = [k.value for k in value.keywords if k.arg == "dtype"]
    name = value.func.attr
    if not dtypes and name in ("zeros", "ones", "empty") and len(value.args) == 2:
        dtypes = value.args[1:]
    if dtypes:
        words = ast.unparse(dtypes[0])
        return "uint" not in words and any(word in words for word in ("int", "long"))
    if name not in ("array", "tensor", "asarray") or not value.args:
        return False
    inner = [node for node in ast.walk(value.args[0]) if isinstance(node, ast.Constant)]
    plain = all(isinstance(node, (ast.List, ast.Constant, ast.BinOp, ast.Mult, ast.Name, ast.Load, ast.Call,
                                  ast.Attribute, ast.Subscript)) for node in ast.walk(value.args[0]))
    return plain and isinstance(value.args[0], (ast.BinOp, ast.List)) and bool(inner) and all(
        type(node.value) is int for node in inner) and _holds_list_of_numbers(value.args[0])


def _holds_list_of_numbers(node):
    if isinstance(node, ast.BinOp):
        return _holds_list_of_numbers(node.left) or _holds_list_of_numbers(node.right)
    return isinstance(node, ast.List) and all(is_number(e) or _holds_list_of_numbers(e) for e in node.elts)
