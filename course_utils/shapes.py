"""Checks of arguments whose errors name the argument, what was wanted and what came."""

from numbers import Integral

__all__ = ["check_shape", "check_whole"]


def check_shape(name, x, spec, **sizes):
    """Check the shape of an array against a specification in letters.

    Parameters
    ----------
    name : str
        Name of the argument, for the error.
    x : ndarray or Tensor
        Anything with a ``shape``.
    spec : str
        Axis letters separated by blanks, for example ``"B T d_model"``. A number stands for
        itself; a leading ``...`` stands for any number of axes, none included.
    **sizes : int
        Sizes that are already known, by letter.

    Returns
    -------
    dict of str to int
        The known sizes together with those read from `x` (no unit).

    Raises
    ------
    ValueError
        If `x` has no shape, the number of axes differs, or an axis has another size than wanted.

    Examples
    --------
    >>> import numpy as np
    >>> check_shape("x", np.zeros((2, 5, 8)), "B T d_model", d_model=8)
    {'d_model': 8, 'B': 2, 'T': 5}
    >>> check_shape("x", np.zeros((2, 5, 6)), "B T d_model", d_model=8)
    Traceback (most recent call last):
        ...
    ValueError: x should have shape (B, T, d_model=8), got (2, 5, 6)
    """
    axes = spec.split()
    open_ended = axes[:1] == ["..."]
    letters = axes[1:] if open_ended else axes
    shape = getattr(x, "shape", None)
    if shape is None:
        raise ValueError(f"{name} should be an array of shape {_wanted(axes, sizes)}, got {type(x).__name__}")
    shape = tuple(shape)
    fits = len(shape) >= len(letters) if open_ended else len(shape) == len(letters)
    found = dict(sizes)
    if fits:
        for letter, size in zip(letters, shape[len(shape) - len(letters):]):
            wanted = int(letter) if letter.isdigit() else found.setdefault(letter, size)
            fits = fits and wanted == size
    if not fits:
        raise ValueError(f"{name} should have shape {_wanted(axes, sizes)}, got {shape}")
    return found


def check_whole(name, value, lowest, highest=None):
    """Raise a ValueError that names the argument unless it is a whole number in the range.

    Parameters
    ----------
    name : str
        Name of the argument.
    value : object
        What was given.
    lowest, highest : int
        Ends of the range, both allowed; without `highest` it is open.

    Raises
    ------
    ValueError
        If `value` is no whole number or lies outside.

    Examples
    --------
    >>> check_whole("head", 12, 0, 11)
    Traceback (most recent call last):
        ...
    ValueError: head should be a whole number from 0 to 11, got 12
    """
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    if not whole or value < lowest or (highest is not None and value > highest):
        up_to = "" if highest is None else f" to {highest}"
        raise ValueError(f"{name} should be a whole number from {lowest}{up_to}, got {value!r}")


def _wanted(axes, sizes):
    """Write a specification with the sizes that are known: (B, T, d_model=8)."""
    words = [f"{a}={sizes[a]}" if a in sizes else a for a in axes]
    return "(" + ", ".join(words) + ("," if len(words) == 1 else "") + ")"
