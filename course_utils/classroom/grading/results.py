"""The folder of results: one assignment, one secret, one run at a time, and a record for each student.

It knows what it belongs to and refuses anything else. Every file in it is written whole or not at all.
"""

import contextlib
import hashlib
import json
import os
import re
import secrets
import unicodedata
from pathlib import Path

from course_utils.classroom.grading import written
from course_utils.classroom.grading.words import like

__all__ = ["Results", "file_name", "label", "merge", "secret_in", "write_atomically"]

_ABOUT, _SECRET, _RECORDS, _REMOVED, _LOCK = "homework.json", "secret.txt", "records", "removed", ".in-use"
_MARKS = "marks.json"  # points and comments by hand, which no grading run touches

# Which of two records of a student counts: each part has one of everybody whose work lies in another part.
_NOTHING_HERE, _HANDED_IN = {"missing": 0, "excused": 1}, 2


class Results:
    """A folder of results.

    Parameters
    ----------
    folder : path-like
    assignment : str, optional
        Name of the assignment that is graded into it; the folder is made and marked with it. Left out, the folder
        is only read.
    secret : str, optional
        Where the class is graded in parts: what the first part uses. One is made if left out.

    Raises
    ------
    ValueError
        If the folder belongs to another assignment or another secret, or holds no results and is only read.
    """

    def __init__(self, folder, assignment=None, secret=None):
        self.folder = Path(folder)
        about = self._about()
        if assignment is None and about is None:
            what = "holds no results of `homework grade`" if self.folder.exists() else "is not there"
            raise ValueError(f"results should be a folder that `homework grade` has written, and {self.folder} {what}"
                             f"{like(self.folder)}")
        if assignment is not None and about is not None and about["assignment"] != assignment:
            raise ValueError(f"{self.folder} holds results of {about['assignment']}, and this is {assignment}: "
                             "name another folder")
        self.assignment = assignment or about["assignment"]
        self._wanted = secret
        if about is not None and secret is not None and about.get("secret") not in (None, _digest(secret)):
            raise ValueError(f"{self.folder} was graded with another secret than the one given; a class is graded "
                             "with one: take that of its first part, or name another folder")

    def _about(self):
        try:
            about = json.loads((self.folder / _ABOUT).read_text(encoding="utf-8"))
            return about if isinstance(about.get("assignment"), str) else None
        except (OSError, ValueError, AttributeError):
            pass
        found = next(_read_records(self.records_folder), None)  # a folder from before there was such a file
        return None if found is None else {"assignment": found[1]["assignment"]}

    @property
    def records_folder(self):
        """Where the records lie."""
        return self.folder / _RECORDS

    def prepare(self):
        """Make the folder and its secret, or find them; give the secret."""
        self.records_folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / _SECRET
        secret = self._wanted or _read_secret(path)
        if secret is None:
            secret = secrets.token_hex(16)
        if _read_secret(path) != secret:
            _write_secret(path, secret)
        write_atomically(self.folder / _ABOUT, json.dumps(
            {"format": 1, "assignment": self.assignment, "secret": _digest(secret)}, indent=1))
        return secret

    @contextlib.contextmanager
    def in_use(self):
        """Keep a second run out while one works here.

        Raises
        ------
        ValueError
            If one does.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.folder / _LOCK, "a+b") as file:
            try:
                _lock(file)
            except OSError:
                raise ValueError(f"another run is grading into {self.folder}; wait until it has ended, "
                                 "or name another folder") from None
            yield self

    def records(self):
        """Read all records, by student, with what a person gave."""
        return list(self.each())

    def each(self):
        """Give all records one after the other, as often as it is asked: a large class never lies in memory whole."""
        return _Each(self.records_folder, written.load(self.folder / _MARKS))

    def add_marks(self, marks):
        """Keep points and comments by hand; those of other students and questions stay."""
        kept = written.load(self.folder / _MARKS)
        for student, questions in marks.items():
            kept[student] = {**kept.get(student, {}), **questions}
        write_atomically(self.folder / _MARKS, json.dumps(kept, indent=1, sort_keys=True))

    def keep(self, key, record):
        """Write one record."""
        write_atomically(self.records_folder / file_name(record["student"]),
                         json.dumps({"key": key, "record": _clean(record)}))

    def kept(self, student, key):
        """Give the record that was made under a key, or None."""
        try:
            kept = json.loads((self.records_folder / file_name(student)).read_text(encoding="utf-8"))
            # What could not be read is tried again: the reason may have been a disk or a broken download.
            return kept["record"] if kept["key"] == key and kept["record"]["state"] != "unreadable" else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def file_of(self, student):
        """Name the file that counts for a student, as far as there is one."""
        try:
            record = _read_record(self.records_folder / file_name(student))
            return record["file"] if record["state"] not in ("missing", "excused") else ""
        except (OSError, ValueError, KeyError, TypeError):
            return ""

    def remove(self, students):
        """Take records back; they are kept aside.

        Returns
        -------
        list of str
            Those of whom there was no record.
        """
        aside, absent = self.folder / _REMOVED, []
        for student in students:
            path = self.records_folder / file_name(student)
            if not path.is_file():
                absent.append(student)
                continue
            aside.mkdir(exist_ok=True)
            number = 1
            while (to := aside / f"{path.stem}.{number}.json").exists():
                number += 1
            os.replace(path, to)
        return absent


def merge(folder, parts, replace=False):
    """Put results of parts of a class into one folder.

    Parameters
    ----------
    folder : path-like
        New, or results of the same assignment.
    parts : sequence of path-like
    replace : bool
        Whether what the parts say of a student counts where the folder says something else.

    Returns
    -------
    Results

    Raises
    ------
    ValueError
        If the parts are of different assignments or secrets, or have different records of one student.
    """
    parts = [Results(part) for part in parts]
    whole = Results(folder, parts[0].assignment)
    if whole._about() is not None and not replace:
        parts.append(whole)
    found = {}
    secret = _read_secret(parts[0].folder / _SECRET)
    for part in parts:
        if part.assignment != parts[0].assignment:
            raise ValueError(f"{part.folder} holds results of {part.assignment}, {parts[0].folder} of "
                             f"{parts[0].assignment}")
        if _read_secret(part.folder / _SECRET) != secret:
            raise ValueError(f"{part.folder} was graded with another secret than {parts[0].folder}: the drawn inputs "
                             "differ. Grade it again with --secret and the file secret.txt of the first part")
        for path in sorted(part.records_folder.glob("*.json")):
            try:
                record = _read_record(path)
                student, weight = record["student"], _NOTHING_HERE.get(record["state"], _HANDED_IN)
            except (ValueError, KeyError, TypeError):
                raise ValueError(f"{path} is no whole record; grade that part again") from None
            other = found.get(student)
            if other is None or weight > other[1]:
                found[student] = path, weight, part
            elif weight == other[1] == _HANDED_IN and record != _read_record(other[0]):
                hint = "; --replace takes that of the parts" if part is whole else ""
                raise ValueError(f"{part.folder} and {other[2].folder} have different records of {student!r}{hint}")
    whole = Results(folder, parts[0].assignment, secret)
    with whole.in_use():
        whole.prepare()
        for path, _, _ in found.values():
            whole.keep(**json.loads(path.read_text(encoding="utf-8")))
        # Of two marks for one answer, that of the folder itself counts, then that of the first part.
        for part in (*reversed([part for part in parts if part.folder != whole.folder]),
                     *(part for part in parts if part.folder == whole.folder)):
            whole.add_marks(written.load(part.folder / _MARKS))
    return whole


def _digest(secret):
    return hashlib.sha256(b"attention-course homework " + secret.encode()).hexdigest()[:16]


def _read_secret(path):
    try:
        return path.read_text(encoding="utf-8").strip() or None
    except OSError:
        return None


def secret_in(path):
    """Read a secret from its file; it is made there where there is none yet, once, however many ask at a time.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    str
    """
    path = Path(path)
    if _read_secret(path) is None:
        own = path.with_name(f".{path.name}.own.{os.getpid()}")
        _write_secret(own, secrets.token_hex(16))
        with contextlib.suppress(FileExistsError):
            os.link(own, path)  # unlike os.replace, it leaves alone what somebody else has put there meanwhile
        own.unlink()
    return _read_secret(path)


def _write_secret(path, secret):
    """Write it so that nobody else can read it at any moment."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(file, "w", encoding="utf-8") as out:
        out.write(secret + "\n")
    os.replace(beside, path)


def _lock(file):
    """Have a file alone until it is closed, or this process ends however it does."""
    if os.name == "nt":
        import msvcrt

        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def file_name(student, ending=".json"):
    """Give a file name for any id: readable, and different for different ids, on any disk.

    Examples
    --------
    >>> file_name("u123"), file_name("王伟")[:3], file_name("Ada") == file_name("ada")
    ('u123.json', '王伟-', False)
    """
    plain = re.sub(r"[^\w.-]", "_", unicodedata.normalize("NFC", student))[:40]
    # A disk may take capitals for small letters, and letters beyond a-z for others that look the same.
    safe = plain == student and re.fullmatch(r"[a-z0-9_-][a-z0-9._-]*", plain)
    tail = "" if safe else "-" + hashlib.sha256(student.encode("utf-8", "replace")).hexdigest()[:8]
    return f"{plain.lstrip('.')}{tail}{ending}"


def label(record):
    """Name a student for a person to read: the name, and the id where it says more."""
    name, student = record.get("name", ""), record["student"]
    return f"{name} ({student})" if name and name != student else student


class _Each:
    """The records of a folder, by student; they are read anew whenever they are gone through."""

    def __init__(self, folder, marks):
        self._marks = marks
        self._paths = [path for _, path in sorted((record["student"], path) for path, record in _read_records(folder))]

    def __len__(self):
        return len(self._paths)

    def __iter__(self):
        for path in self._paths:
            yield written.with_marks(_read_record(path), self._marks)


def _read_records(folder):
    """Give path and record of every file that holds one."""
    for path in sorted(folder.glob("*.json")):
        try:
            record = _read_record(path)
        except (ValueError, KeyError, TypeError):
            continue
        yield path, record


def _read_record(path):
    return json.loads(path.read_text(encoding="utf-8"))["record"]


def _clean(thing):
    """Replace halves of characters, which an answer's message may hold and no file can."""
    if isinstance(thing, str):
        return thing.encode("utf-8", "replace").decode("utf-8")
    if isinstance(thing, dict):
        return {key: _clean(value) for key, value in thing.items()}
    return [_clean(x) for x in thing] if isinstance(thing, (list, tuple)) else thing


def write_atomically(path, text):
    """Write a file so that at every moment it is either the old one or the new one, whole.

    Parameters
    ----------
    path : Path
    text : str
    """
    path = Path(path)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with open(beside, "w", encoding="utf-8", errors="replace", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)
