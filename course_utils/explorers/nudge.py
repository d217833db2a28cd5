"""One score is nudged, and every weight answers: a column of the slopes of softmax, seen."""

from __future__ import annotations

import numpy as np
import traitlets

from course_utils.attention import softmax
from course_utils.explorers.base import browser_code
from course_utils.explorers.scenes import COLOURS, Scene, choice, labels, new_figure, number_list, plain, shown

_COUNTS = range(2, 7)
_LIMIT = 6.0
STEPS = (1.0, 0.1, 0.01, 0.001)
"""How far a button raises the score (no unit); 0 is the state before."""


class NudgeExplorer(Scene):
    """Raise one score a little, and watch how far each weight moves for it.

    Each score has a row: its slider, its weight before and after the nudge, and the change of the weight divided by
    the step. A mark shows where that quotient goes for ever smaller steps: the slope. Below stand the sums, which
    stay 1 and 0.

    Parameters
    ----------
    scores : array_like, shape (n,)
        Two to six scores between -6 and 6 (no unit).
    names : sequence of str, length n, optional
        What the scores belong to; letters when left out.
    nudged : int, default 0
        Which score is raised.
    step : {0, 1, 0.1, 0.01, 0.001}, default 0
        By how much. With 0 nothing has moved yet, and no slope is shown.
    covered : bool, default False
        Start with the result hidden, so that a class predicts it first; a button shows it.
    note, title, made_by : str, optional
        As for `Explorer`; `note` is a line under the title.

    Attributes
    ----------
    scores, nudged, step
        As above: set one and the page follows, read it after a move.

    Raises
    ------
    ValueError
        When there are not two to six finite scores, names do not fit, or `nudged` or `step` is none of those allowed.

    Examples
    --------
    In a notebook, the last line of a cell shows the figure:

    >>> figure = NudgeExplorer([2.0, 0.0, -1.0], step=0.1)
    >>> figure.quotients.round(3)
    array([ 0.127, -0.093, -0.034])
    >>> figure.slopes.round(3)                # for ever smaller steps
    array([ 0.132, -0.096, -0.035])
    """

    _esm = browser_code("scene.js", "nudge.js")

    kind = traitlets.Unicode("nudge").tag(sync=True)
    scores = traitlets.Any().tag(sync=True)
    names = traitlets.List().tag(sync=True)
    nudged = traitlets.Any(0).tag(sync=True)
    step = traitlets.Any(0.0).tag(sync=True)
    steps = traitlets.List(list(STEPS)).tag(sync=True)
    limit = traitlets.Float(_LIMIT).tag(sync=True)

    def __init__(self, scores=(2.0, 1.0, 0.0), names=None, *, nudged=0, step=0.0, covered=False, note="",
                 title="One score is nudged, every weight answers", made_by=None):
        scores = number_list("scores", scores, _COUNTS, -_LIMIT, _LIMIT)
        self._count = len(scores)
        super().__init__(title=title, made_by=made_by, note=note, covered=covered, presets={}, scores=scores,
                         names=labels("names", names, self._count), nudged=nudged, step=step)

    def checks(self):
        count = range(self._count, self._count + 1)
        return {
            "scores": lambda value: number_list("scores", value, count, -_LIMIT, _LIMIT),
            "nudged": lambda value: choice("nudged", value, tuple(range(self._count))),
            "step": lambda value: choice("step", value, (0.0, *STEPS)),
        }

    @traitlets.validate("scores", "nudged", "step")
    def _check_state(self, proposal):
        return self._tidy(proposal)

    @property
    def before(self):
        """The weights before the nudge (ndarray, shape (n,), no unit)."""
        return softmax(np.array(self.scores))

    @property
    def after(self):
        """The weights after it (ndarray, shape (n,), no unit)."""
        return softmax(np.array(self.scores) + self.step * np.eye(self._count)[self.nudged])

    @property
    def quotients(self):
        """Change of each weight divided by the step (ndarray, shape (n,)); NaN while nothing is nudged."""
        change = self.after - self.before
        return change / self.step if self.step else np.full(self._count, np.nan)

    @property
    def slopes(self):
        """What the quotients tend to for ever smaller steps (ndarray, shape (n,), weight for each point of score)."""
        p = self.before
        return p * (np.eye(self._count)[self.nudged] - p[self.nudged])

    def describe(self):
        """Say in a sentence what the figure shows; used as alternative text."""
        now = ", ".join(f"{name} {shown(weight, 3)}" for name, weight in zip(self.names, self.after))
        if not self.step:
            return f"{self.title}. Nothing is nudged yet; weights {now}."
        each = ", ".join(f"{name} {shown(slope, 3)}" for name, slope in zip(self.names, self.quotients))
        return (f"{self.title}. The score of {self.names[self.nudged]} is raised by {self.step:g}; weights now {now}; "
                f"change divided by the step: {each}.")

    def arrays(self):
        """Name what is drawn: scores, the nudge, weights before and after, and the slopes once there is a step."""
        found = {"names": ", ".join(self.names), "scores": np.array(self.scores), "nudged": self.names[self.nudged],
                 "step": float(self.step), "before": self.before, "after": self.after}
        return found | ({"quotients": self.quotients, "slopes": self.slopes} if self.step else {})

    def draw_static(self):
        """Draw weights and slopes as two rows of bars with matplotlib."""
        figure, (left, right) = new_figure(8.8, 1.5 + 0.42 * self._count, self.title, self.note)
        rows = range(self._count)
        left.barh(rows, self.after, height=0.62, color=COLOURS["plus"])
        left.plot(self.before, rows, "|", color="black", ms=16)
        left.set_yticks(rows, [plain(name) for name in self.names])
        left.set(title="weight", xlim=(0, 1), ylim=(self._count - 0.5, -0.5))
        right.set(title="change of weight / step", xlim=(-0.3, 0.3), ylim=(self._count - 0.5, -0.5), yticks=[])
        right.axvline(0, color=COLOURS["line"], lw=1)
        if self.step:
            colours = [COLOURS["plus" if slope > 0 else "minus"] for slope in self.quotients]
            right.barh(rows, self.quotients, height=0.62, color=colours)
            right.plot(self.slopes, rows, "D", color="white", markeredgecolor="black")
        for ax in (left, right):
            ax.spines[["top", "right"]].set_visible(False)
        return figure
