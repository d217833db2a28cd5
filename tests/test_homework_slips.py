"""What a tired teacher types: each message names the file or line that was typed, and nothing is overwritten."""

import json
import shutil

import pytest

from course_utils.classroom import cli
from course_utils.classroom.grading.assignment import SOURCES

pytest.importorskip("nbformat")
TABLES = {
    "names.csv": "id,name\nada,Ada L\nbob,Bob M\nzoe,Zoe Z\n", "empty.csv": "",
    "without.csv": "Name,Email\nAda Lovelace,al@x.org\nBob Marley,bm@x.org\n",
    "twice.csv": "id,name\nada,Ada\nada,Ada too\n", "who.csv": "path,id\nada.ipynb,17\nbobb.ipynb,bob\n",
    "half.csv": "path,id\nbob.ipynb\n", "soon.csv": "id,until\nada,next monday\n",
    "adda.csv": "id,until\nadda,excused\n",
    "times.csv": "id,time\nada,2026-03-01 23:58\nbob,01.03.2026\n", "short.txt": "ab", "other.txt": "a" * 32,
    "canvas.csv": "Student,ID,SIS Login ID,Section\n    Points Possible,,,\nL Ada,101,ada,A\nM Bob,102,bob,A\n",
    "moodle.csv": "Identifier,Full name,Grade,Maximum Grade\nParticipant 101,Ada L,,100\n",
    "marks.csv": "student,question,points\nada,why-length-answer,1\nadda,why-length-answer,1\n",
    "question.csv": "student,question,points\nada,why-answer,1\n",
    "much.csv": "student,question,points\nada,why-length-answer,1\nbob,why-length-answer,31\n",
    "nothing.csv": "student,question,points\nada,why-length-answer,\n", "x.zip": "hello", "broken.ipynb": "{nope",
    "plain.ipynb": json.dumps({"cells": [], "nbformat": 4, "nbformat_minor": 5, "metadata": {}}),
}


def command(*words):
    """Run it in this process; its exit code, that of a wrong call included."""
    try:
        return cli.main(["homework", *map(str, words)])
    except SystemExit as stop:
        return stop.code


@pytest.fixture(scope="module")
def evening(tmp_path_factory):
    """A folder as it looks late in the evening: submissions, results, tables that are nearly right."""
    folder = tmp_path_factory.mktemp("evening")
    for name, text in TABLES.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "x.xlsx").write_bytes(b"PK\x03\x04")
    (folder / "handed_in").mkdir()
    for student in ("ada", "bob"):
        shutil.copy(SOURCES / "hw1_weights.ipynb", folder / "handed_in" / f"{student}.ipynb")
    (folder / "pdfs").mkdir()
    (folder / "pdfs" / "scan.pdf").write_bytes(b"%PDF")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert command("grade", "hw1_weights", "handed_in", "out1") == 0
    return folder


GRADE = "grade hw1_weights handed_in out1 "
DRY = "grade hw1_weights handed_in new --dry-run "
SLIPS = [
    # The assignment.
    ("grade hw9 handed_in new", 2, "no assignment is called hw9 (there is hw1_weights, hw2_masks"),
    ("grade handed_in hw1_weights new", 2, "an assignment is wanted, by its name or its notebook, and handed_in is a"),
    ("grade sources/hw1_weights.ipynb handed_in new", 2, "there is no folder sources"),
    ("grade ./hw1_wieghts.ipynb handed_in new", 2, "no assignment is called hw1_wieghts.ipynb"),
    ("grade plain.ipynb handed_in new", 2, "and plain.ipynb has none"),
    ("grade broken.ipynb handed_in new", 2, "broken.ipynb is no notebook"),
    # The submissions.
    ("grade hw1_weights handedin new", 2, "handedin is not there; is handed_in meant?"),
    ("grade hw1_weights x.zip new", 2, "x.zip is no zip file"),
    ("grade hw1_weights pdfs new", 2, "scan.pdf: it is no notebook, and lies in nobody's folder"),
    ("grade hw2_masks handed_in new --dry-run", 0, "ada: ada.ipynb; this is hw1_weights, and hw2_masks is asked for"),
    # The results.
    ("grade hw2_masks handed_in out1", 2, "out1 holds results of hw1_weights, and this is hw2_masks: name another"),
    ("grade hw1_weights handed_in handed_in", 2, "handed_in holds the submissions; name another folder for the"),
    ("grade hw1_weights handed_in names.csv", 2, "names.csv is a file, and a folder is wanted"),
    # Tables.
    (DRY + "--roster name.csv", 2, "there is no name.csv; is names.csv meant?"),
    (DRY + "--roster without.csv", 1, "without.csv: nobody who handed in is on it (they are called 'ada', 'bob'; its "
                                      "columns are 'Name', 'Email')"),
    (GRADE + "--roster without.csv", 2, "Name the column with such ids by --id-column"),
    (DRY + "--roster empty.csv", 2, "empty.csv is empty"),
    (DRY + "--roster x.xlsx", 2, "x.xlsx is a spreadsheet; save it as CSV"),
    (DRY + "--roster twice.csv", 2, "twice.csv, line 3: the id 'ada' stands in line 2 as well"),
    (DRY + "--roster names.csv --id-column ID", 2, "names.csv has no column 'ID'; it has 'id', 'name'"),
    (DRY + "--who who.csv", 2, "who.csv, line 3: no file and no student is called 'bobb.ipynb'"),
    (DRY + "--who half.csv", 2, "half.csv, line 2: the second column should be the student's id, got nothing"),
    (DRY + "--extensions soon.csv", 2, "soon.csv, line 2: a time such as"),
    (DRY + "--extensions adda.csv", 1, "adda.csv: nobody who is expected or has handed in has the id 'adda'"),
    (GRADE + "--extensions adda.csv", 1, "adda.csv: nobody who is expected or has handed in has the id 'adda'"),
    (DRY + "--times times.csv", 2, "times.csv, line 3: a time such as"),
    # Options.
    (DRY + "--due 1.3.2026", 2, "argument --due: a time such as"),
    (DRY + "--due 2026-03-01 --zone Berlin", 2, "got 'Berlin'"),
    (DRY + "--pattern (ada", 2, "--pattern should be a regular expression, got '(ada'"),
    (DRY + "--pattern ada", 2, "--pattern should have a group (?P<student>...), got 'ada'"),
    (DRY + "--pattern (?P<student>x+)", 2, "ada.ipynb: its path does not fit the pattern"),
    (DRY + "--rooster names.csv", 2, "unrecognized arguments: --rooster"),
    (DRY + "--secret secret.txt", 2, "there is no secret.txt"),
    (DRY + "--secret short.txt", 2, "short.txt should hold one word of at least 16 letters"),
    (GRADE + "--secret other.txt", 2, "out1 was graded with another secret than the one given"),
    ("grade hw1_weights handed_in", 2, "usage: attention-course homework grade ASSIGNMENT SUBMISSIONS FOLDER [opt"),
    # After grading.
    ("report out2", 2, "out2 is not there; is out1 meant?"),
    ("report handed_in", 2, "handed_in holds no results of `homework grade`"),
    ("written out1 mark.csv", 2, "there is no mark.csv; is marks.csv meant?"),
    ("written out1 names.csv", 2, "names.csv should have the columns student, question and points"),
    ("written out1 marks.csv", 2, "marks.csv, line 3: no student is called 'adda'"),
    ("written out1 question.csv", 2, "question.csv, line 2: no question is called 'why-answer'; there is why-length-"),
    ("written out1 much.csv", 2, "much.csv, line 3: points should be a number from 0 to 3, got '31'"),
    ("written out1 nothing.csv", 2, "no line of nothing.csv has anything in its column points"),
    ("export canvas out1 new.csv", 2, "--template should name the file that you exported from Canvas"),
    ("export canvas out1 new.csv --template canvas.csv", 2, "these totals are partial: written answers of 2 students"),
    ("export canvas out1 new.csv --template moodle.csv --partial", 2, "moodle.csv should be a gradebook exported from"),
    ("export moodle out1 new.csv --template canvas.csv --partial", 2, "canvas.csv should be a grading worksheet"),
    ("export moodle out1 new.csv --template moodle.csv --partial --column Points", 2, "moodle.csv has no column 'Poi"),
    ("export canvas out1 names.csv --template canvas.csv --partial", 2, "names.csv is there already; --replace over"),
    ("export canvas out1 there/new.csv --template canvas.csv --partial", 2, "there is no folder there"),
    ("export gradescope out1 new.zip", 2, "and out1 is a folder"),
    ("export gradescope plain.ipynb new.zip", 2, "and plain.ipynb has none"),
    ("export gradescope hw1_weights new.zip --secret out1/secrets.txt", 2, "is out1/secret.txt meant?"),
    ("remove out1 adda", 1, "no results of 'adda'; ids stand in out1/gradebook.csv"),
    ("merge new out1 out2", 2, "out2 is not there; is out1 meant?"),
    ("preflight hw1_wights", 2, "there is no notebook hw1_wights"),
    ("preflight names.csv", 2, "no assignment is called names.csv"),
]


@pytest.mark.parametrize(("line", "code", "said"), SLIPS, ids=[line for line, _, _ in SLIPS])
def test_a_slip_is_told_by_what_was_typed_and_harms_nothing(evening, line, code, said, monkeypatch, capsys):
    monkeypatch.chdir(evening)
    before = contents(evening)
    got = command(*line.split())
    out, err = capsys.readouterr()
    assert said in out + err
    assert got == code
    assert "[Errno" not in err
    assert "Traceback" not in err
    assert contents(evening) == before


def contents(folder):
    """All that a slip could spoil: every file but the one that says that the results are in use."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*")
            if path.is_file() and path.name != ".in-use"}


def test_a_students_copy_of_any_name_is_known_by_its_cells(evening, monkeypatch, capsys):
    monkeypatch.chdir(evening)
    assert command("preflight", "handed_in/ada.ipynb") == 0
    assert "✓ ada.ipynb is a whole notebook" in capsys.readouterr().out


def test_commands_tell_the_next_step(evening, monkeypatch, capsys):
    monkeypatch.chdir(evening)
    command("grade", "hw1_weights", "handed_in", "out1")
    assert "Next: homework report out1; homework written out1 for 12 points that a person gives" in (
        capsys.readouterr().out)
    command(*DRY.split())
    assert "The same command without --dry-run grades them" in capsys.readouterr().out
    assert not (evening / "new").exists()


@pytest.mark.parametrize(("more", "told"), [("", True), (" --column 'Homework_1_(812)'", False)])
def test_an_export_that_makes_a_new_column_says_so(evening, more, told, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(evening)
    sheet = tmp_path / "canvas.csv"
    sheet.write_text("Student,ID,Homework_1_(812),Homework 2 (813)\nL Ada,ada,,\nM Bob,bob,,\n", encoding="utf-8")
    words = f"export canvas out1 {tmp_path / 'new.csv'} --template {sheet} --partial".split()
    assert command(*words, *more.replace("'", "").split()) == 0
    said = capsys.readouterr().out
    assert ("the import makes a new assignment" in said) == told
    assert ("give that to --column: 'Homework 2 (813)'" in said) == told


def test_merging_overwrites_nothing_without_replace(evening, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(evening / "out1", "part")
    assert command("merge", "whole", "part") == 0
    path = tmp_path / "whole" / "records" / "ada.json"
    kept = json.loads(path.read_text(encoding="utf-8"))
    kept["record"]["notes"] = ["graded again meanwhile"]
    path.write_text(json.dumps(kept), encoding="utf-8")
    capsys.readouterr()
    assert command("merge", "whole", "part") == 2
    said = capsys.readouterr().err
    assert "whole and part have different records of 'ada'; --replace takes that of the parts" in said
    assert "meanwhile" in path.read_text(encoding="utf-8")
    assert command("merge", "whole", "part", "--replace") == 0
    assert "meanwhile" not in path.read_text(encoding="utf-8")
