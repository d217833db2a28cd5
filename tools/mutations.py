"""Change right answers a little, one place at a time, and list the changed ones that the checker accepts.

What it lists is either right all the same (`dim=2` for `dim=-2` of four axes) or shows an input that is missing::

    python tools/mutations.py [EXERCISE ...]

Answers are the equivalents and the stages of each exercise of the lessons, as far as they are written as functions.
"""

import argparse
import ast
import copy
import inspect
import textwrap

from course_utils import exercises
from course_utils.checks import passes
from course_utils.exercises.families import module_equivalents

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


def mutants(answer):
    """Give pairs of words and a changed answer; none for an answer that is no function with a source of its own."""
    if not inspect.isfunction(answer):
        return
    function, made = written(answer)
    if function.__name__ == "<lambda>":
        return
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    for place, node in enumerate(ast.walk(tree)):
        for words, change in changes(node):
            changed = copy.deepcopy(tree)
            change(list(ast.walk(changed))[place])
            names = dict(function.__globals__)
            try:
                exec(compile(ast.fix_missing_locations(changed), "<changed>", "exec"), names)
                answer = made(names[function.__name__])
            except Exception:
                continue  # it cannot even be defined
            yield f"line {getattr(node, 'lineno', 1)}: {words}", answer


def main():
    """Print each changed answer that passes, and the counts."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("exercise", nargs="*", help="names of exercises; all of the lessons if left out")
    wanted = parser.parse_args().exercise
    tried = accepted = 0
    for exercise in exercises.all_exercises():
        if not exercise.parameters or (wanted and exercise.name not in wanted):
            continue
        answers = {equivalent.name: equivalent.function for equivalent in exercise.equivalents}
        for name, answer in {**answers, **({"stages": exercise.stages} if exercise.stages else {})}.items():
            for words, changed in mutants(answer):
                tried += 1
                if passes(exercise, changed):
                    accepted += 1
                    print(f"{exercise.name}, {name}, {words}", flush=True)
    print(f"{tried} changes, {accepted} accepted")


if __name__ == "__main__":
    main()
