"""An exercise that went: a kept notebook that asks for it gets one plain line, and goes on where it can."""

import numpy as np
import pytest

from course_utils import check, exercises, hint, own, progress
from course_utils.attention import softmax
from course_utils.exercises.gone import GONE, Gone
from course_utils.learner import journal

LINE = "old_softmax is no exercise of the course any more: its task is part of softmax."


@pytest.fixture
def gone(monkeypatch):
    monkeypatch.setitem(GONE, "old_softmax",
                        Gone("old_softmax", "its task is part of softmax", "course_utils.attention.softmax"))
    monkeypatch.setitem(GONE, "old_task", Gone("old_task", "nothing takes its place"))


def test_check_and_hint_say_it_in_one_line(gone, capsys):
    feedback = check("old_softmax", softmax)
    assert feedback.lines == [LINE]
    assert not feedback.passed
    assert LINE in feedback._repr_html_()
    hint("old_softmax")
    assert capsys.readouterr().out == f"{LINE}\n"


def test_own_gives_the_courses_function_where_there_is_one(gone):
    mine = own("old_softmax")
    assert mine(np.zeros(2)).tolist() == [0.5, 0.5]
    assert mine.whose == "the course's old_softmax (no exercise any more: its task is part of softmax)"
    with pytest.raises(ValueError, match=r"^old_task is no exercise of the course any more: nothing takes"):
        own("old_task")


def test_progress_says_it_to_those_who_had_passed_it(gone):
    assert "no exercise of the course any more" not in progress().summary
    journal.record_pass("old_softmax")
    assert LINE in progress().summary
    assert "old_task" not in progress().summary


def test_what_went_is_not_there_and_what_takes_its_place_is():
    names = {exercise.name for exercise in (*exercises.all_exercises(), *exercises.homework_exercises())}
    for name, went in GONE.items():
        assert name == went.name
        assert name not in names
        with pytest.raises(ValueError, match="no exercise of the course any more"):
            exercises.find(name)
        if went.function:
            assert callable(own(name).function)
