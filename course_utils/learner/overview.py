"""Where a learner stands: a table of notebooks and exercises, and starting over."""

import html
import json
import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from course_utils import exercises
from course_utils.exercises.gone import GONE
from course_utils.learner import journal, working_copies

__all__ = ["Overview", "progress", "reset_progress"]

_MINUTES = re.compile(r"(\d+) minutes, (\d+) of them exercises")


@dataclass(frozen=True)
class Overview:
    """A table of what is passed and what comes next; displays itself in a notebook.

    Attributes
    ----------
    rows : tuple of (str, str, str, str)
        Notebook, its minutes, an exercise of it, "passed", "open" or "open (extra)".
    summary : str
        How much is done and what comes next.
    """

    rows: tuple[tuple[str, str, str, str], ...]
    summary: str

    def __str__(self):
        table = [("notebook", "minutes", "exercise", "state"), *self.rows]
        widths = [max(len(row[i]) for row in table) for i in range(4)]
        lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
                 for row in table]
        return "\n".join([*lines, self.summary])

    def _repr_pretty_(self, printer, cycle):
        printer.text(str(self))

    def _repr_html_(self):
        left = 'style="text-align:left"'
        head = "".join(f'<th scope="col" {left}>{h}</th>' for h in ("Notebook", "Minutes", "Exercise", "State"))
        starts = [n for n, row in enumerate(self.rows) if row[0]] + [len(self.rows)]
        body = "".join(_group(self.rows[start:end], left) for start, end in pairwise(starts))
        return (f"<table><caption>Your progress</caption><thead><tr>{head}</tr></thead>{body}</table>"
                f"<p>{html.escape(self.summary)}</p>")


def _group(rows, style):
    """The rows of one notebook, whose name stands for all of them; each is named by its exercise."""
    notebook, minutes, *_ = map(html.escape, rows[0])
    first = style.replace("left", "left;vertical-align:top")  # beside the first exercise
    lead = (f'<th scope="rowgroup" rowspan="{len(rows)}" {first}>{notebook}</th>'
            f'<td rowspan="{len(rows)}" {first}>{minutes}</td>')
    lines = [f'<th scope="row" {style}>{html.escape(name)}</th><td {style}>{html.escape(state)}</td>'
             for _, _, name, state in rows]
    return f"<tbody style='border-top:1px solid'><tr>{lead}{'</tr><tr>'.join(lines)}</tr></tbody>"


def progress():
    """Show which exercises you have passed, and what comes next.

    Returns
    -------
    Overview
        Shows itself as a table.
    """
    try:
        passed, problem = journal.passed_exercises(), ""
    except OSError as error:
        passed, problem = {}, f" Your record in {journal.journal_path().name} could not be read: {error.strerror}."
    rows, todo, last = [], [], None
    for exercise in exercises.all_exercises():
        done = exercise.name in passed
        state = "passed" if done else "open" if exercise.core else "open (extra)"
        lead = ("", "") if exercise.notebook == last else (exercise.notebook, _minutes(exercise.notebook))
        rows.append((*lead, exercise.name, state))
        last = exercise.notebook
        if not done and exercise.core:
            todo.append(exercise)
    ahead = (f"Next: {todo[0].name} in {todo[0].notebook}, about {todo[0].minutes} minutes." if todo
             else "Every core exercise is passed.")
    count = sum(row[3] == "passed" for row in rows)
    more = f"{problem}{_gone(passed)}{_new_versions()}"
    return Overview(tuple(rows), f"{count} of {len(rows)} exercises passed. {ahead}{more}")


def _gone(passed):
    """A sentence for each exercise that the learner passed and the course no longer has."""
    return "".join(f" {GONE[name]}" for name in passed if name in GONE)


def _new_versions():
    """A sentence for each lesson whose new version lies beside the learner's."""
    folders = {Path.cwd(), Path(__file__).resolve().parents[2] / working_copies.FOLDER}
    return "".join(f" {pair}" for folder in sorted(folders) for pair in working_copies.beside(folder))


def _minutes(notebook):
    """The minutes that a notebook itself states, or nothing where the notebooks are not at hand."""
    path = Path(__file__).resolve().parents[2] / "notebooks" / f"{notebook}.ipynb"
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError, KeyError):
        return ""
    found = _MINUTES.search("\n".join("".join(cell["source"]) for cell in cells))
    return found.group(1) if found else ""


def reset_progress():
    """Start over, after asking. The old record and the answers that passed are kept under other names."""
    count = len(journal.passed_exercises())
    try:
        answer = input(f"Start over with {count} passed exercises on record? Type yes: ")
    except (EOFError, OSError, RuntimeError):  # nobody can answer: a test, or Run All without a keyboard
        answer = ""
    if answer.strip().lower() != "yes":
        print("Nothing was changed.")
        return
    kept = journal.set_aside()
    names = " and ".join(path.name for path in kept)
    print(f"A new record begins. The old one is kept as {names}." if kept else "There was no record yet.")


def add_arguments(parser):
    """Add the options of ``python -m course_utils progress``."""
    parser.add_argument("--reset", action="store_true", help="start over; asks first and keeps the old record")


def run(args):
    """Print the table, or start over."""
    if args.reset:
        reset_progress()
    else:
        print(progress())
    return 0
