"""Answers that a person reads: which of them were written at all, and points and comments that come back as a table."""

import json

from course_utils.classroom.grading.notebooks import same_id
from course_utils.classroom.grading.tables import write_table

__all__ = ["HEAD", "read_marks", "sheet", "state_of", "with_marks"]

STUB = "YOUR ANSWER HERE"  # what nbgrader puts in the place of a model answer
HEAD = ("student", "name", "question", "of", "state", "points", "comment", "answer")


def state_of(notebook, grade_id):
    """Say what became of one written question.

    Parameters
    ----------
    notebook : Notebook
    grade_id : str

    Returns
    -------
    (str, str)
        "written", "untouched", "empty" or "deleted", and the text.
    """
    found = [cell.source.strip() for cell in notebook.cells if same_id(cell.grade_id, grade_id)]
    if not found:
        return "deleted", ""
    text = "\n\n".join(part for part in found if part)
    bare = text.strip("*_ \n")
    return ("empty" if not bare else "untouched" if bare == STUB else "written"), text[:8000]


def sheet(records):
    """Write the table that is filled in by hand: a line for each student and question.

    Parameters
    ----------
    records : sequence of dict

    Returns
    -------
    str
        CSV; columns points and comment are to be filled.
    """
    rows = [HEAD]
    for record in records:
        for task in record["by_hand"]:
            if not task.get("state"):
                continue  # nothing was handed in that could be read
            points = "" if task.get("points") is None else f"{task['points']:g}"
            rows.append((record["student"], record.get("name", ""), task["id"], f"{task['of']:g}",
                         task.get("state", ""), points, task.get("comment", ""), task.get("text", "")))
    return write_table(rows)


def read_marks(table, records):
    """Read the table back.

    Parameters
    ----------
    table : Table
    records : sequence of dict
        To know students, questions and their points.

    Returns
    -------
    dict
        Student -> question -> ``{"points": ..., "comment": ...}``; lines without points are left out.

    Raises
    ------
    ValueError
        With the line that does not fit.
    """
    head = [cell.strip().lower() for cell in table.head]
    missing = [name for name in ("student", "question", "points") if name not in head]
    if missing:
        raise ValueError(f"{table.name} should have the columns student, question and points; "
                         f"{', '.join(missing)} is not among {', '.join(map(repr, head))}")
    tasks = {record["student"]: {task["id"]: task["of"] for task in record["by_hand"]} for record in records}
    marks = {}
    for line, cells in table.rows[1:]:
        row = dict(zip(head, (cell.strip() for cell in cells)))
        if not row["points"]:
            continue
        if row["student"] not in tasks:
            raise ValueError(f"{table.at(line)}: no student is called {row['student']!r}")
        questions = tasks[row["student"]]
        if row["question"] not in questions:
            raise ValueError(f"{table.at(line)}: no question is called {row['question']!r}; there is "
                             f"{', '.join(questions)}")
        points, of = _number(row["points"]), questions[row["question"]]
        if points is None or not 0 <= points <= of:
            raise ValueError(f"{table.at(line)}: points should be a number from 0 to {of:g}, got {row['points']!r}")
        marks.setdefault(row["student"], {})[row["question"]] = {"points": points, "comment": row.get("comment", "")}
    return marks


def _number(text):
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return None


def with_marks(record, marks):
    """Give a record in which each question has the points and the comment that a person gave."""
    given = marks.get(record["student"], {})
    by_hand = [{**task, **given.get(task["id"], {"points": None, "comment": ""})} for task in record["by_hand"]]
    return {**record, "by_hand": by_hand}


def load(path):
    """Read the marks that are kept in a folder of results."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
