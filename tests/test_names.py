"""The names, and the small model that learns to write them."""

import numpy as np
import pytest
import torch

from course_utils.datasets.names import (
    block_parts,
    counting_loss,
    encode_names,
    first_names,
    spell,
    split_names,
)
from course_utils.models.writer import LEFT_OUT, NameWriter, Parts, name_loss, quick_parts, train_writer


def test_names_are_dealt_out_once_and_the_same_each_time():
    known, held_out = split_names()
    assert sorted(known + held_out) == list(first_names())
    assert split_names() == (known, held_out)
    assert not set(known) & set(held_out)


def test_a_name_comes_back_from_its_codes():
    assert [spell(row) for row in encode_names(first_names()[:300])] == list(first_names()[:300])


@pytest.mark.parametrize("name", ["", "Anna", "jean-luc", "abcdefghijkl", 7, "zoë"])
def test_what_is_no_name_is_told(name):
    with pytest.raises(ValueError, match="names should be 1 to 11 letters from a to z, got"):
        encode_names([name])


def test_counting_is_what_a_count_by_hand_gives():
    # After (begin, begin) always a; after (begin, a) once b, once the end; after (a, b) the end.
    raised, symbols = 0.05, 27
    wanted = [-np.log((2 + raised) / (2 + symbols * raised)), -np.log((1 + raised) / (2 + symbols * raised)),
              -np.log((1 + raised) / (1 + symbols * raised))]
    assert np.isclose(counting_loss(["ab", "a"], ["ab"]), np.mean(wanted))
    shares = -np.log((np.array([1, 2, 2]) + raised) / (5 + symbols * raised))  # b once, a twice, the end twice
    assert np.isclose(counting_loss(["ab", "a"], ["ab"], before=0), np.mean(shares))


def test_the_loss_counts_letters_and_one_end():
    model = NameWriter()
    torch.nn.init.zeros_(model.out.weight)
    model.out.bias.data = torch.arange(27.0)
    scores = model.out.bias.log_softmax(0)
    wanted = -(scores[1] + scores[2] + scores[0]) / 3  # "ab" and its end; padding is not counted
    assert torch.isclose(name_loss(model, torch.from_numpy(encode_names(["ab"]))), wanted)


def test_no_letter_sees_a_later_one():
    torch.manual_seed(0)
    model = NameWriter()
    codes = torch.from_numpy(encode_names(["marianna"]))[:, :-1]
    moved = codes.clone()
    moved[0, 6:] = 26
    before, after = model(codes)[0], model(moved)[0]
    assert torch.allclose(before[:, :6], after[:, :6], atol=1e-6)
    assert not torch.allclose(before[:, 6:], after[:, 6:], atol=1e-2)


@pytest.mark.parametrize("part", LEFT_OUT)
def test_each_part_can_be_left_out(part):
    torch.manual_seed(0)
    model, codes = NameWriter(without=[part]), torch.from_numpy(encode_names(["ada", "dad"]))[:, :-1]
    scores, weights = model(codes)
    assert scores.shape == (2, 12, 27)
    assert (weights[0] is None) == (part == "attention")
    learned = {name.split(".")[2] if name.startswith("blocks") else name.split(".")[0]
               for name, p in model.named_parameters() if name.startswith(("blocks", "norm"))}
    gone = {"attention": {"attention"}, "feed-forward": {"feed_forward"}, "norms": {"norm_1", "norm_2", "norm"}}
    assert not learned & gone.get(part, set())
    if part == "positions":  # then a letter sees which letters came before, and not in which order
        one = NameWriter(n_blocks=1, without=[part])  # a second block sees what the first made of each prefix
        ab, ba = one(torch.tensor([[0, 1, 2, 3]]))[0], one(torch.tensor([[0, 2, 1, 3]]))[0]
        assert torch.allclose(ab[0, 3], ba[0, 3], atol=1e-5)
    with pytest.raises(ValueError, match="without should name some of"):
        NameWriter(without=["softmax"])


def test_a_temperature_of_nothing_is_refused():
    with pytest.raises(ValueError, match="temperature should be above 0, got 0"):
        NameWriter().write(1, temperature=0)


def test_names_are_the_same_for_the_same_seed():
    torch.manual_seed(0)
    model = NameWriter()
    assert model.write(5, seed=3) == model.write(5, seed=3) != model.write(5, seed=4)


def test_a_slow_function_of_the_learners_is_told_and_not_trained_with(capsys):
    def by_numbers(x, gain, shift, eps=1e-5):
        if x.ndim > 1:
            return torch.stack([by_numbers(row, gain, shift, eps) for row in x])
        mean = sum(x) / len(x)
        variance = sum((value - mean) ** 2 for value in x) / len(x)
        return torch.stack([g * (v - mean) / torch.sqrt(variance + eps) + s for v, g, s in zip(x, gain, shift)])

    quick = Parts().block
    chosen = quick_parts(norm=by_numbers, block=quick)
    said = capsys.readouterr().out
    assert (chosen.norm, chosen.block) == (Parts().norm, quick)
    assert "norm: yours would take" in said
    assert "the course's is used here" in said
    assert "block: yours" in said


def test_choosing_parts_leaves_the_random_numbers_alone(capsys):
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    quick_parts(norm=Parts().norm)
    assert torch.equal(torch.rand(3), wanted)


def test_a_few_steps_learn_something():
    torch.manual_seed(0)
    model = NameWriter(d_model=32, n_blocks=1)
    history = train_writer(model, steps=60, bar=False)
    assert history.losses[0] > 3 > 2.6 > history.recent(10)


def test_stored_results_have_three_seeds_each():
    stored = block_parts()
    assert {len(found[kind]) for found in stored.values() for kind in ("known", "new")} == {3}
    assert stored["all parts"]["new"].max() < counting_loss(*split_names()) < stored["no attention"]["new"].min()


@pytest.mark.slow
def test_the_model_of_the_notebook_beats_counting_and_writes_new_names():
    torch.set_num_threads(1)
    known, held_out = split_names()
    torch.manual_seed(0)
    model = NameWriter()
    train_writer(model, bar=False)
    with torch.no_grad():
        loss = name_loss(model, torch.from_numpy(encode_names(held_out))).item()
    assert loss < counting_loss(known, held_out) - 0.1
    assert abs(loss - block_parts()["all parts"]["new"].mean()) < 0.03  # what is stored can be made again
    names = model.write(100, seed=0)
    assert sum(name not in first_names() for name in names) > 50


def test_the_bar_tells_what_is_left_and_says_the_same_in_every_run(monkeypatch):
    shown = []

    class Handle:
        def update(self, data, raw):
            shown.append(data)

    monkeypatch.setattr("IPython.display.display", lambda data, raw, display_id: shown.append(data) or Handle())
    train_writer(NameWriter(d_model=8, n_blocks=1, n_heads=1), steps=3)
    assert {data["text/plain"] for data in shown} == {"learning names: 3 steps"}
    assert "step 2 of 3, loss " in shown[-2]["text/html"]
    assert " s left" in shown[-2]["text/html"]
    assert shown[-1]["text/html"] == '<label>learning names <progress value="3" max="3"></progress> 3 steps</label>'
