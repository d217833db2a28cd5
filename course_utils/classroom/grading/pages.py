"""One page of feedback for each student: HTML in a single file that fetches nothing and runs nothing."""

import html

from course_utils.classroom.grading.gradebook import NOT_GRADED, in_points, number, open_points
from course_utils.classroom.grading.results import label
from course_utils.classroom.grading.words import without_paths

__all__ = ["CSS", "document", "feedback_page"]

_STATES = {
    "stopped": "Your code had to be stopped on some input. What had passed by then keeps its points.",
    "missing": "There was nothing to grade. This is not a zero yet: ask your teacher.",
    "other homework": "This is another homework than the one that was asked for, so nothing was graded. This is not a "
                      "zero yet: hand in the right one.",
    "unreadable": "Your file could not be read, so nothing was graded. This is not a zero yet: hand in a whole file.",
}

CSS = """
:root{color-scheme:light dark;--bar:#2f6f9f;--good:#1a7a42;--bad:#b3391b;--open:#6b6b6b;--line:#8886;--shade:#8881}
@media (prefers-color-scheme:dark){:root{--bar:#7fb6dd;--good:#5fc98a;--bad:#ff9a7d;--open:#b5b5b5}}
body{font:1rem/1.5 system-ui,sans-serif;max-width:52rem;margin:0 auto;padding:1rem;background:Canvas;color:CanvasText}
h1{font-size:1.6rem}h2{font-size:1.25rem;margin-top:2rem}h3{font-size:1.05rem}
section{border-left:.35rem solid var(--open);padding:.1rem 1rem;margin:1.2rem 0}
section.right{border-color:var(--good)}section.wrong{border-color:var(--bad)}
section h2{margin:.6rem 0}
table{border-collapse:collapse;width:100%;overflow-wrap:break-word}
caption{text-align:left;font-weight:600;padding:.3rem 0}
th,td{text-align:left;vertical-align:top;padding:.25rem .45rem;border-bottom:1px solid var(--line)}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
dl{display:grid;grid-template-columns:minmax(6rem,max-content) 1fr;gap:.2rem 1rem}dd{margin:0;overflow-wrap:anywhere}
dt{font-weight:600}code,pre{font:.92em/1.45 ui-monospace,monospace;overflow-wrap:anywhere}
pre{background:var(--shade);padding:.6rem;white-space:pre-wrap;margin:.5rem 0}
mark{background:#ffd54a;color:#000}.state{font-weight:600}summary{cursor:pointer;padding:.2rem 0}
:focus-visible{outline:3px solid var(--bar);outline-offset:2px}
@media (max-width:30rem){th,td{padding:.25rem .2rem;overflow-wrap:anywhere}}
@media (max-width:30rem){dl{grid-template-columns:1fr}dt{margin-top:.4rem}}
@media print{details{display:block}}
""".strip()


def document(title, body):
    """Put a page together.

    Parameters
    ----------
    title, body : str
        Text, and HTML.

    Returns
    -------
    str
    """
    return ('<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{html.escape(title)}</title><style>{CSS}</style></head>\n<body><main>\n{body}\n</main></body></html>\n")


def feedback_page(record, show_all=True):
    """Write what a student reads.

    Parameters
    ----------
    record : dict
    show_all : bool
        Whether what is decided after the deadline is told.

    Returns
    -------
    str
        HTML.
    """
    results = record["exercises"]
    shown = [_shown(result, show_all) for result in results]
    later = sum(part["of"] for result in results for part in result["parts"] if not part["visible"]) * (not show_all)
    by_hand = open_points(record)
    points = sum(points for points, _ in shown)
    title = record.get("title", record["assignment"])
    body = [f"<h1>{html.escape(title)}: feedback for {html.escape(label(record))}</h1>"]
    if record["state"] in _STATES:
        body.append(f'<p class="state">{_STATES[record["state"]]}</p>')
    if record["state"] not in NOT_GRADED:
        body.append(f"<p>{number(points)} of {number(record['of'] - later)} points.{_open(later, by_hand)}</p>")
    if record.get("late_days"):
        body.append(f"<p>Handed in late by {record['late_days']} day{'s' * (record['late_days'] > 1)}.</p>")
    body += [f"<p>{html.escape(without_paths(note))}</p>" for note in record["notes"]]
    if record["state"] not in NOT_GRADED:
        body.append(_table(results, shown))
        body += [_exercise(result, show_all) for result in results]
        body += [_written(task) for task in record["by_hand"]]
    return document(f"{title}: {label(record)}", "\n".join(body))


def _written(task):
    """A question that a person read, or what is known of it before."""
    heading = f"<h2>{html.escape(task.get('title', task['id']))}</h2>"
    if task.get("points") is None:
        words = {"untouched": "You left it as it was given out.", "empty": "It is empty.",
                 "deleted": "Its cell is not in your file."}.get(task.get("state"), "A person will read it.")
        return f"<section>{heading}<p>{words}</p></section>"
    comment = f"<p>{html.escape(task['comment'])}</p>" if task.get("comment") else ""
    points = f"<p>{number(task['points'])} of {number(task['of'])} points.</p>"
    return f"<section>{heading}{points}{comment}</section>"


def _open(later, by_hand):
    words = [f"{in_points(later)} after the deadline"] * bool(later)
    words += [f"{in_points(by_hand)} by a person who reads your answers"] * bool(by_hand)
    return f" Decided later: {'; '.join(words)}." if words else ""


def _shown(result, show_all):
    parts = [part for part in result["parts"] if show_all or part["visible"]]
    return sum(part["points"] for part in parts), sum(part["of"] for part in parts)


def _table(results, shown):
    rows = "".join(
        f'<tr><th scope="row">{html.escape(result["title"])}</th><td>{html.escape(_word(result, *points))}</td>'
        f'<td class="n">{number(points[0])}</td><td class="n">{number(points[1])}</td></tr>'
        for result, points in zip(results, shown))
    return ('<table><caption>Points by exercise</caption><thead><tr><th scope="col">Exercise</th><th scope="col">Result'
            '</th><th scope="col" class="n">Points</th><th scope="col" class="n">of</th></tr></thead>'
            f"<tbody>{rows}</tbody></table>")


def _word(result, points, of):
    if result["state"] != "graded":
        return {"stopped": "had to be stopped", "missing": "cell missing"}.get(result["state"], result["state"])
    if result["status"] == "not attempted":
        return "not attempted"
    return "right" if points == of else "partly right" if points else "not right yet"


def _exercise(result, show_all):
    points, of = _shown(result, show_all)
    right = points == of and result["state"] == "graded"
    told = result if show_all else result["early"]
    lines, known = [f"<h2>{html.escape(result['title'])}</h2>"], result.get("source", "")
    if right and not show_all and points < result["of"]:
        lines.append("<p>What can be seen before the deadline is right.</p>")
    elif told["headline"]:
        lines.append(f"<p>{_words(told['headline'])}</p>")
    if len(result["parts"]) > 1:
        lines.append(f"<ul>{''.join(_part(part, show_all, known) for part in result['parts'])}</ul>")
    if not right or show_all:
        lines.append("".join(f"<dt>{html.escape(label) or 'There'}</dt><dd>{_words(without_paths(text, known))}</dd>"
                             for label, text in told["rows"]).join(("<dl>", "</dl>")) if told["rows"] else "")
    lines += [f"<p>{_words(without_paths(note, known))}</p>" for note in result["notes"]]
    if not right and result.get("source"):
        lines.append(_source(result["source"], result["line"]))
    return f'<section class="{"right" if right else "wrong"}">{"".join(lines)}</section>'


def _part(part, show_all, known):
    name = html.escape(part["name"] or "all of it")
    if not part["visible"] and not show_all:
        return f"<li>{name}: {in_points(part['of'])}, decided after the deadline</li>"
    why = f": {_words(without_paths(part['why_not'], known))}" if part["why_not"] else ""
    return f"<li>{name}: {number(part['points'])} of {number(part['of'])}{why}</li>"


def _source(source, line):
    rows = source.split("\n")[:200]
    text = "\n".join(f"<mark>{n:>3}  {html.escape(row)}</mark>" if n == line else f"{n:>3}  {html.escape(row)}"
                     for n, row in enumerate(rows, 1))
    words = f"Your cell, line {line} marked" if line else "Your cell"
    return f"<details{' open' if line else ''}><summary>{words}</summary><pre>{text}</pre></details>"


def _words(text):
    """Escape a text; what stands between backticks becomes code."""
    parts = html.escape(text).split("`")
    if len(parts) % 2 == 0:
        parts = ["`".join(parts)]
    return "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))
