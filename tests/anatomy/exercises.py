"""Rules about the exercises of a notebook."""

import ast
import re

from notebook_parts import blocks, called, folds, tags, words

from anatomy.lesson import rule


@rule
def exercises(lesson):
    """Task, stub, check, folded hints and solution, why: in this order and complete."""
    found = blocks(lesson.notebook)
    if not (1 if lesson.number == 0 else 2) <= len(found) <= 5:
        yield f"wanted {'1' if lesson.number == 0 else '2'} to 5 exercises, got {len(found)}"
    for block in found:
        where = f"exercise in cell {block.stub}"
        if block.task is None or not block.title:
            yield f"{where}: the cell before it should have the heading '## Exercise N.k Verb phrase'"
        elif not block.minutes_and_kind:
            yield f"{where}: its task should say 'about 15 minutes, core' (or extra)"
        if not ends_in_not_implemented(block.cells[block.stub].source):
            yield f"{where}: the stub should end in 'raise NotImplementedError' inside its last function"
        if block.check is None:
            yield f"{where}: the next cell should be a code cell with the tag check"
        elif not is_check(block.cells[block.check].source):
            yield f"{where}: the check cell's last line should be check(\"name\", function)"
        if not block.hints:
            yield f"{where}: no folded block 'Hint 1' after the check"
        if len(block.solutions) != 1 or len(block.solutions[0]) != 1:
            yield f"{where}: wanted one folded block 'Solution' with one ```python block in it"
        elif words(next(body for summary, body in block.folds if summary == "Solution")) < 8:
            yield f"{where}: the solution should say why it is so"
        if block.why is None:
            yield f"{where}: no cell with the tag why after hints and solution"
        else:
            yield from wrong_in_why(where, block.cells[block.why].source)
    checks = {block.check for block in found}
    for i, cell in lesson.code:
        if ("check" in tags(cell) or called(cell, "check")) and i not in checks:
            yield f"cell {i}: a check belongs directly below the stub it checks, with the tag check"
        if called(cell, "hint"):
            yield f"cell {i}: a recorded hint spoils the exercise; show the call in the text"


def ends_in_not_implemented(source):
    """Whether a stub's last statement is a function that ends in ``raise NotImplementedError``."""
    body = ast.parse(source).body
    while body and isinstance(body[-1], (ast.FunctionDef, ast.ClassDef)):
        body = body[-1].body
    raised = body and isinstance(body[-1], ast.Raise) and body[-1].exc
    name = raised.func if isinstance(raised, ast.Call) else raised
    return isinstance(name, ast.Name) and name.id == "NotImplementedError" and body[-1].col_offset > 0


def is_check(source):
    """Whether a cell ends in ``check("name", function)``."""
    body = ast.parse(source).body
    call = body[-1].value if body and isinstance(body[-1], ast.Expr) else None
    return (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "check"
            and len(call.args) == 2 and isinstance(call.args[0], ast.Constant))


def wrong_in_why(where, source):
    """Complaints about a why question."""
    if not re.match(r"\*\*Why\b.*\?\*\*", source.strip().split("\n\n")[0].replace("\n", " ")):
        yield f"{where}: its why cell should begin with '**Why ...?**'"
    choices = [body for _, body in folds(source)]
    right = sum(body.startswith("**Right.**") for body in choices)
    wrong = sum(body.startswith("**No.**") for body in choices)
    if right != 1 or wrong < 2 or right + wrong != len(choices):
        yield (f"{where}: wanted one folded choice that begins with '**Right.**' and at least two that begin "
               f"with '**No.**', got {right} and {wrong} of {len(choices)}")
    if any(words(body) < 7 for body in choices):
        yield f"{where}: each choice of its why should be explained, in at least 6 words"


@rule
def bank(lesson):
    """The checked names are in the bank, with this notebook and these minutes."""
    from course_utils.exercises import find

    for block in blocks(lesson.notebook):
        if block.name is None:
            continue
        try:
            exercise = find(block.name)
        except ValueError as error:
            yield str(error)
            continue
        if exercise.notebook != lesson.stem:
            yield f"{block.name}: the bank puts it into {exercise.notebook}"
        said = block.task is not None and block.minutes_and_kind
        wanted = (exercise.minutes, "core" if exercise.core else "extra")
        if said and said != wanted:
            yield f"{block.name}: the notebook says {said}, the bank {wanted}"
        function = called(block.cells[block.check], "check")[0].args[-1]
        if ast.unparse(function) not in defined(block.cells[block.stub].source):
            yield f"{block.name}: the check is given {ast.unparse(function)}, which the stub does not define"


def defined(source):
    """Names of the functions and classes that a cell defines."""
    return {node.name for node in ast.parse(source).body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
