"""What wrong answers of several exercises have in common; no exercise lives here."""

import numpy as np

from course_utils.attention import softmax

__all__ = ["draw", "hard_choice", "naive_log_sum", "naive_softmax", "rounded", "tensor", "wide_softmax"]


def naive_softmax(x, axis=-1):
    """A softmax that subtracts nothing, so that large scores overflow."""
    e = np.exp(x)
    return e / e.sum(axis=axis, keepdims=True)


def naive_log_sum(x, axis=-1):
    """A softmax by the logarithm of a sum from which nothing was subtracted."""
    with np.errstate(all="ignore"):
        return np.exp(x - np.log(np.exp(x).sum(axis=axis, keepdims=True)))


def wide_softmax(x, axis=-1):
    """A softmax that subtracts nothing, as numbers of 80 bits make it, on machines with and without them."""
    top = x.max(axis=axis, keepdims=True)
    return np.where(np.abs(top) > 11356, np.nan, softmax(x, axis))  # e^11356 is nearly the largest of them


def hard_choice(x):
    """Weight 1 for the (first) largest score of each row and 0 for the others."""
    return np.eye(x.shape[-1])[x.argmax(axis=-1)]


def rounded(x, digits=3):
    """Numbers of an array as short nested lists, for the sentences of a probe."""
    return (np.round(np.asarray(x, dtype=float), digits) + 0.0).tolist()


# PyTorch is imported when a case is made and not before: every notebook reads all exercises for `progress()`.


def draw(*shapes, seed, dtype="float32"):
    """Draw tensors of normal numbers, the same for the same seed."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(shape, generator=generator, dtype=getattr(torch, dtype)) for shape in shapes)


def tensor(numbers):
    """Make a tensor of nested lists."""
    import torch

    return torch.tensor(numbers)
