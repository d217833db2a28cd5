"""What a learner calls: check, hint, own, show, progress; and that nothing they did is lost."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

import course_utils
from course_utils import check, hint, own, progress, reset_progress, show
from course_utils.attention import softmax
from course_utils.learner import calls, journal, kept


@pytest.fixture(autouse=True)
def record(tmp_path, monkeypatch):
    """A record and a memory of this test's own."""
    path = tmp_path / "progress.jsonl"
    monkeypatch.setenv("COURSE_PROGRESS", str(path))
    monkeypatch.setattr(calls, "_passed", {})
    monkeypatch.setattr(calls, "_checked", set())
    monkeypatch.setattr(calls, "_hints_given", {})
    return path


def test_a_passed_exercise_is_remembered_once(record):
    assert check("softmax", softmax).passed
    assert check("softmax", softmax).passed
    assert [json.loads(line)["exercise"] for line in record.read_text().splitlines()] == ["softmax"]
    assert "softmax" in str(progress())
    assert "passed" in next(line for line in str(progress()).splitlines() if " softmax " in f"{line} ")


def test_a_wrong_answer_leaves_the_record_alone(record):
    assert not check("softmax", lambda x, axis=-1: x).passed
    assert not record.exists()


def test_a_torn_line_costs_nothing_else(record):
    record.write_bytes(b'{"exercise": "first", "passed": "2026-01-01T00:00:00+00:00"}\n{"exercise": "sec')
    assert check("softmax", softmax).passed
    assert set(journal.passed_exercises()) == {"first", "softmax"}


def test_garbage_in_the_record_is_left_alone(record):
    garbage = b"\xff\xfe\x00nonsense\n[1, 2]\n3\n\n"
    record.write_bytes(garbage)
    assert check("softmax", softmax).passed
    assert record.read_bytes().startswith(garbage)
    assert set(journal.passed_exercises()) == {"softmax"}


def test_a_record_that_cannot_be_written_is_told_and_the_check_still_counts(record):
    record.mkdir()
    feedback = check("softmax", softmax)
    assert feedback.passed
    assert "your progress could not be written" in str(feedback)
    assert "could not be read" in str(progress())


def test_many_kernels_may_write_at_once(record):
    code = ("import sys; from course_utils.learner import journal;"
            "[journal.record_pass(f'{sys.argv[1]}-{i}') for i in range(40)]")
    runs = [subprocess.Popen([sys.executable, "-c", code, str(n)], env=dict(os.environ)) for n in range(4)]
    assert [run.wait(60) for run in runs] == [0] * 4
    assert set(journal.passed_exercises()) == {f"{n}-{i}" for n in range(4) for i in range(40)}


def test_reset_asks_first_and_keeps_the_old_record(record, monkeypatch, capsys):
    check("softmax", softmax)
    monkeypatch.setattr("builtins.input", lambda prompt: "no")
    reset_progress()
    assert set(journal.passed_exercises()) == {"softmax"}
    monkeypatch.setattr("builtins.input", lambda prompt: "yes")
    reset_progress()
    assert journal.passed_exercises() == {}
    assert "softmax" in record.with_name("progress.1.jsonl").read_text()
    assert not kept.answers_path().exists()
    assert "softmax" in record.with_name("progress.1.answers.jsonl").read_text()
    assert "kept as progress.1.jsonl and progress.1.answers.jsonl" in capsys.readouterr().out


def test_reset_without_a_keyboard_changes_nothing(record, capsys):
    check("softmax", softmax)
    reset_progress()  # pytest has no keyboard
    assert "Nothing was changed." in capsys.readouterr().out
    assert set(journal.passed_exercises()) == {"softmax"}


def test_own_is_the_courses_until_yours_passes():
    seen = []

    def mine(x, axis=-1):
        seen.append(1)
        return softmax(x, axis)

    until = "the course's softmax (yours takes its place once its check has passed"
    assert own("softmax").whose == f"{until}, in notebook 02)", "as another notebook says it"
    check("softmax", lambda x, axis=-1: x)
    assert own("softmax").whose == f"{until})"
    check("softmax", mine)
    before = len(seen)
    assert own("softmax")(np.zeros(2)).tolist() == [0.5, 0.5]
    assert len(seen) == before + 1
    assert own("softmax").whose == "your own softmax"


def test_hints_come_one_by_one(capsys):
    for wanted in (1, 2, 3, 3):
        hint("softmax")
        assert f"Hint {wanted} of 3" in capsys.readouterr().out
    hint("softmax", 1)
    assert "Hint 1 of 3" in capsys.readouterr().out


@pytest.mark.parametrize(("call", "words"), [
    (lambda: check("sofmax", softmax), "name should be the name of an exercise, such as 'softmax'"),
    (lambda: check(softmax, "softmax"), "name should be the name of an exercise"),
    (lambda: check("softmax", np.zeros(2)), "answer should be your function, without parentheses, got ndarray"),
    (lambda: check("softmax", own("softmax")), r"answer should be the function that you wrote, got own\('softmax'\)"),
    (lambda: hint("softmax", 4), "number should be from 1 to 3, got 4"),
    (lambda: hint("softmax", "1"), "number should be from 1 to 3, got '1'"),
    (lambda: own("nothing"), "name should be the name of an exercise"),
    (lambda: show(np.zeros(2), digits=-1), "digits should be a whole number from 0 to 12, got -1"),
    (lambda: show(words="text"), "words should be an array of numbers"),
])
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_show_prints_alike_whatever_it_gets(capsys):
    show(np.array([-0.0001, 2.0]))
    show(torch.tensor([-0.0001, 2.0], requires_grad=True))
    assert capsys.readouterr().out == "[0.000 2.000]\n" * 2
    show(mask=np.array([[True, False]]), n=3)
    assert capsys.readouterr().out == "mask (1, 2)\n[[ True False]]\nn 3\n"


def printed_by(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_importing_the_package_loads_nothing_heavy():
    code = ("import sys, course_utils; dir(course_utils);"
            "print([m for m in ('numpy', 'torch', 'matplotlib', 'ipywidgets') if m in sys.modules])")
    assert printed_by(code) == "[]"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        course_utils.nothing  # noqa: B018


def test_numpy_exercises_do_not_load_torch():
    code = ("import sys; from course_utils import check; from course_utils.attention import softmax;"
            "assert check('softmax', softmax).passed; print('torch' in sys.modules)")
    assert printed_by(code) == "False"


def test_the_progress_table_has_headers_for_every_row():
    page = progress()._repr_html_()
    rows = progress().rows
    assert page.count('<th scope="row"') == len(rows)
    assert page.count('<th scope="rowgroup"') == page.count("<tbody ") == len({row[0] for row in rows if row[0]})
    assert "<td></td>" not in page
    assert all(f'rowspan="{count}"' in page for count in (2, 3)), "a notebook's name stands for all its exercises"
    assert "<caption>" in page
