"""An assignment: a notebook in nbgrader's format, and the exercises whose names its answer cells carry.

The source, with solutions, and the version that students get say the same of it.

An autograded answer cell has the name of its exercise as `grade_id`, with ``-`` or ``_``. The cells that carry its
points have an id that begins with the same name: ``softmax-visible`` and ``softmax-hidden`` for the parts that are
seen before and after the deadline, ``softmax-test`` for all of them. All else that is code is given to every answer.
"""

import hashlib
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from course_utils import exercises
from course_utils.classroom.grading.notebooks import Unreadable, read_bytes, read_notebook, same_id
from course_utils.exercises.homework import ALLOWED

__all__ = ["SOURCES", "STUDENTS", "Assignment", "called", "find", "handed_in_as", "load"]

_COURSE = Path(__file__).parents[2]
SOURCES = _COURSE.parent / "docs" / "teaching" / "homework"  # with solutions and mark schemes: the teacher's
STUDENTS = _COURSE.parent / "notebooks" / "homework"  # what students get, made from these
_FENCED = re.compile(r"^(```+|~~~+)[^\n]*\n.*?^\1\s*$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Assignment:
    """What is graded and how.

    Attributes
    ----------
    name : str
    exercises : tuple of Exercise
        In the notebook's order.
    given : tuple of str
        The assignment's own code cells.
    tests : tuple of (str, str, tuple of str)
        Id of a cell that carries points, name of its exercise, names of the parts.
    by_hand : tuple of (str, float)
        Ids and points of what a person marks.
    allowed : tuple of str
        Modules of the course that answers may import.
    fingerprint : str
        Changes with everything that could change a score.
    titles : tuple of (str, str)
        How the notebook calls itself, under "", its exercises and its questions: by name or id, as its headings read.
    """

    name: str
    exercises: tuple
    given: tuple = ()
    tests: tuple = ()
    by_hand: tuple = ()
    allowed: tuple = ()
    fingerprint: str = ""
    titles: tuple = ()

    def title(self, key, otherwise):
        """Give the notebook's own words for an exercise, a question or, under "", for itself."""
        return dict(self.titles).get(key, otherwise)

    @property
    def points(self):
        """What can be earned without a person."""
        return sum(exercise.points for exercise in self.exercises)

    def seed(self, secret):
        """Give the seed of the drawn inputs: the same for a whole class, and known to nobody who lacks the secret."""
        return int.from_bytes(hashlib.sha256(f"{self.name}/{secret}".encode()).digest()[:6], "big")


def find(named, folder=STUDENTS):
    """Find the notebook of an assignment: a file, or one of the course's by its name.

    Parameters
    ----------
    named : path-like
    folder : Path
        Where the course's lie: `STUDENTS` or `SOURCES`.

    Returns
    -------
    Path

    Raises
    ------
    ValueError
        As `called`.
    """
    path = Path(named)
    if path.is_dir():
        raise ValueError(f"an assignment is wanted, by its name or its notebook, and {named} is a folder")
    return path if path.is_file() or len(path.parts) != 1 else called(path.name, folder)


def called(name, folder=STUDENTS):
    """Find one of the course's assignments by its name, by how that begins, or by the name of a second download.

    Raises
    ------
    ValueError
        If none, or more than one, is called that.
    """
    here = sorted(folder.glob("*.ipynb"))
    wanted = re.sub(r"( \(\d+\)|-Copy\d+)?(\.ipynb)?$", "", name, count=1, flags=re.IGNORECASE)
    found = [path for path in here if path.stem == wanted] or [
        path for path in here if wanted and path.stem.startswith(wanted)]
    if len(found) != 1:
        names = ", ".join(path.stem for path in here) or "none"
        raise ValueError(f"no assignment is called {name} (there is {names})")
    return found[0]


def handed_in_as(path):
    """Find the assignment that a notebook answers: by its name, or by the ids of its cells where that says nothing.

    Parameters
    ----------
    path : Path
        A student's file.

    Returns
    -------
    Path

    Raises
    ------
    ValueError
        If neither tells.
    """
    try:
        return called(path.name)
    except ValueError as error:
        why = error
    try:
        ids = {cell.grade_id.replace("-", "_").lower() for cell in read_notebook(read_bytes(path)).code}
    except Unreadable:
        ids = set()
    found = {exercise.notebook for exercise in exercises.homework_exercises() if exercise.name in ids}
    if len(found) != 1:
        raise ValueError(f"{why}, and the cells of {path} do not tell: name it with --assignment")
    return called(found.pop())


def load(path):
    """Read an assignment from its notebook.

    Parameters
    ----------
    path : path-like
        The source, or the version of it that students get.

    Returns
    -------
    Assignment

    Raises
    ------
    ValueError
        If the notebook has no answer cell, or a cell with points belongs to no exercise.
    """
    path = Path(path)
    notebook = _notebook(path)
    marked = [(cell, cell.metadata.get("nbgrader", {})) for cell in notebook.cells]
    found = tuple(_exercise(mark["grade_id"], path) for cell, mark in marked
                  if cell.cell_type == "code" and mark.get("solution") and not mark.get("grade"))
    if not found:
        raise ValueError(f"an assignment should have answer cells in nbgrader's format, and {path} has none")
    given = tuple(cell.source for cell, mark in marked
                  if cell.cell_type == "code" and not mark.get("solution") and not mark.get("grade"))
    tests = tuple(_test(mark["grade_id"], found, path) for cell, mark in marked
                  if mark.get("grade") and not mark.get("solution"))
    by_hand = tuple((mark["grade_id"], float(mark["points"])) for cell, mark in marked
                    if mark.get("task") or (mark.get("grade") and mark.get("solution")))
    # By the exercises, not by the file, which may be called hw3.ipynb in nbgrader's folders. A teacher's own assignment
    # says in its metadata what answers may use.
    listed = dict.fromkeys(module for exercise in found for module in ALLOWED.get(exercise.notebook, ()))
    allowed = (*listed, *notebook.metadata.get("homework", {}).get("allows", ()))
    counts = repr((path.stem, [exercise.name for exercise in found], given, tests, by_hand, allowed))
    titles = _titles(marked, {exercise.name for exercise in found}, {grade_id for grade_id, _ in by_hand})
    return Assignment(path.stem, found, given, tests, by_hand, allowed, _fingerprint(counts), titles)


def _titles(marked, names, questions):
    """The headings under which answers stand; one that several share is the title of none of them."""
    found, heading = {}, ""
    for cell, mark in marked:
        grade_id = mark.get("grade_id", "")
        key = grade_id if grade_id in questions else grade_id.replace("-", "_")
        if heading and (key in names or key in questions):
            found.setdefault(key, heading)
        elif cell.cell_type == "markdown":
            headings = re.findall(r"^#+ +(.+?) *$", _FENCED.sub("", cell.source), re.MULTILINE)
            heading = headings[-1] if headings else heading
            if headings:
                found.setdefault("", headings[0])
    shared = Counter(found.values())
    return tuple((key, title) for key, title in found.items() if shared[title] == 1)


def _notebook(path):
    import nbformat

    try:
        return nbformat.read(path, as_version=4)
    except ValueError:
        raise ValueError(f"an assignment is wanted, by its name or its notebook, and {path} is no notebook") from None


def _fingerprint(counts):
    """Mix what counts in the notebook with the course's own code."""
    return hashlib.sha256(hashlib.sha256(counts.encode("utf-8", "replace")).digest() + _code()).hexdigest()


@cache
def _code():
    mixed = hashlib.sha256()
    for path in sorted(_COURSE.rglob("*.py")):
        mixed.update(hashlib.sha256(path.read_bytes()).digest())
    return mixed.digest()


def _exercise(grade_id, path):
    try:
        return exercises.find(grade_id.replace("-", "_"), (*exercises.HOMEWORK, *exercises.TOPICS))
    except ValueError as error:
        raise ValueError(f"answer cells should be named like exercises, got {grade_id!r} in {path}: "
                         f"{error}") from None


def _test(grade_id, found, path):
    for exercise in sorted(found, key=lambda exercise: -len(exercise.name)):
        head, rest = grade_id[:len(exercise.name)], grade_id[len(exercise.name):].strip("-_")
        if same_id(head, exercise.name):
            parts = exercise.parts
            if rest in ("visible", "hidden"):
                parts = [part for part in parts if part.visible == (rest == "visible")]
            return grade_id, exercise.name, tuple(part.name for part in parts)
    raise ValueError(f"cells with points should be named like their exercise, got {grade_id!r} in {path}")
