"""Points by part: what is right keeps its points, and all points mean that the checker is content too."""

import dataclasses

import numpy as np
import pytest

from course_utils import exercises
from course_utils.checks import Broken, Case, Mistake, Part, Probe, diagnose, earn, give_feedback, passes
from course_utils.checks.drawn import drawn_for
from course_utils.exercises.weights.softmax import SOFTMAX, softmax_by_stages
from course_utils.learner.calls import check, hint, own

PARTS = (Part("rows", 2), Part("any axis", 1), Part("large scores", 1, visible=False))

ALL = (*exercises.all_exercises(), *exercises.homework_exercises())


def _shared_out(**more):
    """Softmax for four points, three of which can be had without large scores."""
    parts = ["", "", "", "any axis", "any axis", "large scores", "large scores"]
    cases = [dataclasses.replace(case, part=part) for case, part in zip(SOFTMAX.cases(), parts)]
    probe_parts = ["", "any axis", "", "large scores"]
    probes = [dataclasses.replace(probe, part=part) for probe, part in zip(SOFTMAX.probes, probe_parts)]
    return dataclasses.replace(SOFTMAX, points=4, credit=PARTS, battery=None, cases=lambda: cases,
                               probes=probes, **more)


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


def _drawing(seen=None):
    """Softmax whose parts have drawn inputs: a case for each, and a property for any axis."""
    def drawn(seed):
        if seen is not None:
            seen.append(seed)
        x = np.random.default_rng(seed).normal(size=(2, 3))

        def columns_sum_to_one(call):
            if not np.allclose(call(x, axis=0).sum(axis=0), 1):
                return Broken("each column should sum to 1 along axis 0", f"not for {x.round(2).tolist()}")

        return [Case((x,), note="drawn rows"), Case((1000 * x,), note="drawn large scores", part="large scores"),
                Probe("columns sum to 1", columns_sum_to_one, "any axis")]

    return _shared_out(drawn=drawn)


def _by_heart(exercise):
    """The reference on every input that is fixed, in cases or probes; nothing of use on others."""
    seen = {}

    def note(x, axis=-1):
        seen[x.tobytes(), axis] = exercise.reference(x, axis)
        return seen[x.tobytes(), axis]

    assert all(earned.earned for earned in earn(dataclasses.replace(exercise, drawn=None), note))
    return lambda x, axis=-1: seen.get((x.tobytes(), axis), np.zeros(x.shape))


def test_numbers_learnt_by_heart_earn_nothing():
    exercise = _drawing()
    answer = _by_heart(exercise)
    assert _points(dataclasses.replace(exercise, drawn=None), answer) == [2, 1, 1]
    assert _points(exercise, answer) == _points(exercise, answer, seed=7) == [0, 0, 0]
    assert _points(exercise, exercise.reference) == _points(exercise, exercise.reference, seed=7) == [2, 1, 1]


def test_a_wrong_answer_to_what_is_drawn_is_told_so():
    exercise = _drawing()
    verdict = diagnose(exercise, _by_heart(exercise), seed=7)
    assert (verdict.status, verdict.drawn, verdict.case.note) == ("wrong", True, "drawn rows")
    said = str(give_feedback(exercise, verdict))
    assert "right on the known inputs, wrong on drawn ones" in said
    assert "the result has to follow other numbers" in said

    def rows_only(x, axis=-1):
        return _by_heart(exercise)(x, axis) if axis == 0 else exercise.reference(x, axis)

    assert diagnose(exercise, rows_only).broken.sentence == "each column should sum to 1 along axis 0"
    assert [earned.why_not for earned in earn(exercise, rows_only)] == ["", "this does not hold: columns sum to 1", ""]
    assert not passes(exercise, rows_only)
    assert passes(exercise, exercise.reference)


def test_inputs_are_drawn_anew_unless_there_is_a_seed():
    seen = []
    exercise = _drawing(seen)
    for whole in (exercise, exercise.visible):
        for _ in range(2):
            assert diagnose(whole, exercise.reference).passed
    assert len(set(seen)) == 4
    seen.clear()
    for _ in range(2):
        earn(exercise, exercise.reference, seed=7)
        diagnose(exercise, exercise.reference, seed=7)
        diagnose(exercise.visible, exercise.reference, seed=7)
    assert seen == [7]  # once for a class, however many hand in


def test_what_is_visible_draws_nothing_for_what_is_hidden():
    exercise = _drawing()
    assert [part for _, part, _ in drawn_for(exercise, 7)] == ["rows", "large scores", "any axis"]
    assert [part for _, part, _ in drawn_for(exercise.visible, 7)] == ["rows", "any axis"]


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
