"""Words that come from answers and file names, made fit for a page or a terminal."""

import difflib
import re
import sys
from pathlib import Path

__all__ = ["like", "printable", "trouble", "without_paths"]

_PATH = re.compile(r"(?<![\w.<])(?:[A-Za-z]:)?[\\/](?:[^\s\\/'\"<>:|]+[\\/])+([^\s\\/'\"<>:|]*)")
_JOINERS = "\u200c\u200d"  # some scripts cannot be written without


def _own_places():
    """Folders of this machine, the longest first; what they are called may hold spaces."""
    places = {sys.prefix, sys.base_prefix, str(Path(__file__).parents[3])}
    try:
        places.add(str(Path.home()))
    except RuntimeError:  # who has no home has none to hide
        pass
    return sorted((place for place in places if len(place) > 1), key=len, reverse=True)


_OWN_PLACES = _own_places()


def without_paths(text, known=""):
    """Take the paths of this machine out of a text; what stands in `known`, the student's own code, may stay.

    Examples
    --------
    >>> without_paths("No such file: '/home/lecturer/class/grades.csv'")
    "No such file: '…/grades.csv'"
    """
    for place in _OWN_PLACES:
        if place not in known:
            text = re.sub(re.escape(place) + r"(?=[\\/'\"\s:]|$)", "…", text)
    text = _PATH.sub(lambda match: match[0] if match[0] in known else f"…/{match[1]}", text)
    return text.replace("……", "…")


def printable(text):
    r"""Write control characters, and halves of characters, so that a terminal shows them and does not obey them.

    Examples
    --------
    >>> printable("ada\x1b[2J"), printable("a\nb")
    ('ada\\x1b[2J', 'a\nb')
    """
    return "".join(ch if ch.isprintable() or ch == "\n" or ch in _JOINERS else ascii(ch)[1:-1] for ch in text)


def like(path):
    """Ask whether something else in the same folder was meant, whose name is nearly that of a path; or say nothing."""
    path = Path(path)
    try:
        names = [other.name for other in path.parent.iterdir() if other.name != path.name]
    except OSError:
        return ""
    near = difflib.get_close_matches(path.name, names, 1, 0.75)
    return f"; is {path.with_name(near[0])} meant?" if near else ""


def trouble(error):
    """Say what is wrong with a file or folder that somebody typed.

    Parameters
    ----------
    error : Exception

    Returns
    -------
    str

    Examples
    --------
    >>> trouble(FileNotFoundError(2, "No such file or directory", "nowhere/class.csv"))
    'there is no folder nowhere'
    """
    name = getattr(error, "filename", None)
    if not isinstance(error, OSError) or not isinstance(name, str):
        return str(error)
    folder = Path(name).parent
    if isinstance(error, FileNotFoundError):
        return f"there is no {name}{like(name)}" if folder.is_dir() else f"there is no folder {folder}{like(folder)}"
    if isinstance(error, IsADirectoryError):
        return f"{name} is a folder, and a file is wanted"
    if isinstance(error, (FileExistsError, NotADirectoryError)):
        return f"{name} is a file, and a folder is wanted"
    if isinstance(error, PermissionError):
        return f"{name} may not be read or written by you"
    return f"{name}: {error.strerror}"
