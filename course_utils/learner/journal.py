"""The learner's own record of passed exercises: a file that only ever grows.

Each passed exercise is one line of JSON, appended in a single write. Nothing is read, changed and
written back, so a crash, a full disk or two open notebooks cannot lose what is already there.
"""

import datetime
import errno
import json
import os
from pathlib import Path

__all__ = ["append_line", "journal_path", "passed_exercises", "record_pass", "set_aside"]


def journal_path():
    """Where the record lies: ``COURSE_PROGRESS`` if that is set, else ``progress.jsonl`` in the course folder."""
    chosen = os.environ.get("COURSE_PROGRESS")
    if chosen:
        return Path(chosen)
    course = Path(__file__).resolve().parents[2]
    # An installed package has no course folder: site-packages is no place for a learner's file.
    home = course if (course / "notebooks").is_dir() else Path.home() / ".attention-course"
    return home / "progress.jsonl"


def record_pass(name):
    """Remember that an exercise was passed, unless that is known already.

    Parameters
    ----------
    name : str
        Name of the exercise.

    Returns
    -------
    str
        Empty, or why it could not be written, in words for the learner.
    """
    path = journal_path()
    try:
        if name in passed_exercises():
            return ""
        now = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
        append_line(path, {"exercise": name, "passed": now})
    except OSError as error:
        return f"your progress could not be written to {path.name}: {error.strerror or error}"
    return ""


def append_line(path, entry, mode=0o644):
    """Add one line of JSON to the end of a file, in a single write that is on the disk when this returns.

    Parameters
    ----------
    path : Path
        The file; its folder is made if need be.
    entry : dict
        What the line holds.
    mode : int
        Who may read a file that is made.

    Raises
    ------
    OSError
        If it could not be written as a whole. What was there before is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # The line break comes first as well, in case an earlier write was cut short.
    lead = b"\n" if path.exists() and path.read_bytes()[-1:] not in (b"", b"\n") else b""
    line = lead + json.dumps(entry).encode() + b"\n"
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, mode)
    try:
        if os.write(file, line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(file)
    finally:
        os.close(file)


def passed_exercises():
    """Read which exercises were passed, and when.

    Returns
    -------
    dict of str to str
        Name of the exercise and the ISO time of its first pass. Lines that are not readable are
        left out here and left alone in the file.

    Raises
    ------
    OSError
        If the file is there and cannot be read.
    """
    path, passed = journal_path(), {}
    if path.exists():
        for line in path.read_bytes().decode("utf-8", "replace").splitlines():
            try:
                entry = json.loads(line)
                passed.setdefault(str(entry["exercise"]), str(entry["passed"]))
            except (ValueError, KeyError, TypeError):
                continue
    return passed


def set_aside():
    """Start a new record, and keep the old one and the answers that belong to it under other names.

    Returns
    -------
    tuple of Path
        Where they lie now; empty if there was nothing.
    """
    path, number = journal_path(), 1
    ends = (path.suffix, ".answers.jsonl")  # the answers lie where `kept.answers_path` says
    while any(path.with_name(f"{path.stem}.{number}{end}").exists() for end in ends):
        number += 1
    return tuple(path.with_name(f"{path.stem}{end}").rename(path.with_name(f"{path.stem}.{number}{end}"))
                 for end in ends if path.with_name(f"{path.stem}{end}").exists())
