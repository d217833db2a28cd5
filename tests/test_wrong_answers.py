"""Every fault of `wrong_answers` is seen in every exercise of its kind."""

import pytest
from wrong_answers import ROWS, SKELETONS, softmax, under

from course_utils import exercises
from course_utils.checks import passes

PAIRS = [(fault, name) for fault, answers in ROWS.items() for name in answers]


@pytest.mark.parametrize("name", SKELETONS)
def test_the_skeleton_without_a_fault_passes(name):
    assert passes(exercises.find(name), SKELETONS[name](under(softmax)))


@pytest.mark.parametrize(("fault", "name"), PAIRS)
def test_a_fault_is_seen(fault, name):
    assert not passes(exercises.find(name), ROWS[fault][name])
