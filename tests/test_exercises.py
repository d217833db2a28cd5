"""The bank of every exercise: each mistake rejected by its own name, each equivalent accepted."""

import itertools
import json
import random
import subprocess
import sys

import pytest

from course_utils import exercises
from course_utils.checks import diagnose, give_feedback
from course_utils.exercises.bank import examine, totals

ALL = (*exercises.all_exercises(), *exercises.homework_exercises())
IDS = [exercise.name for exercise in ALL]


@pytest.fixture(scope="module")
def rows():
    """The table, computed once for all tests of this module."""
    return {exercise.name: examine(exercise) for exercise in ALL}


@pytest.mark.parametrize("exercise", ALL, ids=IDS)
def test_every_verdict_on_the_bank_is_right(rows, exercise):
    row = rows[exercise.name]
    assert row.faults == []
    assert row.mistakes >= 5
    assert row.equivalents >= 2


def test_the_bank_is_as_large_and_as_sharp_as_promised(rows):
    total = totals(rows.values())
    assert total["mistakes"] >= 110
    assert total["equivalents"] >= 45
    assert total["rejected"] == total["mistakes"]
    assert total["named"] >= 0.95 * total["mistakes"]
    assert total["accepted"] == total["equivalents"]
    assert total["rejected_by_probes_alone"] >= 0.8 * total["mistakes"]


@pytest.mark.parametrize("exercise", ALL, ids=IDS)
def test_feedback_on_every_mistake_is_short_and_helps(exercise):
    for mistake in exercise.mistakes:
        feedback = give_feedback(exercise, diagnose(exercise, exercise.wrong_answer(mistake)))
        text = str(feedback)
        assert len(feedback.lines) <= 12, text
        assert mistake.cause in text
        assert mistake.experiment in text
        assert "Traceback" not in text


@pytest.mark.parametrize("exercise", ALL, ids=IDS)
def test_what_is_said_about_an_exercise_is_whole(exercise):
    assert exercise.signature.startswith(exercise.name + "(")
    assert exercise.parameters or exercise.invoke  # a laboratory asks for a function without arguments
    assert exercise.minutes > 0
    for text in (exercise.title, *exercise.hints, *(m.cause for m in exercise.mistakes)):
        assert len(text.split()) >= 3, text
    for mistake in exercise.mistakes:
        assert mistake.cause.rstrip("`").endswith((".", "?", "!")), mistake.name
        assert mistake.name == mistake.name.lower().replace(" ", "-")


@pytest.mark.parametrize("exercise", [e for e in ALL if e.stages], ids=[e.name for e in ALL if e.stages])
def test_the_stages_together_are_a_right_answer(exercise):
    assert diagnose(exercise, exercise.stages).passed


def test_names_are_unique():
    assert len(set(IDS)) == len(IDS)


def pairs():
    """Every two mistakes that can be made at once."""
    return [(e, pair) for e in ALL for pair in itertools.combinations([m for m in e.mistakes if m.changes], 2)
            if pair[0].changes.keys().isdisjoint(pair[1].changes)]


def test_two_mistakes_at_once_are_told_apart():
    sample = random.Random(0).sample(pairs(), min(100, len(pairs())))
    named, passed = 0, []
    for exercise, pair in sample:
        verdict = diagnose(exercise, exercise.wrong_answer(*pair))
        named += set(verdict.names) == {m.name for m in pair}
        if verdict.passed:
            passed.append((exercise.name, [m.name for m in pair]))
    assert named >= 0.6 * len(sample), f"{named} of {len(sample)}"
    # Two mistakes can undo each other; then the answer is right and has to pass.
    for name, _ in passed:
        assert name in IDS
    assert len(passed) <= 0.05 * len(sample), passed


@pytest.mark.slow
def test_the_command_prints_the_same_counts(rows):
    command = [sys.executable, "-m", "course_utils", "bank", "--json"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stdout + run.stderr
    told = json.loads(run.stdout)
    assert {key: told[key] for key in totals(rows.values())} == totals(rows.values())
    assert [row["exercise"] for row in told["exercises"]] == IDS
