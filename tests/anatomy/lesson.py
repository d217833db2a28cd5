"""A notebook as the rules see it, and the register of the rules."""

import re
from dataclasses import dataclass, field
from pathlib import Path

import nbformat

RULES = {}


@dataclass
class Lesson:
    """A notebook and where it lies."""

    stem: str
    notebook: nbformat.NotebookNode
    size: int = 0
    folder: Path = field(default_factory=Path)

    @property
    def cells(self):
        return self.notebook.cells

    @property
    def code(self):
        return [(i, cell) for i, cell in enumerate(self.cells) if cell.cell_type == "code"]

    @property
    def markdown(self):
        return [(i, cell) for i, cell in enumerate(self.cells) if cell.cell_type == "markdown"]

    @property
    def opening(self):
        """All Markdown before the first code cell."""
        first = self.code[0][0] if self.code else len(self.cells)
        return "\n\n".join(cell.source for cell in self.cells[:first])

    @property
    def number(self):
        return int(self.stem[:2]) if self.stem[:2].isdigit() else None

    @property
    def recap_at(self):
        return next((i for i, cell in self.markdown if re.match(r"## Recap\s*(\n|$)", cell.source)), None)


def rule(function):
    """Register a rule under its function's name."""
    RULES[function.__name__] = function
    return function
