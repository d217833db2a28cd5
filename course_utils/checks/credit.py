"""Points: which parts of an exercise an answer earns."""

from dataclasses import dataclass

from course_utils.checks.compare import first_difference, same_values
from course_utils.checks.diagnose import reference_outcomes
from course_utils.checks.exercise import Part
from course_utils.checks.properties import hold_against
from course_utils.checks.sandbox import call_safely

__all__ = ["Earned", "earn"]


@dataclass(frozen=True)
class Earned:
    """Whether one part of the points is earned.

    Attributes
    ----------
    part : Part
    earned : bool
    why_not : str
        What failed first, in a few words; empty if nothing did.
    """

    part: Part
    earned: bool
    why_not: str = ""

    @property
    def points(self):
        return self.part.points if self.earned else 0


def earn(exercise, answer, seed=None, hurry=False):
    """Find out which parts of the points an answer earns.

    All parts are earned exactly where `diagnose` says "passed" and the drawn cases come out right.

    Parameters
    ----------
    exercise : Exercise
    answer : callable or Elsewhere
    seed : int, optional
        For the cases that are drawn for one student; without a seed none are.
    hurry : bool
        Whether to stop at the first loss, where only all points count.

    Returns
    -------
    tuple of Earned
        One for each part of the exercise, in its order.

    Examples
    --------
    >>> import numpy as np
    >>> from course_utils.exercises import find
    >>> [e.earned for e in earn(find("softmax"), np.exp)]
    [False]
    """
    known, drawn = exercise.known_cases, tuple(exercise.drawn(seed)) if exercise.drawn and seed is not None else ()
    cases = known + drawn
    wanted = (*reference_outcomes(exercise), *(_right(exercise, case) for case in drawn))
    lost = {}  # name of a part -> why
    for case, right, part in zip(cases, wanted, exercise.part_of(*cases)):
        if part not in lost and not (hurry and lost):
            why_not = _case_fails(exercise, case, right, answer)
            if why_not:
                lost[part] = why_not
    for probe, part in zip(exercise.probes, exercise.part_of(*exercise.probes)):
        if part not in lost and not (hurry and lost) and hold_against(exercise, probe, answer):
            lost[part] = f"this does not hold: {probe.name}"
    return tuple(Earned(part, part.name not in lost, lost.get(part.name, "")) for part in exercise.parts)


def _case_fails(exercise, case, wanted, answer):
    got = call_safely(answer, case.args, case.kwargs, exercise)
    if got.trouble:
        return got.trouble.message or got.trouble.kind
    if not same_values(got.values, wanted.values, exercise.tolerance):
        return case.note or first_difference(got.values, wanted.values, exercise.returns, exercise.tolerance)
    return f"it changes its argument {got.overwritten[0]}" if got.overwritten else ""


def _right(exercise, case):
    outcome = call_safely(exercise.reference, case.args, case.kwargs, exercise)
    if outcome.trouble:
        raise RuntimeError(f"the reference of {exercise.name!r} fails on case {case.note!r}: {outcome.trouble.message}")
    return outcome
