"""Several results in the opposite order: one slip, which should not cost everything."""

import functools
from dataclasses import replace

from course_utils.checks.sandbox import Elsewhere, call_safely

__all__ = ["OPPOSITE", "TurnedRound", "in_opposite_order", "note_on", "with_results_of"]

OPPOSITE = "the results come in the opposite order"


class TurnedRound(Elsewhere):
    """An answer whose results are taken in the opposite order.

    Parameters
    ----------
    answer : callable or Elsewhere
    """

    def __init__(self, answer):
        self.answer = answer

    def outcome(self, args, kwargs, exercise):
        """Give the `Outcome` of one call, its results turned round."""
        found = call_safely(self.answer, args, kwargs, exercise)
        return replace(found, native=found.native[::-1], values=found.values[::-1])


def in_opposite_order(exercise, answer):
    """Tell whether an answer gives its results in the opposite order, by their shapes on the first case.

    Parameters
    ----------
    exercise : Exercise
        Its first case has results of different shapes.
    answer : callable or Elsewhere

    Returns
    -------
    bool
    """
    case = exercise.known_cases[0]
    wanted = [value.shape for value in call_safely(exercise.reference, case.args, case.kwargs, exercise).values]
    got = [value.shape for value in call_safely(answer, case.args, case.kwargs, exercise).values]
    return got != wanted and got == wanted[::-1]


def with_results_of(used, answer):
    """Give an answer whose calls of another exercise's function get the results in the order that is asked for.

    What the function does wrong is paid for where it stands; here it should not be paid for again.

    Parameters
    ----------
    used : Exercise
        One with a part for the order of its results.
    answer : callable
        A function of the learner, which finds the other one under its name.

    Returns
    -------
    callable or None
        None where there is no such function, or its results are in order.
    """
    names = getattr(answer, "__globals__", {})
    function = names.get(used.name)
    if not callable(function) or not in_opposite_order(used, function):
        return None

    @functools.wraps(answer)
    def meant(*args, **kwargs):
        names[used.name] = lambda *a, **k: function(*a, **k)[::-1]
        try:
            return answer(*args, **kwargs)
        finally:
            names[used.name] = function

    return meant


def note_on(name):
    """Say that results were taken in the other order."""
    return f"Your `{name}` gives its results in the opposite order; here they were taken as its task asks for them."
