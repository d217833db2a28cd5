"""The pretrained language model gives what an independent program gave, whatever attention it runs on."""

import struct

import numpy as np
import pytest
import torch
from test_encoder import by_einsum, in_loops

from course_utils.attention import scaled_dot_product_attention
from course_utils.datasets import pretrained_references
from course_utils.datasets.pretrained import WRITER
from course_utils.models import LanguageModel, surprise
from course_utils.models.byte_pairs import BytePairs
from course_utils.models.gguf import GGUF
from course_utils.models.language_model import turned

with_model = pytest.mark.skipif(bool(WRITER.why_not()), reason=WRITER.why_not() or "the model is here")


@pytest.fixture(scope="module")
def model():
    return LanguageModel()


def by_one_mask(q, k, v, mask):
    """As `in_loops`, whose mask is the same for all queries."""
    rows = [in_loops(q[:, :, t:t + 1], k, v, mask[None, None, None, t]) for t in range(q.shape[2])]
    return tuple(torch.cat(parts, dim=2) for parts in zip(*rows))


@with_model
@pytest.mark.parametrize("attention", [scaled_dot_product_attention, by_one_mask, by_einsum], ids=lambda f: f.__name__)
def test_scores_are_those_of_the_reference(model, monkeypatch, attention):
    monkeypatch.setattr(model, "attention", attention)
    wanted = pretrained_references()
    assert len(wanted.prompts) == 5
    for n, prompt in enumerate(wanted.prompts):
        codes = model.encode(prompt)
        assert codes[0].tolist() == wanted.codes[n].tolist()
        scores = model.read(codes)[0][0]
        assert np.abs(scores[:, ::wanted.columns].numpy() - wanted.scores[n]).max() < 5e-4
        assert np.abs(scores.logsumexp(-1).numpy() - wanted.total[n]).max() < 5e-4
        assert scores.argmax(-1).tolist() == wanted.best[n].tolist()


@with_model
def test_a_cache_changes_nothing(model):
    codes, cache = model.encode("The capital of France is Paris, and that of Spain"), []
    whole, tables = model.read(codes, keep=True)
    steps = [model.read(codes[:, t:t + 1], cache, keep=True) for t in range(codes.shape[1])]
    assert torch.allclose(torch.cat([scores for scores, _ in steps], 1), whole, atol=2e-3)
    assert torch.allclose(steps[-1][1][7], tables[7][:, :, -1:], atol=1e-4)
    assert torch.allclose(model.read(codes, last=True)[0], whole[:, -1:], atol=2e-3)


@with_model
def test_a_head_that_is_taken_away_makes_a_difference_from_its_layer_on(model):
    codes = model.encode("The capital of France is")
    _, before = model.read(codes, keep=True)
    scores, after = model.read(codes, keep=True, without=[(12, 4)])
    assert all(torch.equal(a, b) for a, b in zip(before[:13], after[:13]))
    assert not torch.allclose(before[13], after[13], atol=1e-6)
    assert scores.isfinite().all()


@with_model
@pytest.mark.parametrize("text", ["", "🙂👩‍👩‍👧", "你好，世界", "  two  spaces 12 ½ Ⅷ\t\n\n", "\x00\ufffd", "שלום"])
def test_any_text_is_cut_and_put_together_again(model, text):
    assert model.tokenizer.decode(model.tokenizer.encode(text)) == text


@with_model
def test_it_writes_and_a_long_text_is_cut(model):
    assert model.write("The capital of France is", 3).startswith(" Paris")
    assert isinstance(model.write("", 2), str)
    assert model.encode("word " * 2000).shape == (1, 512)


def test_turning_keeps_lengths_and_depends_on_distances_alone():
    q, k = torch.randn(2, 1, 1, 1, 8, generator=torch.Generator().manual_seed(0))

    def product(a, b):
        return (turned(q, torch.tensor([a]), 100.0) * turned(k, torch.tensor([b]), 100.0)).sum()

    assert torch.allclose(turned(q, torch.tensor([5]), 100.0).norm(), q.norm())
    assert torch.allclose(product(7, 3), product(14, 10), atol=1e-5)
    assert not torch.allclose(product(7, 3), product(7, 4), atol=1e-3)


def test_surprise_of_equal_scores_is_a_guess():
    assert torch.allclose(surprise(torch.zeros(2, 4, 8), torch.zeros(2, 4, dtype=torch.long)),
                          torch.log(torch.tensor(8.0)).expand(2, 3))


def test_pairs_are_put_together_in_their_order():
    pairs = BytePairs([*"abc", "bc", "ab", "abc"], ["b c", "a b", "a bc"])
    assert pairs.encode("abc") == [5]
    assert pairs.decode(pairs.encode("cab")) == "cab"


def _text(text):
    return struct.pack("<Q", len(text)) + text.encode()


def _file(tmp_path, kind=3):
    """A file of one tensor of 64 numbers: two blocks of step 0.5, smallest -1 and 2, and fours 0 to 15."""
    entries = _text("list") + struct.pack("<IIQ", 9, 4, 2) + struct.pack("<II", 7, 8) + _text("name") + struct.pack(
        "<I", 8) + _text("small")
    tensor = _text("x") + struct.pack("<IQQIQ", 2, 32, 2, kind, 0)
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, 2) + entries + tensor
    block = bytes(n | (15 - n) << 4 for n in range(16))
    body = b"".join(np.array([0.5, low], "<f2").tobytes() + block for low in (-1, 2))
    path = tmp_path / "small.gguf"
    path.write_bytes(head + b"\0" * (-len(head) % 32) + body)
    return path


def test_numbers_of_four_bits_are_read(tmp_path):
    file = GGUF(_file(tmp_path))
    assert file.about == {"list": [7, 8], "name": "small"}
    half = torch.arange(16) / 2
    row = torch.cat([half, half.flip(0)])
    assert torch.equal(file.tensor("x"), torch.stack([row - 1, row + 2]))


def test_a_file_that_is_none_is_refused(tmp_path):
    path = tmp_path / "x.gguf"
    path.write_bytes(b"nothing")
    with pytest.raises(ValueError, match="should be a GGUF file"):
        GGUF(path)
    with pytest.raises(ValueError, match="one of the kinds"):
        GGUF(_file(tmp_path, kind=14)).tensor("x")
    cut = _file(tmp_path)
    cut.write_bytes(cut.read_bytes()[:-5])
    with pytest.raises(ValueError, match="is cut off"):
        GGUF(cut).tensor("x")
