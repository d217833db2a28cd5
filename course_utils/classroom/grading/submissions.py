"""Finding what was handed in: folders and zip files as Canvas, Moodle, nbgrader and people lay them out.

Who handed something in is the id that the platform itself uses, so that points find their way back; a name is for
reading only, and two of one name stay two.
"""

import hashlib
import re
import stat
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from course_utils.classroom.grading.child.wire import MAX_FILE
from course_utils.classroom.grading.moments import timestamp
from course_utils.classroom.grading.notebooks import Unreadable, read_bytes
from course_utils.classroom.grading.tables import fit_to_print
from course_utils.classroom.grading.words import like

__all__ = ["Found", "Submission", "collect", "is_older", "the_one"]

_MOODLE = re.compile(r"(?P<name>.+)_(?P<id>\d+)_assignsubmission_(?P<kind>file|onlinetext)_?(?P<rest>.*)")
_CANVAS = re.compile(r"(?=_(?P<id>\d+)_(?P<version>\d+)_.)")
_SIDE_FILES = {"timestamp.txt", "thumbs.db", "desktop.ini"}
_READ_ME = re.compile(r"read[ _-]?me(\.\w+)?", re.IGNORECASE)  # what platforms and people lay beside submissions


@dataclass(frozen=True)
class InZip:
    """A file in a zip file, which whoever reads it opens anew: workers that share one share its position."""

    archive: Path
    name: str

    def read(self):
        """Give the bytes; what the zip says about their number may be a lie."""
        try:
            with zipfile.ZipFile(self.archive) as archive:
                info = archive.getinfo(self.name)
                if stat.S_ISLNK(info.external_attr >> 16):
                    raise Unreadable("is a link to another place, not a file")
                with archive.open(info) as file:
                    data = file.read(MAX_FILE - (1 << 20))
                    if file.read(1):
                        raise Unreadable(f"has more than {MAX_FILE >> 20} MiB; clear its outputs and hand it in again")
                    return data
        except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, ValueError, KeyError) as error:
            raise Unreadable(f"cannot be taken out of the zip file ({type(error).__name__})") from None


@dataclass(frozen=True)
class Submission:
    """One student's file, still unread.

    Attributes
    ----------
    student : str
        The platform's own id: Canvas's user number, Moodle's participant number, nbgrader's folder, a folder or file.
    place : str
        Path below the folder, or within the zip file.
    source : Path or InZip
        Where the bytes are.
    name : str
        For reading; empty where nothing but the id is known.
    time : float or None
        When the platform says that it was handed in, in seconds since 1970.
    file_time : float or None
        When the file says that it was written, which is often the time of a download.
    late : bool
        Whether the platform's file name says that it came late.
    notes : tuple of str
        What is unusual about it.
    """

    student: str
    place: str
    source: object
    name: str = ""
    time: float | None = None
    file_time: float | None = None
    late: bool = False
    notes: tuple[str, ...] = ()

    def read(self):
        """Give the bytes.

        Raises
        ------
        Unreadable
            If there are none to be had.
        """
        if self.source is None:
            raise Unreadable("is text that was typed on the platform's page; a notebook is wanted")
        return read_bytes(self.source) if isinstance(self.source, Path) else self.source.read()


@dataclass(frozen=True)
class Found:
    """What lay there: submissions by id, and (place, reason) of what could not be placed, and of what is none."""

    submissions: tuple
    unplaced: tuple = ()
    aside: tuple = ()

    def __iter__(self):
        return iter(self.submissions)

    def __len__(self):
        return len(self.submissions)

    def __getitem__(self, i):
        return self.submissions[i]


@dataclass
class _File:
    """A file on its way to its owner."""

    path: str
    source: object
    when: float | None
    parts: tuple = ()
    student: str = ""
    name: str = ""
    version: int = 0
    late: bool = False
    text_only: bool = False
    handed_in: float | None = None
    why: str = ""


def collect(place, assignment="", pattern=None, *, known=(), who=None, skip=()):
    """List the submissions in a folder or a zip file.

    Parameters
    ----------
    place : path-like
        A folder, or a zip file as a learning platform makes it.
    assignment : str
        Name of the assignment; its file is preferred where a student handed in several.
    pattern : str, optional
        A regular expression for paths below the folder, with a group ``(?P<student>...)`` and perhaps
        ``(?P<name>...)``, in place of the known layouts.
    known : collection of str
        Ids of the class, which decide where a path could be read in two ways.
    who : Table, optional
        A mapping that puts owners right: a path or an id as found, the student's id, and perhaps a name.
    skip : sequence of path-like
        Folders below `place` that hold no submissions, such as that of the results.

    Returns
    -------
    Found

    Raises
    ------
    ValueError
        If `place` or `pattern` is of no use, or a line of `who` fits nothing.
    """
    place = Path(place)
    shape = _pattern(pattern)
    if place.is_dir():
        files = list(_in_folder(place, [Path(path).resolve() for path in skip]))
    elif zipfile.is_zipfile(place):
        files = list(_in_zip(place))
    else:
        what = "is no zip file" if place.exists() else "is not there"
        raise ValueError(f"submissions should be a folder or a zip file, and {place} {what}{like(place)}")
    times = {PurePosixPath(f.path).parent: timestamp(f) for f in files if PurePosixPath(f.path).name == "timestamp.txt"}
    files = [f for f in files if PurePosixPath(f.path).name.lower() not in _SIDE_FILES]
    if shape is None:
        _owners(files, assignment, set(known))
    else:
        _owners_by_pattern(files, shape)
    for file in files:
        file.handed_in = times.get(PurePosixPath(file.path).parent)
        file.student, file.name = _clean_id(file.student), fit_to_print(file.name)
    _put_right(files, who)
    found = {}
    for file in files:
        if file.student:
            found.setdefault(file.student, []).append(file)
    lost = [file for file in files if not file.student]
    aside = [file for file in lost if _READ_ME.fullmatch(PurePosixPath(file.path).name)]
    return Found(tuple(_chosen(student, found[student], assignment) for student in sorted(found)),
                 tuple((fit_to_print(file.path), file.why) for file in lost if file not in aside),
                 tuple((fit_to_print(file.path), "it is called a readme") for file in aside))


def is_older(place, other, student):
    """Whether Canvas, which numbers what a student hands in, numbers one file lower than another.

    Examples
    --------
    >>> is_older("ada_17_90_hw.ipynb", "ada_LATE_17_101_hw.ipynb", "17"), is_older("ada.ipynb", "bob.ipynb", "17")
    (True, False)
    """
    numbers = [re.search(rf"_{re.escape(student)}_(\d+)_", PurePosixPath(path).name) for path in (place, other)]
    return all(numbers) and int(numbers[0][1]) < int(numbers[1][1])


def the_one(folder, assignment=""):
    """Give what one student handed in, or None: all files of the folder are theirs.

    Parameters
    ----------
    folder : path-like
    assignment : str
        As in `collect`.
    """
    files = [file for file in _in_folder(Path(folder), []) if PurePosixPath(file.path).name.lower() not in _SIDE_FILES]
    return _chosen("", files, assignment) if files else None


def _pattern(pattern):
    if pattern is None:
        return None
    try:
        shape = re.compile(pattern)
    except re.error as error:
        raise ValueError(f"--pattern should be a regular expression, got {pattern!r}: {error}") from None
    if "student" not in shape.groupindex:
        raise ValueError(f"--pattern should have a group (?P<student>...), got {pattern!r}")
    return shape


# --- files ---


def _in_folder(folder, skip):
    """Every file below a folder, links as themselves; no link is followed."""
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_dir():
            below = path.relative_to(folder).as_posix()
            if any(path.resolve().is_relative_to(other) for other in skip) and not path.is_symlink():
                continue
            if not _is_hidden(below):
                yield _File(below, path, path.lstat().st_mtime)


def _in_zip(place):
    with zipfile.ZipFile(place) as archive:
        for info in sorted(archive.infolist(), key=lambda info: info.filename):
            name = info.filename.replace("\\", "/")
            if not info.is_dir() and not _is_hidden(name):
                yield _File(name, InZip(place, info.filename), None)


def _is_hidden(path):
    return any(part == "__MACOSX" or (part.startswith(".") and part != "..") for part in PurePosixPath(path).parts)


# --- owners ---


def _owners(files, assignment, known):
    """Read the owner of each file out of its path, by the first layout that fits."""
    rest = [file for file in files if not _by_moodle(file)]
    _without_wrapping(rest, assignment, known)
    nbgrader = any(assignment in file.parts[1:-1] for file in rest) if assignment else False
    for file in rest:
        parts = file.parts
        at = parts.index(assignment, 1) if nbgrader and assignment in parts[1:-1] else None
        listed = next((part for part in (*parts[:-1], PurePosixPath(parts[-1]).stem) if part in known), None)
        if at is not None:
            file.student = parts[at - 1]
        elif listed:
            file.student = listed
        elif len(parts) == 1 and _by_canvas(file, known):
            pass
        elif nbgrader and len(parts) > 2:
            file.why = f"it lies in a folder {parts[1]!r}, not in {assignment!r}"
        elif len(parts) > 1:
            file.student = parts[0]
        elif PurePosixPath(parts[0]).suffix.lower() == ".ipynb":
            file.student = PurePosixPath(parts[0]).stem
        else:
            file.why = "it is no notebook, and lies in nobody's folder"


def _by_moodle(file):
    file.parts = PurePosixPath(file.path).parts
    for part in file.parts:
        match = _MOODLE.match(part)
        if match:
            file.student, file.name = match["id"], match["name"]
            file.text_only = match["kind"] == "onlinetext"
            return True
    return False


def _by_canvas(file, known):
    """Canvas writes name, perhaps LATE, user number, number of the submission, file; a name may hold numbers too."""
    ways = list(_CANVAS.finditer(file.path))
    if not ways:
        return False
    # The user number is one of the class where that is known; else it is the longest, which the 3 of "team_3" is not.
    way = next((way for way in ways if way["id"] in known), max(ways, key=lambda way: len(way["id"])))
    name = file.path[:way.start()]
    file.late = name.endswith("_LATE")
    file.student, file.name, file.version = way["id"], name.removesuffix("_LATE"), int(way["version"])
    return bool(file.name)


def _without_wrapping(files, assignment, known):
    """Leave out folders that hold the whole class."""
    while len(files) > 1:
        parts = [file.parts for file in files]
        if len({p[0] for p in parts}) > 1 or min(map(len, parts)) < 2 or parts[0][0] in known:
            return
        inner = {p[1] for p in parts}
        flat = all(len(p) == 2 for p in parts)
        students = all(_CANVAS.search(p[1]) or (assignment not in p[1] and p[1].lower().endswith(".ipynb"))
                       for p in parts) if flat else all(len(p) > 2 for p in parts)
        if len(inner) < 2 or not students or (assignment and assignment in inner):
            return
        for file in files:
            file.parts = file.parts[1:]


def _owners_by_pattern(files, shape):
    for file in files:
        match = shape.fullmatch(file.path)
        if match:
            groups = match.groupdict()
            file.student, file.name = groups["student"] or "", groups.get("name") or ""
        file.why = "" if match else "its path does not fit the pattern"


def _clean_id(text):
    """An id that can be printed; one that had to be changed keeps apart from others that look the same."""
    clean = fit_to_print(text).strip()
    if clean == text or not clean:
        return clean
    return f"{clean}-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def _put_right(files, who):
    """Give files to the owners that a mapping names."""
    if who is None:
        return
    for line, cells in who.rows:
        key, student = cells[0].strip(), cells[1].strip() if len(cells) > 1 else ""
        fits = [file for file in files if key in (fit_to_print(file.path), file.student)]
        if not fits and line == who.rows[0][0]:
            continue  # a head
        if not fits:
            raise ValueError(f"{who.at(line)}: no file and no student is called {key!r}")
        if not student:
            raise ValueError(f"{who.at(line)}: the second column should be the student's id, got nothing")
        for file in fits:
            file.student, file.name = student, cells[2].strip() if len(cells) > 2 else file.name


def _chosen(student, files, assignment):
    """The one that counts: a notebook, named like the assignment, the latest version."""
    def rank(file):
        pure = PurePosixPath(file.path)
        again = re.search(r"-(\d+)$", pure.stem)  # Canvas counts what is handed in again
        return (_is_notebook(file), bool(assignment) and assignment in pure.stem, file.version,
                int(again[1]) if again else 0, file.handed_in or 0, file.when or 0, file.path)

    typed = [file for file in files if file.text_only]
    files = sorted((file for file in files if not file.text_only), key=rank) or typed[-1:]
    best, notes = files[-1], []
    notebooks = [file for file in files if _is_notebook(file)]
    if len(notebooks) > 1:
        notes.append(f"{len(notebooks)} notebooks were handed in; this one counts: "
                     f"{fit_to_print(PurePosixPath(best.path).name)}")
    return Submission(student, fit_to_print(best.path), None if best.text_only else best.source, best.name,
                      best.handed_in, best.when, best.late, tuple(notes))


def _is_notebook(file):
    return PurePosixPath(file.path).suffix.lower() == ".ipynb"
