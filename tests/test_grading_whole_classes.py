"""Whole classes by the documented commands, from a platform's download to its import: every point at its owner."""

import csv
import io

import pytest
from grading_parts import NAMES, write_source
from made_classes import DUE, LAYOUTS, make_class

from course_utils import exercises
from course_utils.classroom import cli

pytest.importorskip("nbformat")
FULL = {name: exercises.find(name).points for name in NAMES}
TOLD = {"zip": "is a zip file; hand in the notebook", "scan": "is a PDF", "unreadable": "no JSON, or not all of it",
        "other homework": "is hw1_weights, and hw0", "missing": "Nothing was handed in", "excused": "Excused"}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write_source(tmp_path_factory.mktemp("course") / "hw0.ipynb")


def command(*words):
    return cli.main(["homework", *map(str, words)])


def rows(path, delimiter=","):
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig")), delimiter=delimiter))


def everything(folder):
    """All that a folder of results holds, and the bytes of it."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*"))
            if path.is_file()}


def points(student):
    return sum(FULL[name] for name in student.right)


class Followed:
    """One class, and the commands of docs/homework.md for it."""

    def __init__(self, layout, number, source, folder):
        self.made, self.source, self.folder = make_class(layout, number), source, folder
        for name, text in self.made.tables.items():
            (folder / name).write_text(text, encoding="utf-8")
        self.by_id = {student.id: student for student in self.made.students}
        assert len(self.by_id) == number
        assert len({student.name for student in self.made.students}) < number, "nobody has a namesake"

    def grade(self, out, *more, among=None):
        place = self.made.lay(self.folder / f"in-{out}", among)
        tables = self.made.tables
        roster = "roster.csv" if "roster.csv" in tables else "template.csv"
        words = ["grade", self.source, place, self.folder / out, "--due", DUE, "--roster", self.folder / roster,
                 "--extensions", self.folder / "extensions.csv"]
        words += ["--times", self.folder / "times.csv"] if "times.csv" in tables else []
        return command(*words, *more)

    def mark_by_hand(self, out):
        """Fill in the table of written answers as a person does."""
        assert command("written", self.folder / out) == 0
        sheet = self.folder / out / "written.csv"
        found = rows(sheet)
        for row in found:
            assert self.by_id[row["student"]].name in row["answer"], "the answer is somebody else's"
            row["points"], row["comment"] = str(self.by_id[row["student"]].by_hand), f"Read, {row['student']}."
        with open(sheet, "w", encoding="utf-8-sig", newline="") as file:
            writer = csv.DictWriter(file, found[0])
            writer.writeheader()
            writer.writerows(found)
        assert command("written", self.folder / out, sheet) == 0


@pytest.fixture(params=[8, pytest.param(60, marks=pytest.mark.slow)])
def number(request):
    return request.param


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_point_reaches_its_owner(layout, number, source, tmp_path, capsys):
    followed = Followed(layout, number, source, tmp_path)
    students = followed.made.students
    assert followed.grade("dry", "--dry-run") == 0
    said = capsys.readouterr().out
    for student in students:
        [line] = [line for line in said.splitlines() if line.startswith(f"{student.id} (")]
        assert student.name in line
        assert ("; late" in line) == (student.late > 0)
        assert ("nothing was handed in" in line) == (student.state == "missing")
        assert line.endswith(": excused") == (student.state == "excused")
        assert student.kind not in ("zip", "scan", "unreadable", "other homework") or TOLD[student.kind] in line
    assert not (tmp_path / "dry").exists()

    assert followed.grade("out", "--jobs", "2") == int(any(s.state not in ("graded", "excused") for s in students))
    followed.mark_by_hand("out")
    table = {row["student"]: row for row in rows(tmp_path / "out" / "gradebook.csv")}
    assert set(table) == set(followed.by_id)
    for student in students:
        row = table[student.id]
        assert (row["state"], row["late_days"]) == (student.state, str(student.late)), student
        assert row["name"].lstrip("'") == student.name
        if student.state == "graded":
            assert {name: float(row[name]) for name in NAMES} == {
                name: FULL[name] * (name in student.right) for name in NAMES}, student
            assert (float(row["points"]), row["open"]) == (points(student) + student.by_hand, "0"), student
        else:
            assert row["points"] == row["open"] == "", student
            assert {row[name] for name in NAMES} == {student.state}
        assert TOLD.get(student.kind, "") in row["notes"], student
    assert command("report", tmp_path / "out") == 0

    if layout in ("canvas", "moodle"):
        _imported(followed, layout)
    if number > 8 or layout in ("moodle", "plain"):
        _same_on_one_worker_and_in_four_parts(followed)


def _imported(followed, layout):
    folder, students = followed.folder, followed.made.students
    before = rows(folder / "template.csv", "," if layout == "canvas" else ";")
    assert command("export", layout, folder / "out", folder / "import.csv", "--template", folder / "template.csv") == 0
    after = rows(folder / "import.csv", "," if layout == "canvas" else ";")
    assert len(before) == len(after)
    column, who = ("hw0 (77)", "ID") if layout == "canvas" else ("Bewertung", "ID")
    got = {row[who].rpartition(" ")[2]: row[column] for row in after}
    for student in students:
        told = got.pop(student.id).replace(",", ".")
        assert told == "" if student.state != "graded" else float(told) == points(student) + student.by_hand, student
    assert got == ({"": "15.00", "99": ""} if layout == "canvas" else {})
    for old, new in zip(before, after):
        assert {name: text.lstrip("'") for name, text in new.items() if name not in (column, "Feedback als Kommentar")
                } == {name: old[name].lstrip("'") for name in new if name not in (column, "Feedback als Kommentar")}


def _same_on_one_worker_and_in_four_parts(followed):
    folder, ids = followed.folder, [student.id for student in followed.made.students]
    secret = folder / "out" / "secret.txt"
    followed.grade("one", "--jobs", "1", "--secret", secret)
    for part in range(4):
        followed.grade(f"part{part}", "--secret", secret, among=set(ids[part::4]))
    assert command("merge", folder / "whole", *(folder / f"part{part}" for part in range(4))) == 0
    for out in ("one", "whole"):
        followed.mark_by_hand(out)
        assert command("report", folder / out) == 0
        assert everything(folder / out) == everything(folder / "out"), out


def test_four_small_classes_have_every_kind_of_trouble():
    from made_classes import KINDS

    assert {student.kind for layout in LAYOUTS for student in make_class(layout, 8).students} == set(KINDS)
