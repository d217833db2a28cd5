"""What a class did: points, which mistake how often, and what a teacher may want to look at. One page, no script."""

import html
from collections import Counter

from course_utils.classroom.grading.gradebook import NOT_GRADED, number
from course_utils.classroom.grading.pages import document
from course_utils.classroom.grading.results import label
from course_utils.classroom.grading.suspicion import twins

__all__ = ["class_report", "mistakes_by_exercise"]

_UNNAMED = "(no known mistake)"


def mistakes_by_exercise(records):
    """Count named mistakes.

    Parameters
    ----------
    records : sequence of dict

    Returns
    -------
    dict
        Name of an exercise -> list of (mistake, cause, how many students), the most frequent first. What was wrong
        and has no name is counted too.
    """
    counts, causes = {}, {}
    for record in records:
        for result in record["exercises"]:
            counter = counts.setdefault(result["name"], Counter())
            for name, cause in zip(result["mistakes"], result["causes"]):
                counter[name] += 1
                causes[name] = cause
            if result["state"] in ("graded", "stopped") and result["status"] == "wrong" and not result["mistakes"]:
                counter[_UNNAMED] += 1
    return {exercise: [(name, causes.get(name, ""), n)
                       for name, n in sorted(counter.items(), key=_by_frequency)]
            for exercise, counter in counts.items()}


def _by_frequency(item):
    name, count = item
    return name == _UNNAMED, -count, name


def class_report(records):
    """Write the report on a class.

    Parameters
    ----------
    records : collection of dict
        It is gone through several times, and never held in memory whole.

    Returns
    -------
    str
        HTML.
    """
    states = Counter(record["state"] for record in records)
    first = next(iter(records))
    title = f"{first.get('title', first['assignment'])}: report on {len(records)} students"
    body = [f"<h1>{html.escape(title)}</h1>",
            f"<p>{', '.join(f'{n} {state}' for state, n in sorted(states.items()))}.</p>",
            _points_figure(records), _exercises(records)]
    for name, rows in mistakes_by_exercise(records).items():
        if rows:
            body.append(_mistakes(name, rows, len(records)))
    body += [_by_hand(records), _look_at(records)]
    return document(title, "\n".join(body))


def _exercises(records):
    found = {}
    for record in records:
        for i, result in enumerate(record["exercises"]):
            counts = found.setdefault(i, (result["title"], result["of"], Counter()))[2]
            if result["state"] in ("graded", "stopped"):
                counts.update(graded=1, points=result["points"], full=result["points"] == result["of"],
                              open=result["status"] == "not attempted")
    rows = [(title, counts["full"], counts["graded"] - counts["full"] - counts["open"], counts["open"],
             len(records) - counts["graded"], f"{number(counts['points'] / max(counts['graded'], 1))} of {number(of)}")
            for title, of, counts in found.values()]
    return _table("Exercises", ("exercise", "full points", "not all", "not attempted", "not graded",
                                "mean of the graded"), rows)


def _mistakes(name, rows, students):
    widest = max(n for _, _, n in rows)
    bars = "".join(
        f'<rect x="0" y="{i * 26 + 3}" width="{max(300 * n / widest, 2):.0f}" height="18" fill="var(--bar)"/>'
        f'<text x="{300 * n / widest + 6:.0f}" y="{i * 26 + 17}" fill="currentColor" font-size="14">{n} '
        f"{html.escape(mistake)}</text>" for i, (mistake, _, n) in enumerate(rows[:12]))
    words = "; ".join(f"{mistake}: {n}" for mistake, _, n in rows[:12])
    figure = (f'<svg role="img" aria-label="Mistakes in {html.escape(name)}: {html.escape(words)}" '
              f'viewBox="0 0 620 {len(rows[:12]) * 26 + 4}" width="100%">{bars}</svg>')
    table = _table(f"Mistakes in {name}", ("mistake", "likely cause", "students", "share"),
                   [(mistake, cause, n, f"{100 * n / students:.0f} %") for mistake, cause, n in rows])
    return f"<h2>{html.escape(name)}</h2>{figure}{table}"


def _points_figure(records):
    graded, top = [], 1
    for record in records:
        top = max(top, record["of"])
        graded += [record["points"]] if record["state"] not in NOT_GRADED else []
    bins = Counter(min(int(10 * p / top), 9) for p in graded)
    highest = max([*bins.values(), 1])
    bars = "".join(
        f'<rect x="{i * 60 + 4}" y="{120 - 110 * bins[i] / highest:.0f}" width="52" '
        f'height="{110 * bins[i] / highest:.0f}" fill="var(--bar)"/><text x="{i * 60 + 30}" y="138" font-size="13" '
        f'text-anchor="middle" fill="currentColor">{number(top * i / 10)}+</text>'
        f'<text x="{i * 60 + 30}" y="{115 - 110 * bins[i] / highest:.0f}" font-size="12" text-anchor="middle" '
        f'fill="currentColor">{bins[i] or ""}</text>' for i in range(10))
    words = ", ".join(f"{bins[i]} from {number(top * i / 10)}" for i in range(10) if bins[i]) or "nobody"
    return (f'<h2>Points</h2><svg role="img" aria-label="Students by points: {words}" viewBox="0 -12 604 156" '
            f'width="100%">{bars}</svg>')


def _by_hand(records):
    """How many answers to each written question are there to be read, and how many have been."""
    counts, points = {}, {}
    for record in records:
        for task in record["by_hand"] if record["state"] not in NOT_GRADED else ():
            points[task["id"]] = task["of"]
            state = "marked" if task.get("points") is not None else task.get("state") or "written"
            counts.setdefault(task["id"], Counter())[state] += 1
    if not counts:
        return ""
    states = ("marked", "written", "untouched", "empty", "deleted")
    return _table("Read by a person", ("question", "points", *states),
                  [(name, number(points[name]), *(found[state] for state in states)) for name, found in counts.items()])


def _look_at(records):
    names = {record["student"]: label(record) for record in records}
    rows = [(", ".join(names[student] for student in students), f"{name}: the same answer, apart from names and layout")
            for name, students in twins(records)]
    rows += [(label(record), what) for record in records for what in record["suspicious"]]
    rows += [(label(record), note) for record in records for note in record["notes"]]
    words = "<p>None of this changes a score, and none of it proves anything: it is what a person may want to read.</p>"
    return f"<h2>Worth a look</h2>{words}" + (
        _table("Submissions", ("students", "what"), rows) if rows else "<p>Nothing.</p>")


def _table(caption, head, rows):
    def line(cells):
        return f'<th scope="row">{html.escape(str(cells[0]))}</th>' + "".join(
            f'<td{" class=n" if isinstance(cell, int) else ""}>{html.escape(str(cell))}</td>' for cell in cells[1:])

    return (f"<table><caption>{html.escape(caption)}</caption><thead><tr>"
            + "".join(f'<th scope="col">{html.escape(name)}</th>' for name in head)
            + f"</tr></thead><tbody>{''.join(f'<tr>{line(row)}</tr>' for row in rows)}</tbody></table>")
