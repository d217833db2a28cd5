"""What students read in the assignments gives no answer away, and says what it asks of them."""

import ast
import html
import importlib
import inspect
import math
import re
import types

import numpy as np
import pytest
import torch
from nbformat.v4 import new_code_cell, new_markdown_cell
from notebook_parts import ROOT, read
from test_assignments import IDS, SOURCES

from course_utils.checks import diagnose
from course_utils.checks.diagnose import passes
from course_utils.classroom.grading.assignment import _titles, load
from course_utils.classroom.grading.marking import missing
from course_utils.classroom.grading.pages import feedback_page
from course_utils.classroom.pace import parts, rounded
from course_utils.exercises.homework import ALLOWED

ASSIGNMENTS = pytest.mark.parametrize("path", SOURCES, ids=IDS)
NUMBERS = {"three": 3, "four": 4, "two": 2}


def shown(path):
    """The cells of a source notebook that students get, without those that they fill in."""
    return [cell for cell in read(path).cells if not cell.metadata.get("nbgrader", {}).get("solution")]


def visible(cell):
    """What students get of a cell with points."""
    return re.sub(r"### BEGIN HIDDEN TESTS.*?### END HIDDEN TESTS", "", cell.source, flags=re.DOTALL)


# --- no solution in a cell, nor in what it imports ---


def imported(source):
    """What a cell imports of the course: (module, names), where no names are the module itself."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "course_utils":
            yield node.module, [alias.name for alias in node.names]
        if isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names if alias.name.split(".")[0] == "course_utils")


def functions_in_reach(cells, allowed):
    """Every function of the course that lies open in the modules that cells and answers import, and those of cells."""
    found = {}
    for name, names in (*(pair for source in cells for pair in imported(source)), *((name, []) for name in allowed)):
        module = importlib.import_module(name)
        things = {key: getattr(module, key) for key in names} if name == "course_utils" else vars(module)
        found |= {f"{name}.{key}": thing for key, thing in things.items() if isinstance(thing, types.FunctionType)}
    space = {"np": np, "torch": torch, "math": math, "F": torch.nn.functional, "nn": torch.nn}
    for source in cells:
        for node in ast.parse(source).body:
            if isinstance(node, ast.FunctionDef):
                exec(compile(ast.Module([node], []), "cell", "exec"), space)
                found[f"cell.{node.name}"] = space[node.name]
    return found


def takes(function, case):
    try:
        inspect.signature(function).bind(*case.args, **case.kwargs)
    except TypeError:
        return False
    return True


def solutions_among(functions, exercises):
    return [(name, exercise.name) for name, function in functions.items() for exercise in exercises
            if takes(function, exercise.known_cases[0]) and passes(exercise.visible, function)]


@ASSIGNMENTS
def test_no_cell_and_no_module_that_it_imports_holds_a_solution(path):
    assignment = load(path)
    cells = [visible(cell) for cell in shown(path) if cell.cell_type == "code"]
    functions = functions_in_reach(cells, assignment.allowed)
    assert len(functions) > 5
    assert solutions_among(functions, assignment.exercises) == []


def test_a_cell_that_imports_a_solution_is_found():
    [path] = [path for path in SOURCES if path.stem.startswith("hw4")]
    module = "course_utils.exercises.homework.long_sequences.forms"
    for cell in (f"from {module} import feature", f"import {module}",
                 "def given(q, k, v):\n"
                 "    weights = ((F.elu(q) + 1) @ (F.elu(k) + 1).mT).tril()\n"
                 "    return weights @ v / weights.sum(-1, keepdim=True)"):
        found = solutions_among(functions_in_reach([cell], ()), load(path).exercises)
        assert {exercise for _, exercise in found} == {"linear_attention"}, cell


# --- no model answer in a hint or in the text ---


def model_answers(path):
    return [cell.source for cell in read(path).cells
            if cell.cell_type == "markdown" and cell.metadata.get("nbgrader", {}).get("solution")]


def formulas(text):
    """What is written as a formula or as code and computes something, without spaces."""
    marked = re.findall(r"\$([^$\n]+)\$|`([^`\n]+)`", text)
    found = {re.sub(r"\s|\\,", "", one or other) for one, other in marked}
    return {formula for formula in found if re.search(r"\w[-+*/<]\w", formula)}


def runs_of_words(text, n=8):
    words = re.findall(r"\w+", text.lower())
    return {" ".join(words[i:i + n]) for i in range(len(words) - n + 1)}


def told_by_the_exercises(path):
    for exercise in load(path).exercises:
        # The last hint is the answer to the exercise, in code; it may not be one to a question in words.
        yield from ((f"hint {n} of {exercise.name}", hint, n < 3) for n, hint in enumerate(exercise.hints, 1))
        for mistake in exercise.mistakes:
            yield f"{mistake.name} of {exercise.name}", f"{mistake.cause} {mistake.experiment}", True


def given_away(answers, seen, told):
    """Where a text repeats a run of words of a model answer, or a formula that the assignment does not show itself."""
    secret = set().union(*map(formulas, answers))
    secret = {formula for formula in secret if formula not in re.sub(r"\s|\\,", "", seen)}
    words = set().union(*map(runs_of_words, answers))
    return [(where, what) for where, text, with_formulas in told for what in
            [*(runs_of_words(text) & words), *(f for f in secret if with_formulas and f in re.sub(r"\s", "", text))]]


@ASSIGNMENTS
def test_no_hint_and_no_visible_text_repeats_a_model_answer(path):
    answers, cells = model_answers(path), [visible(cell) for cell in shown(path)]
    assert len(answers) == len(load(path).by_hand)
    told = [*told_by_the_exercises(path), *(("the text", cell, False) for cell in cells)]
    assert given_away(answers, "\n".join(cells), told) == []


def test_a_hint_that_answers_a_question_is_found():
    answers = ["Row `i` is token `S - T + i`, because the new tokens are the last of all that there are."]
    told = [("a", "New token i has the number S - T + i.", True), ("b", "the number S - T + i", False),
            ("c", "Think: the new tokens are the last of all.", True), ("d", "The new tokens come last.", True)]
    assert {where for where, _ in given_away(answers, "", told)} == {"a", "c"}
    assert given_away(answers, "asked for `S - T + i`", told[:1]) == []


# --- what an assignment asks ---


def opening(path):
    return read(path).cells[0].source


@ASSIGNMENTS
def test_an_assignment_says_which_lessons_it_needs(path):
    needed = re.search(r"\*\*You need\*\* notebooks ([\d, and]+)\.", opening(path))[1]
    needed = [int(n) for n in re.findall(r"\d+", needed)]
    lessons = {int(lesson.stem.split("_")[0]) for lesson in (ROOT / "notebooks").glob("[0-9]*.ipynb")}
    assert needed == sorted(needed)
    assert set(needed) <= lessons
    text = "\n".join(cell.source for cell in shown(path))
    # Data of an earlier lesson can be used by who has not done it.
    text = re.sub(r"(word vectors|sentences) of notebook \d", "", text)
    mentioned = {int(n) for numbers in re.findall(r"notebooks? (\d(?:(?:, | and )\d)*)", text)
                 for n in re.findall(r"\d", numbers)}
    assert mentioned <= set(needed)
    table = (ROOT / "docs" / "homework.md").read_text(encoding="utf-8")
    [(row, modules)] = re.findall(rf"^\| `{path.stem}` \|.*\| ([\d, ]+) \| ([`\w, ]+) \|$", table, re.MULTILINE)
    assert [int(n) for n in row.split(",")] == needed
    assert tuple(f"course_utils.{name}" for name in re.findall(r"\w+", modules)) == ALLOWED[path.stem]


@ASSIGNMENTS
def test_an_assignment_says_its_minutes_and_points(path):
    assignment, text = load(path), opening(path)
    said = re.search(r"About (\d+) minutes, (\d+) points: (\d+) minutes and (\d+) points for (\w+) functions, .*?; "
                     r"(\d+) minutes and (\d+) points for (\w+) written answers", text).groups()
    minutes, points, for_functions, by_grader, functions, for_questions, by_hand, questions = (
        NUMBERS.get(word) or int(word) for word in said)
    cells = read(path).cells
    tasks = [re.search(r"\*about (\d+) minutes, (\d+) points", cell.source) for cell in cells]
    tasks = [tuple(map(int, task.groups())) for task in tasks if task]
    asked = [(exercise.minutes, exercise.points) for exercise in assignment.exercises]
    assert sorted(tasks) == sorted([*asked, *(task for task in tasks if task not in asked)])
    assert len(tasks) == len(asked) + len(assignment.by_hand)
    assert (functions, for_functions, by_grader) == (
        len(asked), sum(m for m, _ in asked), assignment.points)
    assert (questions, by_hand) == (len(assignment.by_hand), sum(points for _, points in assignment.by_hand))
    assert for_questions == sum(m for m, _ in tasks) - for_functions
    assert points == by_grader + by_hand == sum(p for _, p in tasks)
    reading = sum(part.minutes for part in parts(
        [{"cell_type": cell.cell_type, "source": visible(cell), "metadata": cell.metadata} for cell in shown(path)
         if not cell.source.startswith("check(")]))
    assert minutes == rounded(reading + for_functions + for_questions)


# --- pages call things as the notebook does ---


@ASSIGNMENTS
def test_pages_call_exercises_and_questions_as_the_notebook_does(path):
    assignment = load(path)
    headings = [line.lstrip("# ") for cell in shown(path) if cell.cell_type == "markdown"
                for line in cell.source.split("\n") if re.match(r"#+ ", line)]
    exercises = [heading for heading in headings if heading.startswith("Exercise ")]
    questions = [heading for heading in headings if heading.startswith("Question ")]
    page = html.unescape(feedback_page({**missing(assignment, "ada"), "state": "graded"}))
    assert re.findall(r"<h1>(.*?)</h1>", page) == [f"{headings[0]}: feedback for ada"]
    assert re.findall(r"<h2>(.*?)</h2>", page) == exercises + questions
    assert re.findall(r'<th scope="row">(.*?)</th>', page) == exercises
    assert len(exercises) == len(assignment.exercises)


def test_a_heading_that_several_answers_share_is_the_title_of_none():
    cells = [new_markdown_cell("# Week 3\n\n## Two functions"),
             *(new_code_cell(metadata={"nbgrader": {"grade_id": name, "solution": True}}) for name in ("one", "two")),
             new_markdown_cell("```\n# no heading\n```\n## Three"),
             new_code_cell(metadata={"nbgrader": {"grade_id": "three", "solution": True}})]
    marked = [(cell, cell.metadata.get("nbgrader", {})) for cell in cells]
    assert _titles(marked, {"one", "two", "three"}, set()) == (("", "Week 3"), ("three", "Three"))


# --- a state that was kept stays what it was ---


def test_a_state_that_is_written_into_is_noticed():
    [path] = [path for path in SOURCES if path.stem.startswith("hw4")]
    exercise = load(path).exercises[0]

    def into_one_array(state, scores, values):
        m, l, o = exercise.reference(state, scores, values)
        state[2][...] = o
        return m, l, state[2]

    verdict = diagnose(exercise.visible, into_one_array)
    assert verdict.names == ("written-into-the-state",)
    assert verdict.overwritten == ("state",)
