"""What a function costs, counted and not timed: multiplications, products in a row, the largest tensor."""

from __future__ import annotations

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

__all__ = ["in_a_row", "largest_tensor", "multiplications"]

_PRODUCTS = ("Mm", "Bmm", "Addmm", "Baddbmm")  # how autograd names matrix products


def multiplications(function, *args):
    """Count the multiplications in the matrix products of a call.

    Parameters
    ----------
    function : callable
        Runs on PyTorch tensors.
    *args
        What it is called with.

    Returns
    -------
    int
        Multiplications (no unit); each is followed by an addition, which is not counted.

    Examples
    --------
    >>> multiplications(torch.matmul, torch.zeros(2, 3), torch.zeros(3, 5))
    30
    """
    with FlopCounterMode(display=False) as counter:
        function(*args)
    return counter.get_total_flops() // 2


class _Watch(TorchDispatchMode):
    """Sees every tensor that is made, also inside PyTorch's own functions."""

    def __init__(self, given):
        super().__init__()
        self.known = {x.untyped_storage().data_ptr() for x in given if isinstance(x, torch.Tensor)}
        self.largest = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for x in out if isinstance(out, (tuple, list)) else (out,):
            if isinstance(x, torch.Tensor) and x.untyped_storage().data_ptr() not in self.known:
                self.largest = max(self.largest, x.untyped_storage().nbytes() // x.element_size())
        return out


def largest_tensor(function, *args):
    """Count the numbers in the largest tensor that a call makes, arguments not counted.

    Parameters
    ----------
    function : callable
        Runs on PyTorch tensors.
    *args
        What it is called with.

    Returns
    -------
    int
        Numbers (no unit).

    Examples
    --------
    >>> largest_tensor(lambda x: (x @ x.mT).sum(), torch.zeros(10, 2))
    100
    """
    with _Watch(args) as watch:
        function(*args)
    return watch.largest


def in_a_row(output):
    """Count the matrix products on the longest way to a result: each has to wait for the one before it.

    Parameters
    ----------
    output : Tensor
        A result through which gradients run back.

    Returns
    -------
    int
        Products (no unit); 0 for a tensor that was not computed.

    Raises
    ------
    ValueError
        If `output` is cut off from what it was computed from.

    Examples
    --------
    >>> import torch
    >>> a, b = torch.ones(2, 2, requires_grad=True), torch.ones(2, 2)
    >>> in_a_row(a @ b @ b + a @ b)
    2
    """
    if not output.requires_grad:
        raise ValueError("output should require gradients: nothing tells how a detached tensor was computed")
    longest, waiting = {None: 0}, [output.grad_fn]
    while waiting:  # no recursion: a recurrent network goes thousands of steps deep
        node = waiting[-1]
        before = [other for other, _ in node.next_functions] if node else []
        if missing := [other for other in before if other not in longest]:
            waiting += missing
            continue
        waiting.pop()
        if node is not None:
            product = type(node).__name__.startswith(_PRODUCTS)
            longest[node] = product + max((longest[other] for other in before), default=0)
    return longest[output.grad_fn]
