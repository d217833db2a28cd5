"""The three calls a learner makes about an exercise: check, hint and own."""

import dataclasses

from course_utils import exercises
from course_utils.checks import diagnose, give_feedback
from course_utils.journal import record_pass

__all__ = ["check", "hint", "own"]

_passed = {}  # name -> the learner's function, once it has passed in this kernel
_hints_given = {}  # name -> how many hints were shown


def check(name, answer):
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
    exercise = exercises.find(name)
    if isinstance(answer, Own):
        raise ValueError(f"answer should be the function that you wrote, got own({name!r})")
    if not callable(answer):
        raise ValueError(f"answer should be your function, without parentheses, got {type(answer).__name__}")
    verdict = diagnose(exercise.visible, answer)
    feedback = give_feedback(exercise.visible, verdict)
    if verdict.passed:
        _passed[exercise.name] = answer
    if verdict.passed and exercise.visible is not exercise:
        feedback = _with_points_open(feedback, exercise)
    elif verdict.passed:
        problem = record_pass(exercise.name)
        if problem:
            feedback = dataclasses.replace(feedback, rows=(*feedback.rows, ("Note", problem)))
    return feedback


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
    exercise = exercises.find(name)
    last = len(exercise.hints) - bool(exercise.credit)
    if number is None:
        number = min(_hints_given.get(name, 0) + 1, last)
    if number not in range(1, last + 1):
        raise ValueError(f"number should be from 1 to {last}, got {number!r}")
    _hints_given[name] = number
    print(f"Hint {number} of {last} for {name}:\n{exercise.hints[number - 1]}")


class Own:
    """A function together with the words that say whose it is."""

    def __init__(self, function, whose):
        self.function, self.whose = function, whose

    def __call__(self, *args, **kwargs):
        return self.function(*args, **kwargs)

    def __repr__(self):
        return self.whose


def own(name):
    """Give your own function once it has passed its check, and the course's until then.

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
    exercise = exercises.find(name)
    if name in _passed:
        return Own(_passed[name], f"your own {name}")
    return Own(exercise.reference, f"the course's {name} (yours takes its place once its check has passed)")
