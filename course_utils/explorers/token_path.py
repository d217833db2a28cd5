"""One token's way through attention: its vector becomes q, k and v, then a score, a weight, an output."""

from __future__ import annotations

import math

import numpy as np
import traitlets

from course_utils.attention import scaled_dot_product_attention
from course_utils.explorers.base import browser_code, style_sheet
from course_utils.explorers.scenes import COLOURS, Scene, labels, new_figure, number_list, plain, shown

_TOKENS, _WIDTHS, _VALUES = range(2, 7), range(1, 5), range(1, 4)


class TokenPath(Scene):
    """Follow one query from its vector x to its output, and move q on the way.

    Above, x of the query times ``W_q`` gives q, and x of one key's token times ``W_k`` and ``W_v`` gives its k and
    v: each number of x multiplies its row, and the columns are added. Below, every key has a row, from left to
    right: k, the products with q, the score, the weight, v, weight times v; the output is the sum. q's numbers
    have sliders, and all that follows answers at once.

    Parameters
    ----------
    tokens : sequence of str, length S
        Two to six tokens that have keys and values; up to four, with d_model up to 3, fit in 500 pixels of height.
    x : array_like or Tensor, shape (S, d_model)
        Their vectors; d_model, d_k from 1 to 4, d_v from 1 to 3. Wide vectors of numbers
        with decimals shrink the drawing: d_k = 4 and d_v = 2 with whole numbers just fill 850 pixels.
    W_q, W_k, W_v : array_like or Tensor, shapes (d_model, d_k), (d_model, d_k), (d_model, d_v)
        The three matrices, used as ``x @ W_q``.
    queries : dict of str to array_like of shape (d_model,), optional
        Who may ask, and their vectors, when they are not among `tokens`. Left out, each token may.
    query, key : int, default 0
        Which query, and which key's token is shown with its matrices.
    q : array_like, shape (d_k,), optional
        Another q than ``x @ W_q`` to start from.
    scaled : bool, default True
        Divide scores by the square root of d_k. False leaves the step and its column out.
    presets : dict of str to dict, optional
        Buttons: words -> the state they set, like ``{"Twice as long": {"q": (4, 0, 2, 0)}}``; `query` before `q`.
    covered : bool, default False
        Start with everything after k and v hidden, so that it is predicted first; a button shows it.
    note, title, made_by : str, optional
        As for `Explorer`; `note` is a line under the title.

    Attributes
    ----------
    query, key : int
        As above. Another query brings its own ``x @ W_q``.
    q : list of float, length d_k
        Set it and the sliders move, read it after a move. Its numbers lie between -limit and limit.

    Raises
    ------
    ValueError
        When shapes do not fit, a number is not finite, or a state is out of its range.

    Examples
    --------
    >>> figure = TokenPath(["cat", "sat"], x=[[1, 0], [0, 1]], W_q=[[2], [0]], W_k=[[1], [-1]], W_v=[[10], [20]],
    ...                    scaled=False)
    >>> figure.q, figure.scores.tolist(), figure.weights.round(3).tolist()
    ([2.0], [2.0, -2.0], [0.982, 0.018])
    >>> figure.q = [0]
    >>> figure.output.tolist()
    [15.0]
    """

    _esm = browser_code("scene.js", "token_path.js")
    _css = style_sheet("scene.css", "token_path.css")

    kind = traitlets.Unicode("path").tag(sync=True)
    tokens = traitlets.List().tag(sync=True)
    askers = traitlets.List().tag(sync=True)
    x_keys = traitlets.List().tag(sync=True)
    x_queries = traitlets.List().tag(sync=True)
    W_q = traitlets.List().tag(sync=True)
    W_k = traitlets.List().tag(sync=True)
    W_v = traitlets.List().tag(sync=True)
    query = traitlets.Any(0).tag(sync=True)
    key = traitlets.Any(0).tag(sync=True)
    q = traitlets.Any([]).tag(sync=True)
    limit = traitlets.Float(3.0).tag(sync=True)
    scaled = traitlets.Bool(True).tag(sync=True)

    def __init__(self, tokens, x, W_q, W_k, W_v, *, queries=None, query=0, key=0, q=None, scaled=True, presets=None,
                 covered=False, note="", title="From a token's vector to an output", made_by=None):
        tokens = labels("tokens", tokens, len(tokens))
        x = _table("x", x, _TOKENS, _WIDTHS)
        if len(tokens) != len(x):
            raise ValueError(f"x should have a row for each of {len(tokens)} tokens, got shape {x.shape}")
        widths = range(x.shape[1], x.shape[1] + 1)
        W_q = _table("W_q", W_q, widths, _WIDTHS)
        W_k = _table("W_k", W_k, widths, range(W_q.shape[1], W_q.shape[1] + 1))
        W_v = _table("W_v", W_v, widths, _VALUES)
        askers, x_queries = _askers(queries, tokens, x)
        self._own = x_queries @ W_q
        self._keys, self._values = x @ W_k, x @ W_v
        self._limit = float(max(3, math.ceil(np.abs(self._own).max())))
        self._count = len(tokens)
        self._seen = None
        super().__init__(
            title=title, made_by=made_by, note=note, covered=covered, presets=presets or {}, tokens=tokens,
            askers=askers, x_keys=x.tolist(), x_queries=x_queries.tolist(), W_q=W_q.tolist(), W_k=W_k.tolist(),
            W_v=W_v.tolist(), query=query, key=key, limit=self._limit, scaled=bool(scaled))
        self.q = self._own[self.query].tolist() if q is None else q

    def checks(self):
        width = self._keys.shape[1]
        return {
            "query": lambda value: _place("query", value, len(self._own)),
            "key": lambda value: _place("key", value, self._count),
            "q": lambda value: number_list("q", value, range(width, width + 1), -self._limit, self._limit),
        }

    @traitlets.validate("query", "key", "q")
    def _check_state(self, proposal):
        return self._tidy(proposal)

    @traitlets.observe("query", "q")
    def _follow(self, change):
        """Give another query its own q, unless one was set together with it."""
        seen, self._seen = self._seen, (self.query, self.q)
        if seen and seen[0] != self.query and seen[1] == self.q:
            self.q = self._own[self.query].tolist()

    @property
    def scores(self):
        """The dot products of q with each key, divided by the root of d_k when `scaled` (ndarray, shape (S,))."""
        return self._keys @ np.array(self.q) / (math.sqrt(len(self.q)) if self.scaled else 1)

    @property
    def weights(self):
        """The weights (ndarray, shape (S,), no unit); their sum is 1."""
        return self._attend()[1][0]

    @property
    def output(self):
        """The sum of weight times v over the keys (ndarray, shape (d_v,))."""
        return self._attend()[0][0]

    def _attend(self):
        q = np.array([self.q]) * (1 if self.scaled else math.sqrt(len(self.q)))
        return scaled_dot_product_attention(q, self._keys, self._values)

    def describe(self):
        """Say in a sentence what the figure shows; used as alternative text."""
        start = f"{self.title}. Query {self.askers[self.query]}, q = {_written(self.q)}, over {self._count} keys"
        if self.covered:
            return f"{start}; the result is hidden."
        each = ", ".join(f"{name} {shown(weight)}" for name, weight in zip(self.tokens, self.weights))
        return f"{start}. Weights {each}; output {_written(self.output)}."

    def arrays(self):
        """Name what is drawn: q, keys, values, scores, weights and the output."""
        return {"tokens": ", ".join(self.tokens), "query": self.askers[self.query], "key": self.tokens[self.key],
                "q": np.array(self.q), "keys": self._keys, "values": self._values, "scores": self.scores,
                "weights": self.weights, "output": self.output}

    def draw_static(self):
        """Draw q above the keys, the scores, the weights and the values with matplotlib."""
        figure, columns = new_figure(10, 1.7 + 0.36 * self._count, self.title, self.note, ratios=(1.3, 1, 1, 0.8))
        names = [plain(name) for name in self.tokens]
        asker = plain(self.askers[self.query])
        _draw_table(columns[0], [self.q, *self._keys], [f"q of {asker}", *names], "q, and the keys", COLOURS["b"])
        heads = ("score" + (" / √d_k" if self.scaled else ""), "weight")
        for ax, values, head, digits in zip(columns[1:3], (self.scores, self.weights), heads, (2, 3), strict=True):
            ax.set(title=head, ylim=(self._count - 0.5, -1.5))
            ax.axis("off")
            if not self.covered:
                ax.barh(range(self._count), values, height=0.6, color=COLOURS["plus"])
                for n, value in enumerate(values):
                    ax.annotate(shown(value, digits), (max(value, 0), n), xytext=(4, 0), textcoords="offset points",
                                va="center")
                ax.set_xlim(min(0, 1.2 * values.min()), 1.5 * max(values.max(), 1e-9))
        last = [["?"] * len(self.output) if self.covered else self.output]
        _draw_table(columns[3], [*last, *self._values], ["output", *names], "values", COLOURS["plus"])
        return figure


def _table(name, value, rows, columns):
    """Check a table of finite numbers whose two lengths may vary; returns an ndarray of float64."""
    array = np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)
    wanted = tuple(f"{span[0]}" if len(span) == 1 else f"{span[0]} to {span[-1]}" for span in (rows, columns))
    if array.dtype.kind not in "iuf":
        raise ValueError(f"{name} should hold numbers, got {value!r:.80}")
    if array.ndim != 2 or array.shape[0] not in rows or array.shape[1] not in columns:
        raise ValueError(f"{name} should have shape ({wanted[0]}, {wanted[1]}), got {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} should be finite, got {array[~np.isfinite(array)][0]}")
    return array.astype(float)


def _askers(queries, tokens, x):
    if queries is None:
        return tokens, x
    if not isinstance(queries, dict) or not queries:
        raise ValueError(f"queries should be a dict of names and vectors, got {type(queries).__name__}")
    names = labels("queries", list(queries), len(queries))
    width = range(x.shape[1], x.shape[1] + 1)
    return names, np.array([number_list(f"queries[{name!r}]", queries[name], width) for name in names])


def _place(name, value, count):
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < count:
        raise ValueError(f"{name} should be a whole number from 0 to {count - 1}, got {value!r}")
    return value


def _written(vector):
    return "(" + ", ".join(shown(value) for value in vector) + ")"


def _draw_table(ax, rows, names, head, colour):
    """Write numbers in cells, the first row apart from the others."""
    for i, row in enumerate(rows):
        for c, value in enumerate(row):
            ax.add_patch(_cell(c, i - 1.5, COLOURS["a"] if i == 0 else colour))
            ax.text(c + 0.5, i - 1, value if isinstance(value, str) else shown(value), ha="center", va="center")
    ax.set(title=head, xlim=(0, len(rows[0])), ylim=(len(rows) - 1.5, -1.5), xticks=[])
    ax.set_yticks(range(-1, len(rows) - 1), names)
    ax.tick_params(left=False)
    ax.spines[:].set_visible(False)


def _cell(x, y, colour):
    from matplotlib.patches import Rectangle

    return Rectangle((x + 0.03, y + 0.06), 0.94, 0.88, facecolor=colour, alpha=0.15)
