"""Every fault of `wrong_answers` is seen in every exercise of its kind."""

import pytest
from wrong_answers import ROWS, SKELETONS, softmax, under

from course_utils import exercises
from course_utils.checks import diagnose, passes

FAULTS = [pytest.param(fault, name, id=f"{fault}-{name}") for fault, answers in ROWS.items() for name in answers]


@pytest.mark.parametrize("name", SKELETONS)
def test_the_skeleton_without_a_fault_passes(name):
    assert passes(exercises.find(name), SKELETONS[name](under(softmax)))


@pytest.mark.parametrize(("fault", "name"), FAULTS)
def test_a_fault_is_seen(fault, name):
    exercise, answer = exercises.find(name), ROWS[fault][name]
    accepted = diagnose(exercise, answer, seed=1).passed if exercise.drawn else passes(exercise, answer)
    assert not accepted, f"{name} accepts an answer with this fault: {fault}"


SAME_NAMES = {
    "one maximum for the whole table": "maximum-of-everything",
    "the maximum of row 0 for all": "maximum-of-everything",
    "a running maximum that starts at 0": "maximum-from-zero",
}


@pytest.mark.parametrize(("fault", "name"), [(fault, name) for fault in SAME_NAMES for name in SKELETONS
                                             if name in ROWS[fault]])
def test_a_careless_softmax_has_one_name_everywhere(fault, name):
    # In a kernel regression no score is above 0, and a softmax has one maximum for each row along any axis.
    others = {"kernel_regression": ("no-maximum",)} if "0" in fault else {"softmax": ("maximum-last-axis",)}
    names = diagnose(exercises.find(name), ROWS[fault][name]).names
    assert names == (SAME_NAMES[fault],) or names == others.get(name), names
