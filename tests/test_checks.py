"""The checker survives whatever an answer does, and says precisely what it did."""

import dataclasses
import math
import subprocess
import sys
import threading
import time
import warnings

import numpy as np
import pytest
import torch

from course_utils import exercises
from course_utils.attention import softmax
from course_utils.checks import (
    Broken,
    Case,
    Equivalent,
    Exercise,
    Mistake,
    Probe,
    Returns,
    diagnose,
    give_feedback,
    rehearse,
)
from course_utils.checks.compare import same_values
from course_utils.checks.sandbox import CALL_LIMIT

SOFTMAX = exercises.find("softmax")


def spin(x, axis=-1):
    while True:
        x = x + 0


def swallow(x, axis=-1):
    while True:
        try:
            x = x + 0
        except BaseException:
            pass


def sleep(x, axis=-1):
    time.sleep(60)


def recurse(x, axis=-1):
    return recurse(x, axis)


def generate(x, axis=-1):
    yield x


async def coroutine(x, axis=-1):
    return x


def overwrite(x, axis=-1):
    x -= x.max(axis=axis, keepdims=True)
    return softmax(x, axis)


def chatter(x, axis=-1):
    print("so much to say " * 100_000)
    return softmax(x, axis) * 2


def stub(x, axis=-1):
    raise NotImplementedError


def misspell(x, axis=-1):
    y = x - x.max()
    return y.exponential()


class Liar:
    """Says yes to every question."""

    shape, dtype, ndim = (2, 2), "float64", 2

    def __eq__(self, other):
        return True

    __hash__ = None

    def __array__(self, *args, **kwargs):
        raise RuntimeError("no")


class Sub(np.ndarray):
    def __eq__(self, other):
        return np.ones(self.shape, bool)

    __hash__ = None


BEHAVIOURS = {
    "stub": (stub, "Not attempted yet", ""),
    "an error of a library": ((lambda x, axis=-1: torch.ones(2, dtype=torch.long).softmax(0)), "stopped with",
                              "not implemented for 'Long'"),
    "none": (lambda x, axis=-1: None, "not right yet", "returned None: is the `return` missing?"),
    "lists": (lambda x, axis=-1: softmax(x, axis).tolist(), "not right yet", "NumPy array, got a list of lists"),
    "tensor": (lambda x, axis=-1: torch.tensor(softmax(x, axis)), "not right yet", "NumPy array, got a PyTorch tensor"),
    "text": (lambda x, axis=-1: "weights", "not right yet", "got an object of type str"),
    "text array": (lambda x, axis=-1: np.array([["a", "b"]]), "not right yet", "should hold numbers"),
    "objects": (lambda x, axis=-1: softmax(x, axis).astype(object), "not right yet", "should hold numbers, got object"),
    "complex": (lambda x, axis=-1: softmax(x, axis) + 0j, "not right yet", "should hold numbers, got complex128"),
    "liar": (lambda x, axis=-1: Liar(), "not right yet", "got an object of type Liar"),
    "subclass": (lambda x, axis=-1: (softmax(x, axis) * 2).view(Sub), "not right yet", "wanted 0.269, got 0.538"),
    "generator": (generate, "not right yet", "use `return`, not `yield`"),
    "coroutine": (coroutine, "not right yet", "drop `async`"),
    "wrong shape": (lambda x, axis=-1: softmax(x, axis)[:1], "not right yet", "wanted shape (2, 2), got shape (1, 2)"),
    "whole numbers": (lambda x, axis=-1: softmax(x, axis).astype(int), "not right yet", "wanted 0.269, got 0.000"),
    "not a number": (lambda x, axis=-1: softmax(x, axis) * np.nan, "not right yet", "wanted 0.269, got nan"),
    "overwrites": (overwrite, "not right yet", "it changes its argument `x`"),
    "prints": (chatter, "not right yet", "so much to say"),
    "error": (misspell, "stopped with AttributeError", "`return y.exponential()`"),
    "wrong signature": (lambda x: softmax(x), "not right yet", "unexpected keyword argument 'axis'"),
    "exit": (lambda x, axis=-1: sys.exit("bye"), "stopped with SystemExit", "bye"),
    "recursion": (recurse, "stopped with RecursionError", "maximum recursion depth"),
    "spin": (spin, "did not finish", f"did not finish within {CALL_LIMIT:g} seconds"),
    "swallow": (swallow, "did not finish", "did not finish within"),
    "sleep": (sleep, "did not finish", "did not finish within"),
}


@pytest.mark.parametrize("name", BEHAVIOURS)
def test_whatever_it_does_it_is_told(name):
    answer, headline, words = BEHAVIOURS[name]
    begin = time.perf_counter()
    feedback = give_feedback(SOFTMAX, diagnose(SOFTMAX, answer))
    assert time.perf_counter() - begin < CALL_LIMIT + 2
    assert not feedback.passed
    assert headline in feedback.headline
    assert words in str(feedback)
    assert len(feedback.lines) <= 12
    assert "Traceback" not in str(feedback)
    assert sys.gettrace() is None or "coverage" in repr(sys.gettrace())


def test_the_line_is_the_learners_own():
    feedback = give_feedback(SOFTMAX, diagnose(SOFTMAX, misspell))
    line = misspell.__code__.co_firstlineno + 2
    assert f"line {line} of your cell" in str(feedback)


def test_outside_the_main_thread_an_endless_loop_ends_too():
    seen = []
    thread = threading.Thread(target=lambda: seen.append(diagnose(SOFTMAX, spin).trouble.kind))
    thread.start()
    thread.join(CALL_LIMIT + 5)
    assert seen == ["did not finish"]


COLD_IMPORT = """
import sys, threading
from course_utils import exercises
from course_utils.attention import softmax
from course_utils.checks import diagnose, sandbox
sandbox.CALL_LIMIT = 0.2  # loading PyTorch takes longer

def answer(x, axis=-1):
    import torch
    return softmax(torch.from_numpy(x), axis).numpy()

def check():
    print(diagnose(exercises.find("softmax"), answer).status)

assert "torch" not in sys.modules
if sys.argv[1] == "main":
    check()
else:
    thread = threading.Thread(target=check)
    thread.start()
    thread.join()
import torch
print(torch.ones(2).sum().item())
"""


@pytest.mark.parametrize("thread", ["main", "other"])
def test_a_library_may_load_in_peace(thread):
    run = subprocess.run([sys.executable, "-c", COLD_IMPORT, thread], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr[-2000:]
    assert run.stdout.split() == ["passed", "2.0"]


def test_the_keyboard_still_interrupts():
    def interrupted(x, axis=-1):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        diagnose(SOFTMAX, interrupted)


def test_state_around_an_answer_is_restored(capsys):
    def disturb(x, axis=-1):
        warnings.simplefilter("always")
        np.seterr(all="ignore")
        print("heard by nobody")
        return softmax(x, axis)

    before = np.geterr(), list(warnings.filters), sys.stdout
    assert diagnose(SOFTMAX, disturb).passed
    assert (np.geterr(), list(warnings.filters), sys.stdout) == before
    assert capsys.readouterr().out == ""


def test_a_right_answer_that_depends_on_its_first_call_does_not_pass():
    calls = []

    def memoised(x, axis=-1):
        calls.append(1)
        return softmax(x, axis) if len(calls) < 6 else np.full(x.shape, 0.5)

    assert not diagnose(SOFTMAX, memoised).passed


def test_every_line_of_feedback_has_a_label():
    page = give_feedback(SOFTMAX, diagnose(SOFTMAX, lambda x, axis=-1: np.sum(x, axis=axis)))._repr_html_()
    assert "<dt></dt>" not in page
    assert "<dt>There</dt><dd>" in page


def test_feedback_is_a_heading_and_speaks_where_somebody_is_at_the_notebook(monkeypatch):
    feedback = give_feedback(SOFTMAX, diagnose(SOFTMAX, lambda x, axis=-1: x))
    assert '<p role="heading" aria-level="3">✗ softmax: ' in feedback._repr_html_()
    assert "<script" not in feedback._repr_html_()
    monkeypatch.setenv("JPY_SESSION_NAME", "my_notebooks/02_softmax.ipynb")
    assert feedback._repr_html_().count("<script") == 1


def test_feedback_shows_markup_as_text():
    hostile = "<script>alert(1)</script><img src=x onerror=alert(1)> 😀 \u202eabc " + "x" * 500

    def answer(x, axis=-1):
        raise ValueError(hostile)

    feedback = give_feedback(SOFTMAX, diagnose(SOFTMAX, answer))
    page = feedback._repr_html_()
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;" in page
    assert max(map(len, feedback.lines)) < 400


def test_two_mistakes_at_once_are_both_named():
    def answer(x, axis=-1):
        return np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True)

    verdict = diagnose(SOFTMAX, answer)
    assert set(verdict.names) == {"no-maximum", "axis-ignored"}
    feedback = give_feedback(SOFTMAX, verdict)
    assert "two reasons" in feedback.headline
    assert len(feedback.lines) <= 12


def toy(**changes):
    parts = dict(
        name="toy", title="Toy", notebook="00_start", signature="double(x)", reference=lambda x: 2 * x, arrays="numpy",
        returns=(Returns("y", "(n,)"),), cases=lambda: (Case((np.array([1.0, 2.0]),)),), probes=(),
        mistakes=(Mistake("same", function=lambda x: x, cause="It changes nothing.", experiment="Print it."),),
        equivalents=(Equivalent("sum", lambda x: x + x),), hints=("a", "b", "c"))
    return Exercise(**{**parts, **changes})


@pytest.mark.parametrize(("changes", "words"), [
    ({"arrays": "jax"}, "arrays should be 'numpy' or 'torch', got 'jax'"),
    ({"hints": ("a",)}, "hints should be three"),
    ({"equivalents": (Equivalent("a", abs), Equivalent("a", abs))}, "equivalents should have different names"),
    ({"mistakes": (Mistake("m", "c", "e", changes={"a": 1}),)}, "stages should be given"),
])
def test_an_exercise_that_contradicts_itself_is_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        toy(**changes)


def test_a_mistake_is_a_function_or_changes():
    with pytest.raises(ValueError, match="should have a function or changes"):
        Mistake("m", "c", "e")


def test_a_reference_that_fails_is_the_courses_fault():
    broken = toy(reference=lambda x: None)
    with pytest.raises(RuntimeError, match="the reference of 'toy' fails"):
        diagnose(broken, lambda x: 2 * x)


def test_a_probe_can_reject_what_the_cases_let_through():
    positive = toy(probes=(Probe("never fails", lambda call: None),
                           Probe("looks at the shape", lambda call: call(np.zeros(3)).shape[7])))
    verdict = diagnose(positive, lambda x: 2 * x)
    assert not verdict.passed
    assert "looks at the shape" not in str(give_feedback(positive, verdict))
    assert verdict.broken.sentence == "on another input the result is not such that it can be tested"
    assert "IndexError: tuple index out of range; shapes: y (3,)" in verdict.broken.example


def test_tensors_that_need_a_gradient_keep_it():
    def probe(call):
        x = torch.ones(2, requires_grad=True)
        call(x).sum().backward()
        assert x.grad.tolist() == [2.0, 2.0]

    exercise = toy(arrays="torch", cases=lambda: (Case((torch.ones(2),)),), probes=(Probe("gradient", probe),))
    assert diagnose(exercise, lambda x: 2 * x).passed
    assert not diagnose(exercise, lambda x: 2 * x.detach()).passed


def gradient_reaches(call):
    if not call(torch.ones(2, requires_grad=True)).requires_grad:
        return Broken("the gradient should reach x", experiment="Print `requires_grad` of the result.")


DOUBLE = Exercise(
    name="double", title="double a number", notebook="00_start", signature="double(x)", arrays="torch",
    reference=lambda x: 2 * x, returns=(Returns("doubled", "(S,)"),), cases=lambda: [Case((torch.ones(2),))],
    probes=(Probe("the gradient reaches x", gradient_reaches),),
    mistakes=(
        Mistake("in-place", function=lambda x: x.mul_(2), cause="It writes into x.", experiment="Print x."),
        Mistake("detached", function=lambda x: (2 * x).detach(), cause="It cuts x off.", experiment="Drop it."),
    ),
    equivalents=(), hints=("a", "b", "c"))


def test_a_mistake_that_gives_the_right_numbers_is_named():
    assert diagnose(DOUBLE, lambda x: x.add_(x)).names == ("in-place",)
    assert diagnose(DOUBLE, lambda x: 2 * x.detach()).names == ("detached",)
    assert diagnose(DOUBLE, lambda x: x + x).passed


def test_a_property_can_bring_its_own_experiment():
    verdict = diagnose(dataclasses.replace(DOUBLE, mistakes=()), lambda x: 2 * x.detach())
    assert verdict.names == ()
    assert "requires_grad" in str(give_feedback(DOUBLE, verdict))


def test_a_changed_argument_has_its_own_name_where_defaults_are_left_out():
    plain = Exercise(
        "add", "Add two", "00_start", "add(x, times=1, y=None)", lambda x, times=1, y=None: x + y, "numpy",
        (Returns("sum", "(T,)"),), lambda: (Case((np.ones(2),), {"y": np.arange(2.0)}),), (), (), (), ("a", "b", "c"))

    def into_y(x, times=1, y=None):
        y += x
        return y

    assert diagnose(plain, into_y).overwritten == ("y",)


@pytest.mark.parametrize("change", [
    lambda state: state[0].fill(1), lambda state: state[1].append(4), lambda state: state[1].__setitem__(0, [1]),
    lambda state: state[2].update(n=2), lambda state: state[2]["o"].fill(1)])
def test_what_lists_tuples_and_dicts_hold_is_watched_too(change):
    plain = Exercise(
        "total", "Add up", "00_start", "total(state)", lambda state: state[0].sum(), "numpy", (Returns("sum", "()"),),
        lambda: (Case(((np.arange(2.0), [3, math.nan], {"o": np.zeros(2), "n": 1}),)),), (), (), (), ("a", "b", "c"))
    assert diagnose(plain, plain.reference).passed

    def written_into(state):
        result = state[0].sum()
        change(state)
        return result

    assert diagnose(plain, written_into).overwritten == ("state",)


def test_a_long_list_of_properties_ends_with_a_whole_one():
    names = [f"property number {n} of the answer holds" for n in range(20)]
    exercise = dataclasses.replace(SOFTMAX, battery=None, probes=[Probe(name, lambda call: None) for name in names])
    feedback = give_feedback(exercise, diagnose(exercise, exercise.reference))
    shown = dict(feedback.rows)["Holds"].split("; ")
    assert shown[:-1] == names[:len(shown) - 1]
    assert shown[-1] == f"and {20 - len(shown) + 1} more"


def test_a_mistake_runs_once_on_a_case_and_rehearsed_ones_get_the_same_verdicts():
    runs = []

    def unscaled(x, axis=-1):
        runs.append(1)
        return np.exp(x)

    mistake = Mistake("unscaled", "It is not divided.", "Add it up.", unscaled)
    fresh = dataclasses.replace(exercises.find("softmax"), mistakes=[mistake], stages=None)
    ready = dataclasses.replace(fresh)
    next(rehearse(ready))
    assert runs == []  # whoever has no more time leaves off after the reference
    assert len(list(rehearse(ready))) == 2
    assert len(runs) == 1  # the first case, which most answers differ on
    verdict = diagnose(ready, lambda x, axis=-1: np.exp(x))
    assert verdict.names == ("unscaled",)
    assert len(runs) == len(ready.known_cases)
    diagnose(ready, lambda x, axis=-1: np.exp(x))
    assert len(runs) == len(ready.known_cases)
    again = diagnose(fresh, lambda x, axis=-1: np.exp(x))
    assert (again.names, again.difference, again.broken) == (verdict.names, verdict.difference, verdict.broken)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_numbers_are_close_where_numpy_says_so(dtype):
    special = [np.nan, np.inf, -np.inf] if dtype != np.int64 else []
    numbers = np.array([*special, 0, 1, -1, 3, 1e6, *(v * (1 + d) for v in (1, 1e3) for d in (9e-6, 1.1e-5, -3e-5))])
    for a in numbers.astype(dtype):
        for b in numbers.astype(dtype):
            wanted = np.isclose(a, b, rtol=1e-5, atol=1e-5, equal_nan=True)
            assert same_values((np.array([a, 0]),), (np.array([b, 0]),), 1e-5) == wanted, (a, b)


def test_a_state_of_several_arrays_is_shown_by_its_shapes():
    plain = Exercise(
        "total", "Add a state up", "00_start", "total(state, more)", lambda state, more: sum(x.sum() for x in state),
        "numpy", (Returns("total", "()"),), lambda: (Case(((np.ones(2), np.ones((2, 3))), [1, 2])),), (), (), (),
        ("a", "b", "c"))
    rows = dict(give_feedback(plain, diagnose(plain, lambda state, more: 0.0)).rows)
    assert rows["Example"] == "`total(state of shapes (2,), (2, 3), [1, 2])`"
