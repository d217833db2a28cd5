"""Right answers changed a little, one place at a time: wrong answers of which it is known where they are wrong."""

import ast
import copy
import inspect
import linecache
import textwrap
from dataclasses import dataclass

from course_utils.exercises.families import module_equivalents

__all__ = ["Changed", "changed_answers", "plain_copy", "written"]

COMPARISONS = {ast.Lt: (ast.LtE, ast.Gt), ast.LtE: (ast.Lt,), ast.Gt: (ast.GtE,), ast.GtE: (ast.Gt,),
               ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,)}
OPERATORS = {ast.Add: (ast.Sub,), ast.Sub: (ast.Add,), ast.Mult: (ast.Div, ast.Add), ast.Div: (ast.Mult,),
             ast.Pow: (ast.Mult,), ast.FloorDiv: (ast.Mult,), ast.BitAnd: (ast.BitOr,), ast.BitOr: (ast.BitAnd,),
             ast.Mod: (ast.FloorDiv,)}


def changes(node):
    """Give pairs of words and a function that changes a copy of this node."""
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        for new in sorted({node.value + 1, node.value - 1, -node.value, 0} - {node.value}):
            yield f"{node.value} becomes {new}", lambda m, new=new: setattr(m, "value", new)
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield f"{node.value} turned", lambda m: setattr(m, "value", not m.value)
    if isinstance(node, ast.BinOp):
        for operator in OPERATORS.get(type(node.op), ()):
            yield (f"{type(node.op).__name__} becomes {operator.__name__}",
                   lambda m, operator=operator: setattr(m, "op", operator()))
        if isinstance(node.op, (ast.Sub, ast.Div, ast.MatMult, ast.Pow)):
            yield f"sides of {type(node.op).__name__} exchanged", _exchange_sides
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        for operator in COMPARISONS.get(type(node.ops[0]), ()):
            yield (f"{type(node.ops[0]).__name__} becomes {operator.__name__}",
                   lambda m, operator=operator: setattr(m, "ops", [operator()]))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield "minus dropped", lambda m: setattr(m, "op", ast.UAdd())
    if isinstance(node, ast.Call) and len(node.args) > 1:
        yield f"arguments of {ast.unparse(node.func)[:30]} exchanged", _exchange_arguments
    if isinstance(node, ast.Call) and node.keywords:
        yield f"{node.keywords[0].arg} of {ast.unparse(node.func)[:30]} dropped", lambda m: m.keywords.pop(0)
    body = getattr(node, "body", None)
    for i, statement in enumerate(body if isinstance(body, list) and len(body) > 1 else ()):
        docstring = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        if not docstring and not isinstance(statement, (ast.Return, ast.Import)):
            yield f"deleted: {ast.unparse(statement)[:40]}", lambda m, i=i: m.body.pop(i)


def _exchange_sides(node):
    node.left, node.right = node.right, node.left


def _exchange_arguments(node):
    node.args[0], node.args[1] = node.args[1], node.args[0]


def written(answer):
    """Give the function that somebody wrote behind an answer, and what makes an answer of it."""
    if answer.__name__ == "build":  # a class around a `forward`
        forward = next(cell.cell_contents for cell in answer.__closure__ if callable(cell.cell_contents))
        return forward, module_equivalents._module
    return answer, lambda function: function


@dataclass(frozen=True)
class Changed:
    """A right answer with one change: what was changed, on which line of `text`, and what came of it."""

    words: str
    line: int
    answer: object
    text: str


def changed_answers(answer):
    """Give every answer that differs from this one by one change; none where it is no function with a source.

    Parameters
    ----------
    answer : callable

    Yields
    ------
    Changed
    """
    found = _tree(answer)
    if found is None:
        return
    function, made, tree = found
    for place, node in enumerate(ast.walk(tree)):
        for words, change in changes(node):
            changed = copy.deepcopy(tree)
            spot = list(ast.walk(changed))[place]
            change(spot)
            spot.here = True
            text = ast.unparse(changed)
            try:
                new = made(_defined(text, function))
            except Exception:
                continue  # it cannot even be defined
            yield Changed(words, _line_of(changed, text), new, text)


def plain_copy(answer):
    """The answer itself, made from its source in the same way; None where there is no source."""
    found = _tree(answer)
    return found and found[1](_defined(ast.unparse(found[2]), found[0]))


def _tree(answer):
    if not inspect.isfunction(answer):
        return None
    function, made = written(answer)
    if function.__name__ == "<lambda>" or function.__code__.co_freevars:
        return None
    return function, made, ast.parse(textwrap.dedent(inspect.getsource(function)))


def _defined(text, function):
    """Define a function from a text that looks like a cell, so that its source is found."""
    file = f"<ipython-input-{abs(hash(text))}>"
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    names = dict(function.__globals__)
    exec(compile(text, file, "exec"), names)
    return names[function.__name__]


def _line_of(tree, text):
    """The line of the text on which the changed node stands: the text's tree is walked in the same order."""
    pairs = zip(ast.walk(tree), ast.walk(ast.parse(text)))
    return next((getattr(new, "lineno", 1) for old, new in pairs if hasattr(old, "here")), 1)
