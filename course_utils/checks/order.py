"""Several results in the opposite order: one slip, which should not cost everything."""

from dataclasses import replace

from course_utils.checks.sandbox import Elsewhere, call_safely

__all__ = ["TurnedRound", "in_opposite_order"]


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
