"""Still charts of the lessons: bars, curves, tables of scores and other numbers. Axes in, Axes out."""

from __future__ import annotations

from itertools import cycle

import numpy as np

__all__ = [
    "draw_curves", "heads_side_by_side", "hull_and_outputs", "loss_curves", "named_bars", "number_picture",
    "score_table", "share_curves",
]


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


def loss_curves(ax, losses, *, title=""):
    """Draw how the loss of several models falls, step by step.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    losses : mapping of str to array_like, shape (steps,)
        For each name the loss after each step (nats).
    title : str
        Shown above.

    Returns
    -------
    matplotlib.axes.Axes
        `ax`, with ``ax.alt_text`` set.

    Raises
    ------
    ValueError
        When a curve is no row of numbers.
    """
    words = []
    for (name, values), style in zip(losses.items(), cycle(("-", "--", "-.", ":"))):
        values = _checked(f"losses of {name}", values, (len(values),))
        ax.plot(values, style, label=name)
        words.append(f"{name} from {values[0]:.2f} to {values[-1]:.2f}")
    ax.set(xlabel="step", ylabel="loss (nats)", title=title)
    if losses:  # none where the training was stopped at once
        ax.legend()
    ax.alt_text = f"{title}: a curve of the loss over the steps for each of {len(words)}: {', '.join(words)}."
    return ax


def share_curves(ax, lengths, shares, *, trained, xlabel, ylabel, title=""):
    """Draw what share of texts of each length comes out right, a curve for each model.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    lengths : array_like, shape (n,)
        Lengths of the texts (characters).
    shares : mapping of str to array_like, shape (n,)
        For each name the shares, from 0 to 1.
    trained : float
        The longest length in training (characters); what is longer stands on grey ground.
    xlabel, ylabel, title : str
        Words on the axes and above.

    Returns
    -------
    matplotlib.axes.Axes
        `ax`, with ``ax.alt_text`` set.

    Raises
    ------
    ValueError
        When a curve has not one share for each length.
    """
    lengths, words = np.asarray(lengths, dtype=float), []
    for (name, values), style in zip(shares.items(), cycle(("o-", "s--", "^-.", "d:"))):
        values = _checked(f"shares of {name}", values, lengths.shape)
        ax.plot(lengths, values, style, label=name)
        words.append(f"{name} from {values[0]:.2f} to {values[-1]:.2f}")
    ax.axvspan(trained, lengths.max(), color="grey", alpha=0.15, label="longer than in training")
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title, ylim=(-0.04, 1.04))
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    ax.alt_text = (f"{title}: {ylabel} over {xlabel} from {lengths.min():g} to {lengths.max():g}: "
                   f"{', '.join(words)}.")
    return ax


def number_picture(ax, table, *, xlabel, ylabel, title=""):
    """Draw a table of numbers as a picture with its colour bar.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    table : array_like, shape (rows, columns)
        Numbers (no unit).
    xlabel, ylabel, title : str
        Words on the axes and above.

    Returns
    -------
    matplotlib.axes.Axes
        `ax`, with ``ax.alt_text`` set.

    Raises
    ------
    ValueError
        When `table` has not two axes.
    """
    table = np.asarray(table, dtype=float)
    if table.ndim != 2:
        raise ValueError(f"table should have shape (rows, columns), got {table.shape}")
    image = ax.imshow(table, aspect="auto", cmap="cividis")
    ax.figure.colorbar(image, ax=ax)
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title)
    ax.alt_text = (f"{title}. A picture of {table.shape[0]} by {table.shape[1]} numbers, {ylabel} down and {xlabel} "
                   f"across, from {table.min():.2f} to {table.max():.2f}.")
    return ax


def heads_side_by_side(ax, heads, *, title=""):
    """Draw what each head holds of a numbered tensor, a colour for each token.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    heads : array_like of int, shape (H, T, d_k)
        Numbers 10 t + f: feature f of token t.
    title : str
        Shown above.

    Returns
    -------
    matplotlib.axes.Axes
        `ax`, with ``ax.alt_text`` set.

    Raises
    ------
    ValueError
        When `heads` has not three axes.
    """
    heads = np.asarray(heads)
    if heads.ndim != 3:
        raise ValueError(f"heads should have shape (H, T, d_k), got {heads.shape}")
    H, T, d_k = heads.shape
    sheet = np.concatenate(list(heads), axis=1)  # (T, H * d_k)
    ax.imshow(sheet // 10, cmap="Pastel1", vmin=0, vmax=8)
    for (i, j), number in np.ndenumerate(sheet):
        ax.text(j, i, number, ha="center", va="center", color="black")
    for h in range(1, H):
        ax.axvline(h * d_k - 0.5, color="black", linewidth=3)
    ax.set(title=title, ylabel="row of each head", yticks=range(T))
    ax.set_xticks([h * d_k + (d_k - 1) / 2 for h in range(H)], [f"head {h}" for h in range(H)])
    ax.alt_text = f"{title}. " + " ".join(f"Head {h} holds the rows {head.tolist()}." for h, head in enumerate(heads))
    return ax


def draw_curves(ax, x, heights, *, xlabel, ylabel="", title="", marked=(), log=False):
    """Draw one or several curves over the same numbers, each in its own kind of line.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    x : array_like, shape (n,)
        Numbers across, in the unit that `xlabel` names.
    heights : mapping of str to array_like, shape (n,)
        For each name its heights, in the unit that `ylabel` names.
    xlabel, ylabel, title : str
        Words on the axes and above.
    marked : sequence of float, optional
        Numbers across at which the first curve gets a dot and its height; they are looked up between those of `x`.
    log : bool, default False
        Let equal steps across stand for equal factors.

    Returns
    -------
    matplotlib.axes.Axes
        `ax`, with ``ax.alt_text`` set.

    Raises
    ------
    ValueError
        When a curve has not one height for each number of `x`.
    """
    x, words = np.asarray(x, dtype=float), []
    for n, ((name, values), style) in enumerate(zip(heights.items(), cycle(("-", "--", ":", "-.")))):
        values = _checked(f"heights of {name}", values, x.shape)
        ax.plot(x, values, style, label=name)
        words.append(f"{name} from {values[0]:.2f} to {values[-1]:.2f}, at most {values.max():.2f}")
        for place, height in zip(marked, np.interp(marked, x, values), strict=True) if n == 0 and len(marked) else ():
            ax.plot(place, height, "o", color="black")
            ax.annotate(f"{height:.2f}", (place, height), xytext=(-6, 6), textcoords="offset points", ha="right")
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title, xscale="log" if log else "linear")
    if len(heights) > 1:
        ax.legend()
    ax.alt_text = f"{title}. Over {xlabel} from {x.min():g} to {x.max():g}: {'; '.join(words)}."
    return ax


def hull_and_outputs(ax, values, outputs, *, title=""):
    """Draw values of the plane, the hull around them, and outputs as a cloud of small dots.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    values : array_like, shape (S, 2)
        The values (no unit), the corners of their hull, counter-clockwise.
    outputs : array_like, shape (n, 2)
        What weights made of them.
    title : str
        Shown above.

    Returns
    -------
    matplotlib.axes.Axes
        `ax`, with ``ax.alt_text`` set.

    Raises
    ------
    ValueError
        When `values` or `outputs` are not rows of two numbers.
    """
    values, outputs = (np.asarray(each, dtype=float) for each in (values, outputs))
    values = _checked("values", values, (len(values), 2))
    outputs = _checked("outputs", outputs, (len(outputs), 2))
    ax.fill(*values.T, alpha=0.2)
    ax.plot(*outputs.T, ".", markersize=3)
    ax.plot(*values.T, "ks")
    ax.set(title=title, xlabel="first number", ylabel="second number")
    sides = np.roll(values, -1, axis=0) - values
    away = outputs[:, None] - values  # (n, S, 2)
    inside = (np.sign(sides[:, 0] * away[..., 1] - sides[:, 1] * away[..., 0]) >= 0).all(axis=1)
    ax.alt_text = f"{title}. {len(outputs)} outputs of {len(values)} values, {inside.sum()} of them in the hull."
    return ax


def _checked(name, values, shape):
    values = np.asarray(values, dtype=float)
    if values.shape != shape:
        raise ValueError(f"{name} should have shape {shape}, got {values.shape}")
    return values
