"""Rules about a lesson's teaching notes and its minutes, which are counted and not guessed."""

import re

from anatomy.lesson import rule
from anatomy.structure import MINUTES
from course_utils.classroom.pace import core_minutes, parts, rounded
from course_utils.classroom.pages.teaching import CUTS, NOTES, rows

LIMIT = 90  # minutes of a core path


@rule
def minutes(lesson):
    """The opening states the core path's minutes, counted by course_utils.classroom.pace; at most 90."""
    counted = core_minutes(parts(lesson.cells))
    stated = MINUTES.search(lesson.opening)
    if stated and abs(int(stated[1]) - rounded(counted)) > 0:
        yield f"the opening states {stated[1]} minutes, the rule counts {counted:.0f}: state {rounded(counted)}"
    if counted > LIMIT:
        yield f"the core path takes {counted:.0f} minutes, at most {LIMIT}"


@rule
def no_notes(lesson):
    """What is for the lecturer stands in docs/teaching, not before the learner's eyes."""
    for i, cell in lesson.markdown:
        if cell.metadata.get("slideshow", {}).get("slide_type") == "notes" or "lecturer" in cell.source.lower():
            yield f"cell {i} speaks to the lecturer: docs/teaching is the place"


@rule
def teaching_notes(lesson):
    """docs/teaching has the lesson's notes, each under a heading of the lesson, and two cuts that fit."""
    path = notes_of(lesson)
    if not path.is_file():
        yield f"there is no {path.relative_to(NOTES.parents[1])}"
        return
    text, found = path.read_text(encoding="utf-8"), parts(lesson.cells)
    titles = {f"## {part.label} {part.heading}".strip() for part in found} | {"## Cuts", "## Opening", "## Recap"}
    for heading in re.findall(r"^## .*$", text, re.MULTILINE):
        if heading.strip() not in titles:
            yield f"{path.name}: {heading!r} is no heading of the lesson"
    table = rows(text)
    wanted = {part.label: max(1, round(part.minutes)) for part in found}
    for label in wanted:
        if label not in table:
            yield f"{path.name}: the table of cuts has no row {label!r}, of {wanted[label]} minutes"
        elif table[label][0] != wanted[label]:
            yield f"{path.name}: {label} takes {wanted[label]} minutes by the rule, the table says {table[label][0]}"
    for label in table.keys() - wanted.keys():
        yield f"{path.name}: the table has {label!r}, the lesson has not"
    for column, limit in enumerate(CUTS, start=1):
        chosen = [row[0] for row in table.values() if row[column]]
        if not chosen or sum(chosen) > limit:
            yield f"{path.name}: the cut for {limit} minutes takes {sum(chosen)}"


def notes_of(lesson):
    """Where a lesson's teaching notes lie."""
    return NOTES / f"{lesson.stem}.md"
