"""What holds between calls: an earlier result stays, and gradients are those of the reference in numbers."""

from dataclasses import replace

import numpy as np

from course_utils.checks import Broken, Probe
from course_utils.checks.compare import number
from course_utils.checks.sandbox import is_tensor
from course_utils.exercises.battery.values import as_numpy, turned_round

__all__ = ["earlier_result_stays", "gradients_in_numbers"]

_LOOK = "look for `detach`, `no_grad`, `.data` or `torch.tensor` around queries, keys and values"


def _several(result):
    return tuple(result) if isinstance(result, (tuple, list)) else (result,)


def earlier_result_stays(make, second=None):
    """Give the probe that a second call leaves the result of the first alone.

    Parameters
    ----------
    make : callable
        ``make() -> Case``: the first input.
    second : callable, optional
        The second one, with a result of the same shape; the first with its arrays turned round if left out.
    """
    def run(call):
        case = make()
        first = _several(call(*case.args, **case.kwargs))
        before = [as_numpy(x) for x in first]
        other = second() if second else replace(case, args=tuple(map(turned_round, case.args)), kwargs={
            name: turned_round(x) for name, x in case.kwargs.items()})
        call(*other.args, **other.kwargs)
        for was, x in zip(before, first):
            now = as_numpy(x)
            if not np.array_equal(was, now, equal_nan=was.dtype.kind == "f"):
                i = tuple(np.argwhere(was != now)[0])
                return Broken("a call should give a new array back, which later calls leave alone",
                              f"after a second call with other numbers, the number at {[int(n) for n in i]} of the "
                              f"first result is {number(now[i])} in place of {number(was[i])}",
                              "look for an array that is made outside your function and written into by it")

    return Probe("a later call leaves an earlier result alone", run)


def gradients_in_numbers(names, make, reference):
    """Give the probe that gradients arrive, and with the numbers of the reference.

    Parameters
    ----------
    names : sequence of str
        What to call the arguments that are given in order; those that are no tensors of floats are passed over.
    make : callable
        ``make() -> Case``: the input.
    reference : callable
        The right answer.
    """
    def run(call):
        mine, theirs = (_leaves(make()) for _ in range(2))
        results = _several(call(*mine.args, **mine.kwargs))
        wanted = _several(reference(*theirs.args, **theirs.kwargs))[0]
        given = zip((*names[:len(mine.args)], *mine.kwargs), (*mine.args, *mine.kwargs.values()),
                    (*theirs.args, *theirs.kwargs.values()), strict=True)
        pairs = [(name, a, b) for name, a, b in given if is_tensor(a) and a.requires_grad]
        along = _along(wanted)
        if results[0].requires_grad:
            (results[0] * along.to(results[0].dtype)).sum().backward(retain_graph=True)
        (wanted * along).sum().backward()
        without = [name for name, a, b in pairs if a.grad is None or not a.grad.any()]
        if without:
            other = [name for name, a, b in pairs if name not in without and not _alike(a.grad, b.grad)]
            return Broken(f"the gradient of the output should reach {_and(name for name, *_ in pairs)}",
                          f"it does not reach {_and(without)}"
                          + (f"; what reaches {_and(other)} is not all of it" if other else ""))
        for name, a, b in pairs:
            if not a.grad.isfinite().all():
                return Broken("every gradient should be finite", f"the gradient of {name} holds NaN after backward()")
            if not _alike(a.grad, b.grad):
                i = tuple(int(n) for n in ((a.grad - b.grad).abs() == (a.grad - b.grad).abs().max()).nonzero()[0])
                return Broken(f"the gradient with respect to {name} should take every way from {name} to the output",
                              f"{name}.grad{list(i)}: wanted {number(b.grad[i])}, got {number(a.grad[i])}", _LOOK)
        if len(results) > 1 and not results[1].requires_grad:
            return Broken("the weights should carry a gradient too", "weights.requires_grad is False")

    return Probe("gradients arrive, in numbers", run)


def _leaves(case):
    def leaf(a):
        return a.clone().requires_grad_() if is_tensor(a) and a.is_floating_point() else a

    return replace(case, args=tuple(map(leaf, case.args)), kwargs={n: leaf(a) for n, a in case.kwargs.items()})


def _alike(a, b):
    return bool((a - b).abs().max() <= 1e-3 * max(1.0, float(b.abs().max())))


def _along(x):
    """Numbers without a pattern, one for each of the output."""
    import torch

    return torch.cos(2.4 * torch.arange(x.numel(), dtype=x.dtype) ** 1.5).reshape(x.shape)


def _and(names):
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
