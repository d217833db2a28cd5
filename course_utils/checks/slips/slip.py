"""What is said of a slip, and what the detectors are told about the answer."""

from dataclasses import dataclass, field
from typing import Any

__all__ = ["CARET_FOR_POWER", "CARET_FOR_TRANSPOSE", "Sighting", "Slip"]


@dataclass(frozen=True)
class Slip:
    """A slip that an answer makes: like a `Mistake` of a bank, but with nothing to run."""

    name: str
    cause: str
    experiment: str


# Read off the source, or off an error where there is none.
CARET_FOR_POWER = Slip("caret-for-power", "In Python `^` is no power (it works on bits): a power is written `**`.",
                       "Print `3 ^ 2` and `3 ** 2`.")
CARET_FOR_TRANSPOSE = Slip("caret-for-transpose",
                           "`^T` is no transpose: `^` is another operation, and `T` alone is a name "
                           "like any other.", "Print `k.T.shape` beside `k.shape`, for two axes and for three.")


@dataclass(frozen=True)
class Sighting:
    """A wrong answer and what is known of it.

    Attributes
    ----------
    exercise : Exercise
    answer : callable or Elsewhere
    written : Written or None
        Its source, if it is at hand.
    outcomes, wanted : sequence of Outcome
        What the answer did on each case, and what the reference did; as long as the answer finished.
    failing : int or None
        Index of the first case that went wrong; None if only a property is broken.
    overwritten : tuple of str
        Arguments that the answer writes into.
    """

    exercise: Any
    answer: Any
    written: Any
    outcomes: tuple
    wanted: tuple
    right: tuple = field(default=())
    failing: int | None = None
    overwritten: tuple = ()

    @property
    def trouble(self):
        return self.outcomes[self.failing].trouble if self.failing is not None else None

    @property
    def case(self):
        return self.exercise.known_cases[self.failing] if self.failing is not None else None
