"""Points mean something: what is cheap earns nothing, and no draw decides about a mistake."""

import dataclasses
import itertools

import numpy as np
import pytest

from course_utils import exercises
from course_utils.checks import Case, Probe, diagnose, earn, give_feedback
from course_utils.checks.drawn import drawn_for, failure_on
from course_utils.checks.sandbox import call_safely, is_tensor

HOMEWORK = exercises.homework_exercises()
NAMES = [exercise.name for exercise in HOMEWORK]
SEEDS = (1, 2**47 + 3)
DRAWS = 200
SCALELESS = ("no-scale", "not-scaled", "first-scale-missing", "last-scale-missing")
SCALE = 1 / 5  # the share of an exercise that a forgotten division by a square root costs

each = pytest.mark.parametrize("exercise", HOMEWORK, ids=NAMES)


# --- draws ---


@each
def test_every_part_has_something_drawn_that_is_not_fixed(exercise):
    for seed in SEEDS:
        drawn = drawn_for(exercise, seed)
        assert {part for _, part, _ in drawn} == {part.name for part in exercise.parts}
        fixed = {_key(args, kwargs) for args, kwargs, _ in _fixed_calls(exercise)}
        asked = [(thing.args, thing.kwargs) for thing, _, _ in drawn if isinstance(thing, Case)]
        for probe in (thing for thing, _, _ in drawn if isinstance(thing, Probe)):
            calls = _calls(exercise, [probe])
            assert calls
            asked += [(args, kwargs) for args, kwargs, _ in calls]
        assert asked
        assert not fixed & {_key(args, kwargs) for args, kwargs in asked}, seed


@each
def test_no_draw_decides_about_an_answer_of_the_bank(exercise):
    _try_the_bank(exercise, 4)


@pytest.mark.slow
@each
def test_no_draw_of_two_hundred_decides_about_an_answer_of_the_bank(exercise):
    _try_the_bank(exercise, DRAWS)


def _try_the_bank(exercise, draws):
    """Right answers are right on every draw; a mistake earns the same points on every draw, and never all of them."""
    right = (exercise.reference, *(equivalent.function for equivalent in exercise.equivalents))
    wrong = {mistake.name: exercise.wrong_answer(mistake) for mistake in exercise.mistakes}
    fixed = dataclasses.replace(exercise, drawn=None)
    by_fixed = {name: [e.earned for e in earn(fixed, answer)] for name, answer in wrong.items()}
    names, first = [part.name for part in exercise.parts], {}
    for seed in range(draws):
        drawn = drawn_for(exercise, seed)
        for answer in right:
            assert not any(failure_on(exercise, thing, wanted, answer) for thing, _, wanted in drawn), seed
        for name, answer in wrong.items():
            earned = list(by_fixed[name])
            for thing, part, wanted in drawn:
                at = names.index(part)
                earned[at] = earned[at] and failure_on(exercise, thing, wanted, answer) is None
            assert earned == first.setdefault(name, earned), (seed, name)
            assert not all(earned), name


# --- what is cheap ---


@each
def test_nothing_is_earned_by_giving_back_what_came(exercise):
    """Each argument as it is; for several results, every choice of them."""
    n = len(exercise.returns)
    for chosen in itertools.product(range(len(exercise.parameters)), repeat=n):
        def answer(*args, chosen=chosen, **kwargs):
            given = dict(zip(exercise.parameters, args)) | kwargs
            found = tuple(given[exercise.parameters[i]] for i in chosen)
            return found if n > 1 else found[0]

        _earns_nothing(exercise, answer, [exercise.parameters[i] for i in chosen])


@each
@pytest.mark.parametrize("value", [0, 1, np.nan, True, False])
def test_nothing_is_earned_by_one_value_of_the_right_shape(exercise, value):
    def fill(x):
        kind = bool if isinstance(value, bool) else None if np.isnan(value) else x.dtype
        if is_tensor(x):
            import torch

            return torch.full(x.shape, value, dtype=torch.bool if kind is bool else kind or torch.float32)
        return np.full(x.shape, value, dtype=kind or float)

    def answer(*args, **kwargs):
        found = exercise.reference(*args, **kwargs)
        return tuple(map(fill, found)) if len(exercise.returns) > 1 else fill(found)

    _earns_nothing(exercise, answer, value)


@each
def test_nothing_is_earned_by_a_table_of_all_that_is_fixed(exercise):
    """A table of the answers to all fixed inputs, those inside the properties included."""
    table = {_key(args, kwargs): outcome for args, kwargs, outcome in _fixed_calls(exercise)}

    def look_up(*args, **kwargs):
        outcome = table[_key(args, kwargs)]
        return outcome.native if len(exercise.returns) > 1 else outcome.native[0]

    def or_zeros(*args, **kwargs):
        if _key(args, kwargs) in table:
            return look_up(*args, **kwargs)
        found = exercise.reference(*args, **kwargs)
        return tuple(x * 0 for x in found) if len(exercise.returns) > 1 else found & False if found.dtype == bool else (
            found * 0)

    if exercise.arrays == "numpy":  # a table of tensors passes no gradients on
        assert all(e.earned for e in earn(dataclasses.replace(exercise, drawn=None), look_up))
        assert diagnose(exercise.visible, look_up).drawn
    _earns_nothing(exercise, look_up, "table")
    _earns_nothing(exercise, or_zeros, "table, else zeros")


def _earns_nothing(exercise, answer, what):
    for seed in SEEDS:
        earned = earn(exercise, answer, seed)
        assert [(e.part.name, e.points) for e in earned if e.earned] == [], what


def _key(args, kwargs):
    def flat(x):
        if is_tensor(x):
            x = x.detach().numpy()
        return (str(x.dtype), x.shape, x.tobytes()) if isinstance(x, np.ndarray) else repr(x)

    return tuple(map(flat, args)), tuple((name, flat(x)) for name, x in sorted(kwargs.items()))


def _calls(exercise, things):
    """All calls of the answer that cases and probes make: arguments, and what the reference does."""
    found = []

    def note(*args, **kwargs):
        outcome = call_safely(exercise.reference, args, kwargs, exercise)
        found.append((args, kwargs, outcome))
        if outcome.trouble:
            raise ValueError(outcome.trouble.message)
        return exercise.reference(*args, **kwargs)

    for thing in things:
        failure_on(exercise, thing, call_safely(exercise.reference, thing.args, thing.kwargs, exercise)
                   if isinstance(thing, Case) else None, note)
    return found


def _fixed_calls(exercise):
    return _calls(exercise, (*exercise.known_cases, *exercise.known_probes))


# --- what a fault costs ---


@each
def test_a_forgotten_scale_costs_the_same_share_everywhere(exercise):
    """The square root of the width: forgotten, in whatever way, it costs one part and nothing else."""
    forgotten = [mistake for mistake in exercise.mistakes if mistake.name in SCALELESS]
    if not forgotten:
        pytest.skip("nothing is divided by a square root here")
    for mistake in forgotten:
        for seed in SEEDS:
            lost = [e.part for e in earn(exercise, exercise.wrong_answer(mistake), seed) if not e.earned]
            assert len(lost) == 1
            assert lost[0].points / exercise.points == pytest.approx(SCALE)


# --- results of one value ---


def _added_times_minus_infinity(q, k, v, lengths):
    import torch

    m = torch.block_diag(*(torch.ones(n, n).tril() for n in lengths)).bool()
    s = q @ k.mT / q.shape[-1] ** 0.5
    return (s + (~m).float() * -torch.inf).softmax(-1) @ v


def _step_with_a_product(q, k, v, past_k=None, past_v=None):
    import torch

    keys, values = (k, v) if past_k is None else (torch.cat([past_k, k], -2), torch.cat([past_v, v], -2))
    T, S = q.shape[-2], keys.shape[-2]
    m = torch.ones(T, S).tril(S - T).bool()
    s = q @ keys.mT / q.shape[-1] ** 0.5
    return (s + (~m).float() * -torch.inf).softmax(-1) @ values, keys, values


def _of(value, size):
    return lambda *args, **kwargs: np.full(size(*args, **kwargs), value)


def _row(lengths):
    return (int(np.sum(lengths)),) * 2


def _window(T, window, S=None):
    return T, S or T


def _batch(prefix_lengths, lengths, S):
    return len(lengths), 1, S, S


@pytest.mark.parametrize(("name", "answer", "what"), [
    ("attend_packed", _added_times_minus_infinity, "every value of output is NaN, on every input"),
    ("cached_step", _step_with_a_product, "every value of output is NaN, on every input"),
    ("sliding_window_mask", _of(False, _window), "every value of mask is False, on every input"),
    ("sliding_window_mask", _of(True, _window), "every value of mask is True, on every input"),
    ("packed_causal_mask", _of(False, _row), "every value of mask is False, on every input"),
    ("prefix_lm_mask", _of(False, _batch), "every value of mask is False, on every input"),
    ("prefix_lm_mask", _of(True, _batch), "every value of mask is True, on every input"),
    ("linear_attention", lambda q, k, v: v * np.nan, "every value of output is NaN, on every input"),
    ("linear_attention", lambda q, k, v: v * 0, "every value of output is 0, on every input"),
    ("attention_pooling", lambda x, query, lengths: (x[:, 0] * 0, x[..., 0] * 0),
     "every value of pooled is 0, on every input"),
    ("pooling_gradient", lambda x, query, lengths, upstream: query * np.nan,
     "every value of gradient is NaN, on every input"),
])
def test_one_value_throughout_is_said_and_never_two_causes(name, answer, what):
    exercise = exercises.find(name)
    for whole in (exercise, exercise.visible):
        verdict = diagnose(whole, answer)
        assert verdict.plain == what
        assert set(verdict.names) <= {"zero-times-infinity", "or-for-and"}  # what alone of the bank gives it
        said = str(give_feedback(whole, verdict))
        assert what in said
        assert "for two reasons" not in said


def test_a_mistake_of_the_bank_may_be_of_one_value():
    exercise = exercises.find("packed_causal_mask")
    verdict = diagnose(exercise, _of(True, _row))
    assert verdict.names == ("everything-seen",)
    assert verdict.plain == "every value of mask is True, on every input"
