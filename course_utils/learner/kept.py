"""The answers that passed, kept for other notebooks: a file beside the record of progress that only ever grows.

A line holds the source of one answer. It is read only from the learner's own file, and runs only after it has
passed its check once more. Standard library only: the doctor reads it where NumPy is what is missing.
"""

import datetime
import json
import os
import stat
from dataclasses import dataclass

from course_utils.learner import journal

__all__ = ["SWITCH", "Kept", "Untrusted", "answers_path", "keep", "kept_answers", "switched_off"]

SWITCH = "COURSE_KEEP_ANSWERS"  # environment variable; 0, no, off or false: nothing is kept, nothing kept is used
_LARGEST = 20_000_000  # bytes; years of answers are less


@dataclass(frozen=True)
class Kept:
    """One answer as it passed.

    Attributes
    ----------
    exercise : str
    name : str
        What the function or class is called in its source; empty if the source could not be kept.
    source : str
    missing : tuple of str
        Names that it uses and that could not be taken along.
    problem : str
        Why there is no source, in words that go on after "your answer".
    """

    exercise: str
    name: str = ""
    source: str = ""
    missing: tuple[str, ...] = ()
    problem: str = ""


class Untrusted(Exception):
    """The file is there and is not the learner's own, or cannot be read; its argument is a sentence."""


def switched_off():
    """Whether the learner has turned the keeping off."""
    return os.environ.get(SWITCH, "").strip().lower() in ("0", "no", "off", "false")


def answers_path():
    """Where the answers lie: beside the record of progress, under its name."""
    path = journal.journal_path()
    return path.with_name(f"{path.stem}.answers.jsonl")


def keep(answer):
    """Add an answer to the file, unless it is the newest one of its exercise there.

    Parameters
    ----------
    answer : Kept

    Returns
    -------
    str
        Empty, or why it could not be written, in words for the learner.
    """
    if switched_off():
        return ""
    path = answers_path()
    try:
        if kept_answers().get(answer.exercise, [None])[0] == answer:
            return ""
        now = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
        journal.append_line(path, {"exercise": answer.exercise, "passed": now, "name": answer.name,
                                   "source": answer.source, "missing": answer.missing, "problem": answer.problem},
                            mode=0o600)
    except Untrusted as why:
        return f"your answer could not be kept for later notebooks: {why}"
    except OSError as error:
        return f"your answer could not be kept for later notebooks in {path.name}: {error.strerror or error}"
    return ""


def kept_answers():
    """Read the kept answers.

    Returns
    -------
    dict of str to list of Kept
        For each exercise its answers, the newest first. Lines that are not readable are left out here and left
        alone in the file.

    Raises
    ------
    Untrusted
        If the file belongs to somebody else, is a link or no file, or cannot be read.
    """
    found = {}
    for line in _lines(answers_path()):
        try:
            entry = json.loads(line)
            texts = [entry[key] for key in ("exercise", "name", "source", "problem")]
            missing = tuple(entry["missing"])
        except (ValueError, KeyError, TypeError):
            continue
        if all(isinstance(text, str) for text in (*texts, *missing)):
            exercise, name, source, problem = texts
            found.setdefault(exercise, []).insert(0, Kept(exercise, name, source, missing, problem))
    return found


def _lines(path):
    if path.is_symlink():
        raise Untrusted(f"{path.name} is a link to another file")
    try:
        # What is asked about the file and what is read from it has to be one file.
        file = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Untrusted(f"{path.name} cannot be read ({error.strerror})") from None
    about = os.fstat(file)
    if not stat.S_ISREG(about.st_mode):
        os.close(file)
        raise Untrusted(f"{path.name} is not a file")
    with os.fdopen(file, "rb") as opened:
        if hasattr(os, "geteuid") and about.st_uid != os.geteuid():
            raise Untrusted(f"{path.name} belongs to another user")
        if about.st_size > _LARGEST:
            raise Untrusted(f"{path.name} is larger than {_LARGEST} bytes")
        return opened.read().decode("utf-8", "replace").split("\n")
