"""Points by part: what is right keeps its points, and all points mean that the checker is content too."""

import dataclasses

import numpy as np
import pytest

from course_utils import exercises
from course_utils.checks import Case, Mistake, Part, diagnose, earn
from course_utils.exercises.softmax import SOFTMAX, softmax_by_stages
from course_utils.learner.calls import check, hint, own

PARTS = (Part("rows", 2), Part("any axis", 1), Part("large scores", 1, visible=False))

ALL = (*exercises.all_exercises(), *exercises.homework_exercises())


def _shared_out(**more):
    """Softmax for four points, three of which can be had without large scores."""
    parts = ["", "", "", "any axis", "", "any axis", "large scores", "large scores"]
    cases = [dataclasses.replace(case, part=part) for case, part in zip(SOFTMAX.cases(), parts)]
    probe_parts = ["", "any axis", "", "large scores"]
    probes = [dataclasses.replace(probe, part=part) for probe, part in zip(SOFTMAX.probes, probe_parts)]
    return dataclasses.replace(SOFTMAX, points=4, credit=PARTS, cases=lambda: cases, probes=probes, **more)


def _points(exercise, answer, **more):
    return [earned.points for earned in earn(exercise, answer, **more)]


def test_each_part_is_lost_by_its_own_fault_only():
    exercise = _shared_out()
    wrong = {mistake.name: exercise.wrong_answer(mistake) for mistake in exercise.mistakes}
    assert _points(exercise, exercise.reference) == [2, 1, 1]
    assert _points(exercise, wrong["no-maximum"]) == [2, 1, 0]
    assert _points(exercise, wrong["axis-ignored"]) == [2, 0, 1]
    assert _points(exercise, wrong["no-division"]) == [0, 0, 0]


def test_an_answer_that_never_ends_on_one_part_keeps_the_others():
    def endless(x, axis=-1):
        while axis == 0:
            pass
        return softmax_by_stages(x, axis)

    first, second, third = earn(_shared_out(), endless)
    assert (first.points, second.points, third.points) == (2, 0, 1)
    assert second.why_not == "it did not finish within 1.2 seconds"


def test_numbers_learnt_by_heart_fail_on_drawn_cases():
    def drawn(seed):
        return [Case((np.random.default_rng(seed).normal(size=(2, 3)),), part="any axis")]

    exercise = _shared_out(drawn=drawn)
    by_heart = {case.args[0].tobytes(): exercise.reference(*case.args, **case.kwargs) for case in exercise.cases()}

    def answer(x, axis=-1):
        return by_heart[x.tobytes()] if x.tobytes() in by_heart else exercise.reference(x, axis) + (x.shape == (2, 3))

    assert diagnose(exercise, exercise.reference).passed
    assert _points(exercise, exercise.reference, seed=7) == [2, 1, 1]
    assert _points(exercise, answer, seed=7)[1] == 0


@pytest.mark.parametrize("exercise", ALL, ids=lambda exercise: exercise.name)
def test_all_points_exactly_where_the_checker_says_passed(exercise):
    for answer in (exercise.reference, *(equivalent.function for equivalent in exercise.equivalents)):
        assert all(earned.earned for earned in earn(exercise, answer))
    for mistake in exercise.mistakes:
        assert not all(earned.earned for earned in earn(exercise, exercise.wrong_answer(mistake))), mistake.name


@pytest.mark.parametrize("credit", [PARTS[:2], (*PARTS, Part("rows", 0))], ids=["a point missing", "a name twice"])
def test_shares_have_to_add_up(credit):
    with pytest.raises(ValueError, match="credit should be parts with different names and 4 points together"):
        dataclasses.replace(SOFTMAX, points=4, credit=credit)


def test_a_case_of_an_unknown_part_is_refused():
    exercise = dataclasses.replace(SOFTMAX, cases=lambda: [Case((np.zeros(2),), part="rows")])
    with pytest.raises(ValueError, match=r"part should be one of .*, got 'rows'"):
        earn(exercise, exercise.reference)


def test_what_mistakes_do_is_found_out_once_for_the_visible_part_and_the_whole():
    runs = []

    def unscaled(x, axis=-1):
        runs.append(1)
        return np.exp(x)

    exercise = _shared_out(mistakes=[Mistake("unscaled", "It is not divided.", "Add it up.", unscaled)], stages=None)
    for whole in (exercise, exercise.visible, exercise):
        assert diagnose(whole, lambda x, axis=-1: np.exp(x)).names == ("unscaled",)
    assert len(runs) == len(exercise.known_cases)


def test_before_the_deadline_only_the_visible_part_is_known(monkeypatch, tmp_path):
    exercise = _shared_out(name="shared_softmax")
    wrong = {mistake.name: exercise.wrong_answer(mistake) for mistake in exercise.mistakes}
    assert exercise.visible.points == 3
    assert diagnose(exercise.visible, wrong["no-maximum"]).passed
    assert diagnose(exercise.visible, wrong["axis-ignored"]).names == ("axis-ignored",)
    assert SOFTMAX.visible is SOFTMAX
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.jsonl"))
    monkeypatch.setattr(exercises, "find", lambda name: exercise)
    for answer in (exercise.reference, wrong["no-maximum"]):
        said = str(check("shared_softmax", answer))
        assert "what is visible now is right, 3 of 4 points" in said
        assert "1 more, decided after the deadline" in said
        assert "passed" not in said
        assert own("shared_softmax").whose == "your own shared_softmax"
    assert not (tmp_path / "progress.jsonl").exists()
    hint("shared_softmax", 2)
    with pytest.raises(ValueError, match="number should be from 1 to 2, got 3"):
        hint("shared_softmax", 3)  # the answer
    with pytest.raises(ValueError, match="should have a visible part"):
        _ = dataclasses.replace(exercise, credit=[dataclasses.replace(part, visible=False) for part in PARTS]).visible
