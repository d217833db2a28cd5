"""The reference agrees with PyTorch over shapes, dtypes and masks, and refuses what it cannot do."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from course_utils.attention import causal_mask, padding_mask, scaled_dot_product_attention, softmax
from course_utils.shapes import check_shape

LEADING = [(), (3,), (2, 3), (2, 1, 3)]
BOUND = {torch.float32: 1e-6, torch.float64: 1e-12}


def inputs(leading, dtype, T=4, S=5, d_k=8, d_v=6, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shapes = ((*leading, T, d_k), (*leading, S, d_k), (*leading, S, d_v))
    return tuple(torch.randn(shape, dtype=dtype, generator=generator) for shape in shapes)


def masks(leading, T=4, S=5):
    generator = torch.Generator().manual_seed(1)
    some = torch.rand(*leading, T, S, generator=generator) > 0.5
    some[..., 0, :] = False  # a query that may attend to nothing
    some[..., 1, :] = torch.arange(S) == 2  # and one with a single key
    row = (torch.arange(S) < 3)[None]
    return {"none": None, "each its own": some, "one for all": some[(0,) * len(leading)], "row": row}


@pytest.mark.parametrize("dtype", BOUND, ids=str)
@pytest.mark.parametrize("leading", LEADING, ids=str)
def test_attention_agrees_with_torch_in_value_and_gradient(leading, dtype):
    for name, mask in masks(leading).items():
        ours, theirs = ([x.clone().requires_grad_() for x in inputs(leading, dtype)] for _ in range(2))
        output, weights = scaled_dot_product_attention(*ours, mask)
        wanted = F.scaled_dot_product_attention(*theirs, attn_mask=mask)
        assert output.dtype == weights.dtype == dtype
        assert (output - wanted).abs().max() < BOUND[dtype], name
        output.square().sum().backward()
        wanted.square().sum().backward()
        for a, b in zip(ours, theirs, strict=True):
            assert torch.isfinite(a.grad).all()
            assert (a.grad - b.grad).abs().max() < 20 * BOUND[dtype], name


@pytest.mark.parametrize("dtype", BOUND, ids=str)
@pytest.mark.parametrize("leading", LEADING, ids=str)
def test_numpy_gives_what_torch_gives(leading, dtype):
    for mask in masks(leading).values():
        tensors = inputs(leading, dtype)
        array_mask = None if mask is None else mask.numpy()
        output, weights = scaled_dot_product_attention(*(x.numpy() for x in tensors), array_mask)
        assert isinstance(output, np.ndarray)
        assert output.dtype == tensors[0].numpy().dtype
        for mine, other in zip((output, weights), scaled_dot_product_attention(*tensors, mask), strict=True):
            np.testing.assert_allclose(mine, other.numpy(), atol=BOUND[dtype])


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
@pytest.mark.parametrize("dtype", BOUND, ids=str)
def test_softmax_agrees_with_torch(axis, dtype):
    x = torch.randn(3, 4, 5, dtype=dtype, generator=torch.Generator().manual_seed(2)) * 30
    assert (softmax(x, axis) - torch.softmax(x, axis)).abs().max() < BOUND[dtype]
    np.testing.assert_allclose(softmax(x.numpy(), axis), torch.softmax(x, axis).numpy(), atol=BOUND[dtype])


def test_softmax_of_extremes():
    assert softmax(np.array([-math.inf, 0.0, 0.0])).tolist() == [0.0, 0.5, 0.5]
    assert softmax(np.array([-math.inf, -math.inf])).tolist() == [0.0, 0.0]
    assert softmax(np.array([1e300, 0.0])).tolist() == [1.0, 0.0]
    assert np.isnan(softmax(np.array([math.nan, 0.0]))).all()


def test_rows_sum_to_one_or_to_nothing():
    mask = masks((2, 3))["each its own"]
    _, weights = scaled_dot_product_attention(*inputs((2, 3), torch.float64), mask)
    assert torch.equal(weights > 0, mask)
    torch.testing.assert_close(weights.sum(-1), mask.any(-1).double())


def test_arguments_are_left_alone():
    q, k, v = inputs((2,), torch.float32)
    mask = torch.rand(2, 4, 5) > 0.3
    before = [x.clone() for x in (q, k, v, mask)]
    scaled_dot_product_attention(q, k, v, mask)
    softmax(q)
    assert all(torch.equal(a, b) for a, b in zip(before, (q, k, v, mask), strict=True))


@pytest.mark.parametrize("T", [1, 2, 5])
def test_causal_mask_shows_the_past_and_oneself(T):
    mask = causal_mask(T)
    assert mask.dtype == torch.bool
    assert [[bool(mask[i, j]) for j in range(T)] for i in range(T)] == [[j <= i for j in range(T)] for i in range(T)]


def test_causal_mask_makes_a_prefix_sufficient():
    q, k, v = inputs((2,), torch.float64, T=5, S=5)
    whole, _ = scaled_dot_product_attention(q, k, v, causal_mask(5))
    part, _ = scaled_dot_product_attention(q[:, :3], k[:, :3], v[:, :3], causal_mask(3))
    torch.testing.assert_close(whole[:, :3], part)


def test_padding_mask_makes_padding_invisible():
    q, k, v = inputs((2, 3), torch.float64)
    mask = padding_mask([2, 5], 5)
    assert mask.shape == (2, 1, 1, 5)
    output, weights = scaled_dot_product_attention(q, k, v, mask)
    trimmed, _ = scaled_dot_product_attention(q[:1], k[:1, :, :2], v[:1, :, :2])
    torch.testing.assert_close(output[:1], trimmed)
    assert (weights[0, ..., 2:] == 0).all()
    assert torch.equal(padding_mask(torch.tensor([0]), 2).flatten(), torch.tensor([False, False]))


A, B = np.zeros((2, 3)), np.zeros((4, 3))


@pytest.mark.parametrize(("call", "words"), [
    (lambda: softmax([1.0, 2.0]), r"x should be a NumPy array or a PyTorch tensor, got list"),
    (lambda: softmax(np.array([1, 2])), r"x should hold floating-point numbers .* got int64 of shape \(2,\)"),
    (lambda: softmax(np.array(1.0)), r"x should hold .* on at least one axis, got float64 of shape \(\)"),
    (lambda: softmax(A, axis=2), r"axis should be an axis of x with shape \(2, 3\), got 2"),
    (lambda: scaled_dot_product_attention(A[0], B, B), r"q should have shape \(\.\.\., T, d_k\), got \(3,\)"),
    (lambda: scaled_dot_product_attention(A, B[:, :2], B), r"k should have shape \(\.\.\., S, d_k=3\), got \(4, 2\)"),
    (lambda: scaled_dot_product_attention(A, B, A), r"v should have shape \(\.\.\., S=4, d_v\), got \(2, 3\)"),
    (lambda: scaled_dot_product_attention(A, B, B, np.zeros((2, 4))), r"mask should be a boolean .* got float64"),
    (lambda: scaled_dot_product_attention(A, B, B, True), r"mask should be a boolean array .*, got bool"),
    (lambda: scaled_dot_product_attention(*map(torch.from_numpy, (A, B, B)), np.ones((2, 4), bool)),
     r"mask should be a PyTorch tensor as q, k and v are, got a NumPy array"),
    (lambda: scaled_dot_product_attention(A, B, B, A > 0), r"mask should broadcast .* \(2, 4\), got \(2, 3\)"),
    (lambda: scaled_dot_product_attention(A, B, B, np.ones((5, 2, 4), bool)), r"mask should .* got \(5, 2, 4\)"),
    (lambda: causal_mask(0), r"T should be a whole number from 1, got 0"),
    (lambda: causal_mask(2.0), r"T should be a whole number from 1, got 2.0"),
    (lambda: causal_mask(True), r"T should be a whole number from 1, got True"),
    (lambda: padding_mask([3], 2), r"lengths should lie between 0 and S=2, got \[3\]"),
    (lambda: padding_mask([-1], 2), r"lengths should lie between 0 and S=2, got \[-1\]"),
    (lambda: padding_mask([1.5], 2), r"lengths should be whole numbers of shape \(B,\), got \[1.5\]"),
    (lambda: padding_mask(3, 4), r"lengths should be whole numbers of shape \(B,\), got 3"),
    (lambda: padding_mask([1], 0), r"S should be a whole number from 1, got 0"),
    (lambda: check_shape("x", 3, "T d"), r"x should be an array of shape \(T, d\), got int"),
    (lambda: check_shape("x", A, "T T"), r"x should have shape \(T, T\), got \(2, 3\)"),
    (lambda: check_shape("x", A, "... 4"), r"x should have shape \(\.\.\., 4\), got \(2, 3\)"),
])
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()
