"""Every fault of `wrong_answers` is seen in every exercise of its kind."""

import pytest
from wrong_answers import HOMEWORK_OPEN, ROWS, SKELETONS, softmax, under

from course_utils import exercises
from course_utils.checks import passes

OPEN = [pytest.mark.xfail(reason="no input of the homework shows it yet", strict=False)]
FAULTS = [pytest.param(fault, name, id=f"{fault}-{name}", marks=OPEN if (fault, name) in HOMEWORK_OPEN else ())
          for fault, answers in ROWS.items() for name in answers]


@pytest.mark.parametrize("name", SKELETONS)
def test_the_skeleton_without_a_fault_passes(name):
    assert passes(exercises.find(name), SKELETONS[name](under(softmax)))


@pytest.mark.parametrize(("fault", "name"), FAULTS)
def test_a_fault_is_seen(fault, name):
    assert not passes(exercises.find(name), ROWS[fault][name]), f"{name} accepts an answer with this fault: {fault}"
