"""Finding what was handed in: folders and zip files as Canvas, Moodle, nbgrader and people lay them out."""

import calendar
import re
import stat
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from course_utils.classroom.grading.child.wire import MAX_FILE
from course_utils.classroom.grading.notebooks import Unreadable, read_bytes

__all__ = ["LAYOUTS", "Submission", "collect"]

# Each is tried in turn on the path below the folder, with / between its parts; the first that fits wins.
LAYOUTS = {
    "moodle": r"(?P<student>[^/]+_\d+)_assignsubmission_file_?(/.*)?/[^/]+",
    "canvas": r"(?P<student>[^/_]+)(?P<late>_LATE)?_(?P<number>\d+)_(?P<version>\d+)_[^/]+",
    "nbgrader": r"(?P<student>[^/]+)/(?P<assignment>[^/]+)/[^/]+",
    "folders": r"(?P<student>[^/]+)/[^/]+",
    "files": r"(?P<student>[^/]+)\.ipynb",
}
_SIDE_FILES = {"timestamp.txt", ".DS_Store", "Thumbs.db", "desktop.ini"}


@dataclass(frozen=True)
class Submission:
    """One student's file, still unread.

    Attributes
    ----------
    student : str
    place : str
        Path below the folder, or within the zip file.
    source : path-like, or (ZipFile, ZipInfo)
        Where the bytes are.
    time : float or None
        When it was handed in, in seconds since 1970.
    late : bool
        Whether the file's own name says that it came late.
    notes : tuple of str
        What is unusual about it.
    """

    student: str
    place: str
    source: object
    time: float | None = None
    late: bool = False
    notes: tuple[str, ...] = ()

    def read(self):
        """Give the bytes.

        Raises
        ------
        Unreadable
            If there are none to be had.
        """
        return read_bytes(self.source) if isinstance(self.source, Path) else _from_zip(*self.source)


def collect(place, assignment="", pattern=None):
    """List the submissions in a folder or a zip file.

    Parameters
    ----------
    place : path-like
        A folder, or a zip file as a learning platform makes it.
    assignment : str
        Name of the assignment; its file is preferred where a student handed in several.
    pattern : str, optional
        A regular expression for paths below the folder, with a group ``(?P<student>...)``, in place of `LAYOUTS`.

    Returns
    -------
    list of Submission
        One for each student, by id.

    Raises
    ------
    ValueError
        If `place` or `pattern` is of no use.
    """
    place = Path(place)
    if pattern is not None:
        try:
            patterns = [re.compile(pattern)]
        except re.error as error:
            raise ValueError(f"pattern should be a regular expression, got {pattern!r}: {error}") from None
        if "student" not in patterns[0].groupindex:
            raise ValueError(f"pattern should have a group (?P<student>...), got {pattern!r}")
    else:
        patterns = [re.compile(layout) for layout in LAYOUTS.values()]
    if place.is_dir():
        files = _in_folder(place)
    elif zipfile.is_zipfile(place):
        files = _in_zip(zipfile.ZipFile(place))
    else:
        raise ValueError(f"place should be a folder or a zip file of submissions, got {str(place)!r}")
    found = {}
    for path, source, when in files:
        match = next((m for m in (p.fullmatch(path) for p in patterns) if m), None)
        if match is None or PurePosixPath(path).name in _SIDE_FILES:
            continue
        groups = match.groupdict()
        if groups.get("assignment") and assignment and groups["assignment"] != assignment:
            continue
        found.setdefault(groups["student"], []).append((path, source, when, groups))
    return [_chosen(student, found[student], assignment) for student in sorted(found)]


def _in_folder(folder):
    """Every file below a folder, links as themselves; no link is followed."""
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_dir():
            below = path.relative_to(folder).as_posix()
            if not any(part.startswith(".") and part != ".." for part in PurePosixPath(below).parts):
                yield below, path, _time(path)


def _time(path):
    """When nbgrader received it, else when the file was written."""
    try:
        words = (path.parent / "timestamp.txt").read_text(encoding="utf-8").strip()[:19]
        return float(calendar.timegm(time.strptime(words, "%Y-%m-%d %H:%M:%S")))
    except (OSError, ValueError):
        return path.lstat().st_mtime


def _in_zip(archive):
    for info in sorted(archive.infolist(), key=lambda info: info.filename):
        name = info.filename.replace("\\", "/")
        parts = PurePosixPath(name).parts
        if not info.is_dir() and "__MACOSX" not in parts and not any(part.startswith(".") for part in parts):
            yield name, (archive, info), time.mktime((*info.date_time, 0, 0, -1))


def _from_zip(archive, info):
    if stat.S_ISLNK(info.external_attr >> 16):
        raise Unreadable("is a link to another place, not a file")
    try:
        with archive.open(info) as file:  # what the zip says about its size may be a lie
            data = file.read(MAX_FILE - (1 << 20))
            if file.read(1):
                raise Unreadable(f"has more than {MAX_FILE >> 20} MiB; clear its outputs and hand it in again")
            return data
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, ValueError) as error:
        raise Unreadable(f"cannot be taken out of the zip file ({type(error).__name__})") from None


def _chosen(student, files, assignment):
    """The one that counts: a notebook, named like the assignment, the latest version."""
    def rank(file):
        path, _, when, groups = file
        pure = PurePosixPath(path)
        again = re.search(r"-(\d+)$", pure.stem)  # Canvas counts what is handed in again
        return (pure.suffix == ".ipynb", bool(assignment) and assignment in pure.stem, int(groups.get("version") or 0),
                int(again[1]) if again else 0, when or 0, path)

    files = sorted(files, key=rank)
    path, source, when, groups = files[-1]
    notes = []
    notebooks = [file[0] for file in files if file[0].endswith(".ipynb")]
    if len(notebooks) > 1:
        notes.append(f"{len(notebooks)} notebooks were handed in; this one counts: {PurePosixPath(path).name}")
    return Submission(student, path, source, when, bool(groups.get("late")), tuple(notes))
