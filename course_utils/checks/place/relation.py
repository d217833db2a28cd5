"""How a value differs from a right one, in words that are measured and never the right expression."""

import numpy as np

from course_utils.checks.compare import number
from course_utils.checks.place.paths import near

__all__ = ["relation", "shown"]

_CLOSE = 1e-4


def shown(stack):
    """A plain value in words; several of them by the first."""
    values = [value.tolist() for value in stack.values]
    first = values[0]
    word = number(first) if isinstance(first, float) else str(first)
    return word if all(each == first for each in values) else f"{word} at first"


def relation(got, right):
    """Tell how the numbers of one stack differ from those of another.

    Parameters
    ----------
    got, right : Stack

    Returns
    -------
    str
        What goes on after a colon, without a full stop.
    """
    if got.boolean != right.boolean:
        return "it holds numbers where True and False are wanted" if right.boolean \
            else "it holds True and False where numbers are wanted"
    a, b = got.flat, right.flat
    if got.shape != right.shape and len(got.values) == 1:
        return _other_shape(got, right)
    if a.size != b.size:
        return "there are more values than needed" if a.size > b.size else "there are fewer values than needed"
    if a.size == 1:
        return _one_number(a[0], b[0])
    if got.boolean:
        return _truths(a, b)
    return _numbers(a, b, got.shape)


def _other_shape(got, right):
    a, b = got.table, right.table
    if a.size == b.size and near(got.flat, right.flat, _CLOSE).all():
        return f"the numbers are right, in shape {a.shape}; another arrangement of axes is needed"
    if a.size == b.size and a.ndim >= 2 and a.swapaxes(-1, -2).shape == b.shape and near(
            a.swapaxes(-1, -2), b, _CLOSE).all():
        return "rows and columns are exchanged"
    if a.size < b.size:
        return f"its shape is {a.shape}: too few numbers" + (", one for all" if a.size == 1 else "")
    return f"its shape is {a.shape}, not the one that is needed" if a.size == b.size else (
        f"its shape is {a.shape}: more numbers than needed")


def _one_number(a, b):
    if np.isnan(a):
        return "it is NaN"
    if not (np.isfinite(a) and np.isfinite(b)) or b == 0 or a == 0:
        return f"it is {number(a)}"
    return _times(a / b, "it is", "it has the wrong sign") or f"it is {number(a)}"


def _times(c, subject, sign):
    if abs(c + 1) < _CLOSE:
        return sign
    if c < 0:
        return ""
    for small in (2, 3, 4, 5, 6, 8):
        if abs(c - small) < _CLOSE * small:
            return f"{subject} {small} times as large as needed"
        if abs(c * small - 1) < _CLOSE:
            return f"{subject} half as large as needed" if small == 2 else f"{subject} 1/{small} of what is needed"
    return f"{subject} {number(c)} times as large as needed"


def _truths(a, b):
    if (a != b).all():
        return "True and False are exchanged"
    if a.all() or not a.any():
        return f"every one is {bool(a[0])}"
    return f"{int((a != b).sum())} of {a.size} are the other way round"


def _numbers(a, b, shape):
    if np.isnan(a).any() and not np.isnan(b).any():
        return "there is NaN among the numbers"
    if np.isinf(a).any() != np.isinf(b).any() or not (np.isinf(a) == np.isinf(b)).all():
        few, many = np.isinf(a).sum(), np.isinf(b).sum()
        if few == 0:
            return "no number is minus infinity, and some should be"
        return "infinite numbers stand in other places than they should" if few == many else (
            f"{'fewer' if few < many else 'more'} numbers are infinite than should be")
    finite = np.isfinite(a) & np.isfinite(b)
    x, y = a[finite], b[finite]
    if not x.size:
        return "its infinite numbers differ"
    if np.ptp(x) < _CLOSE * max(1, abs(x[0])) < np.ptp(y):
        return f"all numbers are the same, {number(x[0])}"
    big = np.abs(y) > 1e-9
    if big.any() and near(x[~big], y[~big], 1e-6).all():
        c = x[big] / y[big]
        if np.ptp(c) < _CLOSE * abs(c[0]):
            return _times(c[0], "every number is", "every number has the wrong sign") or "sign and size are wrong"
    if np.ptp(x - y) < _CLOSE * max(1, np.abs(y).max()):
        d = (x - y)[0]
        return f"every number is too {'large' if d > 0 else 'small'} by {number(abs(d))}"
    if near(np.sort(x), np.sort(y), _CLOSE).all():
        return _rearranged(a, b, shape)
    return _rows(a, b, shape) or f"{int((~near(a, b, _CLOSE)).sum())} of {a.size} numbers differ"


def _rearranged(a, b, shape):
    if shape and len(shape) >= 2:
        table, right = a.reshape(shape), b.reshape(shape)
        if shape[-1] == shape[-2] and near(table.swapaxes(-1, -2), right, _CLOSE).all():
            return "rows and columns are exchanged"
        for axis, word in ((-1, "columns"), (-2, "rows")):
            for by in (1, -1):
                if near(np.roll(table, by, axis), right, _CLOSE).all():
                    return f"the {word} are shifted by one"
            if near(np.flip(table, axis), right, _CLOSE).all():
                return f"the {word} stand in the opposite order"
    return "these are the right numbers, in other places"


def _rows(a, b, shape):
    if not shape or len(shape) < 2 or shape[-1] < 2:
        total, wanted = a.sum(), b.sum()
        return f"they sum to {number(total)}, and should sum to 1" if abs(wanted - 1) < _CLOSE < abs(total - 1) else ""
    table, right = a.reshape(shape), b.reshape(shape)
    if near(right.sum(-1), 1, _CLOSE).all() and not near(table.sum(-1), 1, _CLOSE).all():
        if near(table.sum(-2), 1, _CLOSE).all():
            return "each column sums to 1, and each row should"
        if abs(table.sum() - 1) < _CLOSE:
            return "all numbers together sum to 1, and each row should"
        return "the rows do not sum to 1, and they should"
    with np.errstate(all="ignore"):
        d, c = table - right, table / right
        if (np.ptp(d, axis=-1) < _CLOSE).all():
            return "each row is shifted by a number of its own"
        if np.isfinite(c).all() and (np.ptp(c, axis=-1) < _CLOSE).all():
            return "each row is stretched by a number of its own"
    same = near(table, right, _CLOSE).all(-1)
    if 0 < same.sum() < same.size:
        return f"{int(same.sum())} of {same.size} rows are right"
    return ""
