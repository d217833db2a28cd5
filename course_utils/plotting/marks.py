"""A figure in rounded text: the fingerprint that lets a test see what is drawn."""

import numpy as np

__all__ = ["array_mark", "fingerprint"]

_STEPS = (0.6180339887498949, 0.41421356237309515)
_DIGITS = 3


def _rounded(number, digits=_DIGITS):
    # Adding zero turns -0.0 into 0.0: CPUs do not agree on the sign of a rounded nothing.
    return f"{round(float(number), digits) + 0.0:.{digits}f}"


def array_mark(array, digits=_DIGITS):
    """Sum an array up in five numbers that change when it is transposed or two of its rows change places.

    Minimum, maximum and mean do not see a transposed picture, and a moment that is linear in the row does not
    see the rows of an attention matrix change places, since each sums to one. The two marks, sums under weights
    without such structure, see both.

    Parameters
    ----------
    array : array_like, shape (...)
        Numbers; what is not finite is counted and left out.
    digits : int
        Decimals kept, few enough for CPUs to agree.

    Returns
    -------
    str
        "min .. max .. mean .. marks .. ..", or "empty".

    Examples
    --------
    >>> array_mark([[0.0, 1.0], [0.25, 0.75]])
    'min 0.000 max 1.000 mean 0.500 marks 0.140 0.155'
    >>> array_mark([[0.0, 0.25], [1.0, 0.75]])
    'min 0.000 max 1.000 mean 0.500 marks 0.173 0.181'
    """
    array = np.ma.filled(np.ma.asarray(array, dtype=float), np.nan).ravel()
    if array.size == 0:
        return "empty"
    finite = np.isfinite(array)
    known = array[finite]
    words = "" if finite.all() else f"{int((~finite).sum())} not finite "
    if known.size == 0:
        return words.strip()
    size = " ".join(f"{name} {_rounded(number, digits)}" for name, number in
                    (("min", known.min()), ("max", known.max()), ("mean", known.mean())))
    marks = [np.where(finite, array, 0.0) @ _noise(array.size, step) / np.sqrt(array.size) for step in _STEPS]
    return f"{words}{size} marks {' '.join(_rounded(mark, digits) for mark in marks)}"


def _noise(count, step):
    # Squares: with the numbers themselves, the weights of two rows would differ by a constant.
    return (np.arange(1, count + 1, dtype=float) ** 2 * step) % 1.0 - 0.5


def fingerprint(figure, digits=_DIGITS):
    """Describe a matplotlib figure in rounded text: titles, labels, and a mark for each thing drawn.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure.
    digits : int
        Decimals kept.

    Returns
    -------
    str
        One line for the figure, one for each Axes, one for each image, line, cloud or row of bars.
    """
    lines = [f"Figure {figure.get_figwidth():g}x{figure.get_figheight():g}in"]
    for ax in figure.axes:
        if ax.get_label() == "<colorbar>":
            continue
        lines.append(f"  Axes {ax.get_title()!r} x={ax.get_xlabel()!r} y={ax.get_ylabel()!r}")
        lines += [f"    {line}" for line in _artists(ax, digits)]
    return "\n".join(lines)


def _artists(ax, digits):
    for image in ax.get_images():
        array = image.get_array()
        yield f"image {'x'.join(map(str, array.shape))} {array_mark(array, digits)}"
    for line in ax.get_lines():
        yield f"line {len(line.get_ydata())} {array_mark(line.get_xydata(), digits)}"
    for cloud in ax.collections:
        points = cloud.get_offsets()
        if len(points):
            yield f"points {len(points)} {array_mark(points, digits)}"
    bars = [[p.get_x(), p.get_width(), p.get_height()] for p in ax.patches if hasattr(p, "get_height")]
    if bars:
        yield f"bars {len(bars)} {array_mark(bars, digits)}"
    words = [text.get_text() for text in ax.texts if text.get_text()]
    if words:
        yield f"texts {len(words)} {' | '.join(words)[:200]!r}"
