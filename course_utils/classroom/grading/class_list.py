"""The class: who is expected, who may be late or is excused, and when a platform says that work came in."""

import re
from dataclasses import dataclass

from course_utils.classroom.grading.moments import moment

__all__ = ["EXCUSED", "ClassList", "known_ids", "read_class_list", "read_extensions", "read_times"]

EXCUSED = "excused"
# How heads of the column with ids and names begin, in the languages that platforms' files come in.
_ID_HEADS = ("id", "student id", "studentid", "student_id", "sis", "login", "user", "username", "participant",
             "matrikel", "identifi", "numéro", "numero", "número", "n°", "nº", "kennung", "teilnehm", "学号", "номер")
_NAME_HEADS = ("name", "full name", "student", "nom", "nombre", "nome", "naam", "vollständiger", "vorname",
               "nachname", "姓名", "имя", "фамилия", "apellido", "prénom", "imię", "jméno")
_FIRST_HEADS = ("first name", "first_name", "firstname", "given", "vorname", "prénom", "nombre", "nome", "voornaam",
                "imię", "имя")
_LAST_HEADS = ("last name", "last_name", "lastname", "surname", "family", "nachname", "nom", "apellido", "cognome",
               "achternaam", "nazwisko", "фамилия")


@dataclass(frozen=True)
class ClassList:
    """Who is expected.

    Attributes
    ----------
    names : dict of str to str
        Id and name of each student; the name may be empty.
    column : str
        From which column the ids were read, in words.
    fits : bool
        Whether anybody who handed in stands there.
    """

    names: dict
    column: str = ""
    fits: bool = True


def read_class_list(table, ids, column=None):
    """Read the ids of a class from a table, whatever its columns are called.

    Parameters
    ----------
    table : Table
    ids : collection of str
        Ids of those who handed in: the column in which most of them stand is the one.
    column : str, optional
        Head of the column with the ids, where it should not be found.

    Returns
    -------
    ClassList

    Raises
    ------
    ValueError
        If `column` is none of the table, or an id stands in two lines.
    """
    head, ids = table.head, set(ids)
    if column is not None:
        if column not in head:
            raise ValueError(f"{table.name} has no column {column!r}; it has {', '.join(map(repr, head))}")
        place = head.index(column)
    else:
        place = _column_of_ids(table, ids)
    with_head = column is not None or _is_head(table, place, ids)
    name_at = _columns_of_names(table, place) if with_head or len(head) > 1 else ()
    names, seen = {}, {}
    for line, cells in table.rows[int(with_head):]:
        student = _plain_id(cells[place])
        if not student or _is_points_row(cells):
            continue
        if student in seen:
            raise ValueError(f"{table.at(line)}: the id {student!r} stands in line {seen[student]} as well")
        seen[student] = line
        names[student] = " ".join(cells[i].strip() for i in name_at if cells[i].strip())
    found = sum(student in names for student in ids)
    title = repr(head[place]) if with_head else f"number {place + 1}"
    return ClassList(names, f"ids from column {title} of {table.name}: {found} of {len(ids)} who handed in stand there",
                     bool(found) or not ids)


def _plain_id(cell):
    """An id as files write it; Moodle writes "Participant 123456", in any language."""
    words = cell.strip().split()
    return words[-1] if len(words) == 2 and words[1].isdigit() and words[0][0].isalpha() else cell.strip()


def known_ids(table, ids, column=None):
    """Give the ids by which an owner can be told where a path could be read in two ways.

    Parameters
    ----------
    table, ids, column
        As for `read_class_list`; `ids` are those that paths by themselves say.

    Returns
    -------
    set of str
        The column of ids where that is clear, else all that stands once in its column: a section or a grade is no id.
    """
    hits = _hits(table, set(ids))
    if column in table.head:
        places = [table.head.index(column)]
    else:
        places = [hits.index(max(hits))] if max(hits) else [i for i in range(len(hits)) if _stands_once(table, i)]
    return {_plain_id(cells[i]) for _, cells in table.rows for i in places} - {""}


def _hits(table, ids):
    """How many of some ids stand in each column; none in one where a word stands twice."""
    return [sum(_plain_id(cells[i]) in ids for _, cells in table.rows) * _stands_once(table, i)
            for i in range(len(table.head))]


def _stands_once(table, place):
    words = [_plain_id(cells[place]) for _, cells in table.rows if cells[place].strip() and not _is_points_row(cells)]
    return len(set(words)) == len(words)


def _column_of_ids(table, ids):
    hits = _hits(table, ids)
    if max(hits):
        return hits.index(max(hits))
    called = [i for i, cell in enumerate(table.head) if cell.strip().lower().startswith(_ID_HEADS)]
    return called[0] if called else 0


def _is_head(table, place, ids):
    """Whether the first row names columns: its cells are words for columns, or its id is unlike all the others."""
    cells = table.head
    if _plain_id(cells[place]) in ids:
        return False
    if any(cell.strip().lower().startswith((*_ID_HEADS, *_NAME_HEADS)) for cell in cells):
        return True
    others = [_plain_id(row[place]) for _, row in table.rows[1:]]
    return bool(others) and all(other.isdigit() for other in others if other) and not _plain_id(cells[place]).isdigit()


def _columns_of_names(table, place):
    """The column of names, or those of the first and the last name, in this order; else any other column."""
    head = [cell.strip().lower() for cell in table.head]
    first, last = ([i for i, cell in enumerate(head) if i != place and re.match(rf"({'|'.join(words)})\b", cell)][:1]
                   for words in (_FIRST_HEADS, _LAST_HEADS))  # whole words: "nombre" is not the French "nom"
    if first and last:
        return [*first, *last]
    called = [i for i, cell in enumerate(head) if i != place and cell.startswith(_NAME_HEADS)]
    return called[:1] or [i for i in range(len(head)) if i != place][:1]


def _is_points_row(cells):
    return cells[0].strip().lower() in ("points possible", "student, test")


def read_extensions(table, zone="UTC"):
    """Read who may hand in later: an id, and a moment or the word "excused".

    Returns
    -------
    dict of str to float or str
        A moment, or `EXCUSED`.

    Raises
    ------
    ValueError
        With the line that cannot be read.
    """
    return {student: EXCUSED if words.lower() in (EXCUSED, "") else when
            for student, words, when in _moments(table, zone)}


def read_times(table, zone="UTC"):
    """Read when work came in: an id, and a moment.

    Returns
    -------
    dict of str to float
    """
    return {student: when for student, words, when in _moments(table, zone) if words}


def _moments(table, zone):
    if len(table.head) < 2:
        raise ValueError(f"{table.name} should have two columns, the student's id and a time, got one")
    for line, cells in table.rows:
        student, words = _plain_id(cells[0]), cells[1].strip()
        if not words or words.lower() == EXCUSED:
            yield student, words, None
            continue
        try:
            yield student, words, moment(words, zone)
        except ValueError as error:
            if line == table.rows[0][0]:
                continue  # a head
            raise ValueError(f"{table.at(line)}: {error}") from None
