"""Whose work it is: from a platform's download to its import, every point at its owner, nobody placed by a guess."""

import argparse
import contextlib
import csv
import io
import json
import multiprocessing
import os
import subprocess
import sys
import zipfile

import pytest
from grading_parts import ASSIGNMENT, RIGHT, cell, notebook

from course_utils.classroom.grading import gradebook as books
from course_utils.classroom.grading import marking, runs, written
from course_utils.classroom.grading import owners as owners_of
from course_utils.classroom.grading.class_list import EXCUSED, read_class_list, read_extensions, read_times
from course_utils.classroom.grading.class_report import class_report
from course_utils.classroom.grading.forks import Zygote
from course_utils.classroom.grading.marking import mark
from course_utils.classroom.grading.moments import moment
from course_utils.classroom.grading.pages import feedback_page
from course_utils.classroom.grading.results import Results, file_name, merge
from course_utils.classroom.grading.submissions import collect
from course_utils.classroom.grading.tables import read_table

SECRET = "0123456789abcdef"
# Here answers are run; elsewhere what counts is whose they are, and an answer that is there counts as right.
REAL = {"test_half_a_character_in_a_message_stops_no_report",
        "test_what_is_drawn_is_the_same_for_a_class_and_another_with_another_secret"}


class Nobody(contextlib.nullcontext):
    """In the place of the processes that run answers."""

    fences, how, over = (), None, ""

    def __init__(self, *args, **kwargs):
        super().__init__(self)

    def greet(self):
        pass

    def begin_submission(self):
        pass

    def is_up(self):
        return True


def there(assignment, answers, seed, zygote):
    return {name for name, answer in answers.items() if answer.cell is not None}


def absent(exercise, answer, seed, zygote):
    return marking._result(exercise, "missing", [(part, False, "") for part in exercise.parts], None)


@pytest.fixture(autouse=True)
def without_processes(request, monkeypatch):
    if request.function.__name__ not in REAL:
        for name in ("Nursery", "Zygote"):
            monkeypatch.setattr(runs, name, Nobody)
        monkeypatch.setattr(marking, "_first_pass", there)
        monkeypatch.setattr(marking, "_alone", absent)


def laid(folder, files):
    """Lay files out: a path and its bytes each."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def table(text, name="class.csv", code="utf-8"):
    return read_table(text.encode(code), name)


def owners(found):
    return {submission.student: (submission.name, submission.place) for submission in found}


# --- layouts ---


def test_two_of_one_name_stay_two_in_canvas(tmp_path):
    files = {"wangwei_100149_5001_hw0.ipynb": b"1", "wangwei_100186_5002_hw0.ipynb": b"2"}
    found = collect(laid(tmp_path, files), "hw0")
    assert owners(found) == {"100149": ("wangwei", "wangwei_100149_5001_hw0.ipynb"),
                             "100186": ("wangwei", "wangwei_100186_5002_hw0.ipynb")}


@pytest.mark.parametrize(("file", "student", "name"), [
    ("team_3_100149_5001_hw0.ipynb", "100149", "team_3"), ("ada_100149_5001_hw_1_2_x.ipynb", "100149", "ada"),
    ("ada_LATE_100149_5001_hw0 (1).ipynb", "100149", "ada"), ("müller_LATE_7_12_hw0.IPYNB", "7", "müller")])
def test_a_name_with_numbers_is_read_as_canvas_means_it(tmp_path, file, student, name):
    found = collect(laid(tmp_path, {file: b"1"}), "hw0")
    assert owners(found) == {student: (name, file)}
    assert found[0].late == ("_LATE_" in file)


def test_an_id_of_the_class_decides_how_a_name_is_read(tmp_path):
    place = laid(tmp_path, {"team_3_100149_hw0.ipynb": b"1"})
    assert collect(place, "hw0", known={"3"})[0].student == "3"


def test_moodles_typed_text_does_not_make_a_second_student(tmp_path):
    place = laid(tmp_path, {
        "Ada L_101_assignsubmission_file_/hw0.ipynb": b"1", "Ada L_101_assignsubmission_onlinetext_/o.html": b"t",
        "Bo_102_assignsubmission_onlinetext_/onlinetext.html": b"t", "Cy_103_assignsubmission_file_hw0.ipynb": b"3"})
    found = collect(place, "hw0")
    assert {s: name for s, (name, _) in owners(found).items()} == {"101": "Ada L", "102": "Bo", "103": "Cy"}
    assert found[0].read() == b"1"
    record = runs.grade(ASSIGNMENT, [found[1]], tmp_path / "out").records[0]
    assert record["state"] == "unreadable"
    assert "typed on the platform's page" in record["notes"][0]


@pytest.mark.parametrize(("files", "students"), [
    ({"evening/ada/hw0.ipynb": b"1", "evening/bob/hw0.ipynb": b"2"}, ["ada", "bob"]),
    ({"evening/ada.ipynb": b"1", "evening/bob.ipynb": b"2"}, ["ada", "bob"]),
    ({"evening/lea_12_345_hw0.ipynb": b"1", "evening/lea_13_346_hw0.ipynb": b"2"}, ["12", "13"]),
    ({"evening/ada/hw0/hw0.ipynb": b"1", "evening/bob/hw0/hw0.ipynb": b"2"}, ["ada", "bob"]),
    ({"ada/My homework/hw4.ipynb": b"1", "bob/hw0 (1).IPYNB": b"2"}, ["ada", "bob"]),
    ({"ada/hw0.ipynb": b"1", "ada/draft.ipynb": b"0"}, ["ada"]),
    ({"ada/My homework/hw4.ipynb": b"1"}, ["ada"])])
def test_a_folder_deeper_or_another_ending_changes_nothing(tmp_path, files, students):
    assert [submission.student for submission in collect(laid(tmp_path, files), "hw0")] == students


def test_what_cannot_be_placed_is_listed_and_a_mapping_puts_it_right(tmp_path):
    place = laid(tmp_path / "in", {"ada.ipynb": b"1", "scan.pdf": b"%PDF", "bobs old.ipynb": b"2"})
    found = collect(place, "hw0")
    assert found.unplaced == (("scan.pdf", "it is no notebook, and lies in nobody's folder"),)
    who = table("path,id,name\nscan.pdf,17,Cy\nbobs old,bob,Bob\n", "who.csv")
    found = collect(place, "hw0", who=who)
    assert owners(found) == {"17": ("Cy", "scan.pdf"), "ada": ("", "ada.ipynb"), "bob": ("Bob", "bobs old.ipynb")}
    with pytest.raises(ValueError, match=r"who\.csv, line 3: no file and no student is called 'zoe'"):
        collect(place, who=table("path,id\nscan.pdf,17\nzoe,18\n", "who.csv"))
    with pytest.raises(ValueError, match=r"who\.csv, line 2: the second column"):
        collect(place, who=table("path,id\nscan.pdf\n", "who.csv"))


@pytest.mark.parametrize("name", ["readme.txt", "README.md", "Read me"])
def test_a_readme_beside_the_submissions_is_told_and_is_nobodys(tmp_path, name):
    files = {name: b"These are ...", "ada.ipynb": notebook(), "bob.ipynb": notebook()}
    found = collect(laid(tmp_path, files), "hw0")
    assert ([submission.student for submission in found], found.unplaced) == (["ada", "bob"], ())
    assert found.aside == ((name, "it is called a readme"),)


def test_a_readme_in_a_students_folder_is_the_students(tmp_path):
    found = collect(laid(tmp_path, {"ada/readme.txt": b"late, sorry", "bob/hw0.ipynb": notebook()}), "hw0")
    assert (sorted(owners(found)), found.aside) == (["ada", "bob"], ())


def test_results_below_the_submissions_are_nobody(tmp_path):
    place = laid(tmp_path, {"ada.ipynb": notebook(), "out/records/ada.json": b"{}", "out/gradebook.csv": b"x"})
    assert [s.student for s in collect(place, "hw0", skip=[place / "out"])] == ["ada"]


@pytest.mark.skipif(os.name == "nt", reason="names of files that are no text")
def test_a_name_that_is_no_text_stops_nobody(tmp_path):
    place = laid(tmp_path / "in", {"ada.ipynb": notebook()})
    odd = [b"m\xfcller.ipynb", b"m\xf6ller.ipynb", b"a\x1b[2Jb.ipynb"]
    try:
        for name in odd:
            with open(os.path.join(os.fsencode(place), name), "wb") as file:
                file.write(notebook())
    except OSError:
        pytest.skip("this disk takes no such names")
    out = Results(tmp_path / "out", "hw0")
    records = runs.grade(ASSIGNMENT, collect(place, "hw0"), out).records
    assert len(records) == 4
    assert all(record["student"].isprintable() and record["points"] == 10 for record in records)
    text = "".join([books.gradebook(records), class_report(records), *map(feedback_page, records)])
    text.encode()


def test_half_a_character_in_a_message_stops_no_report(tmp_path):
    answer = "def dot(a, b):\n    raise ValueError('\\ud800')"
    place = laid(tmp_path / "in", {"ada.ipynb": notebook({"dot": answer})})
    records = runs.grade(ASSIGNMENT, collect(place, "hw0"), tmp_path / "out").records
    "".join([books.gradebook(records), class_report(records), feedback_page(records[0])]).encode()


@pytest.mark.skipif(os.name == "nt", reason="workers are forked")
def test_workers_that_read_one_zip_at_once_read_it_right(tmp_path):
    place = tmp_path / "all.zip"
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
        for n in range(150):
            archive.writestr(f"s{n:03}.ipynb", b"x" * 20_000)
    found = collect(place)
    context = multiprocessing.get_context("fork")
    sent = context.Queue()

    def read():
        sent.put(sum(submission.read() != b"x" * 20_000 for submission in found))

    workers = [context.Process(target=read) for _ in range(4)]
    for worker in workers:
        worker.start()
    assert [sent.get(timeout=60) for _ in workers] == [0] * 4
    for worker in workers:
        worker.join()


# --- tables ---


@pytest.mark.parametrize("code", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_is_read_whatever_wrote_it(code, delimiter):
    text = delimiter.join(["Matrikelnummer", "Name"]) + "\r\n" + delimiter.join(["4711", '"Müller, Zoë"']) + "\r\n\r\n"
    found = read_table(text.encode(code), "class.csv")
    assert (found.delimiter, found.head, found.rows[1]) == (delimiter, ["Matrikelnummer", "Name"],
                                                            (2, ["4711", "Müller, Zoë"]))
    listed = read_class_list(found, ["4711"])
    assert listed.names == {"4711": "Müller, Zoë"}
    assert "1 of 1 who handed in" in listed.column


@pytest.mark.parametrize(("text", "names"), [
    ("Student,ID,SIS Login ID,Section\n    Points Possible,,,\n\"Lovelace, Ada\",12,ada,A\n\"Student, Test\",99,t,A\n",
     {"12": "Lovelace, Ada"}),
    ("Identifier,Full name\nTeilnehmer/in 12,Ada Lovelace\n", {"12": "Ada Lovelace"}),
    ("Teilnehmer;Vollständiger Name\nTeilnehmer/in 12;Ada Lovelace\n", {"12": "Ada Lovelace"}),
    ("姓名,学号\n王伟,12\n王伟,13\n", {"12": "王伟", "13": "王伟"}),
    ("id,last_name,first_name,email\n12,Lovelace,Ada,a@b\n", {"12": "Ada Lovelace"}),
    ("Vorname;Nachname;Matrikelnummer\nAda;Lovelace;12\n", {"12": "Ada Lovelace"}),
    ("Nom,Prénom,id\nLovelace,Ada,12\n", {"12": "Ada Lovelace"}),
    ("Nombre,Apellido(s),id\nAda,Lovelace,12\n", {"12": "Ada Lovelace"}),
    ("12\n13\n", {"12": "", "13": ""}), ("student\n12\n", {"12": ""}), ("Name,id\nAda,12\n", {"12": "Ada"})])
def test_a_class_list_is_read_in_its_real_forms(text, names):
    assert read_class_list(table(text), ["12"]).names == names


def test_a_section_or_a_grade_of_the_class_list_is_nobodys_id(tmp_path):
    """The gradebook that Canvas exports holds both, and a name may hold the same."""
    roster = tmp_path / "canvas.csv"
    roster.write_text("Student,ID,Section,hw9\nTeam,100149,A,3\nBo,100186,B,3\nCy,100223,A,4\n", encoding="utf-8")
    args = argparse.Namespace(pattern=None, folder=tmp_path / "out", roster=roster, id_column=None, who=None, due=None,
                              times=None, extensions=None, file_times=False)
    for part, files in enumerate([
            {"team_3_100149_5001_hw0.ipynb": b"1", "bo_100186_5002_hw0.ipynb": b"2"},
            {"A/100149.ipynb": b"1", "B/100186.ipynb": b"2", "A/100223.ipynb": b"3"},
            {"A/100149/hw0.ipynb": b"1", "B/100186/hw0.ipynb": b"2"}]):
        args.submissions = laid(tmp_path / f"in{part}", files)
        found, class_, *_ = owners_of.who_is_who(args, ASSIGNMENT)
        assert [one.student for one in found] == ["100149", "100186", "100223"][:len(files)]
        assert set(class_.names) == {"100149", "100186", "100223"}


def test_a_class_list_that_does_not_fit_is_told_by_its_line():
    with pytest.raises(ValueError, match=r"class\.csv, line 4: the id '12' stands in line 2 as well"):
        read_class_list(table("id,name\n12,A\n13,B\n12,C\n"), ["12"])
    with pytest.raises(ValueError, match="no column 'nr'; it has 'id', 'name'"):
        read_class_list(table("id,name\n12,A\n"), [], "nr")
    with pytest.raises(ValueError, match=r"class\.csv is a spreadsheet; save it as CSV"):
        read_table(b"PK\x03\x04", "class.csv")
    with pytest.raises(ValueError, match="is empty"):
        read_table(b"\n \n", "class.csv")


def test_times_have_a_zone_and_a_line():
    assert read_times(table("id,time\n12,2026-03-01 23:59 +01:00\n13,\n")) == {"12": moment("2026-03-01 22:59")}
    assert read_extensions(table("12,2026-03-02\n13,excused\n")) == {"12": moment("2026-03-02 23:59:59"), "13": EXCUSED}
    assert moment("2026-03-01 23:59", "Europe/Berlin") == moment("2026-03-01 22:59")
    assert moment("2026-03-01 10:00:00.123 America/New_York") == moment("2026-03-01 15:00")
    with pytest.raises(ValueError, match=r"class\.csv, line 3: a time such as"):
        read_times(table("id,time\n12,2026-03-01 23:59\n13,soon\n"))
    with pytest.raises(ValueError, match="a time zone such as"):
        moment("2026-03-01 23:59", "Middle/Earth")


def test_late_is_what_the_platform_says_and_never_a_files_time(tmp_path):
    place = laid(tmp_path / "in", {"lea_LATE_12_345_hw0.ipynb": notebook(), "bo_13_346_hw0.ipynb": notebook()})
    due = moment("2020-01-01")
    found = collect(place, "hw0")

    def days(**more):
        return [runs.Class(due=due, **more).late_days(submission) for submission in found]

    assert days() == [1, 0]
    assert days(times={"13": due + 86401}) == [1, 2]
    assert days(extensions={"12": EXCUSED}) == [0, 0]
    assert days(extensions={"13": due + 86400}, times={"13": due + 90000}) == [1, 1]
    assert min(days(file_times=True)) > 1000


# --- one folder, one assignment, one class ---


@pytest.fixture
def three(tmp_path):
    """Three submissions, graded."""
    place = laid(tmp_path / "in", {f"{s}.ipynb": notebook() for s in ("ada", "bob", "cy")})
    out = Results(tmp_path / "out", "hw0", SECRET)
    runs.grade(ASSIGNMENT, collect(place), out)
    return out


def students(results):
    return [record["student"] for record in results.records()]


def test_a_folder_refuses_another_assignment_and_another_secret(three):
    assert Results(three.folder).assignment == "hw0"
    with pytest.raises(ValueError, match="holds results of hw0, and this is hw1"):
        Results(three.folder, "hw1")
    with pytest.raises(ValueError, match="graded with another secret"):
        Results(three.folder, "hw0", SECRET[::-1])
    with pytest.raises(ValueError, match="should be a folder that `homework grade` has written"):
        Results(three.folder / "none")


def test_a_late_file_graded_alone_is_merged_and_a_wrong_run_taken_back(three, tmp_path):
    late = laid(tmp_path / "late", {"dan.ipynb": notebook({"dot": None})})
    again = runs.grade(ASSIGNMENT, collect(late), three, class_=runs.Class({"ada": "", "eve": "Eve"}))
    assert (again.graded, [record["student"] for record in again.records]) == (1, ["ada", "bob", "cy", "dan", "eve"])
    assert [record["state"] for record in again.records[-2:]] == ["graded", "missing"]
    assert three.remove(["dan", "nobody"]) == ["nobody"]
    assert students(three) == ["ada", "bob", "cy", "eve"]
    assert list((three.folder / "removed").iterdir())


def test_two_runs_do_not_work_in_one_folder(three):
    with three.in_use():
        code = "from course_utils.classroom.grading.results import Results\nwith Results({!r}).in_use():\n    pass"
        done = subprocess.run([sys.executable, "-c", code.format(str(three.folder))], capture_output=True, text=True,
                              check=False)
        assert "another run is grading into" in done.stderr
    with Results(three.folder).in_use():
        pass


def test_what_could_not_be_read_is_tried_again(tmp_path):
    place = laid(tmp_path / "in", {"ada.ipynb": b"{"})
    out = Results(tmp_path / "out", "hw0")
    assert runs.grade(ASSIGNMENT, collect(place), out).records[0]["state"] == "unreadable"
    assert runs.grade(ASSIGNMENT, collect(place), out).graded == 1


def test_the_record_belongs_to_the_bytes_that_were_graded(tmp_path, monkeypatch):
    place = laid(tmp_path / "in", {"ada.ipynb": notebook({"dot": None})})
    out, found = Results(tmp_path / "out", "hw0"), collect(place)
    asked = []

    def changing(submission):
        asked.append(1)
        if len(asked) == 2:  # after the key was looked up, before it is graded
            (place / "ada.ipynb").write_bytes(notebook())
        return submission.read()

    monkeypatch.setattr(runs, "_data", changing)
    assert runs.grade(ASSIGNMENT, found, out).records[0]["points"] == 10
    monkeypatch.undo()
    assert runs.grade(ASSIGNMENT, found, out).kept == 1  # the key is that of the graded bytes


def test_four_parts_on_four_machines_make_the_class(tmp_path):
    files = {f"s{n}.ipynb": notebook({"dot": RIGHT["dot"] if n % 3 else None}) for n in range(8)}
    whole = Results(tmp_path / "whole", "hw0", SECRET)
    runs.grade(ASSIGNMENT, collect(laid(tmp_path / "all", files)), whole, class_=runs.Class({"zoe": ""}))
    parts = []
    for part in range(4):
        mine = {name: data for i, (name, data) in enumerate(files.items()) if i % 4 == part}
        results = Results(tmp_path / f"part{part}", "hw0", SECRET)
        runs.grade(ASSIGNMENT, collect(laid(tmp_path / f"in{part}", mine)), results, class_=runs.Class({"zoe": ""}))
        parts.append(results.folder)
    merged = merge(tmp_path / "merged", parts)
    assert merged.records() == whole.records()
    assert books.gradebook(merged.records()) == books.gradebook(whole.records())
    runs.grade(ASSIGNMENT, collect(laid(tmp_path / "other", {"s0.ipynb": notebook()})), tmp_path / "foreign")
    with pytest.raises(ValueError, match="another secret"):
        merge(tmp_path / "again", [parts[0], tmp_path / "foreign"])


def test_the_secret_stands_on_no_page(three):
    records = three.records()
    text = "".join([books.gradebook(records), class_report(records), *map(feedback_page, records),
                    (three.folder / "homework.json").read_text(encoding="utf-8")])
    assert SECRET not in text
    assert os.name == "nt" or (three.folder / "secret.txt").stat().st_mode & 0o077 == 0


def test_names_of_files_keep_ids_apart_on_any_disk():
    ids = ["ada", "Ada", "ada.", ".ada", "a/b", "a_b", "王伟", "李伟", "é", "e\u0301", "x" * 300, "x" * 301, "con"]
    names = [file_name(student).casefold() for student in ids]
    assert len(set(names)) == len(ids)
    assert all(len(name.encode()) < 200 and not name.startswith(".") for name in names)


# --- the wrong homework, and written answers ---


def test_the_wrong_homework_is_told_to_both_sides(tmp_path):
    data = json.loads(notebook())
    for one in data["cells"]:
        if one["metadata"].get("nbgrader"):
            one["metadata"]["nbgrader"]["grade_id"] = "attention_pooling"
    [record] = runs.grade(ASSIGNMENT, collect(laid(tmp_path / "in", {"ada.ipynb": json.dumps(data).encode()})),
                          tmp_path / "out").records
    assert (record["state"], record["notes"]) == (
        "other homework", ["This is hw1_weights, and hw0 was asked for: hand that one in."])
    assert "another homework" in feedback_page(record)
    assert "hw1_weights" in books.gradebook([record])


@pytest.mark.parametrize(("source", "state"), [
    ("The spread stays near 1.", "written"), ("YOUR ANSWER HERE", "untouched"), ("  \n", "empty"), (None, "deleted")])
def test_what_became_of_a_written_question_is_known(tmp_path, source, state):
    after = [] if source is None else [cell(source, "why-scale", kind="markdown", grade=True, points=3)]
    place = laid(tmp_path / "in", {"ada.ipynb": notebook(after=after)})
    [record] = runs.grade(ASSIGNMENT, collect(place), tmp_path / "out").records
    assert [task["state"] for task in record["by_hand"]] == [state]
    [row] = csv.DictReader(io.StringIO(books.gradebook([record])))
    assert (row["why-scale"], row["points"], row["of"], row["open"]) == (state, "10", "13", "3")


def test_points_by_hand_come_back_and_survive_another_run(three, tmp_path):
    sheet = read_table(written.sheet(three.records()).encode(), "written.csv")
    rows = [dict(zip(sheet.head, cells)) for _, cells in sheet.rows[1:]]
    assert [(row["student"], row["question"], row["of"]) for row in rows] == [
        (student, "why-scale", "3") for student in ("ada", "bob", "cy")]
    marks = written.read_marks(table("Student,Question,Points,Comment\nada,why-scale,\"2,5\",Nice\n"), three.records())
    three.add_marks(marks)
    runs.grade(ASSIGNMENT, collect(tmp_path / "in"), three, regrade=True)
    ada, bob, _ = three.records()
    assert (books.total(ada), books.open_points(ada), books.total(bob), books.open_points(bob)) == (12.5, 0, 10, 3)
    assert "Nice" in feedback_page(ada)
    for text, said in (("student,question,points\nzoe,why-scale,1\n", "line 2: no student is called 'zoe'"),
                       ("student,question,points\nada,why,1\n", "line 2: no question is called 'why'"),
                       ("student,question,points\nada,why-scale,9\n", "line 2: points should be a number from 0 to 3"),
                       ("who,points\nada,1\n", "should have the columns")):
        with pytest.raises(ValueError, match=said):
            written.read_marks(table(text), three.records())


# --- back to the platforms ---


@pytest.fixture
def records(tmp_path):
    """Three students as Moodle and Canvas number them, one of whom handed in something unreadable."""
    folder = tmp_path
    place = laid(folder / "in", {"Ada Lovelace_101_assignsubmission_file_/a.ipynb": notebook(),
                                 "Ada Lovelace_102_assignsubmission_file_/b.ipynb": notebook({"dot": None}),
                                 "＝cmd()_103_assignsubmission_file_/c.ipynb": b"{"})
    return runs.grade(ASSIGNMENT, collect(place), folder / "out").records


def rows(text, delimiter=","):
    return list(csv.DictReader(io.StringIO(text), delimiter=delimiter))


def test_the_gradebook_never_says_zero_for_what_was_not_graded(records):
    ada, other, bad = rows(books.gradebook(records))
    assert (bad["student"], bad["name"], bad["state"], bad["softmax"], bad["points"]) == (
        "103", "'＝cmd()", "unreadable", "unreadable", "")
    assert (ada["softmax"], ada["dot"], ada["points"], ada["of"], ada["open"]) == ("4", "2", "10", "13", "3")
    assert (other["name"], other["dot"], other["points"]) == ("Ada Lovelace", "missing", "8")


@pytest.mark.parametrize(("head", "delimiter", "highest"), [
    ("Identifier,Full name,Status,Grade,Maximum Grade,Feedback comments", ",", "13.00"),
    ("ID;Vollständiger Name;Status;Bewertung;Bestwertung;Feedback als Kommentar", ";", "13,00"),
    ("Id,Jméno,Stav,Známka,Nejvyšší,Komentář", ",", "13.00")])
def test_moodles_worksheet_comes_back_with_grades(records, head, delimiter, highest):
    names = head.split(delimiter)
    sheet = "\ufeff" + "\n".join([head, *(delimiter.join([f"Participant {n}", "Somebody", "", "", highest, ""])
                                          for n in (101, 102, 999))])
    text, unplaced = books.moodle(records, table(sheet))
    assert [row[names[3]] for row in rows(text, delimiter)] == ["10", "8", ""]
    assert [row[names[4]] for row in rows(text, delimiter)] == [highest] * 3
    assert unplaced == [("＝cmd() (103)", "no line of class.csv has the number '103'")]


def test_moodles_worksheet_has_to_be_one(records):
    with pytest.raises(ValueError, match="none of its columns looks like grades"):
        books.moodle(records, table("a,b\n1,2\n"))
    with pytest.raises(ValueError, match="Participant 123456"):
        books.moodle(records, table("a,Grade\nx,2\n"))


CANVAS = ("Student,ID,SIS User ID,SIS Login ID,Section,hw0 (77),Other (78)\n    Points Possible,,,,,15.00,5.00\n"
          '"王伟",101,u1,w1,A,,3\n"王伟",102,u2,w2,A,,4\n"Boole, George",104,u3,boole,A,,4\n'
          '"Student, Test",999,,x,A,,\n')


def test_canvas_gets_points_back_by_its_own_ids_and_keeps_what_is_possible(records):
    text, unplaced = books.canvas(records, table(CANVAS))
    assert [row["hw0 (77)"] for row in rows(text)] == ["15.00", "10", "8", "", ""]
    assert unplaced == [("＝cmd() (103)", "no line of class.csv has the id '103'")]
    assert set(rows(text)[0]) == {"Student", "ID", "SIS User ID", "SIS Login ID", "Section", "hw0 (77)"}


def test_canvas_is_never_filled_by_a_name(records):
    stranger = {**records[0], "student": "boolegeorge", "name": "Boole, George"}
    text, unplaced = books.canvas([stranger], table(CANVAS))
    assert {row["hw0 (77)"] for row in rows(text)} == {"15.00", ""}
    assert [student for student, _ in unplaced] == ["Boole, George (boolegeorge)"]
    both = table(CANVAS.replace("104,u3,boole", "104,101,boole"))
    text, unplaced = books.canvas(records[:1], both)
    assert {row["hw0 (77)"] for row in rows(text)} == {"15.00", ""}
    assert "fits lines 3, 5" in unplaced[0][1]


def test_canvas_has_one_column_for_the_points(records):
    renamed = CANVAS.replace("hw0 (77)", "Second sheet (77)")
    assert rows(books.canvas(records, table(renamed), "Second sheet (77)")[0])[1]["Second sheet (77)"] == "10"
    assert rows(books.canvas(records, table(renamed))[0])[0]["hw0"] == "13"
    with pytest.raises(ValueError, match="several columns for hw0"):
        books.canvas(records, table(CANVAS.replace("Other (78)", "hw0 (78)")))
    with pytest.raises(ValueError, match="no column 'x'"):
        books.canvas(records, table(CANVAS), "x")
    with pytest.raises(ValueError, match="exported from Canvas"):
        books.canvas(records, table("a,b\n"))


def test_what_is_drawn_is_the_same_for_a_class_and_another_with_another_secret():
    memorised = ("def softmax(x, axis=-1):\n    e = np.exp(x - x.max(axis=axis, keepdims=True))\n"
                 "    return e / e.sum(axis=axis, keepdims=True)")
    with Zygote() as zygote:
        one, two = (mark(notebook({"softmax": memorised}), ASSIGNMENT, student, zygote, secret=SECRET)
                    for student in ("ada", "bob"))
    assert one["exercises"] == two["exercises"]
    assert ASSIGNMENT.seed(SECRET) != ASSIGNMENT.seed(SECRET[::-1])


def test_an_old_download_does_not_undo_what_was_handed_in_later(tmp_path):
    old, new = "ada_17_90_hw0.ipynb", "ada_LATE_17_101_hw0.ipynb"
    first = collect(laid(tmp_path / "first", {old: notebook({"dot": None}), "bo.ipynb": notebook()}), "hw0")
    second = collect(laid(tmp_path / "second", {new: notebook()}), "hw0")
    runs.grade(ASSIGNMENT, first, tmp_path / "out")
    assert runs.grade(ASSIGNMENT, second, tmp_path / "out").others == [("17", old, new)]
    again = runs.grade(ASSIGNMENT, first, tmp_path / "out")
    assert again.others == [("17", new, new)]
    assert (again.graded, again.kept) == (0, 2)
    assert {record["student"]: record["file"] for record in again.records} == {"17": new, "bo": "bo.ipynb"}
    Results(tmp_path / "out").remove(["17"])  # who wants the older one says so
    assert runs.grade(ASSIGNMENT, first, tmp_path / "out").others == []
    assert {record["file"] for record in Results(tmp_path / "out").records()} == {old, "bo.ipynb"}
