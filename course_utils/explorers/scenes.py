"""What the figures of points, arrows and bars share: their style sheet, checked arguments, static drawing."""

from __future__ import annotations

import math
import textwrap

import numpy as np
import traitlets
from matplotlib.figure import Figure

from course_utils.explorers.base import Explorer, style_sheet
from course_utils.plotting.alt_text import short

COLOURS = {"a": "#923505", "b": "#0a4db8", "plus": "#146c2e", "minus": "#a3124b", "muted": "#52525b",
           "line": "#72727c", "grid": "#bdbec8"}
"""The light theme of the live figures, for the static ones: a little darker, since they lie on a card."""

MINUS = "\N{MINUS SIGN}"


def number(name, value, low=-math.inf, high=math.inf):
    """Check one finite number.

    Parameters
    ----------
    name : str
        The argument's name, for the error.
    value : float
        What was given.
    low, high : float
        The smallest and the largest number allowed.

    Returns
    -------
    float
        The number.

    Raises
    ------
    ValueError
        When `value` is no finite number between `low` and `high`.

    Examples
    --------
    >>> number("temperature", 2, low=0.01)
    2.0
    """
    array = _float_array(name, value, "one number")
    if array.ndim != 0 or not np.isfinite(array) or not low <= array <= high:
        bounds = "" if (low, high) == (-math.inf, math.inf) else f" from {low:g} to {high:g}"
        raise ValueError(f"{name} should be one finite number{bounds}, got {value!r}")
    return float(array)


def number_list(name, values, counts, low=-math.inf, high=math.inf):
    """Check a list of finite numbers.

    Parameters
    ----------
    name : str
        The argument's name, for the error.
    values : array_like, shape (n,)
        What was given.
    counts : range
        How many there may be.
    low, high : float
        The smallest and the largest number allowed.

    Returns
    -------
    list of float
        The numbers.

    Raises
    ------
    ValueError
        When there are too few or too many, or one is not finite or out of bounds.

    Examples
    --------
    >>> number_list("scores", np.array([1, 2]), range(2, 9))
    [1.0, 2.0]
    """
    array = _float_array(name, values, f"{_how_many(counts)} numbers")
    if array.ndim != 1 or len(array) not in counts:
        raise ValueError(f"{name} should hold {_how_many(counts)} numbers, got shape {array.shape}")
    _check_finite(name, array, low, high)
    return array.tolist()


def vector(name, value, limit=math.inf):
    """Check one vector of the plane: two finite numbers, neither beyond `limit`.

    Parameters
    ----------
    name : str
        The argument's name, for the error.
    value : array_like, shape (2,)
        What was given.
    limit : float
        How far from zero a number may be.

    Returns
    -------
    list of float, length 2
        The vector.

    Raises
    ------
    ValueError
        When `value` is something else.

    Examples
    --------
    >>> vector("a", (3, 1))
    [3.0, 1.0]
    """
    return number_list(name, value, range(2, 3), -limit, limit)


def points(name, values, counts, limit=math.inf):
    """Check several vectors of the plane.

    Parameters
    ----------
    name : str
        The argument's name, for the error.
    values : array_like, shape (n, 2)
        What was given.
    counts : range
        How many there may be.
    limit : float
        How far from zero a number may be.

    Returns
    -------
    list of list of float
        The vectors.

    Raises
    ------
    ValueError
        When `values` is something else.

    Examples
    --------
    >>> points("keys", [(1, 0), (0, 1)], range(1, 9))
    [[1.0, 0.0], [0.0, 1.0]]
    """
    array = _float_array(name, values, f"{_how_many(counts)} rows of 2 numbers")
    if array.ndim != 2 or len(array) not in counts or array.shape[1] != 2:
        raise ValueError(f"{name} should have shape ({_how_many(counts)}, 2), got {array.shape}")
    _check_finite(name, array, -limit, limit)
    return array.tolist()


def labels(name, values, count):
    """Check that there is a name for each of `count` things.

    Parameters
    ----------
    name : str
        The argument's name, for the error.
    values : sequence of str, length `count`, optional
        What was given; letters from A when it is None.
    count : int
        How many names are wanted.

    Returns
    -------
    list of str
        The names.

    Raises
    ------
    ValueError
        When `values` is one string, holds something else than strings, or another number of them.

    Examples
    --------
    >>> labels("names", None, 3)
    ['A', 'B', 'C']
    """
    if values is None:
        return [chr(ord("A") + n) for n in range(count)]
    if isinstance(values, str) or not all(isinstance(each, str) for each in values):
        raise ValueError(f"{name} should be a list of {count} strings, got {values!r:.80}")
    if len(values) != count:
        raise ValueError(f"{name} should hold {count} strings, got {len(values)}")
    return list(values)


def choice(name, value, allowed):
    """Check that a word is one of those allowed.

    Raises
    ------
    ValueError
        When it is not.
    """
    if value not in allowed:
        raise ValueError(f"{name} should be one of {', '.join(map(repr, allowed))}, got {value!r}")
    return value


class StateError(ValueError, traitlets.TraitError):
    """A value that a figure's state cannot have. As a TraitError it makes traitlets keep the former state."""


class Scene(Explorer):
    """A figure whose state may be set from Python, from a preset, or in the browser, under the same checks.

    A subclass names its state in `checks`: trait -> the function that checks and tidies a value.
    """

    _css = style_sheet("scene.css")

    note = traitlets.Unicode().tag(sync=True)
    presets = traitlets.List().tag(sync=True)
    covered = traitlets.Bool().tag(sync=True)

    def __init__(self, *, title, made_by, note, covered, presets, **state):
        super().__init__(title=title, made_by=made_by, note=str(note), covered=bool(covered), **state)
        self.presets = self._tidy_presets(presets)

    def checks(self):
        """Name the traits that can be set: a subclass returns a dict of functions of one value."""
        raise NotImplementedError

    def _tidy(self, proposal):
        """Check what Python or the browser wants to set."""
        name = proposal.trait.name
        checks = self.checks()
        try:
            if name not in checks:
                raise ValueError(f"{name} should be left alone: this figure does not use it")
            return checks[name](proposal.value)
        except ValueError as error:
            raise StateError(str(error)) from None

    def _tidy_presets(self, presets):
        """Turn {words: {trait: value}} into the list that the browser makes buttons of."""
        checks, tidy = self.checks(), []
        for label, state in presets.items():
            unknown = [name for name in state if name not in checks]
            if unknown:
                raise ValueError(f"presets[{label!r}] should set some of {', '.join(checks)}, got {unknown[0]!r}")
            try:
                checked = {name: checks[name](value) for name, value in state.items()}
            except ValueError as error:
                raise ValueError(f"presets[{label!r}]: {error}") from None
            tidy.append({"label": str(label), "state": checked})
        return tidy


def new_figure(width, height, title, note="", ratios=(1, 1)):
    """Make a matplotlib figure with two Axes side by side and a title above.

    Returns
    -------
    tuple of Figure and array of Axes
    """
    figure = Figure(figsize=(width, height), layout="constrained")
    lines = [plain(title, 90)] + [plain(line, 120) for line in textwrap.wrap(note, 115)[:3]]
    figure.suptitle("\n".join(lines), fontsize=11)
    return figure, figure.subplots(1, len(ratios), width_ratios=ratios, squeeze=False)[0]


def plain(text, limit=14):
    """Write a name for matplotlib: cut, and no dollar sign read as the beginning of a formula."""
    return short(text, limit).replace("$", r"\$")


def draw_arrow(ax, start, end, colour, label="", width=2.2):
    """Draw an arrow from `start` to `end` and write `label` beyond its tip."""
    style = {"arrowstyle": "-|>", "color": colour, "lw": width, "mutation_scale": 15, "shrinkA": 0, "shrinkB": 0}
    # An arrow that leaves the picture is cut at its frame; matplotlib would leave it out.
    ax.annotate("", end, start, arrowprops=style, annotation_clip=False).arrow_patch.set_clip_box(ax.bbox)
    if label:
        away = np.subtract(end, start)
        away = away / (np.hypot(*away) or 1.0) * 12
        ax.annotate(plain(label), end, xytext=away, textcoords="offset points", color=colour, weight="bold",
                    ha="center", va="center")


def tidy_plane(ax, x, y):
    """Give Axes the look of a plane: equal steps both ways, a faint grid, the two axes through zero."""
    ax.set(xlim=x, ylim=y, aspect="equal", xlabel="first number", ylabel="second number")
    ax.grid(color=COLOURS["grid"])
    ax.set_axisbelow(True)
    ax.axhline(0, color=COLOURS["line"], lw=1, zorder=1)
    ax.axvline(0, color=COLOURS["line"], lw=1, zorder=1)


def shown(value, digits=2):
    """Write a number as the figures do: fixed digits, a real minus sign, no minus zero."""
    if not np.isfinite(value):
        return "not a number" if np.isnan(value) else f"{MINUS if value < 0 else ''}infinity"
    return f"{round(float(value), digits) + 0.0:.{digits}f}".replace("-", MINUS)


def _float_array(name, values, wanted):
    try:
        array = np.asarray(values.detach().cpu() if hasattr(values, "detach") else values)
    except ValueError:
        raise ValueError(f"{name} should hold {wanted}, got rows of different lengths") from None
    if array.dtype.kind not in "iuf":
        raise ValueError(f"{name} should hold {wanted}, got {values!r:.80}")
    return array.astype(float)


def _check_finite(name, array, low, high):
    if not np.isfinite(array).all():
        raise ValueError(f"{name} should be finite, got {array[~np.isfinite(array)][0]}")
    outside = (array < low) | (array > high)
    if outside.any():
        raise ValueError(f"{name} should lie between {low:g} and {high:g}, got {array[outside][0]:g}")


def _how_many(counts):
    return str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
