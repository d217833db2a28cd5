"""The parts of a course notebook that several tests look at: prose, folds, exercise blocks."""

import ast
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import nbformat

from course_utils.classroom.pace import folds, prose, unfolded, words  # noqa: F401 - the rule counts as tests do

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))  # what records the notebooks is held to the same rules
NOTEBOOKS = sorted((ROOT / "notebooks").rglob("*.ipynb"))
NOTEBOOKS = [path for path in NOTEBOOKS if ".ipynb_checkpoints" not in path.parts]
SOURCES = sorted((ROOT / "docs" / "teaching" / "homework").glob("*.ipynb"))  # homework with its solutions
LESSONS = [path for path in NOTEBOOKS if path.parent == ROOT / "notebooks"]

_FENCE = re.compile(r"^(```+|~~~+)[^\n]*\n.*?^\1\s*$", re.DOTALL | re.MULTILINE)
_PYTHON = re.compile(r"^```python\n(.*?)^```\s*$", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(r"^#+ .*$", re.MULTILINE)


def read(path):
    """Read a notebook as it lies, without converting or repairing it."""
    return nbformat.read(path, as_version=nbformat.NO_CONVERT)


def tags(cell):
    """The tags of a cell as a set."""
    return set(cell.metadata.get("tags", []))


def unfenced(text):
    """A Markdown text without fenced code, in which # begins a comment and markup is only shown."""
    return _FENCE.sub(" ", text)


def without_headings(text):
    """A Markdown text without its headings, whose numbers are not measurements."""
    return _HEADING.sub("", unfenced(text))


def bullets(text):
    """The items of the dashed lists in a Markdown text."""
    return re.findall(r"^[-*] +(.+)$", text, re.MULTILINE)


def called(cell, name):
    """The calls of a function of that name in a code cell, as syntax nodes."""
    return [node for node in ast.walk(ast.parse(cell.source))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name]


@dataclass
class Block:
    """One exercise: where its cells stand, and what was found in them. Missing parts are None or empty."""

    task: int | None
    stub: int
    check: int | None
    folded: list[int]
    why: int | None
    cells: list

    @property
    def title(self):
        match = re.search(r"^## Exercise (\d+\.\d+) +(\S.*)$", self.cells[self.task].source, re.MULTILINE)
        return match and match.groups()

    @property
    def minutes_and_kind(self):
        match = re.search(r"about (\d+) minutes?, (core|extra)\b", self.cells[self.task].source)
        return match and (int(match[1]), match[2])

    @property
    def folds(self):
        return [fold for i in self.folded for fold in folds(self.cells[i].source)]

    @property
    def hints(self):
        return [body for summary, body in self.folds if summary.lower().startswith("hint")]

    @property
    def solutions(self):
        """The Python blocks of each solution: a list of lists."""
        return [_PYTHON.findall(body + "\n") for summary, body in self.folds if summary == "Solution"]

    @property
    def name(self):
        """The name of the exercise in its check cell."""
        calls = called(self.cells[self.check], "check") if self.check is not None else []
        return calls[0].args[0].value if calls and isinstance(calls[0].args[0], ast.Constant) else None


def blocks(notebook):
    """The exercises of a notebook in order, one for each cell with the tag ``exercise``."""
    cells, found = notebook.cells, []
    for stub, cell in enumerate(cells):
        if "exercise" not in tags(cell):
            continue
        task = stub - 1 if stub and cells[stub - 1].cell_type == "markdown" else None
        at, check, folded, why = stub + 1, None, [], None
        if at < len(cells) and "check" in tags(cells[at]):
            check, at = at, at + 1
        while at < len(cells) and cells[at].cell_type == "markdown" and "why" not in tags(cells[at]) \
                and folds(cells[at].source):
            folded.append(at)
            at += 1
        if at < len(cells) and "why" in tags(cells[at]):
            why = at
        found.append(Block(task, stub, check, folded, why, cells))
    return found


def texts(output):
    """What an output shows as text, without pictures: a list of strings."""
    if output.output_type == "stream":
        return [output.text]
    if output.output_type == "error":
        return [f"{output.ename}: {output.evalue}"]
    data = output.get("data", {})
    return [value for kind, value in data.items() if kind.startswith("text/") and isinstance(value, str)]
