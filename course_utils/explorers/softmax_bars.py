"""Scores become weights, step by step: divide by the temperature, exp, divide by the sum."""

from __future__ import annotations

import numpy as np
import traitlets

from course_utils.attention import softmax
from course_utils.explorers.base import browser_code
from course_utils.explorers.film import Film
from course_utils.explorers.scenes import (
    COLOURS,
    Scene,
    choice,
    labels,
    new_figure,
    number,
    number_list,
    plain,
    shown,
)

_COUNTS = range(2, 9)
_LIMIT = 6.0
STOPS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.0, 10.0,
         20.0, 50.0, 100.0)
"""The temperatures at which the slider stops."""
CONTROLS = ("temperature", "shift", "stable", "argmax")
"""What can stand above the figure: a slider, buttons, and two boxes to tick."""


class SoftmaxExplorer(Scene):
    """Move scores and the temperature, and watch exp and the sum turn them into weights.

    Each score has a row: its slider, the term exp(score / temperature) as a number and a bar, and its weight, which
    is its share of the sum. Below stand the sums, and how many times the second weight the first one is. Buttons add
    the same number to every score: the terms change, the weights do not. "Subtract the largest score first" shows how
    softmax stays finite for scores such as 1000.

    Parameters
    ----------
    scores : array_like, shape (n,)
        Two to eight scores between -6 and 6 (no unit).
    names : sequence of str, length n, optional
        What the scores belong to; letters when left out.
    temperature : float, default 1
        The scores are divided by it; from 0.05 to 100.
    shift : float, default 0
        Added to every score; from -2000 to 2000.
    stable : bool, default False
        Subtract the largest score before exp.
    hardmax : bool, default False
        Also show argmax: weight 1 for the largest score, 0 for the others.
    controls : sequence of {"temperature", "shift", "stable", "argmax"}, optional
        Which controls stand above the figure; all when left out. A lesson shows those that it has come to.
    steps : sequence of float, default (-1, 1, 10, 100, 1000)
        What the buttons of "shift" add to every score.
    function : callable, optional
        Another softmax, like the learner's own: takes the scores divided by the temperature, shape (n,), and
        returns n weights. Its weights are marked beside the bars, and rows where they differ are named. Without a
        kernel they are there for the scores the figure was saved with, at every stop of the temperature.
    presets : dict of str to dict, optional
        Buttons: words -> the state they set, like ``{"Tie": {"scores": (1, 1, 0)}}``. An empty dict leaves them out.
    covered : bool, default False
        Start with the result hidden, so that a class predicts it first; a button shows it.
    note, title, made_by : str, optional
        As for `Explorer`; `note` is a line under the title.

    Attributes
    ----------
    scores : list of float
        Set it and the sliders move, read it after a drag.
    temperature, shift : float
        As above.
    stable, hardmax : bool
        As above.

    Raises
    ------
    ValueError
        When there are not two to eight finite scores, names do not fit, the temperature is not positive, a control
        is unknown, or `function` cannot be called.

    Examples
    --------
    In a notebook, the last line of a cell shows the figure:

    >>> figure = SoftmaxExplorer([2.0, 1.0, 0.0], names=["cat", "sat", "mat"])
    >>> figure.weights.round(3)
    array([0.665, 0.245, 0.09 ])
    >>> figure.temperature = 0.5              # the slider on the page moves
    >>> figure.weights.round(3)
    array([0.867, 0.117, 0.016])

    With the function that the learner wrote: ``SoftmaxExplorer([2.0, 1.0, 0.0], function=own("softmax"))``.
    """

    _esm = browser_code("scene.js", "bars.js")

    kind = traitlets.Unicode("bars").tag(sync=True)
    scores = traitlets.Any().tag(sync=True)
    names = traitlets.List().tag(sync=True)
    temperature = traitlets.Any(1.0).tag(sync=True)
    shift = traitlets.Any(0.0).tag(sync=True)
    stable = traitlets.Bool().tag(sync=True)
    hardmax = traitlets.Bool().tag(sync=True)
    stops = traitlets.List(list(STOPS)).tag(sync=True)
    limit = traitlets.Float(_LIMIT).tag(sync=True)
    film = traitlets.Dict().tag(sync=True)
    function_name = traitlets.Unicode().tag(sync=True)
    controls = traitlets.List().tag(sync=True)
    steps = traitlets.List().tag(sync=True)

    def __init__(self, scores=(2.0, 1.0, 0.0), names=None, *, temperature=1.0, shift=0.0, stable=False, hardmax=False,
                 controls=CONTROLS, steps=(-1, 1, 10, 100, 1000), function=None, presets=None, covered=False, note="",
                 title="From scores to weights", made_by=None):
        scores = number_list("scores", scores, _COUNTS, -_LIMIT, _LIMIT)
        self._count = len(scores)
        if function is not None and not callable(function):
            raise ValueError(f"function should be a function of the scores, got {type(function).__name__}")
        self._function = function
        super().__init__(
            title=title, made_by=made_by, note=note, covered=covered,
            presets=_usual(self._count) if presets is None else presets, scores=scores,
            names=labels("names", names, self._count), temperature=temperature, shift=shift, stable=bool(stable),
            hardmax=bool(hardmax), controls=[choice("controls", each, CONTROLS) for each in controls],
            steps=number_list("steps", steps, range(1, 9), -2000, 2000),
            function_name=str(getattr(function, "whose", "your function")).split(" (")[0].split(", from")[0])
        self._record()

    def checks(self):
        count = range(self._count, self._count + 1)
        return {
            "scores": lambda value: number_list("scores", value, count, -_LIMIT, _LIMIT),
            "temperature": lambda value: number("temperature", value, STOPS[0], STOPS[-1]),
            "shift": lambda value: number("shift", value, -2000, 2000),
            "stable": bool,
            "hardmax": bool,
        }

    @traitlets.validate("scores", "temperature", "shift")
    def _check_state(self, proposal):
        return self._tidy(proposal)

    @traitlets.observe("scores", "shift")
    def _record(self, change=None):
        """Ask the learner's function for its weights at every stop of the temperature."""
        self._film = None
        if self._function is None:
            return
        shifted = self._shifted()
        try:
            film = Film.record(lambda t: self._function(shifted / t), STOPS, label="temperature", bits=32)
            if film.frames.shape[1:] != (self._count,):
                raise ValueError(f"it should return {self._count} weights, got shape {film.frames.shape[1:]}")
            self._film = film
            self.film = film.as_state() | {"scores": self.scores, "shift": self.shift}
        except Exception as error:  # whatever a learner's function does, the figure goes on without it
            self.film = {"trouble": f"{type(error).__name__}: {error}"[:200]}

    def _shifted(self):
        return np.array(self.scores) + self.shift

    @property
    def terms(self):
        """The terms exp(score / temperature), less the largest score when `stable` (ndarray, shape (n,))."""
        scores = self._shifted() / self.temperature
        with np.errstate(over="ignore"):
            return np.exp(scores - scores.max() if self.stable else scores)

    @property
    def weights(self):
        """The weights as shown (ndarray, shape (n,), no unit).

        Without `stable`, scores so large that a term overflows, or so small that all vanish, give NaN: that is what
        the formula taken literally does.
        """
        if not self.stable:
            total = self.terms.sum()
            if not np.isfinite(total) or total == 0:
                with np.errstate(invalid="ignore"):
                    return self.terms / total
        return softmax(self._shifted() / self.temperature)

    @property
    def function_weights(self):
        """What `function` returned (ndarray, shape (n,)); None without one, or between the stops of the slider."""
        if self._film is None or self.temperature not in STOPS:
            return None
        return self._film.frames[STOPS.index(self.temperature)]

    @property
    def ratio(self):
        """How many times the second weight the first one is (float, no unit)."""
        first, second = np.array(self.scores[:2]) / self.temperature
        return float(np.exp(first - second))

    def describe(self):
        """Say in a sentence what the figure shows; used as alternative text."""
        each = ", ".join(f"{name} {shown(weight)}" for name, weight in zip(self.names, self.weights))
        return f"{self.title}. Temperature {self.temperature:g}; weights {each}."

    def arrays(self):
        """Name what is drawn: scores, terms and weights."""
        found = {"names": ", ".join(self.names), "scores": self._shifted(), "temperature": float(self.temperature),
                 "terms": self.terms, "weights": self.weights}
        if self.function_weights is not None:
            found[self.function_name] = self.function_weights
        return found | ({self.function_name: self.film["trouble"]} if "trouble" in self.film else {})

    def draw_static(self):
        """Draw scores, terms and weights as three rows of bars with matplotlib."""
        figure, columns = new_figure(8.8, 1.5 + 0.42 * self._count, self.title, self.note, ratios=(1, 1, 1))
        inner = "(score − largest)" if self.stable else "score"
        by = "" if self.temperature == 1 else f" / {self.temperature:g}"
        heads = ("score", f"exp({inner}{by})", "weight")
        parts = zip(columns, (self._shifted(), self.terms, self.weights), heads, ("b", "muted", "plus"),
                    (shown, magnitude, lambda weight: shown(weight, 3)), strict=True)
        for ax, values, head, colour, write in parts:
            _draw_column(ax, values, head, COLOURS[colour], write)
        columns[0].set_yticks(range(self._count), [plain(name) for name in self.names])
        columns[2].set_xlabel(f"sum = {shown(self.weights.sum())}")
        columns[1].set_xlabel(f"sum = {magnitude(self.terms.sum())}")
        columns[2].set_xlim(0, 1.25)
        if self.function_weights is not None:
            columns[2].plot(self.function_weights, range(self._count), "D", color="white", markeredgecolor="black",
                            clip_on=False)
        return figure


def magnitude(value):
    """Write a number that may be huge or tiny in at most three significant digits.

    Examples
    --------
    >>> magnitude(7.389), magnitude(22026.5), magnitude(2.1e-9)
    ('7.39', '2.20e+4', '2.10e-9')
    """
    if not np.isfinite(value) or value == 0 or 0.01 <= abs(value) < 1000:
        return shown(value)
    digits, power = f"{value:.2e}".split("e")
    return f"{digits}e{int(power):+d}"


def _draw_column(ax, values, head, colour, write):
    known = np.nan_to_num(values, posinf=0.0)
    ax.barh(range(len(values)), known, height=0.62, color=colour)
    for n, value in enumerate(values):
        ax.annotate(write(value), (max(known[n], 0.0), n), xytext=(7, 0), textcoords="offset points", va="center")
    reach = 1.35 * np.abs(known).max(initial=1e-9)
    ax.set(title=head, xlim=(min(0.0, 1.1 * known.min()), reach), ylim=(len(values) - 0.5, -0.5))
    ax.tick_params(left=False, labelleft=True)
    ax.set_yticks([])
    if not known.any():  # every number is infinite or none: there is no scale to read
        ax.set_xticks([])
    ax.axvline(0, color=COLOURS["line"], lw=1)
    ax.spines[["top", "right", "left"]].set_visible(False)


def _usual(count):
    """Presets for any number of scores."""
    return {
        "All equal": {"scores": [1.0] * count, "temperature": 1.0, "shift": 0.0},
        "One ahead": {"scores": [3.0] + [1.0] * (count - 1), "temperature": 1.0, "shift": 0.0},
        "Steps of one": {"scores": [min(count - 1.0, 5.0) - n for n in range(count)], "temperature": 1.0, "shift": 0.0},
    }
