"""What can take the place of a value: a right one, a whole number beside it, or what another operation gives."""


import contextlib

import numpy as np

from course_utils.checks.place.paths import RightValue, native
from course_utils.checks.place.recording import Stack

__all__ = ["changed_likewise", "close_by", "otherwise", "stands_inside", "uniform", "values_for"]


_OPERATIONS = (np.add, np.subtract, np.multiply, np.divide, np.power, np.matmul)
_COMPARISONS = (np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal)
_LOGICAL = (np.logical_and, np.logical_or)


def otherwise(a, b=None, truths=False):
    """What other operations give on the same two values, in every round; None where they give nothing.

    Where there is one value only, that is the value itself.
    """
    if b is None:
        yield a
        return
    plain = {a.plain, b.plain} <= {bool, int, float}
    logical = a.boolean and b.boolean
    operations = (*(_COMPARISONS if not logical else ()), *(_LOGICAL if logical else ())) if truths else _OPERATIONS
    with np.errstate(all="ignore"):
        for operation in operations:
            for x, y in ((a, b), (b, a)):
                made = None
                with contextlib.suppress(ValueError, TypeError):
                    made = [np.asarray(operation(*(v if truths else v.astype(float) for v in pair)))
                            for pair in zip(x.values, y.values)]
                    made = Stack(made, (bool if made[0].dtype == bool else float) if plain else None)
                yield made


def uniform(stack):
    """Whether all its numbers are the same."""
    return stack.flat.size > 1 and bool((stack.flat == stack.flat[0]).all())


def uniform_or_one(stack):
    """Whether a stack has one number only, however often."""
    return stack.flat.size == 1 or uniform(stack)


def stands_inside(node, other):
    """Whether one expression stands inside another."""
    return (node.number != other.number and node.source is other.source and other.span[:2] <= node.span[:2]
            and node.span[2:] <= other.span[2:])


def close_by(stack):
    """Whole numbers beside a whole number, which loops and axes most often miss, and 0 and 1 for any number."""
    if stack.plain is float and uniform_or_one(stack):
        for change in (lambda n: 0 * n, lambda n: 0 * n + 1, lambda n: -n):
            yield RightValue(Stack([np.asarray(change(value)) for value in stack.values], float), None)
    if stack.plain is int:
        for change in (lambda n: n + 1, lambda n: n - 1, lambda n: -n, lambda n: -1 + 0 * n):
            yield RightValue(Stack([np.asarray(change(value)) for value in stack.values], int), None)


def changed_likewise(new, old, other):
    """Change a stack of another case as `old` was changed into `new`."""
    was, now = old.values[0].item(), new.values[0].item()
    change = now - was if abs(now - was) == 1 else None
    return Stack([np.asarray(value + change if change else (-value if now == -was else 0 * value + now))
                  for value in other.values], other.plain)


def values_for(stack, right, node, arrays):
    """How a right value takes the place of a stack, round by round; None where it cannot."""
    rounds = len(stack.values)
    if (node.kind == "Put" and node.word != "again") or (node.kind == "Put" and stack.values[0].ndim):
        table = right.table
        return lambda k, x: native(table, x, arrays)
    if rounds == 1:
        table = right.table
        return lambda k, x: native(table, x, arrays) if k == 0 else x
    if stack.plain is not None and right.plain is not None and right.flat.size == 1:
        number = right.values[0]
        return lambda k, x: native(number, x, arrays)
    flat = right.table.ravel()
    ends = np.cumsum([value.size for value in stack.values])
    if len(flat) != ends[-1]:
        return None
    inner = right.shape and len(right.values) == 1 and rounds not in right.shape[:1] and [
        axis for axis, n in enumerate(right.shape) if n == rounds]
    if inner:  # the rounds run along an axis further inside
        flat = np.moveaxis(right.table, inner[0], 0).ravel()
    pieces = [piece.reshape(value.shape) for piece, value in zip(np.split(flat, ends[:-1]), stack.values)]
    return lambda k, x: native(pieces[k], x, arrays) if k < len(pieces) else x
