"""The learner's own record of passed exercises: a file that only ever grows.

Each passed exercise is one line of JSON, appended in a single write. Nothing is read, changed and
written back, so a crash, a full disk or two open notebooks cannot lose what is already there.
"""

import datetime
import json
import os
from pathlib import Path

__all__ = ["journal_path", "passed_exercises", "record_pass", "set_aside"]


def journal_path():
    """Where the record lies: ``COURSE_PROGRESS`` if that is set, else ``progress.jsonl`` in the course folder."""
    chosen = os.environ.get("COURSE_PROGRESS")
    if chosen:
        return Path(chosen)
    course = Path(__file__).resolve().parents[1]
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
        path.parent.mkdir(parents=True, exist_ok=True)
        now = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
        entry = json.dumps({"exercise": name, "passed": now})
        # The line break comes first as well, in case an earlier write was cut short.
        lead = b"\n" if path.exists() and path.read_bytes()[-1:] not in (b"", b"\n") else b""
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(file, lead + entry.encode() + b"\n")
            os.fsync(file)
        finally:
            os.close(file)
    except OSError as error:
        return f"your progress could not be written to {path.name}: {error.strerror or error}"
    return ""


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
    """Start a new record and keep the old one under another name.

    Returns
    -------
    Path or None
        Where the old record lies now, or None if there was none.
    """
    path = journal_path()
    if not path.exists():
        return None
    number = 1
    while (kept := path.with_name(f"{path.stem}.{number}{path.suffix}")).exists():
        number += 1
    return path.rename(kept)
