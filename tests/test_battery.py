"""The battery: each exercise takes a regime of input or says why not, and the regimes are what they are called."""

import math
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from course_utils import exercises
from course_utils.checks import diagnose
from course_utils.checks.properties import hold_against
from course_utils.checks.sandbox import CALL_LIMIT, call_safely
from course_utils.exercises.battery import REGIMES
from course_utils.exercises.battery.regimes import STAGE_OF, TRY
from course_utils.exercises.battery.scores import HIDDEN, SCORES
from course_utils.exercises.battery.shapes import SHAPES

# Questions about a laboratory or about PyTorch are answered by a function without arguments: no input goes in.
ASKED = [exercise for exercise in (*exercises.all_exercises(), *exercises.homework_exercises()) if exercise.parameters]
IDS = [exercise.name for exercise in ASKED]


@pytest.mark.parametrize("exercise", ASKED, ids=IDS)
def test_every_regime_is_taken_or_left_out_with_a_reason(exercise):
    taken, left_out = exercise.battery.takes(), exercise.battery.left_out
    everything = {regime for regimes in REGIMES.values() for regime in regimes}
    assert taken | set(left_out) == everything
    assert not taken & set(left_out)
    assert all(len(why.split()) >= 3 for why in left_out.values())


@pytest.mark.parametrize("exercise", ASKED, ids=IDS)
def test_the_cases_of_the_battery_come_after_a_readable_one(exercise):
    first = [math.prod(x.shape) for x in (*exercise.known_cases[0].args, *exercise.known_cases[0].kwargs.values())
             if hasattr(x, "shape")]
    assert sum(first) <= 24
    own = len(exercise.cases())
    assert [case.note for case in exercise.known_cases[own:]] == [
        case.note for case in exercise.battery.cases()]


def test_shapes_are_what_they_are_called():
    assert SHAPES["T > S"].T > SHAPES["T > S"].S
    assert SHAPES["T < S"].T < SHAPES["T < S"].S
    assert SHAPES["one query"].T == SHAPES["one key"].S == SHAPES["one item"].lead[0] == 1
    assert SHAPES["no batch"].lead == ()
    assert len(SHAPES["two leading axes"].lead) == 2
    for regime, count in (("all sizes distinct", 7), ("all sizes equal", 1)):
        sizes = SHAPES[regime]
        assert len({*sizes.lead, sizes.T, sizes.S, sizes.d_k, sizes.d_v, sizes.H, sizes.d_model}) == count


def test_scores_break_a_careless_softmax_in_both_widths():
    with np.errstate(all="ignore"):
        for dtype in (np.float32, np.float64):
            scores = {regime: np.array(table, dtype) for regime, table in SCORES.items()}
            assert np.isinf(np.exp(scores["very large"])).all()
            assert (np.exp(scores["very negative"]) == 0).all()
            assert (np.exp(scores["rows far apart"] - scores["rows far apart"].max())[1] == 0).all()
        hidden = np.array(HIDDEN["hidden far above"], np.float32)
        assert (np.exp(hidden - hidden.max())[:, :2] == 0).all()


@pytest.mark.parametrize("exercise", ASKED, ids=IDS)
def test_a_plain_loop_is_a_right_answer(exercise):
    loops = [equivalent.name for equivalent in exercise.equivalents if "loop" in equivalent.name]
    assert loops


def seconds(exercise, answer, case):
    begin = time.process_time()
    assert not call_safely(answer, case.args, case.kwargs, exercise).trouble
    return time.process_time() - begin


@pytest.mark.parametrize("exercise", ASKED, ids=IDS)
def test_right_answers_need_less_than_half_the_time_limit(exercise):
    for equivalent in exercise.equivalents:
        slowest = max(seconds(exercise, equivalent.function, case) for case in exercise.known_cases)
        assert slowest < CALL_LIMIT / 2, equivalent.name


def test_exercises_in_numpy_are_checked_without_torch():
    code = ("import sys; from course_utils import exercises; from course_utils.checks import diagnose\n"
            "for topic in exercises.TOPICS[:12]:\n"
            "    for e in exercises._topic(topic): assert diagnose(e, e.reference).passed, e.name\n"
            "print(sorted(m for m in sys.modules if m == 'torch'), e.name)")
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert run.stdout.split() == ["[]", "kernel_regression"], run.stderr


def test_a_gradient_of_other_numbers_is_told_with_both():
    exercise = exercises.find("self_attention")

    def half(x, W_q, W_k, W_v):
        return exercise.reference(x, W_q, W_k, W_v.detach() / 2 + W_v / 2)

    broken = diagnose(exercise, half).broken
    assert broken.sentence == "the gradient with respect to W_v should take every way from W_v to the output"
    assert "wanted" in broken.example
    assert "got" in broken.example


def test_what_a_gradient_does_not_reach_is_told_apart_from_what_it_reaches_in_part():
    exercise = exercises.find("cross_attention")
    told = {mistake.name: diagnose(exercise, exercise.wrong_answer(mistake)).broken.example
            for mistake in exercise.mistakes if mistake.name in ("detached-for-queries", "weights-detached")}
    assert told == {"detached-for-queries": "it does not reach x",
                    "weights-detached": "it does not reach x; what reaches context is not all of it"}


def test_what_to_try_names_regimes_that_come_up():
    everything = set().union(*(exercise.battery.takes() for exercise in ASKED))
    assert set(TRY) <= everything


def test_an_answer_that_only_one_regime_shows_is_told_where_to_look():
    verdict = diagnose(exercises.find("causal_mask"), lambda T: exercises.find("causal_mask").reference(200)[:T, :T])
    assert verdict.case.note == "300 tokens"
    assert verdict.step == TRY["many places"]


def test_forward_takes_context_and_mask_by_name():
    exercise = exercises.find("MultiHeadAttention")

    def renamed(d_model, n_heads, bias=True):
        module = exercise.reference(d_model, n_heads, bias)
        forward = module.forward
        module.forward = lambda x, kv=None, attn_mask=None: forward(x, kv, attn_mask)
        return module

    assert diagnose(exercise, renamed).trouble.message == (
        "ValueError: forward should take x, context and mask, by these names, got (x, kv, attn_mask)")


def test_right_answers_that_are_changed_somewhere_are_refused():
    root = Path(__file__).parents[1]
    names = "weighted_sum", "softmax_with_temperature"
    run = subprocess.run([sys.executable, "tools/mutations.py", *names], cwd=root, timeout=120,
                         env={**os.environ, "PYTHONPATH": str(root)}, capture_output=True, text=True)
    tried, accepted = (int(word) for word in run.stdout.split() if word.isdigit())
    assert tried > 40, run.stderr
    assert accepted == 0, run.stdout


def without_gradient(exercise):
    """Give a right answer whose results are cut off."""
    def cut(results):
        if callable(results) and not hasattr(results, "detach"):  # a function that is asked later
            return lambda x: tuple(found.detach() for found in results(x))
        return tuple(x.detach() for x in results) if isinstance(results, tuple) else results.detach()

    def module(*args, **given):
        made = exercise.reference(*args, **given)
        made.register_forward_hook(lambda module, inputs, results: cut(results))
        return made

    return module if exercise.name == "MultiHeadAttention" else lambda *args, **given: cut(
        exercise.reference(*args, **given))


@pytest.mark.parametrize("exercise", [e for e in ASKED if e.battery.reference], ids=lambda e: e.name)
def test_no_gradient_at_all_breaks_every_probe_of_gradients(exercise):
    probes = {regime: probe for regime, probe in exercise.battery.probes_by_regime.items() if STAGE_OF[regime] in (
        "gradients", "masks")}
    assert probes
    for regime, probe in probes.items():
        broken = hold_against(exercise, probe, without_gradient(exercise))
        assert broken, regime
        assert not broken.trouble, regime
