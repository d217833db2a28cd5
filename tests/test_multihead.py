"""Our multi-head attention computes what PyTorch's does: output, weights and gradients."""

import itertools
import json
from pathlib import Path

import pytest
import torch
from torch import nn

from course_utils.attention import causal_mask, padding_mask
from course_utils.checks import diagnose
from course_utils.exercises import find
from course_utils.multihead import MultiHeadAttention, merge_heads, split_heads

# (B, T, S, d_model, H): everything distinct, and the degenerate sizes
SHAPES = [(2, 5, 7, 12, 3), (1, 1, 1, 4, 1), (3, 6, 2, 8, 8), (2, 4, 4, 10, 2)]
BOUND = {torch.float32: 1e-6, torch.float64: 1e-12}


def modules(d_model, H, bias, dtype, seed=0):
    torch.manual_seed(seed)
    theirs = nn.MultiheadAttention(d_model, H, bias=bias, batch_first=True, dtype=dtype)
    if bias:  # PyTorch begins with biases of 0, which would hide a forgotten one
        nn.init.normal_(theirs.in_proj_bias)
        nn.init.normal_(theirs.out_proj.bias)
    return MultiHeadAttention.from_torch(theirs), theirs


def masks(B, T, S, H):
    """Ours (True = may attend) beside PyTorch's two (True = blocked)."""
    generator = torch.Generator().manual_seed(3)
    some = torch.rand(B, H, T, S, generator=generator) > 0.4
    some[..., 0] = True  # PyTorch gives NaN for a query that may attend to nothing
    lengths = torch.arange(B) % S + 1
    padding = padding_mask(lengths, S)
    kinds = {"none": (None, {}),
             "padding": (padding, {"key_padding_mask": ~padding[:, 0, 0]}),
             "each head its own": (some, {"attn_mask": ~some.reshape(B * H, T, S)}),
             "holes": (some[0, 0], {"attn_mask": ~some[0, 0]})}
    if T == S:
        causal = causal_mask(T)
        kinds["causal"] = (causal, {"attn_mask": ~causal})
        kinds["causal and padding"] = (causal & padding, {"attn_mask": ~causal, "key_padding_mask": ~padding[:, 0, 0]})
    return kinds


@pytest.mark.parametrize(("shape", "bias", "dtype", "cross"),
                         list(itertools.product(SHAPES, (True, False), BOUND, (False, True))), ids=str)
def test_parity_with_torch(shape, bias, dtype, cross):
    B, T, S, d_model, H = shape
    S = S if cross else T
    ours, theirs = modules(d_model, H, bias, dtype)
    x = torch.randn(B, T, d_model, dtype=dtype)
    context = torch.randn(B, S, d_model, dtype=dtype) if cross else None
    for name, (mask, their_masks) in masks(B, T, S, H).items():
        inputs = [[t.clone().requires_grad_() for t in (x, context) if t is not None] for _ in range(2)]
        output, weights = ours(*inputs[0], mask=mask)
        kv = inputs[1][-1]
        wanted, wanted_weights = theirs(inputs[1][0], kv, kv, average_attn_weights=False, **their_masks)
        assert output.dtype == dtype
        assert (output - wanted).abs().max() < BOUND[dtype], name
        assert (weights - wanted_weights).abs().max() < BOUND[dtype], name
        ours.zero_grad()
        theirs.zero_grad()
        output.square().mean().backward()
        wanted.square().mean().backward()
        pairs = list(zip(*inputs, strict=True))
        gradients = [(a.grad, b.grad) for a, b in pairs]
        gradients += [(torch.cat([w.weight.grad for w in (ours.W_q, ours.W_k, ours.W_v)]), theirs.in_proj_weight.grad),
                      (ours.W_o.weight.grad, theirs.out_proj.weight.grad)]
        for a, b in gradients:
            assert (a - b).abs().max() < BOUND[dtype] * max(1.0, b.abs().max().item()), name


def test_the_example_of_the_course():
    ours, theirs = modules(256, 8, True, torch.float32)
    x = torch.randn(4, 100, 256)
    output, weights = ours(x, mask=causal_mask(100))
    wanted, averaged = theirs(x, x, x, attn_mask=~causal_mask(100))
    assert weights.shape == (4, 8, 100, 100)
    assert (output - wanted).abs().max() < 1e-6
    assert (weights.mean(1) - averaged).abs().max() < 1e-6


def test_a_query_without_any_key_gives_the_output_bias_and_finite_gradients():
    ours, _ = modules(12, 3, True, torch.float64)
    x = torch.randn(2, 5, 12, dtype=torch.float64, requires_grad=True)
    output, weights = ours(x, mask=padding_mask([0, 5], 5))
    assert (weights[0] == 0).all()
    torch.testing.assert_close(output[0], ours.W_o.bias.expand(5, 12))
    output.sum().backward()
    assert torch.isfinite(x.grad).all()


def test_splitting_keeps_content_in_place_and_merging_undoes_it():
    x = torch.randn(2, 5, 12)
    heads = split_heads(x, 3)
    for h in range(3):
        assert torch.equal(heads[:, h], x[:, :, 4 * h:4 * h + 4])
    assert torch.equal(merge_heads(heads), x)


def test_changing_one_head_moves_only_its_slice():
    ours, _ = modules(12, 3, True, torch.float64)
    nn.init.eye_(ours.W_o.weight)
    x = torch.randn(2, 5, 12, dtype=torch.float64)
    before, _ = ours(x)
    with torch.no_grad():
        ours.W_v.weight[4:8] = 0
    after, _ = ours(x)
    moved = (before - after).abs().amax((0, 1)) > 0
    assert moved.tolist() == [False] * 4 + [True] * 4 + [False] * 4


X = torch.zeros(2, 5, 12)


@pytest.mark.parametrize(("call", "words"), [
    (lambda: MultiHeadAttention(10, 3), "n_heads should divide d_model=10, got 3"),
    (lambda: MultiHeadAttention(0, 3), "d_model should be a whole number from 1, got 0"),
    (lambda: MultiHeadAttention(8, 2.0), "n_heads should be a whole number from 1, got 2.0"),
    (lambda: MultiHeadAttention(12, 3)(X[0]), r"x should have shape \(B, T, d_model=12\), got \(5, 12\)"),
    (lambda: MultiHeadAttention(12, 3)(X[..., :6]), r"x should have shape \(B, T, d_model=12\), got \(2, 5, 6\)"),
    (lambda: MultiHeadAttention(12, 3)(X, X[:1]), r"context should have shape \(B=2, S, d_model=12\), got \(1, 5, "),
    (lambda: MultiHeadAttention(12, 3)(X, mask=torch.ones(5, 5)), "mask should be a boolean array"),
    (lambda: MultiHeadAttention(12, 3)(X, mask=torch.ones(2, 5, 5) > 0), r"mask should broadcast .* got \(2, 5, 5\)"),
    (lambda: split_heads(X, 5), "n_heads should divide d_model=12, got 5"),
    (lambda: split_heads(X[0], 3), r"x should have shape \(B, T, d_model\), got \(5, 12\)"),
    (lambda: merge_heads(X), r"x should have shape \(B, H, T, d_k\), got \(2, 5, 12\)"),
    (lambda: MultiHeadAttention.from_torch(nn.Linear(2, 2)), "theirs should be an nn.MultiheadAttention, got Linear"),
    (lambda: MultiHeadAttention.from_torch(nn.MultiheadAttention(4, 2, kdim=3)), "theirs should have one width"),
    (lambda: MultiHeadAttention.from_torch(nn.MultiheadAttention(4, 2, add_bias_kv=True)), "theirs should have one"),
])
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


LESSON = Path(__file__).parents[1] / "notebooks" / "08_masked_multi_head_attention.ipynb"


def lesson_texts():
    return ["".join(cell["source"]) for cell in json.loads(LESSON.read_text("utf-8"))["cells"]]


def test_the_stub_of_the_lesson_shows_all_that_has_to_be_written():
    stub = next(text for text in lesson_texts() if "class MultiHeadAttention" in text and "NotImplementedError" in text)
    assert "def forward(self, x, context=None, mask=None):" in stub
    room = {"nn": nn}
    exec(stub, room)
    assert diagnose(find("MultiHeadAttention"), room["MultiHeadAttention"]).status == "not attempted"


def test_text_solution_reference_and_bank_agree_on_a_query_without_keys():
    task = next(text for text in lesson_texts() if text.startswith("## Exercise 8.1"))
    assert "a query without keys gets the weights 0" in task
    folded = next(text for text in lesson_texts() if "class MultiHeadAttention" in text and "```python" in text)
    room = {"nn": nn, "split_heads": split_heads, "merge_heads": merge_heads}
    exec(folded.split("```python")[1].split("```")[0], room)
    theirs, mine = modules(12, 3, True, torch.float64)[0], room["MultiHeadAttention"](12, 3).double()
    mine.load_state_dict(theirs.state_dict())
    x = torch.randn(2, 5, 12, dtype=torch.float64, requires_grad=True)
    mask = causal_mask(5) & ~padding_mask([2, 0], 5)  # sequence 0 begins with two places of padding
    results = [module(x, mask=mask) for module in (theirs, mine)]
    for ours, wanted in zip(*results, strict=True):
        torch.testing.assert_close(ours, wanted)
    assert (results[1][1][0, :, :2] == 0).all()
    results[1][0].square().sum().backward()
    assert x.grad.isfinite().all()
    assert all(p.grad.isfinite().all() for p in mine.parameters())
    named = {mistake.name for mistake in find("MultiHeadAttention").mistakes}
    assert {"empty-rows-nan", "empty-rows-uniform", "empty-rows-gradient-nan"} <= named
