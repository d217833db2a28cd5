"""The three calls a learner makes about an exercise: check, hint and own."""

import dataclasses
from importlib import import_module

from course_utils import exercises
from course_utils.checks import Verdict, diagnose, earn, give_feedback
from course_utils.checks.allowed import first_not_allowed, words
from course_utils.checks.feedback import MAX_LINES, Feedback
from course_utils.checks.order import note_on, with_results_of
from course_utils.checks.place import find_place
from course_utils.checks.sandbox import Trouble
from course_utils.exercises.gone import GONE
from course_utils.exercises.homework import ALLOWED
from course_utils.exercises.misuse import Misuse
from course_utils.learner import kept, reuse
from course_utils.learner.answer_source import Unkept, answer_source
from course_utils.learner.cells import older_than_its_cell
from course_utils.learner.journal import passed_exercises, record_pass

__all__ = ["check", "hint", "own"]

_passed = {}  # name -> the learner's function, once it has passed in this kernel
_checked = set()  # names of exercises whose check ran in this kernel, so that it stands in this notebook
_hints_given = {}  # name -> how many hints were shown


def check(name, answer=...):
    """Check an answer and say what is right or wrong with it.

    Parameters
    ----------
    name : str
        Name of the exercise, as in the notebook.
    answer : callable
        Your function.

    Returns
    -------
    Feedback
        Shows itself in the notebook; ``.passed`` tells whether the answer is right.

    Raises
    ------
    ValueError
        If there is no such exercise, or `answer` is not callable or comes from `own`.
    """
    if not isinstance(name, str):
        called = getattr(name, "__name__", "my_function")
        raise Misuse("name should be the name of an exercise, in quotation marks, and your function comes after it: "
                     f'check("{called}", {called})')
    if name in GONE:
        return Feedback(str(GONE[name]), (), Verdict("gone"))
    exercise = exercises.find(name)
    if answer is ...:
        raise Misuse(f"answer is missing: check wants the name and then your function, check({name!r}, {name})")
    if isinstance(answer, Own):
        raise Misuse(f"answer should be the function that you wrote, got own({name!r})")
    if not callable(answer):
        raise Misuse(f"answer should be your function, without parentheses, got {type(answer).__name__}")
    _checked.add(exercise.name)
    meant, note = _as_meant(exercise, answer)
    verdict = _refusal(exercise, answer) or diagnose(exercise.visible, meant)
    if exercise.parameters and not exercise.credit:  # a laboratory and homework are about finding it
        verdict = dataclasses.replace(verdict, place=find_place(exercise, answer, verdict))
    feedback = give_feedback(exercise.visible, verdict)
    if note:
        feedback = dataclasses.replace(feedback, rows=(*feedback.rows, ("Note", note))[:MAX_LINES - 1])
    older = older_than_its_cell(answer)
    if older:
        feedback = dataclasses.replace(feedback, rows=(("Note", older), *feedback.rows)[:MAX_LINES - 1])
    if verdict.passed:
        _passed[exercise.name] = answer
    if verdict.passed and exercise.visible is not exercise:
        feedback = _with_points_open(feedback, exercise)
    elif verdict.passed:
        for problem in filter(None, (record_pass(exercise.name), _keep(exercise, answer))):
            feedback = dataclasses.replace(feedback, rows=(*feedback.rows, ("Note", problem)))
    return feedback


def _as_meant(exercise, answer):
    """An answer that calls a function with its results in the opposite order, with these in order; and what to say."""
    for used in map(exercises.find, exercise.uses):
        meant = with_results_of(used, answer)
        points = [sum(earned.points for earned in earn(exercise.visible, one)) for one in (answer, meant) if one]
        if meant and points[1] > points[0]:
            return meant, note_on(used.name)
    return answer, ""


def _refusal(exercise, answer):
    """The verdict on homework that uses what its assignment does not allow; None where all is well."""
    may = ALLOWED.get(exercise.notebook)
    part = "" if may is None else first_not_allowed(answer, may)
    return Verdict("wrong", trouble=Trouble("Refused", f"Refused: {words(part, may)}")) if part else None


def _keep(exercise, answer):
    """Keep an answer that passed for other notebooks; give a sentence if it could not be written."""
    name = exercise.name
    if not exercise.parameters:  # it names faults or facts: nothing is ever computed with it
        return ""
    try:
        source, called, missing = answer_source(answer)
    except Unkept as why:
        return kept.keep(kept.Kept(name, problem=str(why)))
    except Exception as error:  # whatever stands in a cell, the answer is right and that is what counts
        return kept.keep(kept.Kept(name, problem=f"could not be read ({type(error).__name__})"))
    return kept.keep(kept.Kept(name, called, source, missing))


def _with_points_open(feedback, exercise):
    """Say of a homework answer that what can be seen now is right; "passed" is only said when all is known."""
    now, later = exercise.visible.points, exercise.points - exercise.visible.points
    return dataclasses.replace(
        feedback, headline=f"✓ {exercise.name}: what is visible now is right, {now:g} of {exercise.points:g} points",
        rows=(*feedback.rows, ("Open", f"{later:g} more, decided after the deadline: think of other inputs")))


def hint(name, number=None):
    """Show the next hint of an exercise; the answer is the last, and homework keeps that one back.

    Parameters
    ----------
    name : str
        Name of the exercise.
    number : int, optional
        Which hint; the next one if left out.

    Raises
    ------
    ValueError
        If there is no such exercise or no such hint.
    """
    if name in GONE:
        print(GONE[name])
        return
    exercise = exercises.find(name)
    last = len(exercise.hints) - bool(exercise.credit)
    if number is None:
        number = min(_hints_given.get(name, 0) + 1, last)
    if number not in range(1, last + 1):
        raise ValueError(f"number should be from 1 to {last}, got {number!r}")
    _hints_given[name] = number
    print(f"Hint {number} of {last} for {name}:\n{exercise.hints[number - 1]}")


class Own:
    """A function together with the name of its exercise and the words that say whose it is."""

    def __init__(self, name, function, whose):
        self.name, self.function, self.whose = name, function, whose

    def __call__(self, *args, **kwargs):
        return self.function(*args, **kwargs)

    def __repr__(self):
        return self.whose


def own(name):
    """Give your own function once it has passed its check, in this notebook or another, and the course's until then.

    What passed in another notebook is made again from the source that was kept beside your record of progress, and
    checked once more before it is used. The environment variable ``COURSE_KEEP_ANSWERS=off`` turns that off.

    Parameters
    ----------
    name : str
        Name of the exercise.

    Returns
    -------
    Own
        Call it like the function; ``.whose`` says whose it is.

    Raises
    ------
    ValueError
        If there is no such exercise.
    """
    if name in GONE and GONE[name].function:
        home, function = GONE[name].function.rsplit(".", 1)
        return Own(name, getattr(import_module(home), function),
                   f"the course's {name} (no exercise any more: {GONE[name].instead})")
    exercise = exercises.find(name)
    if name in _passed:
        return Own(name, _passed[name], f"your own {name}")
    function, why = reuse.reuse(exercise)
    if function is not None:
        return Own(name, function, f"your own {name}, from notebook {exercise.notebook[:2]}")
    return Own(name, exercise.reference, f"the course's {name} ({why or _when(exercise)})")


def _when(exercise):
    """Say when the learner's function takes the place of the course's."""
    try:
        passed = exercise.name in passed_exercises()
    except OSError:
        passed = False
    if not passed:
        elsewhere = exercise.visible is exercise and exercise.name not in _checked  # homework stays in its notebook
        return f"yours takes its place once its check has passed{_where(exercise) * elsewhere}"
    return (f"yours stays in the kernel where it passed: {kept.SWITCH} is off" if kept.switched_off()
            else f"yours takes its place once its check has passed again{_where(exercise)}")


def _where(exercise):
    return f", in notebook {exercise.notebook[:2]}"
