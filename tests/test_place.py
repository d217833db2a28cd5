"""The place: the expression of a wrong answer at which its values leave those of every right one."""

import dataclasses
import itertools
import linecache
import math
import time

import numpy as np
import pytest
import torch

from course_utils import exercises
from course_utils.checks import diagnose, give_feedback
from course_utils.checks.place import find_place

_NUMBERS = itertools.count()


def cell(text, **names):
    """Run a text as a cell of a notebook, and give its names."""
    file = f"<ipython-input-place-{next(_NUMBERS)}>"
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    names = {"np": np, "torch": torch, "math": math, "nn": torch.nn, "F": torch.nn.functional, **names}
    exec(compile(text, file, "exec"), names)
    return names


def place(name, text, function=None, **names):
    exercise, answer = exercises.find(name), cell(text.strip("\n"), **names)[function or name]
    verdict = diagnose(exercise, answer)
    assert not verdict.passed
    return find_place(exercise, answer, verdict)


ATTENTION = """
def scaled_dot_product_attention(q, k, v):
    d = q.shape[-1]
    scores = q @ k.transpose(-2, -1) / math.sqrt(d)
    weights = torch.softmax(scores, dim=-1)
    output = weights @ v
    return output, weights
"""
SLIPS = [  # what stands there, what is written instead, the line and what is marked
    (" / math.sqrt(d)", "", 3, "q @ k.transpose(-2, -1)"),
    ("dim=-1", "dim=-2", 4, "-2"),
    ("q.shape[-1]", "k.shape[-2]", 2, "k.shape[-2]"),
    (" / math.sqrt(d)", " / d", 3, "q @ k.transpose(-2, -1) / d"),
    (" / math.sqrt(d)", " * math.sqrt(d)", 3, "q @ k.transpose(-2, -1) * math.sqrt(d)"),
    ("weights @ v", "scores @ v", 5, "scores @ v"),
    ("return output, weights", "return output, scores", 6, "scores"),
]


@pytest.mark.parametrize(("old", "new", "line", "marked"), SLIPS, ids=[f"{old} -> {new}" for old, new, *_ in SLIPS])
def test_a_slip_in_attention_is_pointed_at(old, new, line, marked):
    found = place("scaled_dot_product_attention", ATTENTION.replace(old, new))
    assert found is not None
    assert (found.line, found.marked) == (line, marked)


def test_a_helper_of_another_cell_is_followed():
    helper = cell("def weigh(scores):\n    e = np.exp(scores)\n    return e / e.sum()\n")["weigh"]
    found = place("softmax", "def softmax(x, axis=-1):\n    return weigh(x - x.max(axis, keepdims=True))", weigh=helper)
    assert found is None or (found.inside, found.line, found.marked) == ("weigh", 3, "e / e.sum()")
    found = place("soft_lookup", "def soft_lookup(query, keys, values, temperature=1.0):\n"
                  "    return weigh(keys @ query / temperature) @ values",
                  weigh=cell("def weigh(scores):\n    e = np.exp(scores) + 1\n    return e / e.sum()\n")["weigh"])
    assert found is None or found.inside == "weigh"


def test_a_condition_of_a_loop_is_pointed_at():
    found = place("causal_mask", """
def causal_mask(T):
    mask = torch.zeros(T, T, dtype=torch.bool)
    for i in range(T):
        for j in range(T):
            if j < i:
                mask[i, j] = True
    return mask
""")
    assert (found.line, found.marked) == (5, "j < i")


def test_what_is_said_is_measured_and_gives_no_right_expression_away():
    found = place("scaled_dot_product_attention", ATTENTION.replace(" / math.sqrt(d)", " / d"))
    assert "half as large" in found.says
    assert "sqrt" not in found.says


def test_a_write_into_an_argument_is_pointed_at():
    found = place("softmax", "def softmax(x, axis=-1):\n    x -= x.max(axis=axis, keepdims=True)\n"
                             "    e = np.exp(x)\n    return e / e.sum(axis=axis, keepdims=True)")
    assert (found.line, found.kind) == (2, "writes")


def test_a_mistake_before_which_nothing_is_certain_has_no_place():
    assert place("scaled_dot_product_attention", """
def scaled_dot_product_attention(q, k, v):
    a = q * 3
    b = k + 1
    scores = a @ b.transpose(-2, -1)
    weights = torch.softmax(scores, dim=-2)
    return weights @ v, weights
""") is None


HOSTILE = {
    "its own source": "def softmax(x, axis=-1):\n    import inspect\n    inspect.getsource(softmax)\n    return x",
    "its frame": "import sys\ndef softmax(x, axis=-1):\n    sys._getframe()\n    return x * 2",
    "input": "def softmax(x, axis=-1):\n    if x is None:\n        input()\n    return x * 2",
    "a generator": "def softmax(x, axis=-1):\n    yield x",
    "threads": "import threading\ndef softmax(x, axis=-1):\n    t = threading.Thread(target=lambda: x)\n    t.start()\n"
               "    t.join()\n    return x",
    "a million rounds": "def softmax(x, axis=-1):\n    n = 0\n    for i in range(1_000_000):\n        n = n + i\n"
                        "    return x * n",
    "recursion": "def softmax(x, axis=-1):\n    return softmax(x, axis)",
    "500 lines": "def softmax(x, axis=-1):\n" + "    x = x + 1.0\n" * 500 + "    return x",
    "prints": "def softmax(x, axis=-1):\n    print('hello')\n    return x * 2",
    "a counter": "calls = []\ndef softmax(x, axis=-1):\n    calls.append(1)\n    return x * len(calls)",
    "swallows all": "def softmax(x, axis=-1):\n    while True:\n        try:\n            return x / 0 + undefined\n"
                    "        except BaseException:\n            return x",
    "exits": "def softmax(x, axis=-1):\n    raise SystemExit",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_verdict_and_words_do_not_depend_on_the_place(text, capsys):
    exercise = exercises.find("softmax")
    answer = cell(text)["softmax"]
    before = diagnose(exercise, answer)
    words = give_feedback(exercise, before).rows
    began = time.process_time()
    found = find_place(exercise, answer, before)
    assert time.process_time() - began < 5
    rows = give_feedback(exercise, dataclasses.replace(before, place=found)).rows
    shown = [row for row in rows if row in words]
    assert [row for row in words if row in rows] == shown
    assert found is None or found.line
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("answer", [np.exp, len, lambda x, axis=-1: x * 2, eval("lambda x, axis=-1: x"),
                                    type("Made", (), {"__call__": lambda self, x, axis=-1: x})()],
                         ids=["ufunc", "C", "lambda", "eval", "object"])
def test_without_a_source_there_is_no_place(answer):
    exercise = exercises.find("softmax")
    find_place(exercise, answer, diagnose(exercise, answer))
    names = {"np": np}
    exec("def softmax(x, axis=-1):\n    return np.exp(x)", names)
    assert find_place(exercise, names["softmax"], diagnose(exercise, names["softmax"])) is None


@pytest.mark.parametrize("name", ["softmax", "scaled_dot_product_attention", "causal_mask", "MultiHeadAttention"])
def test_a_right_answer_has_no_place(name):
    exercise = exercises.find(name)
    for answer in (exercise.reference, *(each.function for each in exercise.equivalents)):
        assert find_place(exercise, answer, diagnose(exercise, answer)) is None


def test_the_feedback_marks_the_expression_for_eyes_and_ears():
    exercise = exercises.find("scaled_dot_product_attention")
    answer = cell(ATTENTION.strip("\n").replace("dim=-1", "dim=-2"))[exercise.name]
    verdict = diagnose(exercise, answer)
    feedback = give_feedback(exercise, dataclasses.replace(verdict, place=find_place(exercise, answer, verdict)))
    rows = dict(feedback.rows)
    assert "⟪-2⟫" in rows["Place"]
    assert "line 4" in rows["Place"]
    page = feedback._repr_html_()
    assert ">-2</mark>" in page
    assert "⟪" not in page
    assert any("`-2`" in text for _, text in feedback.rows), "the sentence names it too"
