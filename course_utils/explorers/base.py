"""What every live figure shares: the browser's code, packed arrays, and the three forms of its output."""

from __future__ import annotations

import hashlib
from collections import Counter
from functools import cache
from pathlib import Path

import anywidget
import numpy as np
import traitlets

from course_utils.plotting.marks import array_mark
from course_utils.plotting.pictures import picture_forms, png_bytes

_BROWSER = Path(__file__).parent / "js"
_VIEW = "application/vnd.jupyter.widget-view+json"
_seen = Counter()  # how many figures of one fingerprint have been shown


@cache
def browser_code(*drawers):
    """Join the core, the mathematics and a figure's own drawers into one JavaScript module.

    Lines that hold only a comment are left out, and so is indentation: every figure carries its code in the notebook.

    Parameters
    ----------
    *drawers : str
        File names in ``explorers/js``, in the order in which they need each other.

    Returns
    -------
    str
        The source of an ES module that exports ``render``, as anywidget wants it.

    Examples
    --------
    >>> "export default" in browser_code("heatmap.js")
    True
    """
    lines = []
    for name in ("math.js", "files.js", "core.js", *drawers):
        lines += (_BROWSER / name).read_text(encoding="utf-8").splitlines()
    lines = [line.strip() for line in lines]
    lines = [line for line in lines if line and not line.startswith("//")]
    return "\n".join([*lines, "export default { render };", ""])


@cache
def style_sheet(*extra):
    """Join the style sheet of all figures and a figure's own.

    Parameters
    ----------
    *extra : str
        File names in ``explorers/js``.

    Returns
    -------
    str
        The style sheet, without comments and indentation.
    """
    lines = [line.strip() for name in ("core.css", *extra)
             for line in (_BROWSER / name).read_text(encoding="utf-8").splitlines()]
    return "\n".join([line for line in lines if line and not line.startswith("/*")] + [""])


def numbers(name, x):
    """Turn what a caller gave into float32 numbers.

    Parameters
    ----------
    name : str
        The argument's name, for the error.
    x : array_like or Tensor, shape (...)
        Numbers; a tensor may require gradients.

    Returns
    -------
    ndarray, the shape of `x`
        float32, possibly the caller's own memory: not to be written into.

    Raises
    ------
    ValueError
        When `x` is not an array of real numbers.

    Examples
    --------
    >>> numbers("q", [[1, 2]])
    array([[1., 2.]], dtype=float32)
    """
    try:
        array = np.asarray(x.detach().cpu() if hasattr(x, "detach") else x)
    except ValueError:
        raise ValueError(f"{name} should be an array of numbers, got rows of different lengths") from None
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} should be an array of numbers, got {type(x).__name__} of {array.dtype}")
    return array.astype(np.float32, copy=False)


def pack(array, bits=32):
    """Put an array in an envelope that a trait can hold and ``unpack`` in math.js can read.

    Parameters
    ----------
    array : array_like, shape (...)
        Numbers. For a film the first axis counts the frames.
    bits : {8, 16, 32}
        32 keeps float32. 8 and 16 keep whole steps between the smallest and the largest number:
        four times or twice as small, with an error of at most half a step.

    Returns
    -------
    dict
        ``shape``, ``bits``, ``low``, ``high`` and ``data`` (bytes, row by row).

    Raises
    ------
    ValueError
        When `bits` is another number, or when 8 or 16 are asked for an array that is not all finite.

    Examples
    --------
    >>> envelope = pack([[0.0, 0.5, 1.0]], bits=8)
    >>> envelope["shape"], envelope["data"].hex()
    ([1, 3], '0080ff')
    """
    array = numbers("array", array)
    low, high = (float(array.min()), float(array.max())) if array.size else (0.0, 0.0)
    envelope = {"shape": list(array.shape), "bits": bits, "low": 0.0, "high": 1.0}
    if bits == 32:
        return envelope | {"data": np.ascontiguousarray(array).tobytes()}
    if bits not in (8, 16):
        raise ValueError(f"bits should be 8, 16 or 32, got {bits!r}")
    if not np.isfinite(array).all():
        raise ValueError(f"array should be finite to be kept in {bits} bits; use bits=32")
    steps = (array.astype(np.float64) - low) / ((high - low) or 1.0) * (2**bits - 1)
    stored = np.rint(steps).astype(f"<u{bits // 8}")
    return envelope | {"low": low, "high": high, "data": stored.tobytes()}


class Explorer(anywidget.AnyWidget):
    """A live figure: state that Python and the browser share, drawn by plain JavaScript.

    A figure subclasses it with ``kind`` (the name under which its drawer registers in ``FIGURES``),
    ``_esm = browser_code("its_drawer.js")``, its state as traits tagged ``sync=True``, and the three
    methods `draw_static`, `describe` and `arrays`.

    Parameters
    ----------
    title : str
        Shown above the figure, and its accessible name.
    made_by : str, optional
        Whose function made what is drawn, in words ("your scaled_dot_product_attention").
    **state
        Values of the figure's own traits.
    """

    _css = style_sheet()

    kind = traitlets.Unicode().tag(sync=True)
    title = traitlets.Unicode().tag(sync=True)
    made_by = traitlets.Unicode().tag(sync=True)
    live = traitlets.Unicode().tag(sync=True)

    def __init__(self, *, title, made_by=None, **state):
        super().__init__(title=str(title), made_by=str(made_by or ""), **state)

    def __setattr__(self, name, value):
        try:
            super().__setattr__(name, value)
        except (ValueError, traitlets.TraitError) as error:
            # What a reader sees is the cell and what was wrong, not thirty lines from inside traitlets.
            raise error.with_traceback(None) from None

    def draw_static(self):
        """Draw the present state with matplotlib; a subclass returns a ``Figure``."""
        raise NotImplementedError

    def describe(self):
        """Say in a sentence what the figure shows; used as alternative text. A subclass returns a str."""
        raise NotImplementedError

    def arrays(self):
        """Name what is drawn: a subclass returns a dict of arrays and plain values, the fingerprint's source."""
        raise NotImplementedError

    def fingerprint(self):
        """Describe what is drawn in rounded text, so that a test notices when it changes.

        Returns
        -------
        str
            The class, the title, and a line for each entry of `arrays`.
        """
        head = [f"{self._shown_name()} {self.title!r}"]
        if self.made_by:
            head.append(f"  made by {self.made_by}")
        return "\n".join(head + [f"  {name}: {_entry(value)}" for name, value in self.arrays().items()])

    def __repr__(self):
        return f"<{self._shown_name()} {self.title!r}>"

    def _shown_name(self):
        return type(self).__name__

    def _repr_mimebundle_(self, **kwargs):
        """Give all forms in one output, for hosts that do not ask `_ipython_display_`."""
        data, metadata = super()._repr_mimebundle_(**kwargs) or ({}, {})
        still, words = self._still()
        return dict(data) | still, dict(metadata) | words

    def _ipython_display_(self):
        """Publish the live view, and after it the picture that takes its place where no model is left.

        JupyterLab shows one form of an output, and for a widget's view whose model is missing an error, whatever
        other forms there are. In an output of its own the picture is there on the next day too.
        """
        from IPython.display import publish_display_data

        data, _ = super()._repr_mimebundle_() or ({}, {})
        still, words = self._still()
        if _VIEW in data:
            publish_display_data({_VIEW: data[_VIEW]})
        publish_display_data(still, words)

    def _still(self):
        """Give the picture's forms and their metadata; the live view learns the name under which it hides it."""
        text, words = self.fingerprint(), self.describe()
        if not self.live:
            mark = hashlib.sha256(text.encode()).hexdigest()[:10]
            _seen[mark] += 1
            self.live = f"{mark}-{_seen[mark]}"
        return picture_forms(png_bytes(self.draw_static(), 90), words, text, self.live), {"image/png": {"alt": words}}


def _entry(value):
    if isinstance(value, np.ndarray):
        return f"{'x'.join(map(str, value.shape))} {array_mark(value)}"
    if isinstance(value, float):
        return f"{value:.4g}"
    return repr(value) if isinstance(value, str) else str(value)
