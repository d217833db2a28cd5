"""Reading tables that other programs wrote: whatever their delimiter, their encoding and the language of their head."""

import codecs
import csv
import io
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Table", "fit_to_print", "read_table", "write_table"]

_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_DELIMITERS = (",", ";", "\t")


@dataclass(frozen=True)
class Table:
    """The rows of a file, and what is needed to write them back as they came.

    Attributes
    ----------
    name : str
        Of the file, for messages.
    rows : list of (int, list of str)
        Number of the line in the file, from 1, and its cells; empty lines are left out.
    delimiter : str
    """

    name: str
    rows: list
    delimiter: str = ","

    @property
    def head(self):
        """The cells of the first row."""
        return self.rows[0][1] if self.rows else []

    def at(self, line):
        """Name a line, for a message."""
        return f"{self.name}, line {line}"


def read_table(source, name=None):
    """Read a CSV file.

    Parameters
    ----------
    source : path-like or bytes
    name : str, optional
        For messages, where `source` is bytes.

    Returns
    -------
    Table

    Raises
    ------
    ValueError
        If the file is empty, or is a spreadsheet's own format.
    """
    data = source if isinstance(source, bytes) else Path(source).read_bytes()
    name = name or ("the table" if isinstance(source, bytes) else Path(source).name)
    if data[:2] in (b"PK", b"\xd0\xcf"):
        raise ValueError(f"{name} is a spreadsheet; save it as CSV (comma-separated values) first")
    text = _decoded(data)
    first = next((line for line in text.splitlines() if line.strip()), "")
    if not first:
        raise ValueError(f"{name} is empty")
    delimiter = max(_DELIMITERS, key=lambda mark: len(next(csv.reader([first], delimiter=mark))))
    reader, rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), []
    began = 1
    for cells in reader:
        if any(cell.strip() for cell in cells):
            rows.append((began, [fit_to_print(cell) for cell in cells]))
        began = reader.line_num + 1
    width = max(len(cells) for _, cells in rows)
    return Table(name, [(line, cells + [""] * (width - len(cells))) for line, cells in rows], delimiter)


def _decoded(data):
    for mark, code in _MARKS.items():
        if data.startswith(mark):
            return data.decode(code, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")  # what a spreadsheet on Windows writes


def fit_to_print(text):
    """Replace what no terminal, page or file should get from a name: control characters and halves of characters.

    Examples
    --------
    >>> fit_to_print("Ada\\x1b[2J")
    'Ada�[2J'
    """
    text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(c if c.isprintable() or c in "\n\t" else "�" for c in text)


def write_table(rows, delimiter=","):
    """Write rows as CSV; a cell that a spreadsheet would run as a formula is made text."""
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows([[_harmless(cell) for cell in row]
                                                                         for row in rows])
    return out.getvalue()


_FORMULA = tuple("=+@\t\r" + "\uff1d\uff0b\uff20\uff0d")  # the wide forms are read as the narrow ones


def _harmless(cell):
    text = str(cell)
    if text.startswith(_FORMULA):
        return "'" + text
    if text.startswith("-"):
        try:
            float(text.replace(",", "."))
        except ValueError:
            return "'" + text
    return text
