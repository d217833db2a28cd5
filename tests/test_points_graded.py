"""Points in a notebook, in its preflight and in grading: the same for the same answer, whatever is drawn."""

import json
import re

import numpy as np
import pytest
from notebook_parts import SOURCES

from course_utils.checks.order import note_on
from course_utils.classroom.bench.class_grading import solutions
from course_utils.classroom.grading.assignment import load
from course_utils.classroom.grading.forks import Zygote
from course_utils.classroom.grading.marking import mark
from course_utils.classroom.grading.preflight import preflight
from course_utils.exercises import find
from course_utils.learner.calls import check

PATHS = {path.stem: path for path in SOURCES}
GIVEN = """import math
import numpy as np
import torch

def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)
"""
POOLED = 'np.einsum("bt,btd->bd", weights, words)'
SWAPPED = (f"return {POOLED}, weights", f"return weights, {POOLED}")
UNSCALED = ("words @ query / math.sqrt(D)", "words @ query")
BOTH = """def pooling_gradient(x, query, lengths, upstream):
    real = np.arange(x.shape[1]) < lengths[:, None]
    x = np.where(real[..., None], x, 0.0)
    pooled, weights = attention_pooling(x, query, lengths)
    gains = np.einsum("btd,bd->bt", x, upstream) - (pooled * upstream).sum(axis=-1, keepdims=True)
    return np.einsum("bt,btd->d", weights * gains, x) / math.sqrt(x.shape[-1])"""


def answers(homework, **changed):
    """The answers of a homework's source, with replacements or other sources for some."""
    found = solutions(PATHS[homework])
    for name, change in changed.items():
        for old, new in change if isinstance(change, tuple) else ():
            assert old in found[name]
            found[name] = found[name].replace(old, new)
        found[name] = found[name] if isinstance(change, tuple) else change
    return found


def written(homework, answered):
    """The notebook file with these answers."""
    notebook = json.loads(PATHS[homework].read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        name = cell["metadata"].get("nbgrader", {}).get("grade_id")
        if cell["cell_type"] == "code" and name in answered:
            cell["source"] = answered[name].splitlines(keepends=True)
    return json.dumps(notebook).encode()


def graded(homework, answered, secret="s3cret"):
    assignment = load(PATHS[homework])
    with Zygote(allowed=assignment.allowed, given=assignment.given) as zygote:
        record = mark(written(homework, answered), assignment, "ada", zygote, secret=secret)
    return {result["name"]: result for result in record["exercises"]}


def checked(answered):
    """What `check` says in a notebook with these answers."""
    names = {}
    exec(GIVEN, names)
    for source in answered.values():
        exec(source, names)
    return {name: check(name, names[name]) for name in answered}


def rows_of(feedback):
    return [list(row) for row in feedback.rows if row[0] not in ("More", "Open")]


# --- results in the opposite order ---


@pytest.mark.parametrize("gradient", ["as it stands", "with both results"])
def test_swapped_results_cost_a_tenth_of_their_exercise_and_nothing_of_the_next(gradient):
    answered = answers("hw1_weights", attention_pooling=(SWAPPED,))
    if gradient != "as it stands":
        answered["pooling_gradient"] = BOTH
    results = graded("hw1_weights", answered)
    assert {name: (result["points"], result["of"]) for name, result in results.items()} == {
        "top_k_softmax": (6, 6), "attention_pooling": (9, 10), "pooling_gradient": (10, 10)}
    assert results["attention_pooling"]["mistakes"] == ["results-swapped"]
    note = note_on("attention_pooling")
    assert results["pooling_gradient"]["notes"] == [note]
    said = checked(answered)
    assert said["attention_pooling"].mistakes == ("results-swapped",)
    assert said["pooling_gradient"].passed
    assert ("Note", note) in said["pooling_gradient"].rows


def test_swapped_results_hide_no_other_fault():
    answered = answers("hw1_weights", attention_pooling=(SWAPPED, UNSCALED))
    results = graded("hw1_weights", answered)
    assert results["attention_pooling"]["points"] == 7
    assert set(results["attention_pooling"]["mistakes"]) == {"results-swapped", "no-scale"}
    assert results["pooling_gradient"]["points"] == 8  # it calls a pooling without a scale
    answered["pooling_gradient"] = answered["pooling_gradient"].replace("_, weights", "weights, _")
    right = graded("hw1_weights", answers("hw1_weights", attention_pooling=(SWAPPED,),
                                          pooling_gradient=answered["pooling_gradient"]))
    assert right["pooling_gradient"]["points"] == 10  # who knows of it takes them as they come
    assert right["pooling_gradient"]["notes"] == []


@pytest.mark.parametrize("scale", ["/ math.sqrt(q.shape[-1])", ""])
def test_swapped_results_of_homework_3_cost_one_point_of_five(scale):
    answered = answers("hw3_shared_heads", grouped_query_attention=(
        ("/ math.sqrt(q.shape[-1])", scale), ("return weights @ v, weights", "return weights, weights @ v")))
    result = graded("hw3_shared_heads", answered)["grouped_query_attention"]
    assert (result["points"], result["of"]) == (4 if scale else 3, 5)
    assert "exchanged" in result["mistakes"]
    lost = [part["name"] for part in result["parts"] if part["points"] < part["of"]]
    assert lost == ["output and weights in their order", *(() if scale else ["the division by the root of d_k"])]


# --- as in the notebook ---

LEFT_PUSHED = """
from torch.utils._python_dispatch import TorchDispatchMode

class Counting(TorchDispatchMode):
    made = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        Counting.made += 1
        return func(*args, **(kwargs or {}))

counting = Counting()
counting.__enter__()
"""


def test_a_dispatch_mode_left_pushed_costs_nothing():
    answered = answers("hw2_masks")
    answered["attend_packed"] += LEFT_PUSHED
    assert {name: result["points"] == result["of"] for name, result in graded("hw2_masks", answered).items()} == (
        dict.fromkeys(answered, True))


# --- the same words everywhere ---


def _table(name):
    """An answer that has the masks of all fixed inputs by heart, those inside the properties included."""
    exercise, seen = find(name), {}

    def note(*args, **kwargs):
        key = repr([np.asarray(x).tolist() for x in args])
        seen[key] = exercise.reference(*args, **kwargs)
        return seen[key]

    for case in exercise.known_cases:
        note(*case.args, **case.kwargs)
    for probe in exercise.known_probes:
        probe.run(note)
    table = {key: mask.astype(int).tolist() for key, mask in seen.items()}
    return (f"def {exercise.signature}:\n    given = [{', '.join(exercise.parameters)}]\n"
            "    key = repr([np.asarray(x).tolist() for x in given])\n"
            f"    return np.array({table!r}[key], dtype=bool)")


def _hw2(**changed):
    return answers("hw2_masks", **changed)


CLASSES = {
    "right": ("hw1_weights", lambda: answers("hw1_weights")),
    "scale": ("hw1_weights", lambda: answers("hw1_weights", attention_pooling=(UNSCALED,))),
    "swapped": ("hw1_weights", lambda: answers("hw1_weights", attention_pooling=(SWAPPED,))),
    "masks": ("hw2_masks", lambda: _hw2(
        packed_causal_mask=_table("packed_causal_mask"),
        attend_packed="def attend_packed(q, k, v, lengths):\n    return v",
        sliding_window_mask="def sliding_window_mask(T, window, S=None):\n    return np.zeros((T, S or T), dtype=bool)",
        prefix_lm_mask="def prefix_lm_mask(prefix_lengths, lengths, S):\n"
                       "    return np.ones((len(lengths), 1, S, S), dtype=bool)")),
}


@pytest.mark.parametrize("kind", CLASSES)
def test_preflight_says_what_grading_will_say(kind, tmp_path):
    """And `check` says it too: inputs are drawn anew in all three."""
    homework, make = CLASSES[kind]
    answered = make()
    (tmp_path / f"{homework}.ipynb").write_bytes(written(homework, answered))
    lines, _ = preflight(tmp_path / f"{homework}.ipynb", load(PATHS[homework]))
    said = checked(answered)
    for name, result in graded(homework, answered).items():
        seen = [part for part in result["parts"] if part["visible"]]
        points, of = sum(part["points"] for part in seen), sum(part["of"] for part in seen)
        at = next(i for i, line in enumerate(lines) if re.match(rf". {name}: ", line))
        assert lines[at].startswith(f"{'✓' if points == of else '✗'} {name}: {points} of {of} visible points")
        assert said[name].passed == (points == of)
        if points < of:
            told = [result["early"]["headline"].split(": ", 1)[1],
                    *(f"{label + ': ' if label else ''}{text}" for label, text in result["early"]["rows"])]
            below = [line.strip() for line in lines[at + 1:at + 6]]
            if not said[name].verdict.drawn:
                assert below[:2] == told[:2]
                assert rows_of(said[name]) == result["early"]["rows"]
            assert below[0] == told[0]
            assert said[name].lines[0] == result["early"]["headline"]


def test_what_is_cheap_earns_nothing_in_a_notebook():
    homework, make = CLASSES["masks"]
    results = graded(homework, make())
    assert {name: result["points"] for name, result in results.items()} == dict.fromkeys(results, 0)
    assert results["packed_causal_mask"]["headline"].endswith("right on the known inputs, wrong on drawn ones")


def test_a_class_gets_the_same_whatever_the_secret():
    homework, make = CLASSES["scale"]
    one, two = (graded(homework, make(), secret) for secret in ("one", "two"))
    assert one == two
