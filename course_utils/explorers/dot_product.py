"""Two arrows, or one query and its keys: the dot product as a length, an angle and a shadow."""

from __future__ import annotations

import numpy as np
import traitlets

from course_utils.explorers.base import browser_code
from course_utils.explorers.scenes import (
    COLOURS,
    Scene,
    draw_arrow,
    labels,
    new_figure,
    number,
    plain,
    points,
    shown,
    tidy_plane,
    vector,
)

_COUNTS = range(1, 9)


class DotProductExplorer(Scene):
    """Drag two arrows and watch their dot product; or drag a query against several keys.

    With `a` and `b`: the plane shows both arrows, the angle between them and the shadow of `a` on the line of
    `b` (the dropped perpendicular); beside it stands the dot product, as a signed bar, number by number, and
    from the lengths and the angle; a slider turns `b` and keeps its length. With `keys`: one query arrow, up to eight
    keys, and the bar of each score; the chosen key is taken apart. Tips move by mouse, touch or arrow keys (Shift:
    bigger steps), and by sliders.

    Parameters
    ----------
    a : array_like, shape (2,)
        The first arrow; the query when there are `keys`.
    b : array_like, shape (2,), optional
        The second arrow. Left out when there are `keys`.
    keys : dict of str to array_like, each of shape (2,), optional
        One to eight named keys.
    a_name, b_name : str, optional
        What the arrows are called: "a" and "b", or "query" when there are keys.
    normalise : bool, default False
        Show both arrows with length 1: their dot product is then the cosine of the angle.
    limit : float, optional
        The plane reaches from -limit to limit. As small as it can be when left out, at least 3.
    presets : dict of str to dict, optional
        Buttons: words -> the state they set, like ``{"Opposite": {"a": (1, 0), "b": (-1, 0)}}``.
    covered : bool, default False
        Start with the result hidden, so that a class predicts it first; a button shows it.
    note : str, optional
        A line under the title that says what the arrows are.
    title, made_by : str, optional
        As for `Explorer`.

    Attributes
    ----------
    a, b : list of float, length 2
        The arrows; set them and the figure moves, read them after a drag. With keys, `b` is the chosen key
        and follows `key_vectors` and `chosen`.
    key_vectors : list of list of float
        The keys, in the order of `key_names`; empty without keys.
    chosen : int
        Which key is taken apart.
    normalise : bool
        Whether the arrows are shown with length 1.

    Raises
    ------
    ValueError
        When an arrow is not two finite numbers, lies outside the plane, there are no or more than eight keys,
        both `b` and `keys` are given, or a preset sets something else.

    Examples
    --------
    In a notebook, the last line of a cell shows the figure:

    >>> figure = DotProductExplorer(a=(3, 1), b=(1, 2))
    >>> figure.dot, round(figure.angle)
    (5.0, 45)
    >>> figure.a = (0, 2)                     # the arrow on the page moves
    >>> figure.dot
    4.0

    One query against many keys:

    >>> search = DotProductExplorer(a=(2, 1), keys={"cat": (2, 1), "dog": (1, 2), "car": (-2, 1)})
    >>> search.scores
    array([ 5.,  4., -3.])
    """

    _esm = browser_code("axes.js", "scene.js", "arrows.js")

    kind = traitlets.Unicode("arrows").tag(sync=True)
    a = traitlets.Any().tag(sync=True)
    b = traitlets.Any().tag(sync=True)
    key_vectors = traitlets.Any([]).tag(sync=True)
    key_names = traitlets.List().tag(sync=True)
    a_name = traitlets.Unicode().tag(sync=True)
    b_name = traitlets.Unicode().tag(sync=True)
    chosen = traitlets.Any(0).tag(sync=True)
    normalise = traitlets.Bool().tag(sync=True)
    limit = traitlets.Float().tag(sync=True)
    score_limit = traitlets.Float().tag(sync=True)

    def __init__(self, a=(3.0, 1.0), b=None, *, keys=None, a_name=None, b_name="b", normalise=False, limit=None,
                 presets=None, covered=False, note="", title=None, made_by=None):
        if keys is None:
            keys, names, b = [], [], (1.0, 2.0) if b is None else b
        elif b is not None:
            raise ValueError("b should be left out when there are keys, got both")
        else:
            keys, names = _named_points(keys)
            b = keys[0]
        self._count = len(keys)
        a, b = vector("a", a), vector("b", b)
        self._reach = _reach(limit, [a, b, *keys])
        super().__init__(
            title=title or ("One query against many keys" if keys else "Two arrows and their dot product"),
            made_by=made_by, note=note, covered=covered, presets=presets or {}, a=a, b=b, key_vectors=keys,
            key_names=names, a_name=str(a_name or ("query" if keys else "a")), b_name=str(b_name),
            normalise=bool(normalise), limit=self._reach, score_limit=_score_limit(self._reach, a, keys))

    def checks(self):
        limit = self._reach
        count = range(self._count, self._count + 1)
        return {
            "a": lambda value: vector("a", value, limit),
            "b": self._check_b,
            "key_vectors": lambda value: points("key_vectors", value, count, limit) if self._count else [],
            "chosen": self._check_chosen,
            "normalise": bool,
        }

    def _check_b(self, value):
        value = vector("b", value, self._reach)
        if self._count and value != self.key_vectors[self.chosen]:
            raise ValueError("b should be left alone when there are keys: set key_vectors or chosen")
        return value

    def _check_chosen(self, value):
        if isinstance(value, bool) or value not in range(max(1, self._count)):
            raise ValueError(f"chosen should be a whole number from 0 to {max(0, self._count - 1)}, got {value!r}")
        return int(value)

    @traitlets.validate("a", "b", "key_vectors", "chosen")
    def _check_state(self, proposal):
        return self._tidy(proposal)

    @traitlets.observe("key_vectors", "chosen")
    def _follow_key(self, change):
        if self.key_vectors and self.chosen < len(self.key_vectors):
            self.b = self.key_vectors[self.chosen]

    @property
    def dot(self):
        """The dot product of `a` and `b` (float, no unit)."""
        return float(np.dot(self.a, self.b))

    @property
    def cosine(self):
        """The cosine of the angle between `a` and `b` (float, no unit); NaN when one has length 0."""
        return float(_cosines(self.a, [self.b])[0])

    @property
    def angle(self):
        """The angle between `a` and `b` (float, degrees); NaN when one has length 0."""
        return float(np.degrees(np.arccos(np.clip(self.cosine, -1, 1))))

    @property
    def shadow(self):
        """The signed length of the shadow of `a` on the line of `b` (float, no unit); NaN when `b` has length 0."""
        length = np.hypot(*self.b)
        return self.dot / float(length) if length else float("nan")

    @property
    def scores(self):
        """What the bars show (ndarray, shape (n,), no unit): dot products, or cosines when `normalise`."""
        others = self.key_vectors or [self.b]
        return _cosines(self.a, others) if self.normalise else np.asarray(others) @ np.asarray(self.a)

    def describe(self):
        """Say in a sentence what the figure shows; used as alternative text."""
        words = "cosine" if self.normalise else "dot product"
        if self.key_vectors:
            each = ", ".join(f"{name} {shown(score)}" for name, score in zip(self.key_names, self.scores))
            return f"{self.title}. {self.a_name} at {_place(self.a)}; {words} with each key: {each}."
        return (f"{self.title}. {self.a_name} at {_place(self.a)}, {self.b_name} at {_place(self.b)}; "
                f"{words} {shown(self.scores[0])}, angle {shown(self.angle, 0)} degrees.")

    def arrays(self):
        """Name what is drawn: the arrows and the bars."""
        found = {"note": self.note} if self.note else {}
        found |= {self.a_name or "a": np.array(self.a)}
        if self.key_vectors:
            found |= {"keys": np.array(self.key_vectors), "key names": ", ".join(self.key_names)}
        else:
            found |= {self.b_name or "b": np.array(self.b)}
        return found | {"cosines" if self.normalise else "scores": self.scores}

    def draw_static(self):
        """Draw the plane and the bars with matplotlib."""
        figure, (plane, bars) = new_figure(8.8, 4.3, self.title, self.note, ratios=(1.25, 1))
        limit = 1.4 if self.normalise else self.limit * 1.08
        tidy_plane(plane, (-limit, limit), (-limit, limit))
        others = self.key_vectors or [self.b]
        names = self.key_names or [self.b_name]
        shrink = _unit if self.normalise else np.asarray
        a, b = shrink(self.a), shrink(self.b)
        foot = b * (a @ b) / ((b @ b) or 1.0)
        colour = COLOURS["plus" if a @ b >= 0 else "minus"]
        plane.plot(*zip((0, 0), foot), color=colour, lw=9, alpha=0.45, solid_capstyle="butt", zorder=2)
        plane.plot(*zip(a, foot), color=COLOURS["muted"], lw=1.3, ls="--", zorder=2)
        for n, (key, name) in enumerate(zip(others, names)):
            draw_arrow(plane, (0, 0), shrink(key), COLOURS["b"], name, 2.4 if n == self.chosen else 1.4)
        draw_arrow(plane, (0, 0), a, COLOURS["a"], self.a_name)
        word = "cosine" if self.normalise else "dot product"
        if self.key_vectors:
            _draw_bars(bars, names, self.scores, f"{word} with {plain(self.a_name)}")
        else:
            products = [f"{plain(self.a_name, 6)}{n} × {plain(self.b_name, 6)}{n}" for n in "₀₁"]
            _draw_bars(bars, [*products, "sum"], [*(a * b), a @ b], f"the sum is the {word}")
        return figure


def _draw_bars(ax, names, scores, label):
    known = np.nan_to_num(scores)
    ax.barh(range(len(scores)), known, height=0.6, color=[COLOURS["plus" if s >= 0 else "minus"] for s in known])
    ax.set_yticks(range(len(scores)), [plain(name) for name in names])
    ax.axvline(0, color=COLOURS["line"], lw=1)
    for n, score in enumerate(scores):
        ax.annotate(shown(score), (known[n], n), xytext=(4 if known[n] >= 0 else -4, 0), textcoords="offset points",
                    ha="left" if known[n] >= 0 else "right", va="center")
    reach = 1.35 * max(1.0, np.abs(known).max(initial=0))
    ax.set(xlim=(-reach, reach), ylim=(max(len(scores), 3) - 0.5, -0.5), xlabel=label)
    ax.spines[["top", "right", "left"]].set_visible(False)


def _named_points(keys):
    if not isinstance(keys, dict):
        raise ValueError(f"keys should be a dict of names and vectors, got {type(keys).__name__}")
    names = labels("keys", list(keys), len(keys))
    return points("keys", list(keys.values()) or np.zeros((0, 2)), _COUNTS), names


def _reach(limit, arrows):
    largest = max(abs(number) for arrow in arrows for number in arrow)
    if limit is None:
        return float(max(3, np.ceil(largest)))
    return number("limit", limit, low=max(largest, 1e-3), high=1000)


def _score_limit(reach, a, keys):
    """Choose the score at which the bars are full; longer ones end in a point."""
    if not keys:
        return reach * reach * 4 / 3
    largest = np.abs(np.array(keys) @ np.array(a)).max()
    return float(np.clip(1.7 * largest, 1, 2 * reach * reach))


def _unit(arrow):
    length = np.hypot(*arrow)
    return np.asarray(arrow) / length if length else np.zeros(2)


def _cosines(a, others):
    lengths = np.hypot(*a) * np.hypot(*np.transpose(others))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(lengths > 0, np.asarray(others) @ np.asarray(a) / lengths, np.nan)


def _place(arrow):
    return f"({shown(arrow[0], 1)}, {shown(arrow[1], 1)})"
