"""Gradebooks: the course's own CSV, and the columns that Canvas and Moodle take back."""

import csv
import io
import re

__all__ = ["canvas", "gradebook", "in_points", "moodle", "number"]


def number(points):
    """Write points without a tail of zeros."""
    return f"{points:.2f}".rstrip("0").rstrip(".")


def in_points(points):
    """Write points with their word."""
    return f"{number(points)} point{'' if points == 1 else 's'}"


def gradebook(records):
    """Write the gradebook as CSV.

    Parameters
    ----------
    records : sequence of dict

    Returns
    -------
    str
        A line for each student: id, state, points by exercise and in all, late days. Where a person has to read
        something, ``by_hand_open`` says how many points are still open.
    """
    names = list(dict.fromkeys(result["name"] for record in records for result in record["exercises"]))
    rows = [["student", "state", *names, "points", "of", "by_hand_open", "late_days", "notes"]]
    for record in records:
        results = {result["name"]: result for result in record["exercises"]}
        cells = [_cell(results.get(name)) for name in names]
        points = "" if record["state"] in ("unreadable", "missing") else number(record["points"])
        rows.append([record["student"], record["state"], *cells, points, number(record["of"]),
                     number(sum(task["of"] for task in record["by_hand"])), record["late_days"],
                     " | ".join(record["notes"])])
    return _csv(rows)


def _cell(result):
    """Points, or the word for why there are none: a 0 that nobody has looked at would look like a grade."""
    if result is None:
        return ""
    if result["points"] == 0 and result["state"] != "graded":
        return result["state"]
    return number(result["points"])


def canvas(records, template):
    """Fill a gradebook that Canvas has exported.

    Parameters
    ----------
    records : sequence of dict
        Their students are Canvas's user numbers (column ``ID``), login ids, or the names in submissions' file names.
    template : str
        The exported CSV.

    Returns
    -------
    (str, list of str)
        The CSV to import, and the students who stand in no line of it.

    Raises
    ------
    ValueError
        If `template` is not such a file.
    """
    lines = list(csv.reader(io.StringIO(template.lstrip("\ufeff"))))
    if not lines or "Student" not in lines[0] or "ID" not in lines[0]:
        raise ValueError("template should be a gradebook exported from Canvas, with the columns Student and ID")
    head = lines[0]
    keep = [head.index(name) for name in ("Student", "ID", "SIS User ID", "SIS Login ID", "Section") if name in head]
    title = records[0]["assignment"] if records else "homework"
    column = next((name for name in head if re.match(rf"{re.escape(title)}( \(\d+\))?$", name)), title)
    rows, used = [[*(head[i] for i in keep), column]], set()
    for line in lines[1:]:
        line += [""] * (len(head) - len(line))
        if line[head.index("Student")].strip() in ("Points Possible", ""):
            top = number(records[0]["of"]) if line[head.index("Student")].strip() and records else ""
            rows.append([*(line[i] for i in keep), top])
            continue
        names = {line[i].strip().lower() for i in keep if head[i] != "Section"} - {""}
        names.add(re.sub(r"[^a-z]", "", line[head.index("Student")].lower()))
        record = next((r for r in records if r["student"].lower() in names), None)
        used.add(record["student"] if record else None)
        rows.append([*(line[i] for i in keep), _total(record)])
    return _csv(rows), [record["student"] for record in records if record["student"] not in used]


def moodle(records, template):
    """Fill a grading worksheet that Moodle has exported.

    Parameters
    ----------
    records : sequence of dict
        Their students are as in Moodle's folder names: ``Ada Lovelace_123456``.
    template : str
        The worksheet; its first column reads ``Participant 123456`` (in any language).

    Returns
    -------
    (str, list of str)
        The worksheet to import, and the students who stand in no line of it.

    Raises
    ------
    ValueError
        If `template` is not such a file.
    """
    lines = list(csv.reader(io.StringIO(template.lstrip("\ufeff"))))
    head = lines[0] if lines else []
    if len(head) < 3 or "Grade" not in head:
        raise ValueError("template should be a grading worksheet from Moodle, with the column Grade")
    place, words = head.index("Grade"), head.index("Feedback comments") if "Feedback comments" in head else None
    by_number = {match[1]: record for record in records if (match := re.search(r"(\d+)$", record["student"]))}
    rows, used = [head], set()
    for line in lines[1:]:
        line += [""] * (len(head) - len(line))
        match = re.search(r"(\d+)\s*$", line[0])
        record = by_number.get(match[1]) if match else None
        if record:
            used.add(record["student"])
            line[place] = _total(record)
            if words is not None:
                line[words] = " ".join(result["headline"] for result in record["exercises"]) or record["state"]
        rows.append(line)
    return _csv(rows), [record["student"] for record in records if record["student"] not in used]


def _total(record):
    """The points; empty where nothing was graded, so that the platform shows no grade instead of a zero."""
    return "" if record is None or record["state"] in ("unreadable", "missing") else number(record["points"])


def _csv(rows):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([[_harmless(cell) for cell in row] for row in rows])
    return out.getvalue()


def _harmless(cell):
    """A name that begins like a formula would be run by a spreadsheet."""
    text = str(cell)
    formula = text[:1] in tuple("=+@\t\r") or (text[:1] == "-" and not re.fullmatch(r"-?\d+(\.\d+)?", text))
    return "'" + text if formula else text
