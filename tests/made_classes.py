"""Classes that are made up, as four platforms give them to download, and the truth about each of their students."""

import csv
import io
import json
import zipfile
from dataclasses import dataclass, field

from grading_parts import NAMES, RIGHT, cell, notebook

LAYOUTS = ("canvas", "moodle", "nbgrader", "plain")
DUE = "2026-03-01 23:59"
# Ten scripts, and names that are hard to tell apart, to sort or to write; every other one belongs to two students.
PEOPLE = ("Zoë Müller-Łukasz", "Νίκος Αλεξίου", "Ольга Ким", "محمد علي", "דנה כהן", "अनिल कुमार", "王伟", "김민수",
          "สมชาย ใจดี", "გია მაისურაძე", "さくら 田中", "O'Neil, Ann", "team_3", "=cmd|' /C calc'!A0")
KINDS = ("plain", "late", "resubmitted", "second download", "excused", "capitals", "deeper", "missing", "typed",
         "other homework", "unreadable", "excused but here", "zip", "scan", "longer deadline")
# A stub of each homework exercise would say the same: this is another homework's cell.
OTHER = {"attention_pooling": "def attention_pooling(x, query, lengths):\n    return x"}


@dataclass
class Student:
    """What is true of one student.

    Attributes
    ----------
    id, name, kind : str
    right : tuple of str
        Exercises that were answered; the others are left as they were given out.
    by_hand : float
        What a person gives for the written answer.
    state : str
    late : int
        Days.
    """

    id: str
    name: str
    kind: str
    right: tuple
    by_hand: float
    state: str = "graded"
    late: int = 0


@dataclass
class Class:
    """A class, its download and its tables, in one folder."""

    layout: str
    students: list
    files: dict = field(default_factory=dict)
    tables: dict = field(default_factory=dict)
    nobodys: tuple = ()

    def lay(self, folder, among=None):
        """Write what is downloaded: of all students, or of some as one part of the class; give its place."""
        files = {path: data for path, (owner, data) in self.files.items() if among is None or owner in among}
        if self.layout in ("canvas", "moodle"):
            folder.mkdir(parents=True)
            with zipfile.ZipFile(folder / "submissions.zip", "w", zipfile.ZIP_DEFLATED) as archive:
                for path, data in files.items():
                    archive.writestr(path, data)
            return folder / "submissions.zip"
        for path, data in files.items():
            (folder / "submitted" / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / "submitted" / path).write_bytes(data)
        return folder / "submitted"


def make_class(layout, number):
    """Make a class up: each student with an own combination of answers, points by hand and troubles.

    Parameters
    ----------
    layout : {"canvas", "moodle", "nbgrader", "plain"}
    number : int

    Returns
    -------
    Class
    """
    shift = LAYOUTS.index(layout) * 4  # four small classes have all kinds together
    made = Class(layout, [])
    for n in range(number):
        right = tuple(name for bit, name in enumerate(NAMES) if (n + 1) >> bit & 1)
        kind, name = KINDS[(n + shift) % len(KINDS)], PEOPLE[(n * 2 // 3 + shift) % len(PEOPLE)]
        made.students.append(_settled(Student(_id(layout, n, name), name, kind, right, 0.25 * (n % 13)), layout))
    for student in made.students:
        for path, data in _files(layout, student).items():
            made.files[path] = student.id, data
    made.tables = _tables(made)
    return made


def _id(layout, n, name):
    if layout in ("canvas", "moodle"):
        return str(100100 + 37 * n)
    return "".join(c for c in name.split()[0].lower() if c.isalnum()) + str(n) if layout == "plain" else f"st{n:03}"


def _settled(student, layout):
    """What follows from the kind of trouble."""
    student.state = {"excused": "excused", "missing": "missing", "typed": "unreadable", "unreadable": "unreadable",
                     "zip": "unreadable", "scan": "unreadable", "other homework": "other homework"}.get(
                         student.kind, "graded")
    if student.kind == "typed" and layout != "moodle":
        student.state = "missing"  # elsewhere typed text is in no download
    if student.kind == "late":  # Canvas says that something is late, and not how late
        student.late = 1 if layout == "canvas" else 2
    if student.kind == "longer deadline":
        student.late = 1
    return student


def _work(student):
    answers = {name: RIGHT[name] if name in student.right else _stub(name) for name in NAMES}
    return notebook(answers, after=[cell(f"Because of {student.name}.", "why-scale", kind="markdown", grade=True,
                                         points=3)])


def _stub(name):
    return RIGHT[name].split("\n")[0] + "\n    raise NotImplementedError()"


def _handed_in(student):
    """Names of files and their bytes, the one that counts last."""
    kind, work = student.kind, _work(student)
    if kind in ("excused", "missing", "typed"):
        return {}
    if kind == "resubmitted":
        return {"hw0.ipynb": notebook(dict.fromkeys(NAMES)), "hw0-1.ipynb": work}
    if kind == "other homework":
        alone = json.loads(notebook(dict.fromkeys(NAMES)))
        alone["cells"] = [cell(source, name) for name, source in OTHER.items()]
        return {"hw0.ipynb": json.dumps(alone).encode()}
    if kind == "zip":
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("hw0.ipynb", work)
        return {"hw0.zip": packed.getvalue()}
    name = {"second download": "hw0 (1).ipynb", "capitals": "HW0.IPYNB", "scan": "hw0.pdf"}.get(kind, "hw0.ipynb")
    return {name: {"unreadable": work[:len(work) // 2], "scan": b"%PDF-1.7\n"}.get(kind, work)}


def _files(layout, student):
    """Paths as the platform writes them."""
    found, late, name_there = {}, student.kind in ("late", "longer deadline"), student.name.replace("/", "")
    for turn, (name, data) in enumerate(_handed_in(student).items()):
        if layout == "canvas":
            plain = "".join(c for c in student.name.lower() if c.isalnum() or c == "_")
            mark = "_LATE" if late else ""
            found[f"{plain}{mark}_{student.id}_{900000 + int(student.id) % 1000 + turn}_{name}"] = data
        elif layout == "moodle":
            folder = f"{name_there}_{student.id}_assignsubmission_file_"
            found[f"{folder}/{'my work/' * (student.kind == 'deeper')}{name}"] = data
        elif layout == "nbgrader":
            found[f"{student.id}/hw0/{name}"] = data
        else:
            alone = student.kind in ("plain", "late", "excused but here", "longer deadline")
            found[f"{student.id}.ipynb" if alone else
                  f"{student.id}/{'my work/' * (student.kind == 'deeper')}{name}"] = data
    if layout == "moodle" and student.kind in ("typed", "plain"):
        found[f"{name_there}_{student.id}_assignsubmission_onlinetext_/onlinetext.html"] = b"<p>My work.</p>"
    if layout == "nbgrader" and found:
        found[f"{student.id}/hw0/timestamp.txt"] = f"{_came_in(student)}:00.000000 UTC".encode()
    return found


def _came_in(student):
    return "2026-03-03 12:00" if student.kind in ("late", "longer deadline") else "2026-03-01 20:00"


# --- the tables that a teacher exports ---


def _tables(made):
    students, layout = made.students, made.layout
    own = [[s.id, "excused" if s.kind.startswith("excused") else "2026-03-02 23:59"] for s in students
           if s.kind in ("excused", "excused but here", "longer deadline")]
    tables = {"extensions.csv": _csv([["student", "until"], *own])}
    if layout == "canvas":
        rows = [["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "hw0 (77)", "hw9 (78)"],
                ["    Points Possible", "", "", "", "", "15.00", "5.00"]]
        rows += [[s.name, s.id, f"sis{s.id[::-1]}", f"u{s.id}", "A", "", "3"] for s in students]
        tables["template.csv"] = _csv([*rows, ["Student, Test", "99", "", "tester", "A", "", ""]])
    elif layout == "moodle":
        rows = [["ID", "Vollständiger Name", "E-Mail-Adresse", "Status", "Bewertung", "Bestwertung",
                 "Feedback als Kommentar"]]
        rows += [[f"Teilnehmer/in {s.id}", s.name, "", "Zur Bewertung abgegeben", "", "13,00", ""] for s in students]
        tables["template.csv"] = "\ufeff" + _csv(rows, ";")
        tables["times.csv"] = _csv([["id", "time"], *([s.id, _came_in(s)] for s in students)])
    elif layout == "nbgrader":
        tables["roster.csv"] = _csv([["id", "last_name", "first_name"],
                                     *([s.id, s.name.split()[-1], " ".join(s.name.split()[:-1])] for s in students)])
    else:
        tables["roster.csv"] = _csv([["Name", "Matrikelnummer"], *([s.name, s.id] for s in students)], "\t")
        tables["times.csv"] = _csv([["student", "time"], *([s.id, f"{_came_in(s)} +00:00"] for s in students)])
    return tables


def _csv(rows, delimiter=","):
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(rows)
    return out.getvalue()
