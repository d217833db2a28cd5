"""A learner's notebooks survive updates: by git, by a hub's nbgitpuller, and of the course under kept copies."""

import copy
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import nbformat
import pytest
from notebook_parts import LESSONS, ROOT, blocks, read

from course_utils import progress
from course_utils.classroom import cli
from course_utils.classroom.lab import carry, start, update
from course_utils.classroom.lab.kernels import run_notebook
from course_utils.learner import working_copies

NAME = "02_softmax.ipynb"


def lesson(stub="    raise NotImplementedError", title="2 Softmax", extra=()):
    """A lesson of a few cells with one exercise, as a file holds it."""
    code, text = nbformat.v4.new_code_cell, nbformat.v4.new_markdown_cell
    cells = [text(f"# {title}", id="title"), code("x = 1", id="before"),
             code(f"def softmax(x, axis=-1):\n{stub}", id="stub", metadata={"tags": ["exercise"]}),
             code('check("softmax", softmax)', id="check", metadata={"tags": ["check"]},
                  outputs=[nbformat.v4.new_output("stream", text="not attempted")], execution_count=3),
             *(text(words, id=f"extra{n}") for n, words in enumerate(extra)), text("## Recap", id="recap")]
    return nbformat.writes(nbformat.v4.new_notebook(cells=cells)).encode()


def git(*arguments, cwd):
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main")
    return subprocess.run(["git", *who, *arguments], cwd=cwd, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def origin(tmp_path):
    """Where the course comes from: a repository with one lesson and one assignment."""
    origin = tmp_path / "origin"
    (origin / "notebooks" / "homework").mkdir(parents=True)
    (origin / "notebooks" / NAME).write_bytes(lesson())
    (origin / "notebooks" / "homework" / "hw1_weights.ipynb").write_bytes(lesson(title="Homework"))
    (origin / ".gitignore").write_text("my_notebooks/\n")
    (origin / "code.py").write_text("1\n")
    git("init", "-q", cwd=origin)
    git("add", ".", cwd=origin)
    git("commit", "-qm", "1", cwd=origin)
    return origin


@pytest.fixture
def course(origin, tmp_path, monkeypatch):
    """A learner's clone of it."""
    git("clone", "-q", str(origin), str(tmp_path / "course"), cwd=tmp_path)
    monkeypatch.setattr(start, "course_folder", lambda: tmp_path / "course")
    monkeypatch.setattr(update, "course_folder", lambda: tmp_path / "course")
    monkeypatch.setattr(carry, "course_folder", lambda: tmp_path / "course")
    return tmp_path / "course"


def publish(origin, content, name=NAME):
    (origin / "notebooks" / name).write_bytes(content)
    git("add", ".", cwd=origin)
    git("commit", "-qam", "more", cwd=origin)


def mine(course, name=NAME):
    return course / working_copies.FOLDER / name


def edit(path, **sources):
    """Write into cells by id, as a learner does, and save what running showed too."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        cell.source = sources.get(cell.id, cell.source)
        if cell.cell_type == "code":
            cell.outputs = [nbformat.v4.new_output("stream", text="what I saw\n")]
    nbformat.write(notebook, path)


ANSWER = "def softmax(x, axis=-1):\n    return x  # mine"


# --- laying --------------------------------------------------------------------------------------------------


def test_copies_are_laid_once_and_stay(course):
    assert working_copies.lay(course) == []
    assert mine(course).read_bytes() == lesson()
    edit(mine(course), stub=ANSWER)
    before = mine(course).read_bytes()
    assert working_copies.lay(course) == []
    assert mine(course).read_bytes() == before
    assert git("status", "--porcelain", cwd=course) == "", "git ignores the learner's folder"


def test_an_untouched_copy_is_replaced_without_a_word(course):
    working_copies.lay(course)
    (course / "notebooks" / NAME).write_bytes(lesson(title="2 New"))
    git("commit", "-qam", "2", cwd=course)
    assert working_copies.lay(course) == []
    assert mine(course).read_bytes() == lesson(title="2 New")
    assert not list((mine(course).parent / ".course").glob("replaced/*"))


def test_a_copy_that_was_only_run_is_replaced_and_what_it_showed_is_kept(course):
    working_copies.lay(course)
    edit(mine(course))
    run = mine(course).read_bytes()
    (course / "notebooks" / NAME).write_bytes(lesson(title="2 New"))
    git("commit", "-qam", "2", cwd=course)
    assert working_copies.lay(course) == []
    assert mine(course).read_bytes() == lesson(title="2 New")
    [kept] = (mine(course).parent / ".course" / "replaced").iterdir()
    assert kept.read_bytes() == run


@pytest.mark.parametrize("spoil", [lambda path: edit(path, stub=ANSWER), lambda path: edit(path, title="# my words"),
                                   lambda path: path.write_text("{broken"), lambda path: path.write_text("")])
def test_a_touched_copy_stays_and_the_new_one_lies_beside_it(course, spoil):
    working_copies.lay(course)
    spoil(mine(course))
    before = mine(course).read_bytes()
    for title in ("2 New", "2 Newer"):  # the second replaces the untouched first
        (course / "notebooks" / NAME).write_bytes(lesson(title=title))
        git("commit", "-qam", title, cwd=course)
        [pair] = working_copies.lay(course)
        assert mine(course).read_bytes() == before
        assert pair.new == mine(course, "02_softmax.new.ipynb")
        assert pair.new.read_bytes() == lesson(title=title)
    edit(pair.new, stub=ANSWER)
    (course / "notebooks" / NAME).write_bytes(lesson(title="2 Newest"))
    git("commit", "-qam", "newest", cwd=course)
    [pair] = working_copies.lay(course)
    assert pair.new.name == "02_softmax.new2.ipynb"
    assert "mine" in mine(course, "02_softmax.new.ipynb").read_text()


def test_without_memory_nothing_is_taken_for_untouched(course):
    working_copies.lay(course)
    for note in (mine(course).parent / ".course").glob("*.json"):
        note.unlink()
    assert working_copies.lay(course) == []  # equal to the course's: remembered anew
    for note in (mine(course).parent / ".course").glob("*.json"):
        note.write_text("[]")
    (course / "notebooks" / NAME).write_bytes(lesson(title="2 New"))
    git("commit", "-qam", "2", cwd=course)
    [pair] = working_copies.lay(course)
    assert mine(course).read_bytes() == lesson()
    assert pair.new.read_bytes() == lesson(title="2 New")


def test_answers_given_in_notebooks_itself_come_along_and_count_as_touched(course):
    edit(course / "notebooks" / NAME, stub=ANSWER)
    working_copies.lay(course)
    assert "mine" in mine(course).read_text()
    git("checkout", "-q", ".", cwd=course)
    (course / "notebooks" / NAME).write_bytes(lesson(title="2 New"))
    git("commit", "-qam", "2", cwd=course)
    [pair] = working_copies.lay(course)
    assert "mine" in mine(course).read_text()
    assert pair.new.read_bytes() == lesson(title="2 New")


def test_a_new_version_of_the_package_without_git(course, tmp_path):
    """Unpacked over the old one: nothing tells git's version, the files themselves do."""
    plain = tmp_path / "plain"
    (plain / "notebooks").mkdir(parents=True)
    (plain / "notebooks" / NAME).write_bytes(lesson())
    working_copies.lay(plain)
    edit(mine(plain), stub=ANSWER)
    (plain / "notebooks" / NAME).write_bytes(lesson(title="2 New"))
    (plain / "notebooks" / "09_more.ipynb").write_bytes(lesson(title="9"))
    [pair] = working_copies.lay(plain)
    assert "mine" in mine(plain).read_text()
    assert pair.new.read_bytes() == lesson(title="2 New")
    assert mine(plain, "09_more.ipynb").exists()


def installed(folder, words):
    """The package as an installation puts it somewhere, of a version that is known by its words."""
    shutil.copytree(ROOT / "course_utils", folder / "course_utils", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "data", folder / "data")
    feedback = folder / "course_utils" / "checks" / "feedback.py"
    text = feedback.read_text(encoding="utf-8")
    assert text.count('{exercise.name}: passed"') == 1
    text = text.replace('{exercise.name}: passed"', f'{{exercise.name}}: passed, {words}"')
    feedback.write_text(text, encoding="utf-8")
    return folder


RIGHT = ("def softmax(x, axis=-1):\n    e = np.exp(x - x.max(axis=axis, keepdims=True))\n"
         "    return e / e.sum(axis=axis, keepdims=True)")
START = "import numpy as np\nfrom course_utils import check, own, progress, start; start()"


def test_a_new_version_of_the_package_under_kept_notebooks(tmp_path):
    """Nothing of the learner's is lost, the new runs, and answers are carried over into its lesson."""
    plain = tmp_path / "plain"
    (plain / "notebooks").mkdir(parents=True)

    def give(**changes):
        (plain / "notebooks" / NAME).write_bytes(lesson(**changes).replace(b'"x = 1"', json.dumps(START).encode()))

    def run(path, package):
        notebook = nbformat.read(path, as_version=4)
        run_notebook(notebook, path.parent, env={"COURSE_PROGRESS": str(plain / "progress.jsonl"),
                                                 "PYTHONPATH": f"{package}{os.pathsep}{os.environ['PYTHONPATH']}"})
        return "\n".join(output.get("text", "") + output.get("data", {}).get("text/plain", "")
                         for cell in notebook.cells for output in cell.get("outputs", []))

    give()
    working_copies.lay(plain)
    edit(mine(plain), stub=RIGHT)
    assert "softmax: passed, says the old" in run(mine(plain), installed(tmp_path / "old", "says the old"))
    record, before = (plain / "progress.jsonl").read_bytes(), mine(plain).read_bytes()
    shutil.rmtree(tmp_path / "old")
    new = installed(tmp_path / "new", "says the new")
    give(title="2 New", extra=["more"])
    [pair] = working_copies.lay(plain)
    assert mine(plain).read_bytes() == before
    later = nbformat.v4.new_code_cell(f"{START}\nprint(own('softmax').whose, progress().summary, sep='\\n')")
    (plain / "later.ipynb").write_text(nbformat.writes(nbformat.v4.new_notebook(cells=[later])), encoding="utf-8")
    said = run(plain / "later.ipynb", new)
    assert "your own softmax, from notebook 02" in said
    assert "\n1 of " in said
    assert "softmax: passed, says the new" in run(mine(plain), new), "the kept notebook goes on"
    assert (plain / "progress.jsonl").read_bytes().startswith(record)
    assert "is the new version, with your answers: softmax" in carry.carry(pair)[0]
    assert "softmax: passed, says the new" in run(mine(plain), new), "and so does the new lesson with its answer"
    assert "# 2 New" in mine(plain).read_text()


def test_answers_in_a_folder_without_git_are_never_taken_for_the_courses(tmp_path):
    plain = tmp_path / "plain"
    (plain / "notebooks").mkdir(parents=True)
    (plain / "notebooks" / NAME).write_bytes(lesson(stub="    return x  # mine"))
    working_copies.lay(plain)
    (plain / "notebooks" / NAME).write_bytes(lesson(title="2 New"))
    [pair] = working_copies.lay(plain)
    assert "mine" in mine(plain).read_text()
    assert "2 New" in pair.new.read_text()


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_as_it_is_given_counts_as_unanswered(path):
    assert not working_copies._is_answered(path.read_bytes())


def test_a_full_disk_leaves_what_is_there(course, monkeypatch):
    working_copies.lay(course)
    edit(mine(course), stub=ANSWER)
    before = mine(course).read_bytes()
    (course / "notebooks" / NAME).write_bytes(lesson(title="2 New"))
    git("commit", "-qam", "2", cwd=course)

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        working_copies.lay(course)
    monkeypatch.undo()
    assert sorted(path.name for path in mine(course).parent.iterdir()) == [".course", NAME]
    assert mine(course).read_bytes() == before


# --- links, which must hold in the learner's folder too ------------------------------------------------------------


@pytest.fixture(scope="module")
def laid(tmp_path_factory):
    """The course's own lessons, laid in a learner's folder."""
    course = tmp_path_factory.mktemp("course")
    for name in ("notebooks", "docs"):
        shutil.copytree(ROOT / name, course / name)
    assert working_copies.lay(course) == []
    return course / working_copies.FOLDER


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_links_and_pictures_hold_in_the_learners_folder(path, laid):
    text = "\n".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown")
    for link in (r"\]\((?!https?:|#|mailto:)([^)#]+)", r'(?:src|href)="(?!https?:|#)([^"#]+)'):
        assert [target for target in re.findall(link, text) if not (laid / target).exists()] == []


def test_a_picture_that_has_changed_is_laid_anew(laid):
    picture = next((laid / "images").iterdir())
    good = picture.read_bytes()
    picture.write_bytes(b"mine")
    working_copies.lay(laid.parent)
    assert picture.read_bytes() == good
    assert [kept.read_bytes() for kept in (laid / ".course" / "replaced").iterdir()] == [b"mine"]


# --- carrying answers over --------------------------------------------------------------------------------------


@pytest.fixture
def changed(course):
    """A touched copy with a new version beside it, whose stub and order are others."""
    working_copies.lay(course)
    edit(mine(course), stub=ANSWER, before="x = 2")
    notebook = nbformat.read(mine(course), as_version=4)
    notebook.cells.insert(2, nbformat.v4.new_code_cell("def helper(): pass", id="added"))
    notebook.cells.append(nbformat.v4.new_markdown_cell("my last words", id="note"))
    nbformat.write(notebook, mine(course))
    (course / "notebooks" / NAME).write_bytes(
        lesson(stub='    """Newly told."""\n    raise NotImplementedError', title="2 New", extra=["more", "and more"]))
    git("commit", "-qam", "2", cwd=course)
    working_copies.lay(course)
    return course


def test_answers_are_carried_over_and_the_old_notebook_stays(changed, capsys):
    before = mine(changed).read_bytes()
    assert cli.main(["carry", "02"]) == 0
    said = capsys.readouterr().out
    new = nbformat.read(mine(changed), as_version=4)
    nbformat.validate(new)
    assert [cell.id for cell in new.cells] == ["title", "before", "added", "stub", "check", "extra0", "extra1",
                                               "recap", "note"]
    cells = {cell.id: cell for cell in new.cells}
    assert cells["title"].source == "# 2 New"
    assert cells["stub"].source == ANSWER
    assert cells["check"].outputs == [], "it spoke of the empty stub"
    assert mine(changed, "02_softmax.old.ipynb").read_bytes() == before
    assert not mine(changed, "02_softmax.new.ipynb").exists()
    assert "with your answers: softmax" in said
    assert "begin otherwise in the new version, compare: softmax" in said
    assert "Cells that you had added: 2" in said
    assert "Only in 02_softmax.old.ipynb: x = 2" in said
    assert working_copies.lay(changed) == [], "and that is that"
    assert cli.main(["carry", "02"]) == 1
    assert "No lesson has a new version" in capsys.readouterr().out


def test_an_answer_is_found_by_the_exercises_name_where_the_cell_is_another(changed):
    new = mine(changed, "02_softmax.new.ipynb")
    new.write_bytes(new.read_bytes().replace(b'"id": "stub"', b'"id": "moved"'))
    assert cli.main(["carry"]) == 0
    assert ANSWER in [cell.source for cell in nbformat.read(mine(changed), as_version=4).cells]


def test_an_answer_that_stands_in_the_new_version_is_not_overwritten(changed, capsys):
    edit(mine(changed, "02_softmax.new.ipynb"), stub="def softmax(x, axis=-1):\n    return 7")
    assert cli.main(["carry"]) == 0
    assert "return 7" in mine(changed).read_text()
    assert "mine" in mine(changed, "02_softmax.old.ipynb").read_text()
    assert "softmax, which has an answer in the new one" in capsys.readouterr().out


def test_what_cannot_be_read_is_told_and_left(changed, capsys):
    mine(changed).write_text("{broken")
    assert cli.main(["carry"]) == 1
    assert "nothing was changed" in capsys.readouterr().err
    assert mine(changed).read_text() == "{broken"
    assert mine(changed, "02_softmax.new.ipynb").exists()


def test_a_full_disk_while_carrying_changes_no_name(changed, monkeypatch, capsys):
    before = {path.name: path.read_bytes() for path in mine(changed).parent.glob("*.ipynb")}

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert cli.main(["carry"]) == 1
    assert "No space" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in mine(changed).parent.glob("*.ipynb")} == before


def test_progress_and_the_notebook_itself_tell_in_a_line(changed, monkeypatch):
    monkeypatch.chdir(mine(changed).parent)
    line = "02_softmax.ipynb has changed in the course. Yours stays as it is; the new one lies beside it"
    assert line in str(progress())
    cell = nbformat.v4.new_code_cell("from course_utils import start; start()")
    for name, told in ((NAME, True), ("02_softmax.new.ipynb", True), ("03_other.ipynb", False), ("", False)):
        notebook = nbformat.v4.new_notebook(cells=[copy.deepcopy(cell)])
        run_notebook(notebook, mine(changed).parent, env={"JPY_SESSION_NAME": name and f"my_notebooks/{name}"})
        assert [line in output.get("text", "") for output in notebook.cells[0].outputs] == [True] * told


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_every_exercise_of_every_lesson_is_carried(path):
    old, new = json.loads(path.read_bytes()), json.loads(path.read_bytes())
    stubs = [block.stub for block in blocks(read(path))]
    for stub in stubs:
        old["cells"][stub]["source"] = f"# answer {stub}"
    told = carry.take_over(old, new, working_copies.cells_of(path.read_bytes()))
    assert [new["cells"][stub]["source"] for stub in stubs] == [f"# answer {stub}" for stub in stubs]
    assert told.answers == [block.name for block in blocks(read(path))]
    assert (told.added, told.left, told.changed_stubs) == (0, [], [])


# --- updating ---------------------------------------------------------------------------------------------------


def test_update_keeps_what_was_written_in_notebooks_itself(origin, course, capsys):
    homework = Path("homework", "hw1_weights.ipynb")
    edit(course / "notebooks" / NAME, stub=ANSWER)
    edit(course / "notebooks" / homework, stub=ANSWER)
    wrote, worked = (course / "notebooks" / NAME).read_bytes(), (course / "notebooks" / homework).read_bytes()
    publish(origin, lesson(title="2 New"))
    pulled = subprocess.run(["git", "pull"], cwd=course, capture_output=True, text=True)
    assert pulled.returncode != 0, "git alone refuses"
    assert (course / "notebooks" / NAME).read_bytes() == wrote
    assert cli.main(["update"]) == 0
    said = capsys.readouterr().out
    assert "Your notebooks/02_softmax.ipynb is kept as my_notebooks/02_softmax.ipynb" in said
    assert (course / "notebooks" / NAME).read_bytes() == lesson(title="2 New")
    assert mine(course).read_bytes() == wrote
    assert mine(course, homework).read_bytes() == worked
    assert mine(course, "02_softmax.new.ipynb").read_bytes() == lesson(title="2 New")
    assert cli.main(["carry"]) == 0
    assert "mine" in mine(course).read_text()
    assert "2 New" in mine(course).read_text()
    assert cli.main(["update"]) == 0
    assert "newest version already" in capsys.readouterr().out


def test_update_keeps_work_in_both_places(origin, course):
    working_copies.lay(course)
    edit(mine(course), stub=ANSWER)
    here = mine(course).read_bytes()
    edit(course / "notebooks" / NAME, stub="def softmax(x, axis=-1):\n    return 5")
    there = (course / "notebooks" / NAME).read_bytes()
    publish(origin, lesson(title="2 New"))
    assert cli.main(["update"]) == 0
    assert mine(course).read_bytes() == here
    assert mine(course, "02_softmax.worked.ipynb").read_bytes() == there


@pytest.mark.parametrize(("spoil", "words"), [
    (lambda course, origin: (course / "code.py").write_text("2\n"), "Changed here, and no notebooks: code.py"),
    (lambda course, origin: origin.rename(origin.with_name("gone")), "git fetch: "),
    (lambda course, origin: git("commit", "-q", "--allow-empty", "-m", "own", cwd=course), "commits of its own"),
    (lambda course, origin: (course / ".git").rename(course / "no_git"), "This folder is no git clone"),
    (lambda course, origin: (course / "my_notebooks").write_text(""), "could not be copied"),
])
def test_update_that_cannot_be_done_changes_nothing(origin, course, spoil, words, capsys):
    edit(course / "notebooks" / NAME, stub=ANSWER)
    before = (course / "notebooks" / NAME).read_bytes()
    publish(origin, lesson(title="2 New"))
    spoil(course, origin)
    assert cli.main(["update"]) == 1
    assert words in capsys.readouterr().err
    assert (course / "notebooks" / NAME).read_bytes() == before


def test_an_untracked_file_in_the_new_versions_way_is_not_overwritten(origin, course, capsys):
    (course / "notebooks" / "09_more.ipynb").write_text("mine")
    publish(origin, lesson(title="9"), "09_more.ipynb")
    assert cli.main(["update"]) == 1
    assert "09_more.ipynb" in capsys.readouterr().err
    assert (course / "notebooks" / "09_more.ipynb").read_text() == "mine"


def test_what_a_hubs_nbgitpuller_does_keeps_answers_and_their_commit(origin, course):
    """The commands of nbgitpuller 1.3.0: commit all, then merge with the learner's lines winning."""
    edit(course / "notebooks" / NAME, stub=ANSWER)
    wrote = (course / "notebooks" / NAME).read_bytes()
    publish(origin, lesson(stub="    # told otherwise\n    raise NotImplementedError", title="2 New", extra=["more"]))
    git("fetch", "-q", cwd=course)
    git("commit", "-qam", "Automatic commit by nbgitpuller", cwd=course)
    git("merge", "-q", "-Xours", "origin/main", cwd=course)
    merged = nbformat.reads((course / "notebooks" / NAME).read_text(), as_version=4)
    assert ANSWER in [cell.source for cell in merged.cells]
    assert "more" in [cell.source for cell in merged.cells]
    assert git("show", f"HEAD^1:notebooks/{NAME}", cwd=course).encode() == wrote
    assert git("status", "--porcelain", cwd=course) == ""
    working_copies.lay(course)
    assert "mine" in mine(course).read_text()
