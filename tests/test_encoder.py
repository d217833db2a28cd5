"""The pretrained encoder gives what an independent program gave, whatever attention it runs on; and does without."""

import json
import math

import numpy as np
import pytest
import torch

from course_utils.attention import scaled_dot_product_attention
from course_utils.datasets import NoModel, pretrained_references, reviews, transfer_results
from course_utils.datasets.pretrained import ENCODER
from course_utils.models import Encoder, StoredEncoder, load_encoder, quick_attention
from course_utils.models.safetensors import read_safetensors
from course_utils.models.transfer import SIZES, FromScratch, deal
from course_utils.models.word_pieces import WordPieces

with_model = pytest.mark.skipif(bool(ENCODER.why_not()), reason=ENCODER.why_not() or "the model is here")


def in_loops(q, k, v, mask):
    """One head and one query after the other."""
    output, weights = torch.zeros_like(q), torch.zeros(*q.shape[:-1], k.shape[-2])
    for b in range(q.shape[0]):
        for h in range(q.shape[1]):
            for t in range(q.shape[2]):
                scores = (k[b, h] * q[b, h, t]).sum(-1) / math.sqrt(q.shape[-1])
                e = torch.where(mask[b, 0, 0], (scores - scores.max()).exp(), 0.0)
                weights[b, h, t] = e / e.sum()
                output[b, h, t] = (weights[b, h, t, :, None] * v[b, h]).sum(0)
    return output, weights


def by_einsum(q, k, v, mask):
    scores = torch.einsum("bhtd,bhsd->bhts", q / q.shape[-1] ** 0.5, k)
    weights = scores.masked_fill(~mask, -1e9).softmax(-1)
    return torch.einsum("bhts,bhsd->bhtd", weights, v), weights


@with_model
@pytest.mark.parametrize("attention", [scaled_dot_product_attention, in_loops, by_einsum], ids=lambda f: f.__name__)
def test_embeddings_are_those_of_the_reference(attention):
    wanted = pretrained_references()
    assert len(wanted.sentences) == 20
    got = Encoder(attention).embed(wanted.sentences).numpy()
    assert np.abs(got - wanted.embeddings).max() < 2e-5


@with_model
def test_wrong_attention_does_not_reproduce_them():
    def unscaled(q, k, v, mask):
        return scaled_dot_product_attention(q * q.shape[-1] ** 0.5, k, v, mask)

    wanted = pretrained_references()
    assert np.abs(Encoder(unscaled).embed(wanted.sentences).numpy() - wanted.embeddings).max() > 1e-2


@with_model
def test_its_attention_is_what_was_stored_of_it():
    from course_utils.datasets import minilm_attention

    stored = minilm_attention("pieces")
    tokens, weights = Encoder().look(stored.sentence)
    assert tuple(tokens) == stored.tokens
    assert np.abs(weights.numpy() - stored.weights).max() < 2e-3


@with_model
@pytest.mark.parametrize("text", ["", " \n ", "word " * 600, "🙂" * 50, "你好，世界", "שלום", "\x00\ufffd", "a" * 5000])
def test_any_text_has_a_vector(text):
    vector = Encoder().embed([text])[0]
    assert vector.shape == (384,)
    assert abs(vector.norm() - 1) < 1e-5


@with_model
def test_a_batch_changes_nothing():
    encoder, texts = Encoder(), ["short", "a text that is rather longer than the other one"]
    assert torch.allclose(encoder.embed(texts), torch.cat([encoder.embed([text]) for text in texts]), atol=1e-6)


@with_model
def test_stored_reviews_are_the_encoder_s():
    texts = [review.text for review in reviews()][::10]
    assert torch.allclose(Encoder().embed(texts), StoredEncoder().embed(texts), atol=1e-3)


def test_without_the_model_stored_results_stand_in(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COURSE_MODELS", str(tmp_path))
    encoder = load_encoder()
    assert not encoder.here
    assert capsys.readouterr().out.count("\n") == 1
    assert encoder.embed([reviews()[0].text]).shape == (1, 384)
    with pytest.raises(NoModel, match="make models"):
        encoder.embed(["a text of one's own"])
    tokens, weights = encoder.look("a sentence of one's own")
    assert weights.shape == (6, 12, len(tokens), len(tokens))
    assert "a stored one is shown" in capsys.readouterr().out


def test_a_slow_function_is_told_and_not_used(capsys):
    assert quick_attention(by_einsum) is by_einsum
    assert "your own function" in capsys.readouterr().out

    def slow(q, k, v, mask):
        for _ in range(200):
            in_loops(q, k, v, mask)

    assert quick_attention(slow) is scaled_dot_product_attention
    assert "would take" in capsys.readouterr().out


@pytest.mark.parametrize(("text", "pieces"), [
    ("Unlikely, café!", ["un", "##likely", ",", "cafe", "!"]), ("", []), ("un" * 60, ["[UNK]"]),
    ("x\u0000un\tun", ["[UNK]", "un"]), ("你un", ["你", "un"])])
def test_words_are_cut_into_known_pieces(text, pieces):
    assert WordPieces(["[UNK]", "un", "##likely", ",", "cafe", "!", "你"]).cut(text) == pieces


def _file(tmp_path, kind="F32", end=24):
    about = json.dumps({"x": {"dtype": kind, "shape": [2, 3], "data_offsets": [0, end]}, "__metadata__": {}}).encode()
    path = tmp_path / "small.safetensors"
    path.write_bytes(len(about).to_bytes(8, "little") + about + np.arange(6, dtype=np.float32).tobytes())
    return path


def test_a_safetensors_file_is_read(tmp_path):
    found = read_safetensors(_file(tmp_path))
    assert found["x"].tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]


@pytest.mark.parametrize(("change", "said"), [({"kind": "F8"}, "kinds F32"), ({"end": 400}, "end at byte")])
def test_a_safetensors_file_that_does_not_fit_is_refused(tmp_path, change, said):
    with pytest.raises(ValueError, match=said):
        read_safetensors(_file(tmp_path, **change))


def test_reviews_come_in_pairs_and_are_dealt_fairly():
    assert len(reviews()) == 80
    assert all(a.liked and not b.liked and a.about == b.about for a, b in zip(reviews()[::2], reviews()[1::2]))
    answers = torch.tensor([review.liked for review in reviews()])
    for examples in SIZES:
        known, held_out = deal(answers, examples, seed=1)
        assert answers[known].sum() == examples // 2
        assert answers[held_out].sum() == 24
        assert not set(known.tolist()) & set(held_out.tolist())


def test_what_scratch_reached_is_stored_for_every_size_and_seed():
    found = {(row.question, row.examples, row.seed) for row in transfer_results()}
    assert found == {(q, n, seed) for q in ("about", "liked") for n in SIZES for seed in range(5)}
    assert FromScratch(5)(torch.zeros(2, 3, dtype=torch.long), torch.ones(2, 3, dtype=torch.bool)).shape == (2, 1)
