"""How long a lesson takes, by a rule that is written down and the same for all: words, code, predictions, exercises.

The rule is an estimate for somebody who reads everything and runs everything. It was not measured with people;
what it is for is that every stated minute, and every cut of a lesson, is counted in the same way.

    reading       200 visible words a minute: prose and the answers to predictions, not the hints
    code          10 seconds for each line that is not blank, outside set-up, exercises and checks
    predictions   90 seconds each
    exercises     the minutes that their task states
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["ANSWER", "PREDICT", "Part", "add_arguments", "core_minutes", "folds", "parts", "prose", "rounded", "run",
           "unfolded", "words"]

WORDS_A_MINUTE = 200
SECONDS_A_LINE = 10
SECONDS_A_PREDICTION = 90
PREDICT = re.compile(r"\*\*Predict\b")  # in bold, with a full stop, a colon or more of the sentence after it
ANSWER = "Compare with your prediction"  # the fold under which an answer stands

_FOLD = re.compile(r"<details>\s*<summary>(.*?)</summary>(.*?)</details>", re.DOTALL)
_FENCE = re.compile(r"^(```+|~~~+)[^\n]*\n.*?^\1\s*$", re.DOTALL | re.MULTILINE)
_FORMULA = re.compile(r"\$\$.*?\$\$|\$[^$\n]+\$|\\begin\{(\w+\*?)\}.*?\\end\{\1\}", re.DOTALL)
_TABLE_ROW = re.compile(r"^\s*\|.*$", re.MULTILINE)
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_TAG = re.compile(r"<!--.*?-->|</?[A-Za-z][^>]*>", re.DOTALL)
_HEADING = re.compile(r"^## (?:(Exercise) )?(?:(\d+\.\d+) )?(.*)$", re.MULTILINE)
_TASK = re.compile(r"about (\d+) minutes?, (core|extra)\b")
_NOT_READ = {"setup", "exercise", "check"}  # tags of code cells that take no reading of their own


def folds(text):
    """Give the folded blocks of a Markdown text: a list of (summary, body)."""
    return [(summary.strip(), body.strip()) for summary, body in _FOLD.findall(text)]


def unfolded(text):
    """Give a Markdown text without its folded blocks."""
    return _FOLD.sub("", text)


def prose(text):
    """Give what of a Markdown text is read as sentences: no fences, formulas, tables, tags and addresses."""
    for pattern in (_FENCE, _FORMULA, _TABLE_ROW, _TAG):
        text = pattern.sub(" ", text)
    return _LINK.sub(r"\1", text)


def words(text):
    """Count the words that a reader sees in a Markdown text.

    Examples
    --------
    >>> words("The row *found* sums to 1, see [the table](table.html).")
    9
    """
    return len(re.findall(r"\w[\w'’.-]*", prose(text)))


@dataclass
class Part:
    """A piece of a lesson between two headings of the second level.

    Attributes
    ----------
    label : str
        "Opening", "2.1", "Exercise 2.1" or "Recap".
    heading : str
        The heading without its number.
    core : bool
        False where the heading ends in "(extra)", or the exercise says that it is extra.
    words, lines, predictions, exercise : int
        What is counted: visible words, lines of code, predictions, and the minutes that a task states.
    cells : list of int
        Which cells of the notebook belong to it.
    """

    label: str
    heading: str = ""
    core: bool = True
    words: int = 0
    lines: int = 0
    predictions: int = 0
    exercise: int = 0
    cells: list[int] = field(default_factory=list)

    @property
    def minutes(self):
        """Minutes by the rule, not rounded."""
        return (self.words / WORDS_A_MINUTE + self.lines * SECONDS_A_LINE / 60
                + self.predictions * SECONDS_A_PREDICTION / 60 + self.exercise)


def parts(cells):
    """Take a lesson apart at its headings and count each part.

    Parameters
    ----------
    cells : sequence of mapping
        The notebook's cells, as nbformat or the bare JSON gives them.

    Returns
    -------
    list of Part
        In the order of the notebook; the first is what stands before the first heading.
    """
    found = [Part("Opening")]
    for i, cell in enumerate(cells):
        source, tags = "".join(cell["source"]), set(cell["metadata"].get("tags", []))
        if cell["cell_type"] == "code":
            if not tags & _NOT_READ:
                found[-1].lines += sum(bool(line.strip()) for line in source.split("\n"))
            found[-1].cells.append(i)
            continue
        match = _HEADING.match(source.lstrip())
        if match:
            label = f"{match[1] or ''} {match[2] or match[3]}".strip()
            task = _TASK.search(source)
            core = not match[3].rstrip().endswith("(extra)") and not (task and task[2] == "extra")
            found.append(Part(label, match[3].strip(), core, exercise=int(task[1]) if match[1] and task else 0))
        part = found[-1]
        part.cells.append(i)
        part.words += words(unfolded(source)) + sum(words(body) for summary, body in folds(source) if summary == ANSWER)
        part.predictions += len(PREDICT.findall(source))
    return found


def core_minutes(found):
    """Add up the minutes of the core path: every part that is not extra."""
    return sum(part.minutes for part in found if part.core)


def rounded(minutes):
    """Round minutes to five, as the opening of a lesson states them.

    Examples
    --------
    >>> rounded(43.2), rounded(1.0)
    (45, 5)
    """
    return max(5, 5 * round(minutes / 5))


def add_arguments(parser):
    """Add the options of ``python -m course_utils pace``."""
    parser.add_argument("notebooks", nargs="*", type=Path, metavar="NOTEBOOK", help="default: all lessons")
    parser.add_argument("--parts", action="store_true", help="each part of each lesson")


def run(args):
    """Print a line for each lesson, or for each of its parts."""
    lessons = args.notebooks or sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))
    print(f"{'lesson':34} {'cells':>5} {'words':>5} {'code':>5} {'predict':>7} {'exercises':>9} {'core':>5} {'all':>5}")
    for path in lessons:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        found = parts(cells)
        print(_row(path.stem, len(cells), found, core_minutes(found)))
        for part in found if args.parts else ():
            print(_row(f"  {part.label}{'' if part.core else ' (extra)'}", len(part.cells), [part],
                       part.minutes if part.core else 0))
    return 0


def _row(name, cells, found, core):
    total = [sum(getattr(part, what) for part in found) for what in ("words", "lines", "predictions", "exercise")]
    return (f"{name:34} {cells:5} {total[0]:5} {total[1]:5} {total[2]:7} {total[3]:9} {core:5.0f} "
            f"{sum(part.minutes for part in found):5.0f}")
