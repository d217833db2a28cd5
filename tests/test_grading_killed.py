"""Helpers of the grader that are killed while they work: the same records, or a word about it; never a zero."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from grading_parts import ASSIGNMENT, RIGHT, notebook, points

from course_utils.classroom.grading import forks
from course_utils.classroom.grading.forks import Child, NotJudged, Zygote
from course_utils.classroom.grading.marking import mark
from course_utils.classroom.grading.results import Results
from course_utils.classroom.grading.runs import grade
from course_utils.classroom.grading.submissions import collect

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="children are forked on Linux")
HERE = Path(__file__).parent
WRONG = {"softmax": RIGHT["softmax"].replace("axis=axis", "axis=-1")}


def strike_at(monkeypatch, whom, moments):
    """Kill the zygote or the child before the requests with these numbers are sent, or before all of them."""
    ask, count = Child.ask, [0]

    def struck(child, request, body=b""):
        count[0] += 1
        if moments is None or count[0] in moments:
            os.kill(child.zygote.nursery.process.pid if whom == "zygote" else child.pid, signal.SIGKILL)
        return ask(child, request, body)

    monkeypatch.setattr(Child, "ask", struck)
    return count


@pytest.mark.parametrize("whom", ["zygote", "child"])
@pytest.mark.parametrize("moments", [{1}, {4}, {9, 30}], ids=str)
def test_a_submission_is_judged_again_when_a_helper_is_killed(whom, moments, monkeypatch):
    with Zygote(how="fork") as zygote:
        wanted = [mark(notebook(answers), ASSIGNMENT, "ada", zygote) for answers in ({}, WRONG)]
        assert [points(record) for record in wanted] == [[4, 4, 2], [3, 4, 2]]
        for answers, record in zip(({}, WRONG), wanted):
            count = strike_at(monkeypatch, whom, moments)
            assert mark(notebook(answers), ASSIGNMENT, "ada", zygote) == record
            assert count[0] > max(moments)
            monkeypatch.undo()


def test_a_run_that_cannot_judge_says_so_and_keeps_no_record(monkeypatch, tmp_path):
    place = tmp_path / "in"
    place.mkdir()
    for name in ("ada", "bob"):
        (place / f"{name}.ipynb").write_bytes(notebook())
    assert [r["points"] for r in grade(ASSIGNMENT, collect(place), tmp_path / "out").records] == [10, 10]
    (place / "ada.ipynb").write_bytes(notebook(WRONG))
    strike_at(monkeypatch, "zygote", None)
    run = grade(ASSIGNMENT, collect(place), tmp_path / "out")
    [(student, why)] = run.failed
    assert student == "ada"
    assert "could not be judged, 4 times: the process that answers are forked from is gone" in why
    assert (run.graded, run.kept, [record["student"] for record in run.records]) == (0, 1, ["bob"])
    monkeypatch.undo()
    again = grade(ASSIGNMENT, collect(place), tmp_path / "out")
    assert ([record["points"] for record in again.records], again.failed) == ([9, 10], [])


def test_the_command_names_the_student_and_exits_accordingly(monkeypatch, tmp_path, capsys):
    from course_utils.classroom.cli import main

    [source] = (HERE.parent / "docs" / "teaching" / "homework").glob("hw1_*.ipynb")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "ada.ipynb").write_bytes(source.read_bytes())
    strike_at(monkeypatch, "zygote", None)
    assert main(["homework", "grade", str(source), str(tmp_path / "in"), str(tmp_path / "out")]) == 1
    assert "'ada' could not be judged, 4 times" in capsys.readouterr().out
    assert Results(tmp_path / "out").records() == []


def test_an_answer_cannot_pass_for_one_that_was_killed():
    tries = ("os.kill(os.getpid(), 9)", "os.kill(os.getpid(), 15)", "signal.raise_signal(9)",
             "signal.pthread_kill(threading.get_ident(), 15)")
    with Zygote(how="fork") as zygote:
        for attempt in tries:
            source = f"import os, signal, threading\ndef softmax(x, axis=-1):\n    {attempt}"
            record = mark(notebook({"softmax": source}), ASSIGNMENT, "eve", zygote)
            assert (points(record), record["state"]) == ([0, 4, 2], "graded")
            assert any("PermissionError" in text for _, text in record["exercises"][0]["rows"])


def test_children_end_with_their_zygote():
    with Zygote(how="fork") as zygote:
        child = zygote.child()
        child.ask({"do": "load", "wanted": "f", "answer": "def f(): pass", "given": (), "others": ()})
        zygote.nursery.process.kill()
        until = time.monotonic() + 30
        while is_there(child.pid) and time.monotonic() < until:
            time.sleep(0.02)
        assert not is_there(child.pid)
        with pytest.raises(forks.Lost):
            child.end()


def is_there(pid):
    """Whether a process is neither gone nor waiting to be buried."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_patience_has_an_end():
    with Zygote(how="fork") as zygote:
        tries = []

        def judge():
            tries.append(zygote.nursery.process.pid)
            raise forks.Lost("it broke")

        with pytest.raises(NotJudged, match="could not be judged, 4 times: it broke"):
            forks.patiently(zygote, judge)
        assert len(set(tries)) == len(tries) == 4
        assert points(mark(notebook(), ASSIGNMENT, "ada", zygote)) == [4, 4, 2]


RUN = """
import sys
sys.path.insert(0, {here!r})
from grading_parts import ASSIGNMENT
from course_utils.classroom.grading import runs, submissions
if __name__ == "__main__":
    run = runs.grade(ASSIGNMENT, submissions.collect({place!r}), {out!r}, jobs=2)
    print(run.graded, run.kept, len(run.failed))
    sys.exit(bool(run.failed))
"""


def helpers_of(pid):
    """All processes that come from one and still run: judges, zygotes, children."""
    found, todo = [], [pid]
    while todo:
        parent = todo.pop()
        for path in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                children = [int(word) for word in path.read_text(encoding="ascii").split()]
            except OSError:
                continue
            found += children
            todo += children
    return [helper for helper in found if _runs(helper)]


def _runs(pid):
    """Whether a process is there and not a dead one whose end nobody has taken note of: a kill of that is none."""
    try:
        about = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return about.rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.slow
def test_twenty_killed_helpers_change_no_record(tmp_path):
    place = tmp_path / "in"
    place.mkdir()
    kinds = [notebook(), notebook(WRONG), notebook({"dot": None}), notebook({"softmax": "import os\nos._exit(1)"})]
    for n in range(48):
        (place / f"s{n:03}.ipynb").write_bytes(kinds[n % len(kinds)])
    whole = grade(ASSIGNMENT, collect(place), Results(tmp_path / "whole", "hw0", "0123456789abcdef"))
    out, rng, kills = tmp_path / "out", random.Random(5), 0
    Results(out, "hw0", "0123456789abcdef").prepare()
    code = RUN.format(here=str(HERE), place=str(place), out=str(out))
    while kills < 20:
        run = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "OMP_NUM_THREADS": "1"},
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        done = len(list((out / "records").glob("*.json")))
        while run.poll() is None and kills < 20:
            time.sleep(0.05 + 0.3 * rng.random())
            helpers = helpers_of(run.pid)
            if len(list((out / "records").glob("*.json"))) > done and helpers:
                try:
                    os.kill(rng.choice(helpers), signal.SIGKILL)
                    kills += 1
                except ProcessLookupError:
                    pass
        run.communicate(timeout=300)
        if run.returncode == 0 and kills < 20:  # through before it was struck often enough
            for path in rng.sample(sorted((out / "records").glob("*.json")), 24):
                path.unlink()
    last = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300)
    assert last.stdout.split()[2] == "0"
    files = {path.name: path.read_bytes() for path in (tmp_path / "whole" / "records").glob("*.json")}
    assert {path.name: path.read_bytes() for path in (out / "records").glob("*.json")} == files
    assert len(whole.records) == len(files) == 48
    assert all(json.loads(files[f"s{n:03}.json"])["record"]["points"] == 10 for n in range(0, 48, 4)), "a silent zero"
