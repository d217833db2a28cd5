"""From one submission to one record: what each exercise earned, what is wrong with it, and how it went.

A record holds nothing that changes from run to run: no time, no path, no order.
"""

import contextlib
import re

from course_utils import exercises
from course_utils.checks import Verdict, diagnose, earn, give_feedback
from course_utils.checks.order import OPPOSITE, note_on
from course_utils.classroom.grading.answers import take_out, whole
from course_utils.classroom.grading.forks import patiently
from course_utils.classroom.grading.notebooks import Unreadable, read_notebook
from course_utils.classroom.grading.remote import RemoteAnswer
from course_utils.classroom.grading.suspicion import normalised, worth_a_look
from course_utils.classroom.grading.written import state_of

__all__ = ["STATES", "mark", "missing", "objection"]

# How a submission, or one exercise of it, went; the later one tells more about a whole submission.
STATES = ("graded", "missing", "excused", "stopped", "unreadable", "other homework")


def mark(data, assignment, student, zygote, *, secret="", name=""):
    """Grade one submission.

    Parameters
    ----------
    data : bytes or Unreadable
        The notebook file, or why there is none to read.
    assignment : Assignment
    student : str
        The id.
    zygote : Zygote
    secret : str
        From which inputs are drawn, the same for the whole class.
    name : str
        For reading.

    Returns
    -------
    dict
        The record, ready for JSON.

    Raises
    ------
    NotJudged
        If that could not be done, which is nothing of the student's doing.
    """
    return patiently(zygote, lambda: _mark(data, assignment, student, zygote, secret, name))


def _mark(data, assignment, student, zygote, secret, name):
    zygote.begin_submission()
    try:
        if isinstance(data, Unreadable):
            raise data
        notebook = read_notebook(data, zygote)
    except Unreadable as why:
        return _without_answers(assignment, student, name, "unreadable", [f"The file {why}."])
    other = _other_homework(notebook, assignment)
    if other:
        return _without_answers(assignment, student, name, "other homework", [
            f"This is {other}, and {assignment.name} was asked for: hand that one in."])
    seed = assignment.seed(secret)
    taken = {exercise.name: take_out(exercise, notebook, assignment) for exercise in assignment.exercises}
    answers = {name: run or single for name, (single, run, _) in taken.items()}
    flawless = _first_pass(assignment, answers, seed, zygote)
    results = []
    for exercise in assignment.exercises:
        single, run, why = taken[exercise.name]
        result = _full(exercise) if exercise.name in flawless else _alone(exercise, run or single, seed, zygote)
        if run is None and _missed_a_name(result):  # what no cell of the assignment defines, another may
            run, why = whole(exercise, notebook, assignment), "it uses a name that its cell does not explain"
            result, answers[exercise.name] = _alone(exercise, run, seed, zygote), run
        if run is not None and result["points"] != _points_alone(exercise, single, seed, zygote):
            result["notes"].append(f"The notebook was run from the top up to this check, since {why}; by itself the "
                                   "answer's cell would have earned other points.")
        result = _with_results_in_order(exercise, result, results, answers[exercise.name], seed, zygote)
        results.append(result)
    _tell_what_is_missing(assignment, results)
    for exercise, result in zip(assignment.exercises, results):
        answer = answers[exercise.name]
        result["source"] = (answer.cell or "")[:8000]
        result["print"] = normalised(answer.cell) if answer.cell and result["status"] != "not attempted" else ""
    record = _record(assignment, student, name, results, list(notebook.notes))
    for task in record["by_hand"]:
        task["state"], task["text"] = state_of(notebook, task["id"])
    if zygote.over:
        record["notes"].append(f"{zygote.over[0].upper()}{zygote.over[1:]}. What was to come then was not run.")
    sources = {exercise.name: answers[exercise.name].cell or "" for exercise in assignment.exercises}
    record["suspicious"] = worth_a_look(sources, notebook, assignment)
    return record


def objection(data, assignment):
    """Say what is wrong with a file before anything in it is run; nothing if it can be graded.

    Parameters
    ----------
    data : bytes or Unreadable
        A file that is not large.
    assignment : Assignment

    Returns
    -------
    str
    """
    try:
        if isinstance(data, Unreadable):
            raise data
        other = _other_homework(read_notebook(data), assignment)
    except Unreadable as why:
        return f"the file {why}"
    return f"this is {other}, and {assignment.name} is asked for" if other else ""


def missing(assignment, student, name="", excused=False):
    """The record of a student who handed nothing in."""
    words = "Excused; nothing was handed in." if excused else "Nothing was handed in."
    return _without_answers(assignment, student, name, "excused" if excused else "missing", [words])


def _other_homework(notebook, assignment):
    """The name of the homework that a notebook is, where it has no cell of the one that was asked for."""
    ids = {cell.grade_id.replace("-", "_").lower() for cell in notebook.code if cell.grade_id}
    if not ids or ids & {exercise.name for exercise in assignment.exercises}:
        return ""
    found = [exercise for exercise in exercises.homework_exercises() if exercise.name in ids]
    return found[0].notebook if found else ""


# --- running them ---


def _with_results_in_order(exercise, result, earlier, answer, seed, zygote):
    """Judge an answer once more with the results of a function that it calls in order, if that is what is wrong."""
    for used in (one for one in earlier if one["name"] in exercise.uses and result["points"] < result["of"]):
        if any(part["why_not"] == OPPOSITE for part in used["parts"]):
            again = _alone(exercise, answer.with_turned(used["name"]), seed, zygote)
            if again["points"] > result["points"]:
                again["notes"].append(note_on(used["name"]))
                return again
    return result


def _missed_a_name(result):
    return result["status"] == "wrong" and any("NameError" in text for _, text in result["rows"])


def _tell_what_is_missing(assignment, results):
    """Say of a name that is not defined which exercise should have defined it."""
    names = (exercise.signature.split("(")[0].strip() for exercise in assignment.exercises)
    wanted = dict(zip(names, results))
    for result in results:
        words = " ".join(text for _, text in result["rows"])
        for name in re.findall(r"NameError: name '(\w+)' is not defined", words):
            other = wanted.get(name)
            if other is not None and other is not result:
                result["notes"].append(f"`{name}` is what the cell of {other['name']} is to define, and that cell does "
                                       "not: mend it first.")


def _points_alone(exercise, answer, seed, zygote):
    """What an answer's cell by itself would have earned."""
    if answer.cell is None:
        return 0
    with contextlib.closing(RemoteAnswer(zygote, answer, deaths=1)) as remote:
        return sum(earned.points for earned in earn(exercise, remote, seed))


def _first_pass(assignment, answers, seed, zygote):
    """Run all answers in one child; those that are right there are right. The others get a child of their own.

    An answer for which the notebook's cells are run gets one of its own at once.
    """
    flawless, child = set(), None
    single = [exercise for exercise in assignment.exercises if answers[exercise.name].cells is None]
    for exercise in single:
        answer = answers[exercise.name]
        if answer.cell is None:
            continue
        child = child or zygote.child()
        remote = RemoteAnswer(zygote, answer, child, deaths=1)
        remote.run_ahead(exercise, seed)
        if all(earned.earned for earned in earn(exercise, remote, seed, hurry=True)):
            flawless.add(exercise.name)
        child = remote.child
    if child is not None:
        child.end()
    for exercise in assignment.exercises:
        if exercise not in single:
            with contextlib.closing(RemoteAnswer(zygote, answers[exercise.name], deaths=1)) as remote:
                if all(earned.earned for earned in earn(exercise, remote, seed, hurry=True)):
                    flawless.add(exercise.name)
    return flawless


def _full(exercise):
    verdict = Verdict("passed")
    return _result(exercise, "graded", [(part, True, "") for part in exercise.parts], give_feedback(exercise, verdict))


def _alone(exercise, answer, seed, zygote):
    remote = RemoteAnswer(zygote, answer)
    try:
        earned = earn(exercise, remote, seed)
        verdict = diagnose(exercise, remote, seed)
        early = verdict if exercise.visible is exercise else diagnose(exercise.visible, remote, seed)
    finally:
        remote.close()
    state = "stopped" if remote.ended else "graded"
    if answer.cell is None and not remote.defined:
        return _result(exercise, "missing", [(part, False, "") for part in exercise.parts], None,
                       headline=f"✗ {exercise.name}: the cell of this exercise is missing",
                       rows=[("Next", "take the cell from the assignment as it was given out and put your code in it")])
    parts = [(e.part, e.earned, e.why_not) for e in earned]
    result = _result(exercise, state, parts, give_feedback(exercise, verdict))
    result["early"] = _words(give_feedback(exercise.visible, early))
    if remote.defined and remote.cell_error and remote.cell_error.kind != "not attempted":
        where = f" (line {remote.cell_error.line})" if remote.cell_error.line else ""
        result["notes"].append(f"The cell itself ends with {remote.cell_error.message}{where}; "
                               "what it had defined by then was graded.")
    if verdict.passed and not all(e.earned for e in earned):
        result.update(_not_the_same(exercise, earned), status="wrong")
    visible = [e for e in earned if e.part.visible]
    if early.passed and not all(e.earned for e in visible):
        result["early"] = _not_the_same(exercise, visible)
    return result


def _not_the_same(exercise, earned):
    return {"headline": f"✗ {exercise.name}: right at one call, wrong at another with the same arguments",
            "rows": [["What broke", next(e.why_not for e in earned if not e.earned)],
                     ["Try", "look for something that is drawn, counted or kept from one call to the next"]]}


# --- writing down ---


def _result(exercise, state, parts, feedback, headline="", rows=()):
    verdict = feedback.verdict if feedback else None
    words = _words(feedback) if feedback else {"headline": headline, "rows": [list(row) for row in rows]}
    return {
        "name": exercise.name, "title": exercise.title, "state": state,
        "status": verdict.status if verdict else "wrong",
        "points": sum(part.points for part, earned, _ in parts if earned), "of": exercise.points,
        "parts": [{"name": part.name, "points": part.points if earned else 0, "of": part.points,
                   "visible": part.visible, "why_not": why_not} for part, earned, why_not in parts],
        **words, "early": words,  # early: before the deadline, knowing the visible parts only
        "mistakes": list(verdict.names) if verdict else [],
        "causes": [mistake.cause for mistake in verdict.mistakes] if verdict else [],
        "line": verdict.trouble.line if verdict and verdict.trouble else None, "notes": [], "print": "",
        "source": "",
    }


def _words(feedback):
    return {"headline": feedback.headline, "rows": [list(row) for row in feedback.rows if row[0] != "More"]}


def _record(assignment, student, name, results, notes):
    worst = max((result["state"] for result in results), key=STATES.index)
    missing_all = all(result["state"] == "missing" for result in results)
    return {
        "student": student, "name": name, "assignment": assignment.name,
        "state": worst if worst != "missing" or missing_all else "graded",
        "points": sum(result["points"] for result in results), "of": assignment.points,
        "title": assignment.title("", assignment.name),
        "exercises": [{**result, "title": assignment.title(result["name"], result["title"])} for result in results],
        "notes": notes, "suspicious": [],
        "by_hand": [{"id": grade_id, "title": assignment.title(grade_id, grade_id), "of": points, "state": "",
                     "text": ""} for grade_id, points in assignment.by_hand],
    }


def _without_answers(assignment, student, name, state, notes):
    results = [_result(exercise, state, [(part, False, "") for part in exercise.parts], None,
                       headline=f"✗ {exercise.name}: {notes[0]}") for exercise in assignment.exercises]
    return _record(assignment, student, name, results, notes)


