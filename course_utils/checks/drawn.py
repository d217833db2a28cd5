"""Drawn inputs: the same questions with other numbers, so that numbers learnt by heart earn nothing.

What is fixed of an exercise, its `cases` and the inputs inside its `probes`, can be looked up, printed and passed
around. A part of the points is therefore earned only where an answer is also right on what is drawn for it. An
exercise draws with::

    drawn=_drawn        # drawn(seed) -> sequence of Case and Probe

- A `Case` is compared with the reference, like a fixed one. A `Probe` is a property on drawn inputs, for parts that
  forgive what is wrong elsewhere: ``Probe("no query sees a later key", partial(_no_later_key, sizes=drawn), FUTURE)``.
- Each part of the points has at least one of them, hidden parts too. None of them is one of the fixed inputs, in shape
  or in numbers.
- **No mistake of the bank is right on one draw and wrong on another**: draw numbers, and only such sizes as tell the
  same mistakes apart every time (lengths that differ, T other than D, a padding that exists, a border in the middle).
  `tests/test_points.py` tries the bank on 200 draws of every exercise, and what is cheap on every part.
- Whoever draws uses nothing but the seed, an int below 2**48. PyTorch's own generators take it as it is;
  ``np.random.default_rng(seed)`` too.

`diagnose` and `earn` draw anew at each call, as `check` and preflight do, unless they get a seed: grading gives them
one for the whole class, from the secret of its results. What is drawn is drawn once for a seed and kept, with what the
reference makes of it, until another seed comes. A mistake gets its name on the fixed cases alone, which is quick; a
drawn case only says right or wrong.
"""

import secrets
from dataclasses import dataclass

from course_utils.checks.compare import first_difference, same_values
from course_utils.checks.exercise import Broken, Case, Probe
from course_utils.checks.properties import hold_against
from course_utils.checks.sandbox import Trouble, call_safely

__all__ = ["Failure", "anew", "drawn_for", "failure_on"]


@dataclass(frozen=True)
class Failure:
    """How an answer fails on a case or a probe.

    Attributes
    ----------
    thing : Case or Probe
    difference : str
        Where its result differs from the reference's, for a case.
    trouble : Trouble or None
        Why there is no result to compare.
    overwritten : tuple of str
        Arguments that it wrote into.
    broken : Broken or None
        The property that does not hold, for a probe.
    """

    thing: Case | Probe
    difference: str = ""
    trouble: Trouble | None = None
    overwritten: tuple[str, ...] = ()
    broken: Broken | None = None

    @property
    def words(self):
        """What failed, in a few words."""
        if self.broken:
            return f"this does not hold: {self.thing.name}"
        if self.trouble:
            return self.trouble.message or self.trouble.kind
        if self.difference:
            return self.thing.note or self.difference
        return f"it changes its argument {self.overwritten[0]}"


def anew():
    """Give a seed that nobody knows."""
    return secrets.randbits(48)


def drawn_for(exercise, seed=None):
    """Draw what an answer is tried on besides what is fixed.

    Parameters
    ----------
    exercise : Exercise
    seed : int, optional
        Another one at each call if left out.

    Returns
    -------
    tuple of (Case or Probe, str, Outcome or None)
        What was drawn, the name of the part that it decides, and what the reference does on it if it is a case.
    """
    if exercise.drawn is None:
        return ()
    seed = anew() if seed is None else seed
    known = exercise.memory.get("drawn")
    if known is None or known[0] != seed:
        things = exercise.draw(seed)
        known = seed, tuple((thing, part, _wanted(exercise, thing))
                            for thing, part in zip(things, exercise.part_of(*things)))
        exercise.memory["drawn"] = known
    return known[1]


def _wanted(exercise, thing):
    if isinstance(thing, Probe):
        return None
    outcome = call_safely(exercise.reference, thing.args, thing.kwargs, exercise)
    if outcome.trouble:
        raise RuntimeError(f"the reference of {exercise.name!r} fails on case {thing.note!r}: "
                           f"{outcome.trouble.message}")
    return outcome


def failure_on(exercise, thing, wanted, answer):
    """Tell how an answer fails on a case, fixed or drawn, or on a probe.

    Parameters
    ----------
    exercise : Exercise
    thing : Case or Probe
    wanted : Outcome or None
        What the reference does on a case.
    answer : callable or Elsewhere

    Returns
    -------
    Failure or None
    """
    if isinstance(thing, Probe):
        broken = hold_against(exercise, thing, answer)
        return Failure(thing, broken=broken) if broken else None
    got = call_safely(answer, thing.args, thing.kwargs, exercise)
    if got.trouble:
        return Failure(thing, trouble=got.trouble)
    if not same_values(got.values, wanted.values, exercise.tolerance):
        return Failure(thing, first_difference(got.values, wanted.values, exercise.returns, exercise.tolerance))
    return Failure(thing, overwritten=got.overwritten) if got.overwritten else None
