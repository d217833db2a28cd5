"""A curve among measured points, and a slider that changes it: every stop was computed beforehand by a function."""

from __future__ import annotations

import numpy as np
import traitlets

from course_utils.explorers.base import browser_code, pack
from course_utils.explorers.scenes import COLOURS, Scene, choice, new_figure, shown


class CurveExplorer(Scene):
    """Move one control and watch a curve change among points that stay.

    Parameters
    ----------
    film : Film, frames of shape (N, P)
        The curve's heights for each value of the control.
    x : array_like, shape (P,)
        Where the curve is known, in rising order.
    points : tuple of two array_like, each of shape (M,)
        Across and up: what was measured.
    value : float, optional
        Which stop to start from; the first when left out.
    x_label, y_label : str
        What the axes show, with the unit.
    note, title, made_by : str, optional
        As for `Explorer`; `note` is a line under the title. The film's `made_by` when left out.

    Attributes
    ----------
    value : float
        Set it and the slider moves, read it after a move.

    Raises
    ------
    ValueError
        When the film's frames do not fit `x`, `points` are not as many across as up, or `value` is no stop.

    Examples
    --------
    >>> from course_utils.explorers import Film
    >>> film = Film.record(lambda power: np.array([0.0, 0.5, 1.0]) ** power, [1, 2, 3], label="power")
    >>> figure = CurveExplorer(film, [0.0, 0.5, 1.0], ([0.5], [0.3]))
    >>> figure.value = 2.0
    >>> figure.curve
    array([0.  , 0.25, 1.  ])
    """

    _esm = browser_code("axes.js", "scene.js", "curve.js")

    kind = traitlets.Unicode("curve").tag(sync=True)
    value = traitlets.Any().tag(sync=True)
    film = traitlets.Dict().tag(sync=True)
    x = traitlets.Dict().tag(sync=True)
    points = traitlets.Dict().tag(sync=True)
    x_label = traitlets.Unicode().tag(sync=True)
    y_label = traitlets.Unicode().tag(sync=True)

    def __init__(self, film, x, points, *, value=None, x_label="x", y_label="y", note="",
                 title="A curve among points", made_by=None):
        self._film = film
        self._x = np.asarray(x, dtype=float)
        self._points = tuple(np.asarray(part, dtype=float) for part in points)
        if film.frames.shape[1:] != self._x.shape or self._x.ndim != 1:
            raise ValueError(f"film should hold one height for each of {self._x.size} places of x, "
                             f"got frames of shape {film.frames.shape[1:]}")
        if len(self._points) != 2 or self._points[0].shape != self._points[1].shape or self._points[0].ndim != 1:
            raise ValueError("points should be two arrays of one length, across and up, got shapes "
                             + " and ".join(str(part.shape) for part in self._points))
        super().__init__(title=title, made_by=made_by or film.made_by, note=note, covered=False, presets={},
                         value=film.values[0] if value is None else value, film=film.as_state(), x=pack(self._x),
                         points=pack(np.stack(self._points)), x_label=str(x_label), y_label=str(y_label))

    def checks(self):
        return {"value": lambda value: choice("value", value, tuple(self._film.values))}

    @traitlets.validate("value")
    def _check_state(self, proposal):
        return self._tidy(proposal)

    @property
    def curve(self):
        """The heights that are shown (ndarray, shape (P,))."""
        return self._film.frames[self._film.values.index(self.value)].astype(float)

    def describe(self):
        """Say in a sentence what the figure shows; used as alternative text."""
        low, high = self.curve.min(), self.curve.max()
        return (f"{self.title}. {self._film.label} {self.value:g}: among {len(self._points[0])} points, a curve "
                f"between {shown(low, 1)} and {shown(high, 1)}, turns: {turns(self.curve)}; across: {self.x_label}; "
                f"up: {self.y_label}.")

    def arrays(self):
        """Name what is drawn: the control, the points and the curve."""
        return {self._film.label: float(self.value), "points": np.stack(self._points), "curve": self.curve}

    def draw_static(self):
        """Draw points and curve with matplotlib."""
        figure, (ax,) = new_figure(8.8, 3.6, self.title, self.note, ratios=(1,))
        ax.plot(*self._points, ".", color=COLOURS["b"], ms=5)
        ax.plot(self._x, self.curve, color=COLOURS["a"], lw=2)
        ax.set(xlabel=self.x_label, ylabel=self.y_label, title=f"{self._film.label} {self.value:g}")
        ax.spines[["top", "right"]].set_visible(False)
        return figure


def turns(heights):
    """Count how often a curve changes between rising and falling; steps below a thousandth of its range do not count.

    Parameters
    ----------
    heights : array_like, shape (P,)
        The curve.

    Returns
    -------
    int
        The number of turns.

    Examples
    --------
    >>> turns([0, 1, 1, 2, 0, 3])
    2
    """
    heights = np.asarray(heights, dtype=float)
    steps = np.diff(heights)
    ways = np.sign(steps[np.abs(steps) > 1e-3 * np.ptp(heights)])
    return int((ways[1:] != ways[:-1]).sum())
