"""The rules for a notebook of the course. Each takes a Lesson and yields its complaints."""

from anatomy import exercises, form, predictions, structure, teaching, writing  # noqa: F401 - importing registers their rules
from anatomy.lesson import RULES, Lesson

__all__ = ["RULES", "Lesson", "complaints"]


def complaints(lesson):
    """All complaints about a notebook: a dict of rule name and sentences; rules that hold are not in it."""
    found = {name: list(rule(lesson)) for name, rule in RULES.items()}
    return {name: sentences for name, sentences in found.items() if sentences}
