"""Taking answers out of a notebook: a cell by its id where that is enough, else the notebook as it runs.

What the student saw is what counts: what each check shows when all cells are run in order. A single cell and what
its names lead to give the same, faster, where nothing else in the notebook can matter; where it can, `Answer.cells`
holds all cells up to the exercise's check.
"""

import ast
import functools
from collections import Counter

from course_utils.classroom.grading.child.slices import statements_in, used_by
from course_utils.classroom.grading.notebooks import same_id
from course_utils.classroom.grading.remote import Answer

__all__ = ["is_stub", "take_out"]

ADDED = "cells outside the answer were added or changed"
SPLIT = "cells with this exercise's id are there more than once"
ABSENT = "no cell has this exercise's id"
SYNTAX = "its cell is not plain Python"
BOUND = "a name that it uses is given a meaning in several cells"
ORDER = "its cell, or one whose names it uses, stands below its check"
FAILS = "a cell whose names it uses does more than define them"


def take_out(exercise, notebook, assignment):
    """Find the answer to one exercise.

    Parameters
    ----------
    exercise : Exercise
    notebook : Notebook
    assignment : Assignment

    Returns
    -------
    (Answer, Answer or None, str)
        The answer's cell by itself; the notebook up to its check, where that may be another thing; and why it may.
    """
    wanted = exercise.signature.split("(")[0].strip()
    own = [cell for cell in notebook.code if same_id(cell.grade_id, exercise.name)]
    written = [cell for cell in own if not is_stub(cell.source)]
    chosen = (written or own)[-1] if own else None
    tests = {grade_id for grade_id, _, _ in assignment.tests}
    others = [cell for cell in notebook.code if cell is not chosen and cell.grade_id not in tests
              and not same_id(cell.grade_id, exercise.name)]
    single = Answer(wanted, chosen.source if chosen else None, assignment.given, [cell.source for cell in others])
    why = _why_run(exercise, chosen, own, others, assignment, notebook)
    return single, whole(exercise, notebook, assignment, wanted) if why else None, why


def whole(exercise, notebook, assignment, wanted=None):
    """Give the answer as the notebook up to the exercise's check."""
    wanted = wanted or exercise.signature.split("(")[0].strip()
    code, end = notebook.code, _check_at(exercise, notebook, assignment)
    defining = [i for i in range(end) if _defines(code[i].source, wanted)]
    own = [i for i in range(end) if same_id(code[i].grade_id, exercise.name)]
    at = defining[-1] if defining else own[-1] if own else None
    cells = [{"name": "answer" if i == at else f"cell {i}", "source": code[i].source, "answer": i == at}
             for i in range(end) if code[i].grade_id not in {grade_id for grade_id, _, _ in assignment.tests}]
    return Answer(wanted, None if at is None else code[at].source, cells=cells)


def _why_run(exercise, chosen, own, others, assignment, notebook):
    """Why the notebook has to be run for an answer; empty where its cell alone gives the same."""
    answers = {exercise.name for exercise in assignment.exercises}
    outside = [cell.source.strip() for cell in others if not any(same_id(cell.grade_id, name) for name in answers)]
    if [source for source in outside if source] != [source.strip() for source in assignment.given if source.strip()]:
        return ADDED
    if len(own) > 1:
        return SPLIT
    if chosen is None:
        return ABSENT
    try:
        compile(chosen.source, "<answer>", "exec", dont_inherit=True)  # `await` at the top is read, but not compiled
        tree = ast.parse(chosen.source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return SYNTAX
    used = set().union(*map(used_by, tree.body))
    answered = [cell for cell in (*others, chosen) if any(same_id(cell.grade_id, name) for name in answers)]
    times = _times_bound(assignment.given) + Counter(  # all other cells are the assignment's own by now
        name for cell in answered for name in _names(cell.source))
    if any(times[name] > 1 for name in used):
        return BOUND
    needed = _needed(used, answered)
    end = _check_at(exercise, notebook, assignment)
    if any(notebook.code.index(cell) > end for cell in (chosen, *needed)):
        return ORDER
    return "" if all(_only_defines(cell.source) for cell in needed if cell is not chosen) else FAILS


def _needed(used, answered):
    """The answers' cells that give names a meaning, and those that these need in turn."""
    needed, names = [], set(used)
    while True:
        more = [cell for cell in answered if cell not in needed and names & _names(cell.source)]
        if not more:
            return needed
        needed += more
        names.update(*(used_by(statement) for cell in more for statement, _ in statements_in(cell.source)))


def _only_defines(source):
    """Whether nothing at the top of a cell can fail: functions, classes, imports, constants and texts alone."""
    return all(isinstance(statement, (ast.Import, ast.ImportFrom))
               or (isinstance(statement, (ast.FunctionDef, ast.ClassDef)) and not statement.decorator_list)
               or (isinstance(statement, (ast.Assign, ast.Expr)) and isinstance(statement.value, ast.Constant))
               for statement, _ in statements_in(source))


def _check_at(exercise, notebook, assignment):
    """Where the first check of an exercise stands; the end where there is none."""
    checks = {grade_id for grade_id, name, _ in assignment.tests if name == exercise.name}
    return next((i for i, cell in enumerate(notebook.code) if cell.grade_id in checks), len(notebook.code))


@functools.lru_cache(16)
def _times_bound(given):
    """How many of the assignment's own cells give a meaning to a name."""
    return Counter(name for source in given for name in _names(source))


def _names(source):
    """Names that a cell gives a meaning to."""
    return set().union(*(names for _, names in statements_in(source)))


def _defines(source, name):
    return any(name in names for _, names in statements_in(source))


def is_stub(source):
    """Whether a cell still ends as it was given out."""
    lines = [line.strip() for line in source.split("\n") if line.strip() and not line.strip().startswith("#")]
    return not lines or lines[-1].startswith("raise NotImplementedError")
