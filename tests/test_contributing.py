"""CONTRIBUTING leads to an exercise: what stands on it runs, and what it names is there."""

import re
import types

import pytest
from notebook_parts import ROOT

from course_utils.exercises.bank import examine
from course_utils.exercises.battery import REGIMES

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"^```sh\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
            for line in block.splitlines()]


@pytest.fixture(scope="module")
def trial():
    (code,) = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    module = types.ModuleType("centred")
    exec(compile(code, "CONTRIBUTING.md", "exec"), vars(module))
    (exercise,) = module.EXERCISES
    return exercise


def test_its_exercise_is_one_that_the_bank_takes(trial):
    row = examine(trial)
    assert row.faults == []
    assert row.mistakes == row.named >= 5
    assert row.equivalents == row.accepted >= 2


def test_its_battery_takes_each_regime_or_says_why_not(trial):
    everything = {regime for regimes in REGIMES.values() for regime in regimes}
    assert trial.battery.takes() | set(trial.battery.left_out) == everything


def test_paths_and_options_that_it_names_are_there():
    paths = set(re.findall(r"\b(?:course_utils|tools|tests|docs|notebooks)/[\w/.]*\w/?", TEXT))
    assert len(paths) >= 10
    made = {"course_utils/exercises/scores/centred.py"}  # the trial's own
    assert [path for path in paths - made if not (ROOT / path).exists()] == []
    assert COMMANDS
    for words in (line.split() for line in COMMANDS):
        assert words[0] == "python"
        assert words[1:3] in (["-m", "course_utils"], ["-m", "pytest"]) or words[1].startswith("tools/")
