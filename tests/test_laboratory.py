"""The find-the-bug laboratories: layers that learn although wrong, told apart by the probes that come with them."""

import itertools
import json
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from course_utils.attention import scaled_dot_product_attention
from course_utils.checks import diagnose, give_feedback
from course_utils.exercises import find
from course_utils.laboratories import (
    Kind,
    Lab,
    LabProbe,
    attention_lab,
    block_lab,
    heads_lab,
    mask_lab,
    parts_lab,
    patch_lab,
    pooler_lab,
)
from course_utils.laboratories.lab import _deal
from course_utils.laboratories.partners import partners_batch
from course_utils.laboratories.parts import RIGHT
from course_utils.laboratories.recall import recall_batch
from course_utils.laboratories.repeats import PADDING, repeats_batch

ROOT = Path(__file__).resolve().parents[1]

# exercise -> its laboratory. Every test below runs on each of them.
LABS = {"faults_in_attention": attention_lab, "faults_in_masks": mask_lab, "faults_in_heads": heads_lab,
        "faults_in_blocks": block_lab, "faults_in_patches": patch_lab,
        "faults_in_poolers": pooler_lab, "faults_in_parts": parts_lab}

# For each kind of layer: the probes under which it differs from a right one.
SEEN_BY = {
    "faults_in_attention": {
        "no scale": {"ratio", "sums", "company"},
        "divided by d_k": {"ratio", "sums", "company"},
        "scaled after the softmax": {"ratio", "sums", "company", "shift"},
        "softmax over the queries": {"ratio", "sums", "company", "shift"},
        "softmax over the batch": {"ratio", "sums", "company", "shift"},
        "values from the keys": {"shift"},
    },
    "faults_in_masks": {
        "leak by one": {"change", "prefix", "padding", "sums"},
        "polarity inverted": {"change", "prefix", "padding", "trimmed", "sums"},
        "mask transposed": {"change", "prefix"},
        "own place hidden": {"change", "sums"},
        "padding ignored": {"padding", "trimmed", "sums"},
        "padding hidden as query": {"padding", "trimmed"},
        "masked after the softmax": {"change", "prefix", "padding", "trimmed", "sums"},
    },
    "faults_in_heads": {
        "view without transpose": {"ratio", "look", "order", "slices"},
        "merge without transpose": {"order", "slices"},
        "heads reversed": {"slices"},
        "features interleaved": {"slices"},
        "scaled by sqrt(d_model)": {"ratio"},
        "softmax over the heads": {"ratio", "look", "slices"},
        "W_o missing": {"mix"},
    },
    "faults_in_blocks": {
        "no residual around attention": {"silent"},
        "attention lost": {"found"},
        "steps side by side": {"found"},
        "norms after the steps": {"seen"},
        "one norm for both": {"seen"},
        "norms exchanged": {"seen"},
        "mask not passed on": {"future"},
    },
    "faults_in_patches": {
        "patches column by column": {"order"},
        "patches from the bottom": {"order"},
        "cut without permute": {"order"},
        "pixels column by column": {"inside"},
        "pixels mirrored": {"inside"},
        "channels last": {"channels"},
        "images mixed": {"images"},
    },
    "faults_in_poolers": {
        "first token only": {"shares"},
        "last token only": {"shares"},
        "largest taken": {"shares"},
        "tokens normalised": {"shares"},
        "padding counted": {"padding"},
        "length left": {"length"},
        "others subtracted": {"shares", "neighbour"},
    },
    "faults_in_parts": {
        "parts averaged": {"shares", "rest"},
        "rest dropped": {"rest"},
        "larger log_sum kept": {"shares", "rest"},
        "largest part only": {"shares", "rest"},
        "first part twice": {"shares", "rest"},
        "start counts as a key": {"shares", "rest", "ones", "far"},
        "no maximum subtracted": {"far"},
    },
}


@pytest.fixture(params=LABS)
def name(request):
    return request.param


@pytest.fixture
def lab(name):
    return LABS[name]()


def truth_of(lab):
    """Find out by the probes which kind each letter hides: the laboratory itself does not tell."""
    return {label: next(name for name in lab.names
                        if all(np.allclose(x, y, atol=1e-5, equal_nan=True) for probe in lab.probes
                               for x, y in zip(lab.reading(label, probe).values(), lab.read(name, probe).values())))
            for label in lab.labels}


def test_each_fault_is_seen_by_the_probes_in_the_table(name, lab):
    seen = {kind: set(lab.tell_apart(kind, RIGHT)) for kind in lab.names if kind != RIGHT}
    assert seen == SEEN_BY[name]


def test_every_two_kinds_are_told_apart_with_a_wide_margin(lab):
    for a, b in itertools.combinations(lab.names, 2):
        assert lab.tell_apart(a, b, margin=0.1), (a, b)


def test_the_sign_of_a_wrong_name_shows_under_the_probe_that_the_feedback_sends_to(lab):
    for truth, claimed in itertools.product(truth_of(lab).values(), lab.names):
        if claimed == truth:
            continue
        assert (lab.kind(claimed).probe or lab.kind(truth).probe) in lab.tell_apart(claimed, truth)


def test_at_least_three_faults_are_hidden_beside_a_right_layer(lab):
    hidden = list(truth_of(lab).values())
    assert len(set(hidden)) == len(hidden) >= 4
    assert hidden.count(RIGHT) == 1
    assert len(lab.names) > len(hidden), "with a name for each layer the last one need not be looked for"


def test_every_hidden_layer_learns(lab):
    for label, run in lab.train().items():
        first, last = np.mean(run.losses[:5]), np.mean(run.losses[-10:])
        assert first > 2, label  # guessing among ten values costs ln 10 = 2.30 nats
        assert last < 0.2, label
        assert run.accuracy > 0.95, label


def test_training_is_repeatable_and_leaves_the_random_numbers_alone(lab):
    torch.manual_seed(7)
    a = lab.train(lab.labels[0])
    after = torch.rand(1)
    torch.manual_seed(7)
    assert torch.equal(torch.rand(1), after)
    b = lab.train(lab.labels[0])
    assert a == b


def test_looking_prints_a_row_for_each_layer_and_not_its_name(lab, capsys):
    for probe in lab.probes:
        lab.look(probe)
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].endswith(".")
        assert "?" in lines[0]
        assert [line.split()[:2] for line in lines[2:]] == [["layer", label] for label in lab.labels]
        assert max(map(len, lines)) <= 110
        shown = repr(lab.layer("A")) + "\n".join(lines[2:])
        assert not any(name in shown for name in lab.names)
    lab.look(lab.probes[0], "B")
    assert "layer A" not in capsys.readouterr().out


def test_a_suspect_stands_beside_the_layers(capsys):
    lab = attention_lab()
    lab.look("ratio", "C", suspect=lambda q, k, v: scaled_dot_product_attention(3 * q, k, v))
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[2:]]
    assert rows == [["layer", "C", "2.00", "1.00", "0.50"], ["suspect", "6.00", "3.00", "1.50"]]


def test_a_layer_can_be_called_with_inputs_of_ones_own():
    lab = attention_lab()
    output, weights = lab.layer("C")(torch.zeros(1, 2), torch.zeros(4, 2), torch.arange(4.0)[:, None])
    assert weights.tolist() == [[0.25] * 4]
    assert output.item() == 1.5


def test_layers_that_look_ahead_cannot_write():
    """Their accuracy is perfect while the text lies before them; on their own they have nothing to copy from."""
    truth = truth_of(mask_lab())
    runs = {truth[label]: run for label, run in mask_lab().train().items()}
    assert min(run.accuracy for run in runs.values()) > 0.95
    assert min(runs[name].written for name in ("right", "padding ignored")) > 0.95
    assert max(runs[name].written for name in ("polarity inverted", "mask transposed")) < 0.5
    assert runs["leak by one"].written < 0.95
    early = {name: sum(run.losses[12:24]) for name, run in runs.items()}  # who looks ahead learns sooner
    assert max(early[name] for name in ("leak by one", "polarity inverted", "mask transposed")) \
        < min(early[name] for name in ("right", "padding ignored"))


def test_partners_name_each_other():
    letters, answers = partners_batch(torch.Generator().manual_seed(2), B=50)
    assert torch.equal(answers[:, 0::2], letters[:, 1::2])
    assert torch.equal(answers[:, 1::2], letters[:, 0::2])


def test_patterns_repeat_after_the_padding():
    ids = repeats_batch(torch.Generator().manual_seed(1), B=50)
    for row in ids.tolist():
        text = [symbol for symbol in row if symbol != PADDING]
        assert row == [PADDING] * (len(row) - len(text)) + text
        assert all(a == b for a, b in zip(text, text[3:]))
        assert len(set(text)) == 3
    assert {(ids == PADDING).sum(-1).min().item(), (ids == PADDING).sum(-1).max().item()} == {0, 3}


def test_the_recall_task_asks_for_pairs_in_memory():
    asked, keys, values, answers = recall_batch(torch.Generator().manual_seed(3), B=50)
    place = (keys[:, None, :] == asked[:, :, None]).int()
    assert (place.sum(-1) == 1).all()
    assert torch.equal(values.gather(1, place.argmax(-1)), answers)


# --- the answer ---


def words(name, answer):
    return str(give_feedback(find(name), diagnose(find(name), answer)))


def test_the_right_names_are_explained(name, lab):
    truth = truth_of(lab)
    text = words(name, lambda: truth)
    assert "passed" in text
    for label, kind in truth.items():
        assert f"layer {label}, {kind}, {lab.kind(kind).sign}" in text
    assert "…" not in text, "an explanation is cut"


def test_one_wrong_name_is_explained_by_numbers(name, lab):
    truth = truth_of(lab)
    for label, claimed in itertools.product(lab.labels, set(lab.names) - set(truth.values())):
        text = words(name, lambda: {**truth, label: claimed})  # noqa: B023
        assert f"Layer {label} is called {claimed!r}" in text
        assert f"layer {label} shows" in text
        assert repr(truth[label]) not in text
        assert lab.kind(truth[label]).sign not in text


def test_two_names_that_changed_places_are_told_with_the_probe(name, lab):
    truth = truth_of(lab)
    for a, b in itertools.combinations(lab.labels, 2):
        text = words(name, lambda: {**truth, a: truth[b], b: truth[a]})  # noqa: B023
        assert "Two of the names have changed places." in text
        probe = text.split("Run `lab.look('")[1].split("'")[0]
        assert probe in lab.tell_apart(truth[a], truth[b])


def test_many_wrong_names_get_a_probe_and_neither_a_letter_nor_a_count(name, lab):
    truth = truth_of(lab)
    rotated = {label: truth[other] for label, other in zip(lab.labels, lab.labels[1:] + lab.labels[:1])}
    three = {**rotated, **{label: truth[label] for label in lab.labels[3:]}, lab.labels[2]: truth[lab.labels[0]]}
    for answer, told in ((rotated, "most of the names do not fit"),
                         (three, "some of the names do not fit" if len(truth) == 6 else "most of the names")):
        text = words(name, lambda: answer)  # noqa: B023
        assert told in text
        assert "Run `lab.look('" in text
        assert "layer A" not in text
        assert "Layer" not in text
        assert f"of {len(lab.labels)}" not in text


def test_one_name_for_all_layers_is_no_way_to_fish(name, lab):
    text = words(name, lambda: dict.fromkeys(lab.labels, RIGHT))
    assert "layers A and B are both called 'right': each name fits one layer or none" in text


def test_hints_do_not_depend_on_the_letters(name, lab):
    for hint in find(name).hints:
        assert not any(f"layer {label}" in hint.lower() for label in map(str.lower, lab.labels))
    assert all(f"{kind!r} {lab.kind(kind).sign}" in find(name).hints[2] for kind in lab.names)


# --- what is hidden ---


def in_sight(thing):
    """What somebody sees who prints a thing, its attributes and what these print."""
    values = [getattr(thing, attribute, None) for attribute in dir(thing) if not attribute.startswith("__")]
    texts = [repr(thing), repr(getattr(thing, "__dict__", ""))]
    for value in values:
        texts += [repr(value)]
        if isinstance(value, dict):
            texts += [f"{key!r}: {inner!r} {getattr(inner, '__dict__', '')}" for key, inner in value.items()]
    return texts


def test_nothing_that_can_be_printed_says_which_letter_has_which_fault(name, lab):
    for probe in lab.probes:
        lab.look(probe, *lab.labels)
    truth = truth_of(lab)
    a, b = lab.labels[:2]
    words(name, lambda: {**truth, a: truth[b], b: truth[a]})  # so that the checker has computed what it keeps
    for thing in (lab, *map(lab.layer, lab.labels), find(name), find(name).reference(),
                  *(other.function() for other in find(name).equivalents)):
        for text in in_sight(thing):
            for label, kind in truth.items():
                assert not re.search(rf"\b{label}\b['\"]?[:,]? ?.{{0,20}}{re.escape(kind)}", text), text
    assert not any("truth" in attribute for attribute in dir(lab))


def test_hidden_layers_look_alike_from_outside(lab):
    looks = {re.sub(rf"layer {label}|0x[0-9a-f]+|'{label}'", "", repr((
        lab.layer(label), lab.layer(label)._call, lab._hidden[label], type(lab.layer(label)))))
        for label in lab.labels}
    assert len(looks) == 1, looks


def test_errors_of_a_hidden_layer_do_not_show_its_lines(lab):
    told = set()
    for label in lab.labels:
        with pytest.raises(ValueError, match=f"layer {label} cannot work with inputs of the shapes") as stopped:
            lab.layer(label)(torch.zeros(2, 3), "no matrix")
        told.add(str(stopped.value).replace(label, ""))
        assert stopped.value.__suppress_context__
    assert len(told) == 1


def test_digests_cannot_be_looked_up_in_another_kernel():
    asked = "from course_utils.laboratories import mask_lab; print(vars(mask_lab())['_digests'])"
    other = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout
    assert not set(re.findall(r"[0-9a-f]{64}", other)) & set(mask_lab()._digests.values())
    assert len(re.findall(r"[0-9a-f]{64}", other)) == len(mask_lab().labels)


# --- the letters ---

PLAY = """
import json, sys
import numpy as np
from course_utils import laboratories
from course_utils.checks import diagnose
from course_utils.exercises import find
sys.path.insert(0, "tests")
from test_laboratory import LABS, truth_of
dealt = {name: truth_of(open_lab()) for name, open_lab in LABS.items()}
for name, source in json.loads(sys.argv[1]).items():
    room = {"lab": LABS[name]()}
    exec(source, room)
    assert diagnose(find(name), room[name]).passed, name
print(json.dumps([dealt, [diagnose(find(name), lambda: truth).passed for name, truth in dealt.items()]]))
"""


def solution(name):
    """The solution of a lesson, which measures and therefore fits any letters."""
    cells = json.loads((ROOT / "notebooks" / f"{find(name).notebook}.ipynb").read_text("utf-8"))["cells"]
    texts = ["".join(cell["source"]) for cell in cells]
    return next(text.split("```python")[1].split("```")[0] for text in texts
                if f"def {name}" in text and "<summary>Solution" in text)


def in_class(text, seed):
    """The order in which a class with this text gets eight kinds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_LETTERS", text)
        return _deal("abcdefgh", seed)


def deal(letters):
    fit_any = json.dumps({name: solution(name) for name in ("faults_in_masks", "faults_in_heads")})
    run = subprocess.run([sys.executable, "-c", PLAY, fit_any], capture_output=True, text=True,
                         env={**os.environ, "COURSE_LETTERS": letters})
    assert run.returncode == 0, run.stderr
    dealt, passed = json.loads(run.stdout)
    assert all(passed)
    return dealt


def test_a_teacher_can_deal_other_letters_and_the_check_knows_them():
    recorded = {name: truth_of(open_lab()) for name, open_lab in LABS.items()}
    autumn, again = deal("autumn 2027"), deal("autumn 2027")
    assert autumn == again
    assert recorded != autumn
    assert in_class("autumn 2027", 7) != in_class("spring 2028", 7)
    assert [sorted(truth.values()) for truth in autumn.values()] == [sorted(t.values()) for t in recorded.values()]


# --- stopping ---


def test_training_that_is_stopped_says_so_and_keeps_what_was_complete(lab, monkeypatch, capsys):
    real, trained = lab._train, []

    def stopped_at_the_second(layer):
        trained.append(layer)
        if len(trained) == 2:
            threading.Timer(0.02, signal.raise_signal, [signal.SIGINT]).start()  # training takes longer anywhere
        return real(layer)

    monkeypatch.setattr(lab, "_train", stopped_at_the_second)
    runs = lab.train()
    said = capsys.readouterr().out
    assert "Training was stopped. Not trained to the end: B, C" in said
    assert "the probes work all the same" in said
    assert list(runs) == ["A"]
    assert len(trained) == 2
    with pytest.raises(RuntimeError, match="layer B has not been trained to the end: run the cell with `train` again"):
        runs["B"]
    with pytest.raises(KeyError):
        runs["Z"]
    lab.look(lab.probes[0])
    assert "layer B" in capsys.readouterr().out


@pytest.mark.parametrize(("answer", "told"), [
    (lambda: None, "it returned None"),
    (lambda: ["no scale"], "should be a dictionary"),
    (lambda: {}, "layer A has no name yet"),
    (lambda: {"A": None}, "layer A has no name yet"),
    (lambda: {"A": "too hot"}, "layer A should be called one of 'right', 'no scale'"),
    (lambda: {"A": "no scale", "Z": "right"}, "the letters should be A, B, C, D, got 'Z'"),
    (lambda: {1: 2}, "got '1'"),
    (lambda: {"A": ["no scale"]}, "layer A should be called one of"),
])
def test_an_answer_of_the_wrong_form_is_told_what_is_wanted(answer, told):
    assert told in words("faults_in_attention", answer)


@pytest.mark.parametrize(("call", "told"), [
    (lambda lab: lab.look("heat"), "probe should be one of 'ratio', 'sums', 'company', 'shift', got 'heat'"),
    (lambda lab: lab.look("sums", "E"), "label should be one of 'A', 'B', 'C', 'D', got 'E'"),
    (lambda lab: lab.layer(3), "label should be one of"),
    (lambda lab: lab.train("a"), "label should be one of"),
    (lambda lab: lab.read("cold", "sums"), "name should be one of 'right'"),
    (lambda lab: lab.kind("cold"), "name should be one of 'right'"),
])
def test_wrong_arguments_are_named(call, told):
    with pytest.raises(ValueError, match=told):
        call(attention_lab())


@pytest.mark.parametrize(("kinds", "hidden", "told"), [
    (["bent"], ["bent"], "kinds should have different names, 'right' among them"),
    (["right", "bent", "bent"], ["bent"], "kinds should have different names"),
    (["right", "bent"], ["cold"], r"hidden should name kinds of this laboratory, got \['cold'\]"),
])
def test_a_laboratory_that_cannot_be_is_refused(kinds, hidden, told):
    with pytest.raises(ValueError, match=told):
        Lab(kinds=[Kind(name, lambda: abs, "x") for name in kinds], hidden=hidden, probes=(), train=None)


def test_modules_can_be_layers_too():
    probe = LabProbe("bias", "What is f(0)? It should be 0.", lambda layer: {"f(0)": layer(torch.zeros(1, 2))[0]})
    with torch.no_grad():
        biased = torch.nn.Linear(2, 2)
        biased.bias.fill_(0.5)
    lab = Lab(kinds=(Kind(RIGHT, lambda: torch.nn.Linear(2, 2, bias=False), "gives 0"),
                     Kind("biased", lambda: biased, "gives 0.5", "bias")),
              hidden=(RIGHT, "biased"), probes=(probe,), train=None, seed=1)
    assert lab.read("biased", "bias")["f(0)"].tolist() == [0.5, 0.5]
    assert lab.tell_apart(RIGHT, "biased") == ("bias",)
    assert sorted(truth_of(lab).values()) == ["biased", RIGHT]
