"""A student's look before handing in: is the file whole, does every answer run, what is decided now, what later."""

import secrets
from pathlib import Path

from course_utils.classroom.grading.forks import Zygote
from course_utils.classroom.grading.gradebook import in_points, number
from course_utils.classroom.grading.marking import mark
from course_utils.classroom.grading.notebooks import Unreadable, read_bytes, read_notebook

__all__ = ["preflight"]


def preflight(path, assignment, student="", limits=None, how=None):
    """Look at a file as the grader will; inputs are drawn anew each time, as `check` draws them.

    Parameters
    ----------
    path : path-like
        The notebook to hand in.
    assignment : Assignment
    student : str
        Has no influence on what is visible now.
    limits, how
        As in `Zygote`.

    Returns
    -------
    (list of str, bool)
        Lines for the student, and whether the file can be handed in as it is. It never says that all is passed
        while points are open.
    """
    path = Path(path)
    try:
        data = read_bytes(path)
        read_notebook(data)
    except Unreadable as why:
        return [f"✗ {path.name} {why}. Do not hand it in like this."], False
    with Zygote(limits, allowed=assignment.allowed, given=assignment.given, how=how) as zygote:
        record = mark(data, assignment, student, zygote, secret=secrets.token_hex(8))
    lines = [f"✓ {path.name} is a whole notebook", *(f"  note: {note}" for note in record["notes"])]
    good, open_points = True, 0
    for result in record["exercises"]:
        seen = [part for part in result["parts"] if part["visible"]]
        later = sum(part["of"] for part in result["parts"] if not part["visible"])
        open_points += later
        points, of = sum(part["points"] for part in seen), sum(part["of"] for part in seen)
        good &= result["state"] == "graded" and result["status"] != "not attempted"
        lines.append(f"{_sign(result, points, of)} {result['name']}: {_words(result, points, of)}"
                     + (f"; {number(later)} more decided after the deadline" if later else ""))
        if points < of and result["status"] != "not attempted" and result["state"] != "missing":
            lines.append(f"    {result['early']['headline'].partition(': ')[2]}")
        if points < of:
            lines += [f"    {label + ': ' if label else ''}{text}" for label, text in result["early"]["rows"][:4]]
        lines += [f"    {note}" for note in result["notes"]]
    by_hand = sum(task["of"] for task in record["by_hand"])
    lines.append(_closing(open_points, by_hand, good))
    return lines, good


def _sign(result, points, of):
    if result["status"] == "not attempted":
        return "○"
    return "✓" if points == of and result["state"] == "graded" else "✗"


def _words(result, points, of):
    if result["state"] == "missing":
        return "its cell is missing"
    if result["status"] == "not attempted":
        return "not attempted yet"
    stopped = " (had to be stopped)" if result["state"] == "stopped" else ""
    return f"{number(points)} of {number(of)} visible points{stopped}"


def _closing(later, by_hand, good):
    words = [f"{in_points(later)}, decided after the deadline"] * bool(later)
    words += [f"{in_points(by_hand)}, given by a person"] * bool(by_hand)
    still = f"Still open: {'; '.join(words)}." if words else "Every point of this assignment is visible."
    return still if good else f"{still} Look at the lines above before you hand it in."
