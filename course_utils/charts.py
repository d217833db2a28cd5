"""Still charts of the lessons: named bars, a curve over an angle, a table of scores. Axes in, Axes out."""

from __future__ import annotations

import numpy as np

__all__ = ["angle_curve", "named_bars", "score_table"]


def named_bars(ax, names, values, *, xlabel, ylabel, title=""):
    """Draw a bar for each name.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    names : sequence of str, length n
        What the bars are called.
    values : array_like, shape (n,)
        Their heights, in the unit that `ylabel` names.
    xlabel, ylabel, title : str
        Words on the axes and above.

    Returns
    -------
    matplotlib.axes.Axes
        `ax`, with ``ax.alt_text`` set.

    Raises
    ------
    ValueError
        When there is not one value for each name.
    """
    values = _checked("values", values, (len(names),))
    ax.bar(range(len(names)), values)
    ax.set_xticks(range(len(names)), names)
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title)
    heights = ", ".join(f"{name} {value:.2f}" for name, value in zip(names, values, strict=True))
    ax.alt_text = f"{title}. Bars, {ylabel} of each {xlabel}: {heights}."
    return ax


def angle_curve(ax, degrees, values, *, ylabel, title=""):
    """Draw a curve over the angle between two arrows, with the line at 0.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    degrees : array_like, shape (n,)
        Angles (degrees).
    values : array_like, shape (n,)
        What is drawn over them, in the unit that `ylabel` names.
    ylabel, title : str
        Words on the axis and above.

    Returns
    -------
    matplotlib.axes.Axes
        `ax`, with ``ax.alt_text`` set.

    Raises
    ------
    ValueError
        When there is not one value for each angle.
    """
    degrees = np.asarray(degrees, dtype=float)
    values = _checked("values", values, degrees.shape)
    ax.plot(degrees, values, "o-")
    ax.axhline(0, color="grey", linewidth=1)
    ax.set_xticks(np.arange(degrees.min(), degrees.max() + 1, 45))
    ax.set(xlabel="angle between a and b (degrees)", ylabel=ylabel, title=title)
    high, low = degrees[values.argmax()], degrees[values.argmin()]
    ax.alt_text = (f"{title}. Curve of the {ylabel} over the angle, from {degrees.min():.0f} to {degrees.max():.0f} "
                   f"degrees: largest, {values.max():.2f}, at {high:.0f}, smallest, {values.min():.2f}, at {low:.0f}.")
    return ax


def score_table(ax, scores, queries, keys, *, title=""):
    """Draw a table of scores with its numbers: rows are queries, columns are keys, white stands for 0.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    scores : array_like, shape (T, S)
        Scores (no unit), positive or negative.
    queries, keys : sequence of str, lengths T and S
        What rows and columns are called.
    title : str
        Shown above.

    Returns
    -------
    matplotlib.axes.Axes
        `ax`, with ``ax.alt_text`` set.

    Raises
    ------
    ValueError
        When `scores` has not a row for each query and a column for each key.
    """
    queries, keys = list(queries), list(keys)
    scores = _checked("scores", scores, (len(queries), len(keys)))
    largest = max(1.0, np.abs(scores).max(initial=0))
    image = ax.imshow(scores, cmap="PuOr", vmin=-largest, vmax=largest, aspect="auto")
    for (i, j), score in np.ndenumerate(scores):
        colour = "white" if abs(score) > 0.7 * largest else "black"
        ax.text(j, i, f"{score:.0f}", color=colour, ha="center", va="center")
    ax.set_xticks(range(len(keys)), keys)
    ax.set_yticks(range(len(queries)), queries)
    ax.set(xlabel="key", ylabel="query", title=title)
    ax.figure.colorbar(image, ax=ax, label="score")
    rows = "; ".join(f"{query}: " + ", ".join(f"{key} {score:.0f}" for key, score in zip(keys, row, strict=True))
                     for query, row in zip(queries, scores, strict=True))
    ax.alt_text = f"{title}. Table of scores. {rows}."
    return ax


def _checked(name, values, shape):
    values = np.asarray(values, dtype=float)
    if values.shape != shape:
        raise ValueError(f"{name} should have shape {shape}, got {values.shape}")
    return values
