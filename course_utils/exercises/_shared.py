"""What wrong answers of several exercises have in common; no exercise lives here."""

import numpy as np

__all__ = ["hard_choice", "naive_softmax", "rounded"]


def naive_softmax(x, axis=-1):
    """A softmax that subtracts nothing, so that large scores overflow."""
    e = np.exp(x)
    return e / e.sum(axis=axis, keepdims=True)


def hard_choice(x):
    """Weight 1 for the (first) largest score of each row and 0 for the others."""
    return np.eye(x.shape[-1])[x.argmax(axis=-1)]


def rounded(x, digits=3):
    """Numbers of an array as short nested lists, for the sentences of a probe."""
    return (np.round(np.asarray(x, dtype=float), digits) + 0.0).tolist()
