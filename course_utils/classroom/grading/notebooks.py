"""Reading what was handed in, whatever it is: no link is followed, nothing is believed, nothing is changed."""

import errno
import json
import os
import stat
from dataclasses import dataclass

from course_utils.classroom.grading.child.wire import MAX_FILE
from course_utils.classroom.grading.forks import Gone

__all__ = ["SMALL", "Notebook", "Unreadable", "read_bytes", "read_notebook", "same_id"]

SMALL = 4 << 20  # bytes that the judge parses itself; what is larger is parsed in a child with a limit

_OTHER_FILES = {b"PK\x03\x04": "a zip file", b"%PDF": "a PDF"}  # by how they begin


class Unreadable(Exception):
    """Why a file cannot be graded, in a sentence for its author."""


@dataclass(frozen=True)
class Cell:
    """A cell of a notebook that was handed in."""

    kind: str
    source: str
    grade_id: str = ""


@dataclass(frozen=True)
class Notebook:
    """The cells, and what is unusual about the file."""

    cells: tuple[Cell, ...]
    notes: tuple[str, ...] = ()

    @property
    def code(self):
        return [cell for cell in self.cells if cell.kind == "code"]


def same_id(a, b):
    """Whether two ids are the same; nbgrader allows both ``-`` and ``_`` in them."""
    return a.replace("-", "_").lower() == b.replace("-", "_").lower()


def read_bytes(path):
    """Read a file that somebody else has put there.

    Parameters
    ----------
    path : Path

    Returns
    -------
    bytes

    Raises
    ------
    Unreadable
        If it is a link, no file, or too large.
    """
    try:
        fd = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
                     | getattr(os, "O_BINARY", 0))
    except OSError as error:
        link = error.errno == errno.ELOOP
        raise Unreadable("is a link to another place, not a file" if link
                         else f"cannot be opened ({error.strerror})") from None
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        os.close(fd)
        raise Unreadable("is not a file")
    with os.fdopen(fd, "rb") as file:
        if status.st_size > MAX_FILE - (1 << 20):
            raise Unreadable(f"has {status.st_size >> 20} MiB; clear its outputs and hand it in again")
        return file.read(MAX_FILE)


def read_notebook(data, zygote=None):
    """Take the cells out of a notebook file.

    Parameters
    ----------
    data : bytes
        The file.
    zygote : Zygote, optional
        Parses what is large, in a child with limits.

    Returns
    -------
    Notebook

    Raises
    ------
    Unreadable
        If it is no notebook.
    """
    if not data.strip():
        raise Unreadable("is empty")
    for mark, words in _OTHER_FILES.items():
        if data.startswith(mark):
            raise Unreadable(f"is {words}; hand in the notebook itself, the file that ends in .ipynb")
    text, notes = _decoded(data)
    try:
        raw = json.loads(text) if len(data) <= SMALL or zygote is None else _in_a_child(text, zygote)
    except RecursionError:
        raise Unreadable("is not a notebook: its JSON is nested too deeply") from None
    except ValueError as error:
        words = "is not a notebook: it is no JSON, or not all of it"
        raise Unreadable(f"{words} (line {error.lineno})" if hasattr(error, "lineno") else words) from None
    try:
        return _notebook(raw, notes)
    except (RecursionError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise Unreadable(f"is JSON, but not a notebook ({type(error).__name__})") from None


def _decoded(data):
    for code in ("utf-8-sig", "utf-16") if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig",):
        try:
            return data.decode(code), []
        except UnicodeDecodeError as error:
            place = error.start
    note = f"the file is not UTF-8 (byte {place}); what could not be read is replaced"
    return data.decode("utf-8", "replace"), [note]


def _in_a_child(text, zygote):
    child = zygote.child()
    try:
        reply, _ = child.ask({"do": "read"}, text.encode())
    except Gone as gone:
        raise Unreadable(f"is too large to be read: {gone}") from None
    finally:
        child.end()
    if not isinstance(reply.get("notebook"), dict):
        raise Unreadable("is not a notebook, or too large to be read")
    return reply["notebook"]


def _notebook(raw, notes):
    if not isinstance(raw, dict) or not isinstance(raw.get("nbformat"), int):
        raise Unreadable("is JSON, but not a notebook")
    metadata = raw.get("metadata") if isinstance(raw.get("metadata"), dict) else {}
    if raw["nbformat"] < 4:
        notes = [*notes, f"it is in the old format {raw['nbformat']}; JupyterLab's `Save` brings it up to date"]
        raw = _upgraded(raw)
    elif raw["nbformat"] > 4:
        notes = [*notes, f"it is in the unknown format {raw['nbformat']}"]
    kernel = metadata.get("kernelspec") if isinstance(metadata.get("kernelspec"), dict) else {}
    language = str(kernel.get("language") or kernel.get("name") or "python")
    if "python" not in language.lower():
        notes = [*notes, f"its kernel is {language[:40]!r}; it is read as Python"]
    if any(isinstance(cell, dict) and "cell_type" in cell and "source" not in cell for cell in raw["cells"]):
        notes = [*notes, "a cell of it has no text at all, not even an empty one; it is read as empty"]
    cells = []
    for cell in raw["cells"]:
        about = cell.get("metadata") if isinstance(cell.get("metadata"), dict) else {}
        mark = about.get("nbgrader") if isinstance(about.get("nbgrader"), dict) else {}
        source = cell.get("source", "")
        source = "".join(source) if isinstance(source, list) else source
        if not isinstance(source, str):
            raise TypeError
        grade_id = mark.get("grade_id")
        cells.append(Cell(str(cell["cell_type"]), source.replace("\r\n", "\n").encode("utf-8", "replace").decode(),
                          grade_id if isinstance(grade_id, str) else ""))
    return Notebook(tuple(cells), tuple(notes))


def _upgraded(raw):
    import nbformat

    return nbformat.convert(nbformat.reader.reads(json.dumps(raw)), 4)
