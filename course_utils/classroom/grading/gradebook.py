"""Gradebooks: the course's own CSV, and the columns that Canvas and Moodle take back.

Points find their line by the platform's own id, never by a name. Who cannot be placed is listed with the reason.
"""

import re

from course_utils.classroom.grading.results import label
from course_utils.classroom.grading.tables import write_table

__all__ = ["NOT_GRADED", "canvas", "gradebook", "in_points", "moodle", "number", "open_points", "other_columns",
           "total"]

NOT_GRADED = ("missing", "excused", "unreadable", "other homework")  # states without a grade, which is not a zero
# How Moodle calls the column of grades in its worksheets.
_GRADES = ("grade", "bewertung", "note", "calificación", "nota", "valutazione", "cijfer", "ocena", "оценка", "成绩",
           "評定", "karakter", "betyg", "punkte")
_COMMENTS = ("feedback comments", "feedback als kommentar", "feedback", "commentaires", "comentarios")


def number(points):
    """Write points without a tail of zeros."""
    return f"{points:.2f}".rstrip("0").rstrip(".")


def in_points(points):
    """Write points with their word."""
    return f"{number(points)} point{'' if points == 1 else 's'}"


def open_points(record):
    """Count the points that wait for a person."""
    return sum(task["of"] for task in record["by_hand"] if task.get("points") is None)


def total(record):
    """Add up what a record has earned: by the checks, and by hand as far as that is done."""
    return record["points"] + sum(task.get("points") or 0 for task in record["by_hand"])


def _of(record):
    return record["of"] + sum(task["of"] for task in record["by_hand"])


def gradebook(records):
    """Write the gradebook as CSV.

    Parameters
    ----------
    records : iterable of dict
        It is gone through twice.

    Returns
    -------
    str
        A line for each student: id, name, state, points by exercise and by written question, and in all; late days.
        Where a person has to read something, the question says whether it was written, and ``open`` how many points
        wait: a total with open points is partial.
    """
    names, questions = {}, {}  # in the order in which they are met
    for record in records:
        names.update(dict.fromkeys(result["name"] for result in record["exercises"]))
        questions.update(dict.fromkeys(task["id"] for task in record["by_hand"]))
    rows = [["student", "name", "state", *names, *questions, "points", "of", "open", "late_days", "notes"]]
    for record in records:
        results = {result["name"]: result for result in record["exercises"]}
        tasks = {task["id"]: task for task in record["by_hand"]}
        graded = record["state"] not in NOT_GRADED
        rows.append([record["student"], record.get("name", ""), record["state"],
                     *(_cell(results.get(name)) for name in names),
                     *(_written(tasks.get(question)) for question in questions),
                     number(total(record)) if graded else "", number(_of(record)),
                     number(open_points(record)) if graded else "", record["late_days"], " | ".join(record["notes"])])
    return write_table(rows)


def _cell(result):
    """Points, or the word for why there are none: a 0 that nobody has looked at would look like a grade."""
    if result is None:
        return ""
    if result["points"] == 0 and result["state"] != "graded":
        return result["state"]
    return number(result["points"])


def _written(task):
    if task is None:
        return ""
    return (task.get("state") or "open") if task.get("points") is None else number(task["points"])


def canvas(records, template, column=None):
    """Fill a gradebook that Canvas has exported.

    Parameters
    ----------
    records : sequence of dict
        Their students are Canvas's user numbers (column ``ID``), or login or SIS ids.
    template : Table
        The exported CSV.
    column : str, optional
        Its column for this homework, where the assignment is called otherwise there.

    Returns
    -------
    (str, list of (str, str))
        The CSV to import, and the students who could not be placed, with the reason.

    Raises
    ------
    ValueError
        If `template` is not such a file, or has no such column.
    """
    head = template.head
    if "Student" not in head or "ID" not in head:
        raise ValueError(f"{template.name} should be a gradebook exported from Canvas, with the columns Student and ID")
    keep = [head.index(name) for name in ("Student", "ID", "SIS User ID", "SIS Login ID", "Integration ID", "Section")
            if name in head]
    title = records[0]["assignment"] if records else "homework"
    place = _canvas_column(template, column, title)
    by_id = {}
    for record in records:
        by_id.setdefault(record["student"].lower(), record)
    lines, claims = [], {}
    for line, cells in template.rows[1:]:
        keys = [cells[i].strip().lower() for i in keep if head[i] not in ("Student", "Section") and cells[i].strip()]
        record = next((by_id[key] for key in keys if key in by_id), None)
        is_student = bool(cells[head.index("ID")].strip())
        lines.append((cells, record if is_student else None, is_student))
        if record and is_student:
            claims.setdefault(record["student"], []).append(line)
    twice = {student: found for student, found in claims.items() if len(found) > 1}
    rows = [[*(head[i] for i in keep), head[place] if place is not None else column or title]]
    for cells, record, is_student in lines:
        if is_student:
            last = _grade(record) if record and record["student"] not in twice else ""
        elif place is not None:
            last = cells[place]  # what the platform calls possible stays as it is
        else:
            points_row = cells[head.index("Student")].strip()
            last = number(_of(records[0])) if points_row and records else ""
        rows.append([*(cells[i] for i in keep), last])
    unplaced = [(label(record), f"fits lines {', '.join(map(str, twice[record['student']]))} of {template.name}"
                 if record["student"] in twice else f"no line of {template.name} has the id {record['student']!r}")
                for record in records if record["student"] not in claims or record["student"] in twice]
    return write_table(rows, template.delimiter), unplaced


def other_columns(records, template, column=None):
    """Name the columns that a Canvas gradebook has for assignments, where it has none for this one; else None."""
    if not records or _canvas_column(template, column, records[0]["assignment"]) is not None:
        return None
    return ", ".join(repr(name) for name in template.head if re.fullmatch(r".+ \(\d+\)", name.strip()))


def _canvas_column(template, column, title):
    """Where the homework's column stands, or None where it is a new one."""
    head = template.head
    if column is not None:
        if column not in head:
            raise ValueError(f"{template.name} has no column {column!r}; it has {', '.join(map(repr, head))}")
        return head.index(column)
    found = [i for i, name in enumerate(head) if re.fullmatch(rf"{re.escape(title)}( \(\d+\))?", name.strip(), re.I)]
    if len(found) > 1:
        raise ValueError(f"{template.name} has several columns for {title}: {', '.join(repr(head[i]) for i in found)}; "
                         "name one with --column")
    return found[0] if found else None


def moodle(records, template, column=None):
    """Fill a grading worksheet that Moodle has exported.

    Parameters
    ----------
    records : sequence of dict
        Their students are Moodle's participant numbers.
    template : Table
        The worksheet, in any language; its first column reads ``Participant 123456``.
    column : str, optional
        Its column of grades, where that cannot be found.

    Returns
    -------
    (str, list of (str, str))
        The worksheet to import, and the students who could not be placed, with the reason.

    Raises
    ------
    ValueError
        If `template` is not such a file.
    """
    head, by_id = template.head, {record["student"]: record for record in records}
    place = _grade_column(template, column)
    words = next((i for i, name in enumerate(head) if name.strip().lower() in _COMMENTS), None)
    comma = any("," in cells[place + 1] for _, cells in template.rows[1:]) if place + 1 < len(head) else False
    rows, used, numbered = [head], set(), False
    for _, cells in template.rows[1:]:
        cells = list(cells)
        match = re.search(r"(\d+)\s*$", cells[0])
        numbered |= match is not None
        record = by_id.get(match[1]) if match else None
        if record:
            used.add(record["student"])
            cells[place] = _grade(record).replace(".", "," if comma else ".")
            if words is not None:
                cells[words] = " ".join(result["headline"] for result in record["exercises"]) or record["state"]
        rows.append(cells)
    if not numbered:
        raise ValueError(f"{template.name} should be a grading worksheet from Moodle, whose first column reads "
                         '"Participant 123456"')
    return write_table(rows, template.delimiter), [
        (label(record), f"no line of {template.name} has the number {record['student']!r}")
        for record in records if record["student"] not in used]


def _grade_column(template, column):
    """The column of grades: by its name in a language that is known, else the one before the highest grade."""
    head = [name.strip().lower() for name in template.head]
    if column is not None:
        if column.strip().lower() not in head:
            raise ValueError(f"{template.name} has no column {column!r}; it has "
                             f"{', '.join(map(repr, template.head))}")
        return head.index(column.strip().lower())
    called = [i for i, name in enumerate(head) if name in _GRADES]
    if called:
        return called[0]
    rows = [cells for _, cells in template.rows[1:]]
    for i in range(2, len(head)):
        highest = {cells[i].strip() for cells in rows}
        if len(highest) == 1 and re.fullmatch(r"\d+([.,]\d+)?", highest.pop()) and all(
                re.fullmatch(r"(\d+([.,]\d+)?)?", cells[i - 1].strip()) for cells in rows):
            return i - 1
    raise ValueError(f"{template.name} should be a grading worksheet from Moodle; none of its columns looks like "
                     "grades: name it with --column")


def _grade(record):
    """The points; empty where nothing was graded, so that the platform shows no grade instead of a zero."""
    return "" if record["state"] in NOT_GRADED else number(total(record))
