"""The learner's own copies of the lessons: laid once, never overwritten, never merged.

They lie in ``my_notebooks/``, beside ``notebooks/`` so that links from one lesson to another and to ``docs/`` hold,
and git ignores them. What was laid is remembered in ``my_notebooks/.course``. When a lesson of the course has
changed, a copy whose cells nobody touched is replaced; beside any other the new lesson is laid as
``NN_name.new.ipynb``. Standard library only: ``lab`` calls it where NumPy may be missing.
"""

import contextlib
import hashlib
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

__all__ = ["FOLDER", "Beside", "beside", "cells_of", "copy_new", "course_version", "free_name", "lay", "lay_homework",
           "lay_version", "move", "remembered", "set_aside"]

FOLDER = "my_notebooks"
_STATE = ".course"


@dataclass(frozen=True)
class Beside:
    """A lesson whose new version lies beside the learner's.

    Attributes
    ----------
    mine, new : Path
        The learner's copy, and the untouched new one.
    """

    mine: Path
    new: Path

    def __str__(self):
        return (f"{self.mine.name} has changed in the course. Yours stays as it is; the new one lies beside it, "
                f"{self.new.name}. To take your answers over: `attention-course carry {self.mine.name[:2]}`, or in a "
                f"cell `%run -m course_utils carry {self.mine.name[:2]}`.")


# --- laying copies ---


def lay(course):
    """Lay a copy of each lesson that has none, and the new version of each that has changed.

    Parameters
    ----------
    course : Path
        The folder with ``notebooks/``.

    Returns
    -------
    list of Beside
        What lies beside a copy that the learner has touched.

    Raises
    ------
    OSError
        If the folder cannot be written to.
    """
    folder = course / FOLDER
    (folder / _STATE).mkdir(parents=True, exist_ok=True)
    changed = _changed_here(course)
    for lesson in sorted((course / "notebooks").glob("*.ipynb")):
        lay_version(folder, lesson.name, lesson.read_bytes(), course_version(course, lesson, changed))
    for picture in sorted((course / "notebooks" / "images").glob("*.*")):  # lessons link to some
        _lay_picture(folder / "images" / picture.name, picture.read_bytes(), folder)
    return beside(folder)


def lay_homework(course, path):
    """Lay a copy of one homework, once: what is handed in stays what was given out.

    Parameters
    ----------
    course : Path
    path : Path
        ``notebooks/homework/hwN_name.ipynb``, relative to `course`.
    """
    with contextlib.suppress(FileExistsError):
        copy_new(course / FOLDER / path.relative_to("notebooks"), (course / path).read_bytes())


def _lay_picture(path, content, folder):
    if path.exists():
        if path.read_bytes() == content:
            return
        set_aside(path, folder)
    copy_new(path, content)


def lay_version(folder, name, content, version):
    """Lay one version of a lesson: as the copy, in the place of an untouched one, or beside a touched one.

    Parameters
    ----------
    folder : Path
        The learner's folder.
    name : str
        Name of the lesson's file.
    content : bytes
        What is laid where there is no copy yet: the lesson as it lies in ``notebooks/``, where the learner may have
        worked in it.
    version : bytes
        The lesson as the course gives it.
    """
    latest = _latest(folder, name)
    if latest not in (None, folder / name) and not (folder / name).exists():
        latest = move(latest, folder / name)  # the older one was taken away by hand
    if latest is None:
        try:
            copy_new(folder / name, content)
        except FileExistsError:  # another `lab` that starts at this moment laid it
            return
        _remember(folder / name, version)
        return
    known = remembered(latest)
    if known.get("file") == _digest(version):
        return
    now = latest.read_bytes()
    if now == version:  # laid before a crash, or carried over by hand
        _remember(latest, version)
    elif known and _same_cells(now, known):
        if _digest(now) != known["file"]:  # it was run: what it showed is kept as well
            set_aside(latest)
        _replace(latest, version)
        _remember(latest, version)
    else:
        new = free_name(folder / name, "new")
        copy_new(new, version)
        _remember(new, version)


def beside(folder):
    """Give the lessons of which a newer version lies beside the learner's.

    Parameters
    ----------
    folder : Path
        ``my_notebooks``, or any other: then there are none.

    Returns
    -------
    list of Beside
    """
    folder = Path(folder)
    if not (folder / _STATE).is_dir():
        return []
    found = []
    for mine in sorted(folder.glob("*.ipynb")):
        if mine.name.count(".") == 1 and (latest := _latest(folder, mine.name)) not in (None, mine):
            found.append(Beside(mine, latest))
    return found


def _latest(folder, name):
    """The copy laid last: the newest of ``NN_name.ipynb``, ``NN_name.new.ipynb``, ``NN_name.new2.ipynb``, ..."""
    found = [path for path in _names(folder / name, "new") if path.exists()]
    if found:
        return found[-1]
    return folder / name if (folder / name).exists() else None


def _names(path, word):
    return [path.with_name(f"{path.stem}.{word}{'' if n == 1 else n}{path.suffix}") for n in range(1, 1000)]


def free_name(path, word):
    """The first free name of the form ``NN_name.WORD.ipynb``, ``NN_name.WORD2.ipynb``, ... after all that exist."""
    names = _names(path, word)
    taken = [n for n, name in enumerate(names) if name.exists()]
    return names[taken[-1] + 1 if taken else 0]


# --- what the course gives ---


def course_version(course, lesson, changed=None):
    """Read a lesson as the course gives it: from git where the file in ``notebooks/`` was changed here."""
    if lesson.name not in (_changed_here(course) if changed is None else changed):
        return lesson.read_bytes()
    shown = _git(course, "show", f"HEAD:./notebooks/{lesson.name}")
    return lesson.read_bytes() if shown is None else shown


def _changed_here(course):
    """Names of the lessons in ``notebooks/`` that differ from what git has; none where git cannot tell."""
    told = _git(course, "diff", "--name-only", "-z", "--relative", "HEAD", "--", "notebooks/*.ipynb") or b""
    return {Path(os.fsdecode(name)).name for name in told.split(b"\0") if name}


def _git(course, *arguments):
    if not (course / ".git").exists():
        return None
    try:
        done = subprocess.run(["git", *arguments], cwd=course, capture_output=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout if done.returncode == 0 else None


# --- what was laid ---


def _remember(path, version):
    """Write down what was laid, so that it can be told from what the learner made of it."""
    # Without git, a lesson in which somebody has answered looks like the course's: it never counts as untouched.
    about = {"file": _digest(version), "cells": None if _is_answered(version) else cells_of(version)}
    state = path.parent / _STATE
    state.mkdir(exist_ok=True)
    _replace(state / f"{path.name}.json", json.dumps(about).encode())


def remembered(path):
    """Give what was laid as a copy: its digest and its cells; an empty dict where that is not known."""
    try:
        about = json.loads((path.parent / _STATE / f"{path.name}.json").read_bytes())
        return about if isinstance(about["file"], str) and isinstance(about["cells"], list | None) else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def cells_of(content):
    """What a learner writes of a notebook: (id, kind, source) of each cell, as lists; None where it is none."""
    try:
        cells = json.loads(content)["cells"]
        return [[str(cell.get("id", n)), cell["cell_type"], "".join(cell["source"])] for n, cell in enumerate(cells)]
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _is_answered(content):
    """Whether an exercise of a lesson is not the stub that the course gives."""
    try:
        return any("raise NotImplementedError" not in "".join(cell["source"]) for cell in json.loads(content)["cells"]
                   if "exercise" in cell["metadata"].get("tags", []))
    except (ValueError, KeyError, TypeError, AttributeError):
        return False


def _same_cells(content, known):
    return known["cells"] is not None and cells_of(content) == known["cells"]


def _digest(content):
    return hashlib.sha256(content).hexdigest()


# --- files, none of which is ever overwritten with something else ---


def copy_new(path, content):
    """Write a file that must not be there yet, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = _draft(path, content)
    try:
        os.link(draft, path)  # fails where the name is taken meanwhile
    except OSError:  # taken meanwhile, or a file system without links
        with open(path, "xb") as file:
            file.write(content)
    finally:
        draft.unlink()


def set_aside(path, folder=None):
    """Move a file to a free name in ``.course/replaced`` of the learner's folder and give that name."""
    place = (folder or path.parent) / _STATE / "replaced"
    place.mkdir(parents=True, exist_ok=True)
    return path.rename(free_name(place / path.name, "was"))


def move(path, to):
    """Give a copy a free name, and what is remembered of it too; return that name."""
    if to.exists():
        raise FileExistsError(f"{to} is there already")
    path.rename(to)
    note = path.parent / _STATE / f"{path.name}.json"
    if note.exists():
        note.rename(note.with_name(f"{to.name}.json"))
    return to


def _replace(path, content):
    os.replace(_draft(path, content), path)


def _draft(path, content):
    """Write a file with this content beside `path`, on the disk when this returns."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    try:
        with open(draft, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    return draft
