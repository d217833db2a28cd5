"""A weighted sum of values: the output point and the hull it cannot leave while the weights sum to 1."""

from __future__ import annotations

import numpy as np
import traitlets

from course_utils.attention import softmax
from course_utils.explorers.base import browser_code
from course_utils.explorers.scenes import (
    COLOURS,
    Scene,
    choice,
    draw_arrow,
    labels,
    new_figure,
    number_list,
    plain,
    points,
    shown,
    tidy_plane,
    vector,
)

_COUNTS = range(3, 9)
_SCORES, _QUERY = 5.0, 3.0
CONTRIBUTIONS = ("chain", "lines", "none")


class HullExplorer(Scene):
    """Weigh values and watch the output move inside their hull.

    The values are labelled points of the plane. Their weights come from one of three sources: *amounts* (sliders
    from 0 to 1, divided by their sum), *scores* (sliders, put through softmax), or a *query* that is dragged among
    keys (its dot products with the keys are the scores). The output is the sum of weight times value. Its parts are
    drawn as arrows joined tip to tail, or as lines as thick as the weight. Without normalising, amounts (or the terms
    exp(score)) are the weights as they are, do not sum to 1, and the output leaves the hull. Values, query and keys
    move by mouse, touch or arrow keys (Shift: bigger steps).

    Parameters
    ----------
    values : array_like, shape (n, 2)
        Three to eight values.
    names : sequence of str, length n, optional
        What they are called; letters when left out.
    amounts : array_like, shape (n,), optional
        How much of each value is taken, from 0 to 1. Equal amounts when no source is given.
    scores : array_like, shape (n,), optional
        One score for each value, from -5 to 5 (no unit).
    keys : array_like, shape (n, 2), optional
        One key for each value, with numbers from -3 to 3; needs `query`.
    query : array_like, shape (2,), optional
        The query, with numbers from -3 to 3.
    normalise : bool, default True
        Divide by the sum, so that the weights sum to 1.
    contributions : {"chain", "lines", "none"}, default "chain"
        How the parts of the sum are drawn.
    presets : dict of str to dict, optional
        Buttons: words -> the state they set, like ``{"Only A": {"amounts": (1, 0, 0)}}``. An empty dict leaves
        them out.
    covered : bool, default False
        Start with the result hidden, so that a class predicts it first; a button shows it.
    note, title, made_by : str, optional
        As for `Explorer`; `note` is a line under the title.

    Attributes
    ----------
    values : list of list of float
        Set it and the points move, read it after a drag.
    amounts, scores, query, key_vectors : list
        The sources, as above; only the one in use moves anything.
    source : str
        Which is in use: "amounts", "scores" or "query".
    normalise : bool
        As above.
    contributions : str
        As above.

    Raises
    ------
    ValueError
        When there are not three to eight finite values, another argument does not fit them, or more than one source
        is given.

    Examples
    --------
    In a notebook, the last line of a cell shows the figure:

    >>> figure = HullExplorer([(0, 0), (4, 0), (0, 4)], amounts=[1, 1, 0])
    >>> figure.weights, figure.output
    (array([0.5, 0.5, 0. ]), array([2., 0.]))
    >>> figure.normalise = False              # the point on the page leaves the hull
    >>> figure.output
    array([4., 0.])

    Attention in the plane, one query that looks at three keys:

    >>> figure = HullExplorer([(0, 0), (4, 0), (0, 4)], keys=[(1, 0), (0, 1), (-1, 0)], query=(0, 3))
    >>> figure.weights.round(2)
    array([0.05, 0.91, 0.05])
    """

    _esm = browser_code("axes.js", "scene.js", "hull.js")

    kind = traitlets.Unicode("hull").tag(sync=True)
    values = traitlets.Any().tag(sync=True)
    names = traitlets.List().tag(sync=True)
    source = traitlets.Unicode().tag(sync=True)
    amounts = traitlets.Any([]).tag(sync=True)
    scores = traitlets.Any([]).tag(sync=True)
    query = traitlets.Any([]).tag(sync=True)
    key_vectors = traitlets.Any([]).tag(sync=True)
    normalise = traitlets.Bool(True).tag(sync=True)
    contributions = traitlets.Unicode("chain").tag(sync=True)
    frame = traitlets.List().tag(sync=True)

    def __init__(self, values, names=None, *, amounts=None, scores=None, keys=None, query=None, normalise=True,
                 contributions="chain", presets=None, covered=False, note="", title="A weighted sum of values",
                 made_by=None):
        values = points("values", values, _COUNTS)
        self._count, self._frame = len(values), _frame(values)
        self._source = _source(amounts, scores, keys, query)
        given = {"amounts": [1.0] * self._count if amounts is None and self._source == "amounts" else amounts,
                 "scores": scores, "key_vectors": keys, "query": query}
        names = labels("names", names, self._count)
        if presets is None:
            presets = _usual(names) if self._source == "amounts" else {}
        super().__init__(
            title=title, made_by=made_by, note=note, covered=covered, presets=presets, values=values, names=names,
            source=self._source, normalise=bool(normalise), contributions=contributions, frame=self._frame,
            **{name: value for name, value in given.items() if value is not None})

    def checks(self):
        count = range(self._count, self._count + 1)
        shared = {
            "values": lambda value: _inside(points("values", value, count), self._frame),
            "normalise": bool,
            "contributions": lambda value: choice("contributions", value, CONTRIBUTIONS),
        }
        return shared | {
            "amounts": {"amounts": lambda value: number_list("amounts", value, count, 0, 1)},
            "scores": {"scores": lambda value: number_list("scores", value, count, -_SCORES, _SCORES)},
            "query": {"query": lambda value: vector("query", value, _QUERY),
                      "key_vectors": lambda value: points("key_vectors", value, count, _QUERY)},
        }[self._source]

    @traitlets.validate("values", "amounts", "scores", "query", "key_vectors", "contributions")
    def _check_state(self, proposal):
        return self._tidy(proposal)

    @property
    def weights(self):
        """The weights (ndarray, shape (n,), no unit); all 0 when every amount is 0."""
        if self._source == "amounts":
            amounts = np.array(self.amounts)
            return amounts / (amounts.sum() or 1.0) if self.normalise else amounts
        scores = self._scores()
        return softmax(scores) if self.normalise else np.exp(scores)

    @property
    def output(self):
        """The sum of weight times value (ndarray, shape (2,))."""
        return self.weights @ np.array(self.values)

    def _scores(self):
        return np.array(self.scores) if self._source == "scores" else np.array(self.key_vectors) @ np.array(self.query)

    def describe(self):
        """Say in a sentence what the figure shows; used as alternative text."""
        each = ", ".join(f"{name} {shown(weight)}" for name, weight in zip(self.names, self.weights))
        return (f"{self.title}. Weights {each}, sum {shown(self.weights.sum())}; output at "
                f"({shown(self.output[0])}, {shown(self.output[1])}).")

    def arrays(self):
        """Name what is drawn: values, weights and the output."""
        found = {"names": ", ".join(self.names), "values": np.array(self.values), "weights": self.weights,
                 "output": self.output}
        if self._source != "amounts":
            found["scores"] = self._scores()
        if self._source == "query":
            found |= {"keys": np.array(self.key_vectors), "query": np.array(self.query)}
        return found

    def draw_static(self):
        """Draw the hull, the parts of the sum and the weights with matplotlib."""
        by_query = self._source == "query"
        figure, columns = new_figure(11 if by_query else 8.8, 4.3, self.title, self.note,
                                     ratios=(1, 1, 0.75) if by_query else (1.25, 1))
        if by_query:
            _draw_keys(columns[0], self.key_vectors, self.names, self.query)
        _draw_values(columns[-2], np.array(self.values), self.names, self.weights, self._frame,
                     self.contributions)
        _draw_weights(columns[-1], self.names, self.weights)
        return figure


def convex_hull(values):
    """Find the corners of the smallest convex shape around points of the plane.

    Parameters
    ----------
    values : array_like, shape (n, 2)
        The points.

    Returns
    -------
    list of int
        Which points are corners, counter-clockwise from the leftmost; two when all lie on a line, one when all
        are the same.

    Examples
    --------
    >>> convex_hull([(0, 0), (4, 0), (1, 1), (0, 4)])
    [0, 1, 3]
    """
    order = sorted(range(len(values)), key=lambda n: tuple(values[n]))

    def half(way):
        corners = []
        for n in way:
            while len(corners) > 1 and _turn(values[corners[-2]], values[corners[-1]], values[n]) <= 0:
                corners.pop()
            if not corners or tuple(values[corners[-1]]) != tuple(values[n]):
                corners.append(n)
        return corners

    lower, upper = half(order), half(order[::-1])
    return lower[:-1] + upper[:-1] if len(lower) > 1 else lower


def _turn(a, b, c):
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _source(amounts, scores, keys, query):
    if (keys is None) != (query is None):
        raise ValueError("keys and query should be given together, got only one of them")
    given = [name for name, value in (("amounts", amounts), ("scores", scores), ("query", query)) if value is not None]
    if len(given) > 1:
        raise ValueError(f"weights should have one source, got {' and '.join(given)}")
    return given[0] if given else "amounts"


def _frame(values):
    """Choose the part of the plane to show, [x low, x high, y low, y high]: square, with zero and some room."""
    table = np.array([*values, (0.0, 0.0)])
    middle = (table.min(axis=0) + table.max(axis=0)) / 2
    half = 0.72 * float((table.max(axis=0) - table.min(axis=0)).max() or 1.0)
    return [float(edge) for m in middle for edge in (m - half, m + half)]


def _inside(values, frame):
    table = np.array(values)
    if (table < frame[::2]).any() or (table > frame[1::2]).any():
        raise ValueError(f"values should lie between {frame[0]:g} and {frame[1]:g} across, {frame[2]:g} and "
                         f"{frame[3]:g} up, got {values}")
    return values


def _usual(names):
    """Presets for amounts: the average, one value alone, two values."""
    count = len(names)
    return {"Average of all": {"amounts": [1.0] * count},
            f"Only {names[0]}": {"amounts": [1.0] + [0.0] * (count - 1)},
            f"Half {names[0]}, half {names[1]}": {"amounts": [0.5, 0.5] + [0.0] * (count - 2)}}


def _draw_keys(ax, keys, names, query):
    tidy_plane(ax, (-1.15 * _QUERY, 1.15 * _QUERY), (-1.15 * _QUERY, 1.15 * _QUERY))
    ax.set_title("query and keys", fontsize=10)
    for key, name in zip(keys, names):
        draw_arrow(ax, (0, 0), key, COLOURS["b"], name, 1.6)
    draw_arrow(ax, (0, 0), query, COLOURS["a"], "query")


def _draw_values(ax, values, names, weights, frame, contributions):
    tidy_plane(ax, frame[:2], frame[2:])
    ax.set_title("values and output", fontsize=10)
    corners = values[convex_hull(values.tolist())]
    ax.fill(*corners.T, facecolor=COLOURS["plus"], alpha=0.12, edgecolor=COLOURS["plus"], lw=1.2)
    steps = np.vstack([np.zeros(2), np.cumsum(weights[:, None] * values, axis=0)])
    for n, (value, name) in enumerate(zip(values, names)):
        if contributions == "chain":
            draw_arrow(ax, steps[n], steps[n + 1], COLOURS["b"], width=1.8)
        elif contributions == "lines":
            ax.plot(*zip(value, steps[-1]), color=COLOURS["b"], lw=10 * weights[n], alpha=0.5, solid_capstyle="butt")
        ax.plot(*value, "o", color=COLOURS["plus"], ms=8)
        ax.annotate(plain(name), value, xytext=(7, 7), textcoords="offset points", weight="bold")
    low, high = np.array(frame[::2]), np.array(frame[1::2])
    place = np.clip(steps[-1], low, high)
    outside = (place != steps[-1]).any()
    words = f"output ({shown(steps[-1][0])}, {shown(steps[-1][1])})" if outside else "output"
    ax.plot(*place, "D", color=COLOURS["a"], ms=10, markeredgecolor="white", zorder=5, clip_on=False)
    left = place[0] > (low[0] + high[0]) / 2
    ax.annotate(words, place, xytext=(-9 if left else 9, -13), textcoords="offset points", color=COLOURS["a"],
                weight="bold", ha="right" if left else "left")


def _draw_weights(ax, names, weights):
    ax.barh(range(len(weights)), weights, height=0.6, color=COLOURS["plus"])
    for n, weight in enumerate(weights):
        ax.annotate(shown(weight), (weight, n), xytext=(4, 0), textcoords="offset points", va="center")
    ax.set_yticks(range(len(weights)), [plain(name) for name in names])
    ax.set(xlim=(0, 1.3 * max(1.0, weights.max())), ylim=(len(weights) - 0.5, -0.5), title="weights",
           xlabel=f"sum = {shown(weights.sum())}")
    ax.spines[["top", "right"]].set_visible(False)
