"""An exercise as one object: from it come the check, the hints, the bank of mistakes and the points."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

__all__ = ["Broken", "Case", "Equivalent", "Exercise", "Mistake", "Part", "Probe", "Returns"]


@dataclass(frozen=True, eq=False)
class Case:
    """One input that an answer is tried on.

    Attributes
    ----------
    args, kwargs : tuple, mapping
        What the answer is called with. Arrays are copied before every call.
    note : str
        What the case is about, in a few words ("two readable rows").
    part : str
        Name of the `Part` of the points that it decides; the first part if left out.
    step : str
        What to try where it is the first that comes out wrong, and no cause is known.
    """

    args: tuple
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""
    part: str = ""
    step: str = ""


@dataclass(frozen=True)
class Returns:
    """Name and shape, in letters, of one thing that an answer gives back."""

    name: str
    shape: str


@dataclass(frozen=True)
class Broken:
    """A property that does not hold: one sentence, the smallest example that shows it, and what to try next.

    `trouble` tells what was raised where the property could not even be looked at, and `probe` which it was.
    """

    sentence: str
    example: str = ""
    experiment: str = ""
    probe: str = ""
    trouble: Any = field(default=None, compare=False)


@dataclass(frozen=True)
class Probe:
    """A property of right answers that needs no right answer to compare with.

    Attributes
    ----------
    name : str
        The property as a statement: "each row of weights sums to 1".
    run : callable
        ``run(call) -> Broken or None``. ``call(*args, **kwargs)`` runs the answer on copies and
        gives its arrays back; it raises `Stopped` where the answer fails.
    part : str
        As in `Case`.
    """

    name: str
    run: Callable[[Callable], Broken | None]
    part: str = ""


@dataclass(frozen=True)
class Part:
    """A share of the points: it is earned when all its cases come out right and all its probes hold.

    Attributes
    ----------
    name : str
        What has to be right, in a few words: "any axis".
    points : int or float
    visible : bool
        False for what a student learns only after the deadline.
    """

    name: str
    points: float
    visible: bool = True


@dataclass(frozen=True)
class Mistake:
    """A wrong answer that can be run, and what to say to somebody who gives it.

    Attributes
    ----------
    name : str
        Short and lower case, with hyphens; unique within its exercise.
    cause : str
        The likely cause in one sentence.
    experiment : str
        The next thing to try, in one sentence, without giving the answer away.
    function : callable, optional
        The wrong answer.
    changes : mapping, optional
        In place of `function`: keyword arguments for the exercise's `stages`. Mistakes that change
        different stages can be combined, which is how two at once are recognised.
    variants : sequence of callable
        Further wrong answers that make the same mistake and give other results.
    number : int
        Which of the variants it is; 0 is the mistake itself.
    """

    name: str
    cause: str
    experiment: str
    function: Callable | None = None
    changes: Mapping[str, Any] | None = None
    variants: Sequence[Callable] = ()
    number: int = 0

    def __post_init__(self):
        if (self.function is None) == (self.changes is None):
            raise ValueError(f"mistake {self.name!r} should have a function or changes, and not both")

    @property
    def ways(self):
        """The mistake and its variants."""
        return (self, *(replace(self, function=function, changes=None, variants=(), number=i)
                        for i, function in enumerate(self.variants, 1)))


@dataclass(frozen=True)
class Equivalent:
    """A right answer that is written differently and must pass."""

    name: str
    function: Callable


@dataclass(frozen=True, eq=False)
class Exercise:
    """Everything about one exercise.

    Attributes
    ----------
    name, title, notebook, signature : str
        `name` is what the learner passes to ``check``; `signature` reads ``"softmax(x, axis=-1)"``.
    reference : callable
        The right answer, taken from the course's own modules.
    arrays : {"numpy", "torch"}
        The kind of arrays that go in and have to come out.
    returns : sequence of Returns
        What comes back, in order. One entry: the thing itself; several: a tuple.
    cases : callable
        ``cases() -> sequence of Case``: seeded, the smallest readable one first.
    probes, mistakes, equivalents : sequences
        See `Probe`, `Mistake` and `Equivalent`.
    hints : three str
        From a nudge to the answer.
    stages : callable, optional
        A right answer whose keyword defaults are its stages; `Mistake.changes` replaces some.
    invoke : callable, optional
        ``invoke(answer, *args, **kwargs)`` for answers that are not called directly, such as a
        class that is built and given weights first.
    minutes, points : int
        Expected working time in minutes; points in homework (no unit).
    credit : sequence of Part, optional
        How the points are shared out in homework; all or nothing if left out.
    drawn : callable, optional
        ``drawn(seed) -> sequence of Case and Probe``: the same questions with other numbers, for homework; see
        `course_utils.checks.drawn`. Mistakes are recognised on `cases`.
    in_order : str
        Name of the part that is lost where several results come in the opposite order; the other parts take them
        as they are meant.
    uses : sequence of str
        Names of exercises with such a part whose functions an answer may call.
    core : bool
        False for an exercise that can be left out.
    within : str
        Name of the exercise in whose text it is mentioned, where it has no cells of its own.
    tolerance : float
        Largest difference that counts as equal, absolute and relative (no unit).
    battery : optional
        Further ``cases()`` and ``probes``, which exercises of a kind share; they come after its own.
    """

    name: str
    title: str
    notebook: str
    signature: str
    reference: Callable
    arrays: str
    returns: Sequence[Returns]
    cases: Callable[[], Sequence[Case]]
    probes: Sequence[Probe]
    mistakes: Sequence[Mistake]
    equivalents: Sequence[Equivalent]
    hints: Sequence[str]
    stages: Callable | None = None
    invoke: Callable | None = None
    minutes: int = 10
    points: int = 1
    credit: Sequence[Part] = ()
    drawn: Callable[[int], Sequence[Case | Probe]] | None = None
    in_order: str = ""
    uses: Sequence[str] = ()
    core: bool = True
    within: str = ""
    tolerance: float = 1e-5
    battery: Any = None

    def __post_init__(self):
        if self.arrays not in ("numpy", "torch"):
            raise ValueError(f"arrays should be 'numpy' or 'torch', got {self.arrays!r}")
        if len(self.hints) != 3:
            raise ValueError(f"hints should be three, the answer last, got {len(self.hints)}")
        for group, things in (("mistakes", self.mistakes), ("equivalents", self.equivalents)):
            names = [thing.name for thing in things]
            if len(set(names)) < len(names):
                raise ValueError(f"{group} should have different names, got {names}")
        names = [part.name for part in self.credit]
        if self.credit and (len(set(names)) < len(names) or sum(part.points for part in self.credit) != self.points):
            raise ValueError(f"credit should be parts with different names and {self.points} points together, "
                             f"got {[(part.name, part.points) for part in self.credit]}")
        self.part_of(*self.probes)
        if self.stages is None and any(m.changes is not None for m in self.mistakes):
            raise ValueError("stages should be given when a mistake has changes, got None")

    @cached_property
    def memory(self):
        """What the checker has computed from this exercise and need not compute again."""
        return {}

    @cached_property
    def outcomes(self):
        """What the reference and the mistakes do on single cases, also for `visible`, which has some of the cases."""
        return {}

    @cached_property
    def parameters(self):
        """The names of the arguments, read from the signature."""
        inner = self.signature[self.signature.index("(") + 1: self.signature.rindex(")")]
        return tuple(inspect.signature(eval(f"lambda {inner}: None")).parameters)

    @property
    def known_cases(self):
        """The cases, made once."""
        if "cases" not in self.memory:
            self.memory["cases"] = (*self.cases(), *(self.battery.cases() if self.battery else ()))
        return self.memory["cases"]

    @property
    def known_probes(self):
        """The properties that right answers have, those of the battery included."""
        if self.battery is None:  # those of a laboratory stay sealed
            return self.probes
        return (*self.probes, *self.battery.probes)

    @property
    def parts(self):
        """The shares of the points; a single one, without a name, where all is earned or nothing."""
        return tuple(self.credit) or (Part("", self.points),)

    @cached_property
    def visible(self):
        """This exercise as far as it is told before the deadline: itself, if nothing of it is hidden."""
        parts = tuple(part for part in self.parts if part.visible)
        if parts == self.parts:
            return self
        if not parts:
            raise ValueError(f"credit of {self.name!r} should have a visible part, got {self.credit}")
        names = {part.name for part in parts}

        def told(things):
            return tuple(thing for thing, part in zip(things, self.part_of(*things)) if part in names)

        seen = replace(self, battery=None, credit=parts, points=sum(part.points for part in parts),
                       drawn=self.drawn and (lambda seed: told(self.draw(seed))),
                       cases=lambda: told(self.known_cases), probes=told(self.known_probes))
        seen.__dict__["outcomes"] = self.outcomes
        return seen

    def draw(self, seed):
        """Draw cases and probes, once for each seed that follows another: `visible` has the same ones."""
        if self.memory.get("seed") != seed:
            self.memory.update(seed=seed, things=tuple(self.drawn(seed)) if self.drawn else ())
        return self.memory["things"]

    @property
    def cases_in_use(self):
        """The fixed cases and those that were drawn last."""
        return (*self.known_cases, *(thing for thing in self.memory.get("things", ()) if isinstance(thing, Case)))

    def part_of(self, *things):
        """Give the name of the part that each case or probe decides."""
        names = [part.name for part in self.parts]
        for thing in things:
            if thing.part and thing.part not in names:
                raise ValueError(f"part should be one of {names}, got {thing.part!r}")
        return tuple(thing.part or names[0] for thing in things)

    def wrong_answer(self, *mistakes):
        """Build the wrong answer that makes one mistake, or several that change different stages."""
        if len(mistakes) == 1 and mistakes[0].function is not None:
            return mistakes[0].function
        changes = {}
        for mistake in mistakes:
            if mistake.changes is None or changes.keys() & mistake.changes.keys():
                raise ValueError(f"mistakes should change different stages, got {[m.name for m in mistakes]}")
            changes.update(mistake.changes)
        stages = self.stages

        def wrong(*args, **kwargs):
            return stages(*args, **kwargs, **changes)

        return wrong
