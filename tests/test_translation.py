"""The encoder-decoder learns dates and reversal with attention, and is honest about what happens without it."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from course_utils.attention import scaled_dot_product_attention
from course_utils.datasets.dates import sample_dates
from course_utils.models.encoder_decoder import EncoderDecoder
from course_utils.models.training import train
from course_utils.models.translation import DATES, REVERSAL


@pytest.fixture(scope="module")
def models():
    return {(task.name, attention): task.stored_model(attention) for task in (DATES, REVERSAL)
            for attention in (True, False)}


def test_stored_models_translate_dates_with_attention_far_better_than_without(models):
    held_out = DATES.draw(1000, "test", 0)
    with_attention, without = (DATES.exact_match(models["dates", a], held_out) for a in (True, False))
    assert with_attention >= 0.99
    assert without < with_attention - 0.2


def test_a_fixed_vector_learns_long_strings_later(models):
    longer = REVERSAL.stored_model(attention=False, longer=True)

    def scores(length):
        pairs = [(text, text[::-1]) for text, _ in _strings(100, length)]
        return [REVERSAL.exact_match(model, pairs)
                for model in (models["reversal", True], models["reversal", False], longer)]

    assert min(scores(3)) > 0.9
    with_attention, without, later = scores(12)
    assert with_attention > 0.8
    assert without < 0.1 < 0.4 < later < with_attention
    with pytest.raises(ValueError, match="longer should be False except for reversal without attention"):
        DATES.stored_model(attention=False, longer=True)


def test_a_stop_ends_both_trainings_and_leaves_both_models(monkeypatch, capsys):
    trained = []

    def stopped(model, batch_loss, steps, learning_rate, bar, description):
        trained.append(description)
        return SimpleNamespace(losses=[1.0] * 3)

    monkeypatch.setattr("course_utils.models.translation.train", stopped)
    with_attention, without = DATES.models(trained_here=True)
    assert (with_attention.attention, without.attention) == (True, False)
    assert trained == ["dates, with attention"]
    assert "Run this cell again to train both anew" in capsys.readouterr().out
    assert isinstance(DATES.translate(without, "3. märz 2021")[0], str)


def _strings(n, length):
    from course_utils.datasets.tasks import reversal_pairs

    return reversal_pairs(n, length, length, seed=7)


def test_the_weights_lie_on_what_is_translated(models):
    dates = sample_dates(100, "test", seed=1)
    inside = []
    for date in dates:
        _, weights = DATES.translate(models["dates", True], date.written)
        assert weights.shape == (10, len(date.written))
        np.testing.assert_allclose(weights.sum(1), 1, atol=1e-5)
        first, behind = date.spans["year"]
        inside.append(weights[:4, max(first - 1, 0):behind + 1].sum(1).mean())
    assert np.mean(inside) > 0.8


def test_models_without_attention_give_no_weights(models):
    written, weights = DATES.translate(models["dates", False], "3. märz 2021")
    assert len(written) == 10
    assert weights is None


def test_padding_behind_a_text_changes_nothing(models):
    model = models["dates", True]
    source = torch.from_numpy(DATES.source().encode(["3. märz 2021", "wednesday, 3 march 2021"]))
    short = source[:1, :12]
    wide, _ = model(source, torch.tensor([12, 23]), torch.ones(2, 10, dtype=torch.long))
    alone, _ = model(short, torch.tensor([12]), torch.ones(1, 10, dtype=torch.long))
    torch.testing.assert_close(wide[:1], alone, atol=1e-5, rtol=0)


def test_writing_agrees_with_scoring(models):
    model = models["dates", True]
    source = torch.from_numpy(DATES.source().encode(["3. märz 2021"]))
    symbols, weights = model.write(source, torch.tensor([12]), 10)
    scores, again = model(source, torch.tensor([12]), symbols)
    assert torch.equal(scores.argmax(-1), symbols)
    torch.testing.assert_close(weights, again)


def test_the_learners_own_attention_is_what_runs(models):
    calls = []

    def mine(*args):
        calls.append(args[0].shape)
        return scaled_dot_product_attention(*args)

    written, _ = DATES.translate(DATES.stored_model(attend=mine), "3. märz 2021")
    assert written == DATES.translate(models["dates", True], "3. märz 2021")[0] == "2021-03-03"
    assert calls


@pytest.mark.slow
def test_training_on_the_spot_reaches_what_the_stored_weights_show():
    torch.set_num_threads(1)
    held_out = DATES.draw(1000, "test", 0)
    scores = []
    for attention in (True, False):
        model = DATES.new_model(attention, seed=1)
        history = DATES.train(model, seed=1, bar=False)
        assert history.seconds < 120
        scores.append(DATES.exact_match(model, held_out))
    assert scores[0] >= 0.99
    assert scores[1] < scores[0] - 0.2


@pytest.mark.slow
def test_a_thousand_steps_more_bring_the_fixed_vector_close():
    torch.set_num_threads(1)
    model, held_out = DATES.stored_model(attention=False), DATES.draw(1000, "test", 0)
    before = DATES.exact_match(model, held_out)
    DATES.train(model, steps=1000, bar=False)
    assert before < 0.8 < 0.9 < DATES.exact_match(model, held_out)


def test_training_stops_for_a_loss_that_is_no_number():
    line = torch.nn.Linear(1, 1)
    with pytest.raises(ValueError, match="batch_loss should give a finite number, got nan at step 0"):
        train(line, lambda step: line(torch.zeros(1)).sum() * float("nan"), 3, bar=False)


def test_an_interrupt_keeps_what_was_learnt(capsys):
    line = torch.nn.Linear(1, 1)

    def loss(step):
        if step == 2:
            raise KeyboardInterrupt
        return line(torch.ones(1)).square().sum()

    assert len(train(line, loss, 5, bar=False).losses) == 2
    assert "Stopped after 2 of 5 steps" in capsys.readouterr().out
    assert not line.training


@pytest.mark.parametrize(("call", "words"), [
    (lambda: train(torch.nn.Linear(1, 1), None, 0), "steps should be a whole number from 1, got 0"),
    (lambda: train(torch.nn.Linear(1, 1), None, 2.5), "steps should be a whole number from 1, got 2.5"),
    (lambda: EncoderDecoder(3, 3, width=5), "width should be even, got 5"),
    (lambda: DATES.translate(None, ""), "text should be a text of at least one character, got ''"),
    (lambda: DATES.translate(DATES.new_model(), "3 März"), "should hold only the characters"),
])
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()
