"""Exercises that went: what notebooks that were kept are told where they still ask for one."""

from dataclasses import dataclass

__all__ = ["GONE", "Gone"]


@dataclass(frozen=True)
class Gone:
    """An exercise that the course had.

    Attributes
    ----------
    name : str
    instead : str
        What to do instead, as the end of a sentence: "its task is now part of softmax".
    function : str
        Where the course has a function that does what the answer did, such as ``course_utils.attention.softmax``;
        empty if it has none.
    """

    name: str
    instead: str
    function: str = ""

    def __str__(self):
        return f"{self.name} is no exercise of the course any more: {self.instead}."


#: Name -> what became of it. Whoever takes an exercise out writes it here; names are never given a second time.
GONE: dict[str, Gone] = {}
