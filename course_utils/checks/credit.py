"""Points: which parts of an exercise an answer earns."""

from dataclasses import dataclass

from course_utils.checks.drawn import drawn_for, failure_on
from course_utils.checks.exercise import Part
from course_utils.checks.order import OPPOSITE, TurnedRound, in_opposite_order
from course_utils.checks.own_functions import reference_outcomes

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

    A part is earned where all its cases come out right and all its probes hold, the fixed and the drawn ones. All parts
    are earned exactly where `diagnose` says "passed". Results in the opposite order cost one part where the exercise
    says so (`Exercise.in_order`).

    Parameters
    ----------
    exercise : Exercise
    answer : callable or Elsewhere
    seed : int, optional
        For what is drawn, the same for a whole class; drawn anew if left out.
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
    cases, probes = exercise.known_cases, exercise.known_probes
    fixed = (*zip(cases, exercise.part_of(*cases), reference_outcomes(exercise)),
             *((probe, part, None) for probe, part in zip(probes, exercise.part_of(*probes))))
    lost = {}  # name of a part -> why
    if exercise.in_order and in_opposite_order(exercise, answer):
        answer, lost[exercise.in_order] = TurnedRound(answer), OPPOSITE
    for thing, part, wanted in (*fixed, *drawn_for(exercise, seed)):
        if part not in lost and not (hurry and lost):
            failure = failure_on(exercise, thing, wanted, answer)
            if failure:
                lost[part] = failure.words
    return tuple(Earned(part, part.name not in lost, lost.get(part.name, "")) for part in exercise.parts)
