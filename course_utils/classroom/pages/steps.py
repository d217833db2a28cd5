"""A lesson as the steps of a lecture: what is shown, in which order, and what is said beside it.

One notebook serves both: a cell's `slide_type` says whether it begins a slide, its tags say what it is. What a learner
does alone (set-up, stub, check, hints) is left out; what a room does together (a prediction, then its answer; a
question, then which choice is right) becomes two steps; a solution gets a slide of its own.
"""

from __future__ import annotations

import re
from copy import deepcopy

from nbformat.v4 import new_markdown_cell

from course_utils import exercises
from course_utils.classroom.pace import ANSWER, PREDICT, folds, parts, unfolded
from course_utils.classroom.pages import teaching

__all__ = ["MISTAKES", "steps"]

MISTAKES = 3  # told for each exercise in the speaker's notes

_FIGURE = "application/vnd.jupyter.widget-view+json"
_LEFT_OUT = {"setup", "exercise", "check"}
_CHECKED = re.compile(r"""^check\(["'](\w+)["']""", re.MULTILINE)
_WHOSE = re.compile(r"^the course's \w+ \(yours .*\)\n?", re.MULTILINE)  # for a learner; in a lecture it is noise
_RIGHT = re.compile(r"^\*\*Right\.\*\*")


def steps(notebook, text=""):
    """Take a lesson apart into steps.

    Parameters
    ----------
    notebook : NotebookNode
        The lesson, executed.
    text : str
        Its notes for teachers, in Markdown.

    Returns
    -------
    NotebookNode
        A copy whose cells are the steps. `metadata.step` of each has `kind` ("slide" begins a slide, "fragment"
        appears by a key, "-" goes on, "notes" is for the speaker), `part` (a part's label) and `answer` (True where
        the output is to appear after the code).
    """
    found = deepcopy(notebook)
    said, table = teaching.notes(text), teaching.rows(text)
    cells = found.cells
    found.cells = []
    for part in parts(cells):
        mine = [cells[i] for i in part.cells]
        shown = [step for cell in mine for step in _steps_of(cell)]
        if shown and shown[0].metadata.step["kind"] != "slide":
            shown[0].metadata.step["kind"] = "slide"
        if shown:
            shown.insert(1, _cell(_speaker(part, mine, said, table), "notes"))
        for step in shown:
            step.metadata.step["part"] = part.label
            step.metadata.step["title"] = f"{part.label} {part.heading}".strip() if part.heading else ""
        found.cells += shown
    return found


def _cell(source, kind, answer=False):
    cell = new_markdown_cell(source)
    cell.metadata.step = {"kind": kind, "answer": answer}
    return cell


def _steps_of(cell):
    """The steps of one cell, none where it is not shown."""
    tags = set(cell.metadata.get("tags", []))
    kind = cell.metadata.get("slideshow", {}).get("slide_type", "-")
    kind = "slide" if kind in ("slide", "subslide") else kind
    if tags & _LEFT_OUT:
        return
    if cell.cell_type == "markdown":
        folded = folds(cell.source)
        if "why" in tags:
            yield from _question(unfolded(cell.source).strip(), folded)
            return
        for summary, body in folded:
            if summary == ANSWER:
                yield _cell(body, "fragment")
            elif summary == "Solution" or summary.startswith("One solution"):
                yield _cell(f"### A solution\n\n{body}", "slide")
        if folded or kind == "skip":
            return
    if kind != "skip":
        cell.metadata.step = {"kind": kind, "answer": "answer" in tags}
        for output in cell.get("outputs", []):
            if output.output_type == "stream":
                output.text = _WHOSE.sub("", output.text)
            elif _FIGURE in output.get("data", {}):
                cell.metadata.transient = {"remove_source": True}  # the figure is the idea, not the line that makes it
        cell.metadata.pop("jupyter", None)  # an answer's output appears by a key here, so it needs no fold
        yield cell


def _question(text, choices):
    """Two steps: the question with its choices, and what each choice means."""
    yield _cell("\n\n".join([text, *(f"**{summary[:2]}**{summary[2:]}" for summary, _ in choices)]), "slide")
    for summary, body in choices:
        if _RIGHT.match(body):
            yield _cell(f"**{summary[:2]}** {body}", "fragment")
    yield _cell("\n\n".join(f"{summary[:2]} {body}" for summary, body in choices), "notes")


def _speaker(part, cells, said, table):
    """The speaker's notes of a part: its minutes, what to ask, what the teacher's page says, what will go wrong."""
    minutes = table.get(part.label, (max(1, round(part.minutes)),))[0]
    lines = [f"**{part.label}: {minutes} minute{'s' * (minutes != 1)}.**"]
    for cell in cells:
        if cell.cell_type == "markdown":
            lines += [f"Ask: {question}" for question in _asked(cell.source)]
    if part.label in said:
        lines.append(said[part.label])
    for cell in cells:
        for name in _CHECKED.findall(cell.source) if cell.cell_type == "code" else ():
            for mistake in exercises.find(name).mistakes[:MISTAKES]:
                lines.append(f"Expect *{mistake.name}*: {mistake.cause}")
    return "\n\n".join(lines)


def _asked(source):
    """The predictions that a text asks for, each to the end of its paragraph."""
    for paragraph in unfolded(source).split("\n\n"):
        if found := PREDICT.search(paragraph):
            yield paragraph[found.start():].replace("**", "").strip()
