"""What a picture shows, in words: alternative texts with values, names and directions."""

from __future__ import annotations

import numpy as np

_LISTED = 12
"""Rows, lines or bars up to which each is told by itself."""
_MOST = 0.75
"""Part of the queries from which on a pattern is one."""


def short(text, limit=14):
    """Cut a token for a label, with white space made visible.

    Parameters
    ----------
    text : str
        The token.
    limit : int
        Characters kept, the mark of the cut included.

    Returns
    -------
    str
        At most `limit` characters.

    Examples
    --------
    >>> short("a very long token indeed", 8), short("two\\nlines")
    ('a very …', 'two↵lines')
    """
    text = text.replace("\n", "↵").replace("\t", "⇥")
    return text if len(text) <= limit else text[: limit - 1] + "…"


def describe_weights(weights, queries, keys=None):
    """Say what a table of attention weights shows, as alternative text.

    Parameters
    ----------
    weights : array_like, shape (T, S)
        Attention weights (no unit).
    queries : sequence of str, length T
        The queries' tokens.
    keys : sequence of str, length S, optional
        The keys' tokens, when they are others.

    Returns
    -------
    str
        The size, the pattern, each query's largest weight while there are few, and what is not finite.

    Examples
    --------
    >>> describe_weights([[0.9, 0.1], [0.5, 0.5]], ["it", "sat"])
    'Heatmap of attention weights, 2 queries by 2 keys. Largest of each query: it to it 0.90, sat to it 0.50.'
    """
    weights = np.asarray(weights, dtype=float)
    keys = queries if keys is None else keys
    words = [f"Heatmap of attention weights, {len(queries)} queries by {len(keys)} keys."]
    known = [i for i, row in enumerate(weights) if row.size and np.isfinite(row).all()]
    words.append(pattern(weights, keys))
    if known:
        tops = [(i, int(np.argmax(weights[i]))) for i in known]
        if len(queries) <= _LISTED:
            words.append("Largest of each query: " + ", ".join(
                f"{short(queries[i])} to {short(keys[j])} {weights[i, j]:.2f}" for i, j in tops) + ".")
        else:
            i, j = max(tops, key=lambda at: weights[at])
            words.append(f"The largest, {weights[i, j]:.2f}, goes from {short(queries[i])} to {short(keys[j])}.")
    strange = int((~np.isfinite(weights)).sum())
    if strange:
        words.append(f"{strange} of {weights.size} weights are not finite.")
    return " ".join(filter(None, words))


def pattern(weights, keys):
    """Say what the largest weights of all queries have in common.

    The live figures say the same; a test holds their words to these.

    Parameters
    ----------
    weights : array_like, shape (T, S)
        Attention weights (no unit).
    keys : sequence of str, length S
        The keys' tokens.

    Returns
    -------
    str
        One or two sentences, or an empty string where there is nothing in common.

    Examples
    --------
    >>> pattern([[0.9, 0.1, 0.0], [0.8, 0.1, 0.1], [0.0, 0.7, 0.3]], ["the", "dog", "ran"])
    '2 of 2 queries give most to the token before them, 0.75 on average.'
    """
    weights = np.asarray(weights, dtype=float)
    T, S = weights.shape if weights.ndim == 2 else (0, 0)
    if T < 3 or S < 3 or not np.isfinite(weights).all():
        return ""
    if (weights.max(axis=1) - weights.min(axis=1)).max() < 0.02:
        return "Every query gives all keys nearly the same."
    best, rows = weights.argmax(axis=1), np.arange(T)
    said = []
    if T == S:
        for target, words in ((rows, "themselves"), (rows - 1, "the token before them"),
                              (rows + 1, "the token after them"),
                              (S - 1 - rows, "the token as far from the other end")):
            said.append(_share(weights, best, target, words))
    top = int(np.bincount(best, minlength=S).argmax())
    said.append(_share(weights, best, np.full(T, top), f"key {top} {short(keys[top])}"))
    said = [max(filter(None, said), default=(0, ""))[1]]
    if T == S and weights[np.triu_indices(T, 1)].max() < 0.0005:
        said.append("No query gives anything to later keys.")
    return " ".join(filter(None, said))


def _share(weights, best, target, words):
    """Count the queries whose largest weight lies at `target`: (mean weight there, sentence), or None for few."""
    there = (target >= 0) & (target < weights.shape[1])
    hits, count = int((best == target)[there].sum()), int(there.sum())
    if hits < _MOST * count:
        return None
    mean = weights[there, target[there]].mean()
    return mean, f"{hits} of {count} queries give most to {words}, {mean:.2f} on average."


def describe(figure):
    """Say in words what a matplotlib figure shows, as alternative text.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure; an Axes that carries its own ``alt_text`` is described by it.

    Returns
    -------
    str
        A few sentences for each Axes: its title and axes; for each line its name, direction and values; for bars
        their values; for an image its size and extremes.
    """
    axes = [ax for ax in figure.axes if ax.get_label() != "<colorbar>"]
    return " ".join(getattr(ax, "alt_text", None) or _describe_axes(ax) for ax in axes) or "Empty figure."


def _describe_axes(ax):
    title, (across, up) = _plain(ax.get_title()), (_plain(ax.get_xlabel()), _plain(ax.get_ylabel()))
    labels = [f"across: {across}" if across else "", f"up: {up}" if up else ""]
    head = ". ".join(filter(None, [title, "; ".join(filter(None, labels))]))
    things = [*_lines(ax), *_bars(ax), *_images(ax)]
    clouds = sum(len(cloud.get_offsets()) for cloud in ax.collections if len(cloud.get_offsets()) > 1)
    if clouds:
        things.append(f"{clouds} points")
    return ". ".join(filter(None, [head, "; ".join(things) or "nothing drawn"])) + "."


def _plain(text):
    """A label without the signs that make matplotlib read it as a formula."""
    return text.replace(r"\$", "\0").replace("$", "").replace("\\", "").replace("\0", "$").replace("\n", " ")


def _lines(ax):
    low, high = ax.get_ylim()
    drawn = [line for line in ax.get_lines() if len(line.get_xdata()) and line.get_visible()]
    curves = [line for line in drawn if line.get_transform() == ax.transData]
    for n, line in enumerate(curves[:_LISTED]):
        name = line.get_label()
        name = _plain(name) if name and not name.startswith("_") else f"line {n + 1}" if len(curves) > 1 else "a line"
        x, y = (np.asarray(part, dtype=float) for part in (line.get_xdata(), line.get_ydata()))
        say = _number(abs(high - low), ax.get_yscale() == "log")
        known = x[np.isfinite(x)]
        where = _number(np.ptp(known) if len(known) else 1, ax.get_xscale() == "log", (known == known.round()).all())
        yield f"{name} {_course(x, y, say, where)}"
    if len(curves) > _LISTED:
        yield f"{len(curves)} lines in all"


def _course(x, y, say, where):
    """Say how a curve runs: a direction and the values that bound it."""
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    if not len(y):
        return "has no finite value"
    size = np.ptp(y)
    if len(y) == 1 or size == 0:
        return f"stays at {say(y[0])}" if len(y) > 1 else f"is one point at {where(x[0])}, {say(y[0])}"
    span = f"from {say(y[0])} at {where(x[0])} to {say(y[-1])} at {where(x[-1])}"
    if np.ptp(x) == 0:
        return f"stands upright at {where(x[0])}"
    steps = np.diff(y)
    if steps.min() >= -0.05 * size and y[-1] > y[0]:
        return f"rises {span}"
    if steps.max() <= 0.05 * size and y[-1] < y[0]:
        return f"falls {span}"
    top, bottom = int(y.argmax()), int(y.argmin())
    return (f"runs {span}, highest {say(y[top])} at {where(x[top])}, lowest {say(y[bottom])} at {where(x[bottom])}")


def _number(size, logarithmic=False, whole=False):
    """A way to write numbers on an axis of this size: fine enough to read, too coarse for rounding to show."""
    if whole:
        return lambda value: f"{value:.0f}"
    if logarithmic or not np.isfinite(size) or size <= 0:
        return lambda value: f"{value:.2g}"
    digits = int(np.clip(2 - np.floor(np.log10(size)), 0, 6))
    return lambda value: f"{round(float(value), digits) + 0.0:.{digits}f}"


def _bars(ax):
    bars = [patch for patch in ax.patches if hasattr(patch, "get_height") and hasattr(patch, "get_width")]
    if not bars:
        return
    lying = len(bars) > 1 and len({round(bar.get_height(), 9) for bar in bars}) == 1 and len(
        {round(bar.get_width(), 9) for bar in bars}) > 1
    values = np.array([bar.get_width() if lying else bar.get_height() for bar in bars], dtype=float)
    axis = ax.yaxis if lying else ax.xaxis
    places = [bar.get_y() + bar.get_height() / 2 if lying else bar.get_x() + bar.get_width() / 2 for bar in bars]
    marks = dict(zip((round(float(at), 6) for at in axis.get_majorticklocs()),
                     (_plain(label.get_text()) for label in axis.get_majorticklabels()), strict=False))
    say = _number(np.abs(values).max() or 1)
    names = [marks.get(round(float(at), 6)) or "" for at in places]
    if len(bars) <= _LISTED:
        told = (f"{name} {say(value)}".strip() for name, value in zip(names, values, strict=True))
        yield f"{len(bars)} bars: {', '.join(told)}"
    else:
        yield f"{len(bars)} bars from {say(values.min())} to {say(values.max())}"


def _images(ax):
    for image in ax.get_images():
        array = np.ma.filled(np.ma.asarray(image.get_array(), dtype=float), np.nan)
        if array.ndim != 2 or not np.isfinite(array).any():
            yield f"a picture of {' by '.join(map(str, array.shape))}"
            continue
        say = _number(np.nanmax(np.abs(array)) or 1)
        top, bottom = (np.unravel_index(find(array), array.shape) for find in (np.nanargmax, np.nanargmin))
        yield (f"a table of {array.shape[0]} rows and {array.shape[1]} columns, largest {say(array[top])} in row "
               f"{top[0]}, column {top[1]}, smallest {say(array[bottom])} in row {bottom[0]}, column {bottom[1]}")
