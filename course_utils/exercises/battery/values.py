"""Arrays of either kind: made, copied, turned round and laid out anew. PyTorch is imported when tensors are made."""

import numpy as np

from course_utils.checks.sandbox import is_tensor

__all__ = ["as_numpy", "normal", "numbers", "strided", "turned_round"]


def numbers(x, arrays):
    """Make an array of floats, for PyTorch of 32 bits."""
    if arrays == "numpy":
        return np.array(x, dtype=float)
    import torch

    return torch.tensor(np.asarray(x).tolist(), dtype=torch.float32)


def as_numpy(x):
    """Copy what came back into a NumPy array."""
    return x.detach().clone().numpy() if is_tensor(x) else np.array(x)


def strided(x):
    """Lay the axes out in memory in the opposite order; everything else stays itself."""
    if isinstance(x, np.ndarray) and x.ndim > 1:
        return x.T.copy().T
    if is_tensor(x) and x.ndim > 1:
        back = tuple(reversed(range(x.ndim)))
        return x.permute(back).contiguous().permute(back)
    return x


def turned_round(x):
    """Give other numbers of the same shape: in the opposite order and, where they are floats, half as large."""
    if isinstance(x, np.ndarray):
        x = np.flip(x).copy()
        return x * 0.5 if x.dtype.kind == "f" else x
    if is_tensor(x):
        x = x.flip(tuple(range(x.ndim)))
        return x * 0.5 if x.is_floating_point() else x
    return x


def normal(seed, *shapes):
    """Draw NumPy arrays of normal numbers, the same for the same seed."""
    rng = np.random.default_rng(seed)
    return tuple(rng.normal(size=shape) for shape in shapes)
