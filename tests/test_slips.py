"""Answers as people type them, and what they are told: words that have to come, and words that must not."""

import itertools
import linecache
import sys
import warnings

import numpy as np
import pytest
import torch
from typed_slips import FORWARD, TYPED

from course_utils import exercises
from course_utils.checks import diagnose, give_feedback

_numbers = itertools.count()


def run_cell(source, namespace):
    """Run a cell as a kernel does: its source can be found under its file name."""
    name = f"/tmp/ipykernel_0/{next(_numbers)}.py"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # of `2(x)`, which is a slip
        exec(compile(source, name, "exec"), namespace)


def told(exercise, *cells):
    """Give the feedback on an answer that stands in the last of some cells."""
    exercise = exercises.find(exercise)
    namespace = {"np": np, "torch": torch}
    for cell in ("import math\nfrom math import inf, sqrt\nfrom course_utils import own\n", *cells):
        run_cell(cell, namespace)
    feedback = give_feedback(exercise, diagnose(exercise, namespace[exercise.name]))
    assert len(feedback.lines) <= 12, str(feedback)
    return feedback


def hold(feedback, must, must_not):
    text = str(feedback)
    assert not feedback.passed, text
    for words in must:
        assert words in text, f"{words!r} is missing in\n{text}"
    for words in must_not:
        assert words not in text, f"{words!r} should not be in\n{text}"


# exercise, cells, words that must come, words that must not
PLACES = {
    "a dtype error of PyTorch": (
        "masked_attention",
        ["def masked_attention(q, k, v, mask):\n    w = torch.softmax(mask, -1)\n    return w @ v, w"],
        ["stopped with", "not implemented for 'Bool'", "line 2 of your cell"], ["Not attempted"]),
    "an unsolved function of another cell": (
        "scores", ["def dot(a, b):\n    raise NotImplementedError\n",
                   "def scores(q, k):\n    return np.array([[dot(a, b) for a in q] for b in k])"],
        ["stopped with NotImplementedError", "line 2 of your cell", "in your `dot`"], ["Not attempted"]),
    "a stop in a function of another cell": (
        "scores", ["def dot(a, b):\n    return np.dot(a, b)\n",
                   "def scores(q, k):\n    t = np.zeros((q.shape[-2], k.shape[-2]))\n    for i in range(len(t)):\n"
                   "        for j in range(len(t[0])):\n            t[i, j] = dot(q[i], k[j])\n    return t"],
        ["line 5 of your cell: `t[i, j] = dot(q[i], k[j])`; it stops in your `dot`: `return np.dot(a, b)`"], []),
    "a tensor changed in place": (
        "scaled_dot_product_attention", [
            "def scaled_dot_product_attention(q, k, v):\n    w = torch.exp(s := q @ k.mT / q.shape[-1] ** 0.5 - 0)\n"
            "    w = torch.exp(s - s.amax(-1, keepdim=True))\n    w /= w.sum(-1, keepdim=True)\n    return w @ v, w"],
        ["changed in place", "w = w / s"], ["of a shape", "has a shape on which"]),
}


@pytest.mark.parametrize("name", PLACES)
def test_what_was_raised_is_told_with_its_place(name):
    exercise, cells, must, must_not = PLACES[name]
    hold(told(exercise, *cells), must, must_not)


def test_the_stub_is_not_attempted():
    for name, source in (("softmax", "def softmax(x, axis=-1):\n    # here\n    raise NotImplementedError('yours')"),
                         ("MultiHeadAttention", "class MultiHeadAttention(torch.nn.Module):\n"
                          "    def __init__(self, d_model, n_heads, bias=True):\n        raise NotImplementedError")):
        assert "Not attempted yet" in told(name, source).headline


@pytest.mark.parametrize("name", TYPED)
def test_what_people_type_gets_its_cause(name):
    exercise, cells, must, must_not = TYPED[name]
    hold(told(exercise, *cells), must, must_not)


def test_the_module_that_the_slips_are_made_in_is_right():
    assert told("MultiHeadAttention", FORWARD).passed


# What looks like a slip and is none: the fault is another one, and the words must not come.
NOT_THE_SLIP = {
    "a division that comes out even": (
        "multi_head_attention", ["""
def multi_head_attention(x, W_q, W_k, W_v, W_o, n_heads):
    d_k = x.shape[-1] // n_heads
    return torch.zeros_like(x), torch.zeros(len(x), n_heads, x.shape[1], x.shape[1])
"""], "rounds down"),
    "positions that are used as positions": (
        "soft_lookup", ["""
def soft_lookup(queries, keys, values):
    best = np.zeros(len(queries), dtype=int)
    for i, row in enumerate(queries @ keys.T):
        best[i] = row.argmin()
    return values[best] * 1.5, np.eye(len(keys))[best] * 0.5
"""], "whole numbers"),
    "an axis with a name": (
        "softmax_with_temperature", ["""
def softmax_with_temperature(x, temperature):
    last = -1
    return own("softmax").function(x * temperature ** 3, last)
"""], "second argument"),
    "a return that ends a search": (
        "dot", ["""
def dot(a, b):
    for i in range(len(a)):
        if a[i] == 2.0:
            return 7.0
    return 0.5
"""], "stands inside the loop"),
    "a small number for safety": (
        "cosine_similarity", ["""
def cosine_similarity(a, b):
    tiny = 1e-12
    return a @ b / (a @ a + tiny) / 3
"""], "so short that rounding"),
    "a loop that rightly begins at 1": (
        "dot", ["""
def dot(a, b):
    total = a[0] * b[0]
    for i in range(1, len(a)):
        total += a[i] * b[i]
    return 3 * total
"""], "begins at 1"),
    "a mask turned round where it has to be": (
        "masked_attention", ["""
def masked_attention(q, k, v, mask):
    w = torch.softmax((q @ k.mT / 7).masked_fill(~mask, -math.inf), -1)
    return w @ v, w
"""], "the wrong way round"),
    "a constant beside a loop over two axes": (
        "scores", ["SCALE = 1.0", """
def scores(q, k):
    return np.array([[q[i] @ k[j] * SCALE for j in range(len(k))] for i in range(len(q))])
"""], "Likely cause   It uses"),
}


@pytest.mark.parametrize("name", NOT_THE_SLIP)
def test_what_is_no_slip_is_not_called_one(name):
    exercise, cells, words = NOT_THE_SLIP[name]
    hold(told(exercise, *cells), [], [words])


def test_without_source_nothing_is_read_into_it():
    softmax = exercises.find("softmax")
    namespace = {"np": np}
    exec("def softmax(x, axis=-1):\n    return np.exp(x) ** 1/2", namespace)
    feedback = give_feedback(softmax, diagnose(softmax, namespace["softmax"]))
    hold(feedback, ["What broke"], ["the power comes first"])


def test_a_fault_of_the_words_costs_no_verdict(monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("a source that nobody thought of")

    for name in ("undeniable", "sure_slips", "picked_up"):
        monkeypatch.setattr(sys.modules["course_utils.checks.diagnose"], name, broken)
    feedback = told("softmax", "def softmax(x, axis=-1):\n    return np.exp(x) * 0.25")
    hold(feedback, ["What broke", "wanted"], ["nobody thought of"])
