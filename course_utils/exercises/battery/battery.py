"""The inputs that an exercise takes from the regimes, by what its declaration says."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from course_utils.checks import Case
from course_utils.exercises.battery.calls import earlier_result_stays, gradients_in_numbers
from course_utils.exercises.battery.regimes import TRY, expand
from course_utils.exercises.battery.scores import HIDDEN, SCORES, VALUES
from course_utils.exercises.battery.shapes import SHAPES
from course_utils.exercises.battery.values import strided

__all__ = ["Battery"]

_ALL_SHOWN, _LAST_HIDDEN = [[True] * 2] * 2, [[True, True, False]] * 3

# What no exercise of the lessons asks for.
_NOWHERE = {
    "read-only": "every call gets copies, and an answer that writes into them is told so",
    "NaN under a hidden key": "0 times NaN is NaN, and no text promises anything else",
    "one object, other inputs": "a function that keeps something shows it in cases that follow each other",
}


@dataclass(frozen=True)
class Battery:
    """What an exercise takes from the regimes of `REGIMES`, and why it leaves the others out.

    Attributes
    ----------
    sizes : callable, optional
        ``sizes(Sizes) -> tuple of arguments``: moderate numbers of these sizes.
    scores : callable, optional
        ``scores(table, values[, mask]) -> arguments``: an input whose scores are the table (T, S).
    masked : bool
        Whether `scores` takes a mask as well.
    arguments : sequence of str
        Names of the arguments, for gradients; none where there are no gradients.
    reference : callable, optional
        The right answer that gradients are compared with.
    own : callable, optional
        ``own() -> sequence of (regime, Case)``: what only this exercise can make; an empty name for what is no regime.
    probes_of : mapping
        From a regime to a `Probe` that only this exercise can make.
    without : mapping
        From each regime, or whole stage, that is left out to the reason; what `own` makes is not left out.
    part : str
        Name of the part of the points that cases and probes decide; the first part if left out.
    parts : mapping
        From a regime, or a whole stage, to the name of another part. What a `Case` or `Probe` says itself goes first.
    """

    sizes: Callable | None = None
    scores: Callable | None = None
    masked: bool = False
    arguments: tuple = ()
    reference: Callable | None = None
    own: Callable | None = None
    probes_of: Mapping = field(default_factory=dict)
    without: Mapping = field(default_factory=dict)
    part: str = ""
    parts: Mapping = field(default_factory=dict)

    @cached_property
    def left_out(self):
        """The reason for each regime that is left out."""
        reasons = {**_NOWHERE, **expand(self.without)}
        made = {*self.probes_of, *(regime for regime, _ in (self.own() if self.own else ()))}
        return {regime: why for regime, why in reasons.items() if regime not in made}

    def _takes(self, regime):
        return regime not in self.left_out

    def entries(self):
        """Give pairs of regime and Case, the smallest first."""
        return [(regime, replace(case, step=case.step or TRY.get(regime, ""), part=self._part_of(regime, case)))
                for regime, case in self._made()]

    def _part_of(self, regime, thing):
        return thing.part or expand(self.parts).get(regime, self.part)

    def _made(self):
        found = []
        if self.sizes:
            found += [(regime, _case(self.sizes(sizes), regime)) for regime, sizes in SHAPES.items()
                      if self._takes(regime)]
        found += self.own() if self.own else []
        if self.scores and not self.masked:
            found += [(regime, _case(self.scores(table, VALUES[:2]), f"scores: {regime}"))
                      for regime, table in SCORES.items() if self._takes(regime)]
        if self.masked:
            found += [(regime, _case(self.scores(table, VALUES[:2], _ALL_SHOWN), f"scores: {regime}"))
                      for regime, table in SCORES.items() if self._takes(regime)]
            found += [(regime, _case(self.scores(table, VALUES, _LAST_HIDDEN), f"scores: {regime}"))
                      for regime, table in HIDDEN.items() if self._takes(regime)]
        if self._takes("strided"):
            case = self._typical(found)
            found.append(("strided", replace(case, part="", args=tuple(map(strided, case.args)), kwargs={
                name: strided(x) for name, x in case.kwargs.items()}, note="numbers in another order in memory")))
        return found

    def cases(self):
        """Give the cases of all regimes that the exercise takes."""
        return tuple(case for _, case in self.entries())

    @cached_property
    def probes(self):
        """The probes of all regimes that the exercise takes."""
        return tuple(self.probes_by_regime.values())

    @cached_property
    def probes_by_regime(self):
        """The probes, with the regime that each is about."""
        found = dict(self.probes_of)
        if self._takes("an earlier result"):
            found.setdefault("an earlier result", earlier_result_stays(lambda: self._typical(self.entries())))
        if self.reference and self._takes("in numbers"):
            found.setdefault("in numbers", gradients_in_numbers(
                self.arguments, lambda: _case(self.sizes(replace(SHAPES["one item"], seed=35))), self.reference))
        if self.masked and self._takes("hidden far above, gradients"):
            found["hidden far above, gradients"] = gradients_in_numbers(
                self.arguments, lambda: _case(self.scores(HIDDEN["hidden far above"], VALUES, _LAST_HIDDEN)),
                self.reference)
        return {regime: replace(probe, part=self._part_of(regime, probe)) for regime, probe in found.items()}

    def takes(self):
        """Give the regimes that really come up."""
        return {regime for regime, _ in self.entries() if regime} | set(self.probes_by_regime)

    @staticmethod
    def _typical(entries):
        for wanted in ("all sizes distinct", "no batch"):
            for regime, case in entries:
                if regime == wanted:
                    return case
        return entries[0][1]


def _case(made, note=""):
    return replace(made, note=note) if isinstance(made, Case) else Case(tuple(made), note=note)


