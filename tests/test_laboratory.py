"""The find-the-bug laboratories: layers that learn although wrong, told apart by the probes that come with them."""

import itertools

import numpy as np
import pytest
import torch

from course_utils.attention import scaled_dot_product_attention
from course_utils.checks import diagnose, give_feedback
from course_utils.exercises import find
from course_utils.laboratories import Kind, Lab, LabProbe, attention_lab, heads_lab, mask_lab
from course_utils.laboratories.lab import RIGHT
from course_utils.laboratories.partners import partners_batch
from course_utils.laboratories.recall import recall_batch
from course_utils.laboratories.repeats import PADDING, repeats_batch

# exercise -> its laboratory. Every test below runs on each of them.
LABS = {"faults_in_attention": attention_lab, "faults_in_masks": mask_lab, "faults_in_heads": heads_lab}

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
}


@pytest.fixture(params=LABS)
def name(request):
    return request.param


@pytest.fixture
def lab(name):
    return LABS[name]()


def test_each_fault_is_seen_by_the_probes_in_the_table(name, lab):
    seen = {kind: set(lab.tell_apart(kind, RIGHT)) for kind in lab.names if kind != RIGHT}
    assert seen == SEEN_BY[name]


def test_every_two_kinds_are_told_apart_with_a_wide_margin(lab):
    for a, b in itertools.combinations(lab.names, 2):
        assert lab.tell_apart(a, b, margin=0.1), (a, b)


def test_the_sign_of_a_wrong_name_shows_under_the_probe_that_the_feedback_sends_to(lab):
    for label, claimed in itertools.product(lab.labels, lab.names):
        truth = lab.truth(label)
        if claimed != truth:
            assert (lab.kind(claimed).probe or lab.kind(truth).probe) in lab.tell_apart(claimed, truth)


def test_at_least_three_faults_are_hidden_beside_a_right_layer(lab):
    hidden = [lab.truth(label) for label in lab.labels]
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
    runs = {mask_lab().truth(label): run for label, run in mask_lab().train().items()}
    assert min(run.accuracy for run in runs.values()) > 0.95
    assert min(runs[name].written for name in ("right", "padding ignored")) > 0.95
    assert max(runs[name].written for name in ("polarity inverted", "mask transposed")) < 0.5
    assert runs["leak by one"].written < 0.95


@pytest.mark.parametrize(("lab", "task", "batch"), [(attention_lab, "recall", "recall_batch"),
                                                    (mask_lab, "repeats", "repeats_batch"),
                                                    (heads_lab, "partners", "partners_batch")])
def test_one_press_on_stop_ends_the_training_of_all_layers(lab, task, batch, monkeypatch):
    calls = []

    def stopped(*args, **kwargs):
        calls.append(args)
        raise KeyboardInterrupt

    monkeypatch.setattr(f"course_utils.laboratories.{task}.{batch}", stopped)
    with pytest.raises(KeyboardInterrupt, match=r"stopped after 0 of .* steps .* run the cell again"):
        lab().train()
    assert len(calls) == 1


def test_partners_name_each_other():
    letters, answers = partners_batch(torch.Generator().manual_seed(2), B=50)
    assert torch.equal(answers[:, 0::2], letters[:, 1::2])
    assert torch.equal(answers[:, 1::2], letters[:, 0::2])


def test_patterns_repeat_behind_the_padding():
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
    truth = {label: lab.truth(label) for label in lab.labels}
    text = words(name, lambda: truth)
    assert "passed" in text
    for label, kind in truth.items():
        assert f"layer {label}, {kind}, {lab.kind(kind).sign}" in text
    assert "…" not in text, "an explanation is cut"


def test_one_wrong_name_is_explained_by_numbers(name, lab):
    truth = {label: lab.truth(label) for label in lab.labels}
    for label, claimed in itertools.product(lab.labels, lab.names):
        if claimed != truth[label]:
            text = words(name, lambda: {**truth, label: claimed})  # noqa: B023
            assert f"Layer {label} is called {claimed!r}" in text
            assert f"layer {label} shows" in text
            assert repr(truth[label]) not in text
            assert lab.kind(truth[label]).sign not in text


def test_all_names_wrong_still_gets_an_experiment(name, lab):
    rotated = {label: lab.truth(other) for label, other in zip(lab.labels, lab.labels[1:] + lab.labels[:1])}
    text = words(name, lambda: rotated)
    assert f"0 of {len(lab.labels)} layers are named rightly" in text
    assert "Run `lab.look(" in text


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
    assert sorted(lab.truth(label) for label in "AB") == ["biased", RIGHT]
