"""The mistakes that the checker knows, exercise by exercise, as pages to browse: from the bank itself."""

from __future__ import annotations

import re

from course_utils.exercises import all_exercises

_HEADING = re.compile(r"^## (Exercise .+)$", re.MULTILINE)


def by_lesson():
    """Give the exercises of the lessons: stem of the notebook -> exercises in their order."""
    found = {}
    for exercise in all_exercises():
        found.setdefault(exercise.notebook, []).append(exercise)
    return found


def headings(notebook, names):
    """Find the heading under which each exercise stands in its lesson.

    Parameters
    ----------
    notebook : NotebookNode
        The lesson.
    names : sequence of str
        Functions and classes that exercises ask for.

    Returns
    -------
    dict of str to str
        Name -> "Exercise 4.1 Measure how dot products spread".
    """
    found, heading = {}, ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and (titles := _HEADING.findall(cell.source)):
            heading = titles[-1]
        elif "exercise" in cell.metadata.get("tags", []):
            found |= {name: heading for name in names if re.search(rf"\b(?:def|class) {name}\b", cell.source)}
    return found


def page(notebook, exercises, title):
    """Write the page of a lesson: for each exercise what goes wrong and what to try.

    Parameters
    ----------
    notebook : NotebookNode
        The lesson.
    exercises : list of Exercise
    title : str
        The lesson's heading.

    Returns
    -------
    str
        Markdown.
    """
    where = headings(notebook, [exercise.name for exercise in exercises])
    parts = [f"# {title}: mistakes", ""]
    for exercise in exercises:
        heading = where[exercise.name]  # a lesson that lost the exercise is a mistake of ours
        lesson = f"[the lesson](../notebooks/{exercise.notebook}.ipynb#{slug(heading)})"
        parts += [f"## {heading}", "", f"`{exercise.signature}` in {lesson}.", "",
                  "| what went wrong | what to try |", "|---|---|"]
        parts += [f"| {_cell(mistake.cause)} | {_cell(mistake.experiment)} |" for mistake in exercise.mistakes]
        parts.append("")
    return "\n".join(parts)


def index(lessons, notebooks):
    """Write the page that leads to the others.

    Parameters
    ----------
    lessons : dict of str to (str, list of Exercise)
        Stem -> the lesson's heading and its exercises.
    notebooks : dict of str to NotebookNode
        Stem -> the lesson.

    Returns
    -------
    str
        Markdown.
    """
    lines = ["# Mistakes by exercise", "",
             "Each of these is an answer that runs and is wrong. `check` names it when your answer does the same, "
             "and says what to try next. Try an exercise first: a list of mistakes is half a solution. Homework's are "
             "not listed.", "", "| lesson | exercise | mistakes |", "|---|---|---|"]
    for stem, (title, exercises) in lessons.items():
        where = headings(notebooks[stem], [exercise.name for exercise in exercises])
        lines += [f"| {f'[{title}]({stem}.md)' if n == 0 else ''} "
                  f"| [`{exercise.name}`]({stem}.md#{slug(where[exercise.name])}) | {len(exercise.mistakes)} |"
                  for n, exercise in enumerate(exercises)]
    return "\n".join(lines) + "\n"


def slug(heading):
    """Give a heading's anchor, as GitHub and the site make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _cell(text):
    return text.replace("|", "\\|").replace("\n", " ")
