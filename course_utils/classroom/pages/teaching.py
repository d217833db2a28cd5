"""The notes for teachers, docs/teaching/NN_name.md: which parts make a cut of a lesson, and what is said of each."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["CUTS", "NOTES", "cuts", "notes", "rows"]

NOTES = Path(__file__).resolve().parents[3] / "docs" / "teaching"
CUTS = (50, 90)  # minutes

_ROW = re.compile(r"^\| *(Opening|Recap|(?:Exercise )?\d+\.\d+)[^|]*\| *(\d+) *\| *(x?) *\| *(x?) *\|", re.MULTILINE)
_LABEL = re.compile(r"(?:Exercise )?\d+\.\d+|Opening|Recap")


def rows(text):
    """Read the table of cuts.

    Parameters
    ----------
    text : str
        The notes of one lesson, in Markdown.

    Returns
    -------
    dict of str to tuple
        For each part's label its minutes, and whether it belongs to the cut of 50 and to that of 90 minutes.
    """
    return {label: (int(count), bool(short), bool(long)) for label, count, short, long in _ROW.findall(text)}


def cuts(text):
    """Give the parts of each cut.

    Parameters
    ----------
    text : str
        The notes of one lesson, in Markdown.

    Returns
    -------
    dict of int to list of str
        Labels of parts by the minutes of the cut.

    Examples
    --------
    >>> cuts("| Opening | 1 |  | x |" + chr(10) + "| Exercise 2.1 Write softmax | 12 | x | x |")
    {50: ['Exercise 2.1'], 90: ['Opening', 'Exercise 2.1']}
    """
    table = rows(text)
    return {cut: [label for label in table if table[label][k]] for k, cut in enumerate(CUTS, start=1)}


def notes(text):
    """Give what the notes say of each part of a lesson.

    Parameters
    ----------
    text : str
        The notes of one lesson, in Markdown.

    Returns
    -------
    dict of str to str
        Markdown by the part's label.
    """
    found = {}
    for piece in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        heading, _, body = piece.partition("\n")
        label = _LABEL.match(heading)
        if label and body.strip():
            found[label[0]] = body.strip()
    return found
