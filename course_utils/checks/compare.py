"""When two results count as equal, and where they first differ."""

import numpy as np

__all__ = ["first_difference", "same_outcome", "same_values"]


def same_values(got, wanted, tolerance):
    """Tell whether two tuples of NumPy arrays agree in shape and value.

    A boolean array agrees with a boolean array only: a mask of 0 and 1 is added to scores by some
    functions and used to select by others. Otherwise the dtype does not count.
    """
    return len(got) == len(wanted) and all(_same(g, w, tolerance) for g, w in zip(got, wanted))


def _same(got, wanted, tolerance):
    if got.shape != wanted.shape or (got.dtype == bool) != (wanted.dtype == bool):
        return False
    if got.dtype == bool:
        return bool((got == wanted).all())
    return bool(_close(got, wanted, tolerance).all())


def _close(got, wanted, tolerance):
    """As ``np.isclose`` with `equal_nan`, in a fraction of its time: a wrong answer is held against hundreds."""
    got, wanted = got.astype(float), wanted.astype(float)
    with np.errstate(all="ignore"):
        near = (np.abs(got - wanted) <= tolerance + tolerance * np.abs(wanted)) & np.isfinite(wanted)
    return near | (got == wanted) | (np.isnan(got) & np.isnan(wanted))


def same_outcome(a, b, tolerance, words=True):
    """Tell whether two calls did the same: equal values, or the same trouble, without `words` of the same kind."""
    if a.trouble or b.trouble:
        return bool(a.trouble and b.trouble and a.trouble.kind == b.trouble.kind
                    and (a.trouble.message == b.trouble.message or not words))
    return same_values(a.values, b.values, tolerance)


def first_difference(got, wanted, returns, tolerance):
    """Describe the first place where two tuples of arrays differ.

    Parameters
    ----------
    got, wanted : tuple of ndarray
        What came and what should have come.
    returns : sequence of Returns
        Their names.
    tolerance : float
        As in `same_values`.

    Returns
    -------
    str
        One line: ``weights[0, 1]: wanted 0.731, got 0.881``.
    """
    for g, w, spec in zip(got, wanted, returns):
        if g.shape != w.shape:
            return f"{spec.name}: wanted shape {w.shape}, got shape {g.shape}"
        if (g.dtype == bool) != (w.dtype == bool):
            return f"{spec.name}: wanted dtype {w.dtype}, got {g.dtype}"
        differs = (g != w) if g.dtype == bool else ~_close(g, w, tolerance)
        if differs.any():
            index = tuple(int(i) for i in np.argwhere(differs)[0])
            place = f"[{', '.join(map(str, index))}]" if index else ""
            return f"{spec.name}{place}: wanted {_two_numbers(w[index], g[index])}"
    return ""


def _two_numbers(wanted, got):
    """Write two different numbers with enough digits to tell them apart."""
    if isinstance(wanted, np.integer) and isinstance(got, np.integer):  # positions and counts
        return f"{wanted}, got {got}"
    for digits in (3, 5, 8):
        a, b = number(wanted, digits), number(got, digits)
        if a != b:
            break
    return f"{a}, got {b}"


def number(x, digits=3):
    """Write a number in fixed point, very large and very small ones in exponents, without -0."""
    if isinstance(x, (bool, np.bool_)):
        return str(bool(x))
    x = float(x)
    if x != 0 and np.isfinite(x) and not 10.0**-digits <= abs(x) < 1e6:
        return f"{x:.{digits - 1}e}"
    return f"{x + 0.0:.{digits}f}"
