"""Attention weights as a picture: rows are queries, columns are keys."""

from __future__ import annotations

import numpy as np

from course_utils.plotting.alt_text import describe_weights, short

__all__ = ["heatmap"]


def heatmap(ax, weights, queries=None, keys=None, *, hidden=None, title=None, colour_bar=True, numbers=False):
    """Draw attention weights: rows are queries, columns are keys, colours run from 0 to 1.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    weights : array_like, shape (T, S)
        Attention weights (no unit).
    queries, keys : sequence of str, lengths T and S, optional
        Tokens; `keys` defaults to `queries` where the lengths agree.
    hidden : array_like of bool, shape (T, S), optional
        Cells that a mask hides; they are hatched.
    title : str, optional
        Shown above.
    colour_bar : bool, default True
        Draw the bar "attention weight".
    numbers : bool, default False
        Write each weight into its cell, with two decimals.

    Returns
    -------
    matplotlib.axes.Axes
        `ax`, with ``ax.alt_text`` set.

    Raises
    ------
    ValueError
        When `weights` has not two axes, or tokens or `hidden` do not fit it.
    """
    weights = np.asarray(weights.detach() if hasattr(weights, "detach") else weights, dtype=float)
    if weights.ndim != 2:
        raise ValueError(f"weights should have shape (T, S), got {weights.shape}")
    T, S = weights.shape
    keys = queries if keys is None and T == S else keys
    for name, tokens, count in (("queries", queries, T), ("keys", keys, S)):
        if tokens is not None and len(tokens) != count:
            raise ValueError(f"{name} should hold {count} tokens, got {len(tokens)}")
    ax.set(xlabel="key", ylabel="query", title=_plain(title or ""))
    ax.alt_text = (f"{title}. " if title else "") + describe_weights(
        weights, queries or [str(i) for i in range(T)], keys or [str(j) for j in range(S)])
    if not weights.size:
        return ax
    image = ax.imshow(np.ma.masked_invalid(weights), vmin=0, vmax=1, cmap="viridis", aspect="auto")
    image.cmap = image.cmap.with_extremes(bad="#c2185b")
    _token_ticks(ax.xaxis, keys, S, rotation=60)
    _token_ticks(ax.yaxis, queries, T)
    for (i, j), weight in np.ndenumerate(weights) if numbers else ():
        ax.text(j, i, f"{weight:.2f}", color="black" if weight > 0.6 else "white", ha="center", va="center", fontsize=9)
    if hidden is not None:
        _hatch(ax, np.asarray(hidden, dtype=bool), (T, S))
    if colour_bar:
        ax.figure.colorbar(image, ax=ax, label="attention weight")
    return ax


def _plain(text):
    """Keep matplotlib from reading a dollar sign as the beginning of a formula."""
    return text.replace("$", r"\$")


def _token_ticks(axis, tokens, count, rotation=0):
    if tokens is None or count > 40:
        return
    labels = [_plain(short(token)) for token in tokens]
    axis.set_ticks(range(count), labels, rotation=rotation, fontsize=9 if count <= 24 else 6)


def _hatch(ax, hidden, shape):
    if hidden.shape != shape:
        raise ValueError(f"hidden should have shape {shape}, got {hidden.shape}")
    if not hidden.any():
        return
    cover = np.ma.masked_where(~hidden, np.ones(shape))
    edges = [np.arange(n + 1) - 0.5 for n in shape[::-1]]
    ax.pcolor(*edges, cover, hatch="///", cmap="Greys", vmin=1, vmax=4, edgecolor="#777", linewidth=0)
