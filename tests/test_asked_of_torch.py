"""Exercises whose truth is what PyTorch does: what is told without PyTorch agrees with it."""

import pytest

from course_utils import exercises
from course_utils.exercises.module import torch_facts, unseen_faults

KEYS = [(test, letter) for test in unseen_faults.TESTS for letter in unseen_faults.FAULTS]


@pytest.mark.parametrize(("test", "letter"), KEYS)
def test_what_a_parity_test_sees_is_what_its_sentence_says(test, letter):
    assert unseen_faults._known_to_be_seen(f"{test}{letter}") == unseen_faults.is_seen(test, letter)


def test_every_fault_goes_unseen_in_one_test_and_is_seen_in_another():
    for letter in unseen_faults.FAULTS:
        assert len({unseen_faults.is_seen(test, letter) for test in unseen_faults.TESTS}) == 2, letter


def test_kept_answers_to_ten_statements_are_right_for_the_six():
    kept = dict.fromkeys("ABCDEFGHIJ", False) | dict.fromkeys("AEI", True)
    exercise = exercises.find("torch_facts")
    assert {label: kept[label] for label in torch_facts.STATEMENTS} == exercise.reference()
