"""Why scores are divided by sqrt(d_k): the same attention with and without it, as d_k grows."""

from __future__ import annotations

import numpy as np
import traitlets
from matplotlib.figure import Figure

from course_utils.attention import scaled_dot_product_attention
from course_utils.explorers.base import Explorer, browser_code, numbers, pack, style_sheet

WIDTHS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
"""Values of d_k on the slider."""

_QUERIES, _KEYS = 256, 12
_EDGES = np.linspace(-40.0, 40.0, 161)
MEASURES = ("gradient", "keys", "variance")
"""What is measured at each d_k, in the order of the last axis of `ScaleExplorer.measures`."""


class ScaleExplorer(Explorer):
    """Move d_k and see scores, weights and gradients with and without the scale.

    Queries and keys are random with mean 0 and variance 1. Every frame is computed beforehand by `attend`;
    the unscaled half gives it queries multiplied by sqrt(d_k), which undoes its scale.

    Parameters
    ----------
    attend : callable, optional
        Takes q (T, d_k), k (S, d_k), v (S, 1), returns (output, weights (T, S)): the reference, or your own.
    widths : sequence of int, default 1, 2, 4, ... 1024
        Values of d_k, growing.
    arrays : {"torch", "numpy"}, default "torch"
        What `attend` is given.
    seed : int, default 0
        Seed of the random queries and keys.
    title : str
        Shown above the figure.
    made_by : str, optional
        Whose function `attend` is; its ``whose`` attribute is used when there is one.
    **state
        First values of the traits below.

    Attributes
    ----------
    d_k : int
        One of `widths`.
    curve : {"gradient", "keys", "variance"}
        What the curve over d_k shows: the size of softmax's slopes, the number of keys over which the
        weight is spread, or the variance of the scores.

    Raises
    ------
    ValueError
        When `widths` do not grow, `attend` returns something else, or a state is out of its range.

    Examples
    --------
    >>> figure = ScaleExplorer(widths=(1, 64), arrays="numpy", d_k=64)
    >>> unscaled, scaled = figure.measures[1, :, MEASURES.index("variance")]
    >>> bool(unscaled > 40), bool(0.7 < scaled < 1.3)
    (True, True)
    """

    _esm = browser_code("axes.js", "scale.js")
    _css = style_sheet("scale.css")

    widths = traitlets.List(traitlets.Int()).tag(sync=True)
    film = traitlets.Dict().tag(sync=True)
    d_k = traitlets.Int(64).tag(sync=True)
    curve = traitlets.Unicode("gradient").tag(sync=True)

    def __init__(self, attend=None, *, widths=WIDTHS, arrays="torch", seed=0,
                 title="What dividing by √d_k changes", made_by=None, **state):
        widths = [int(width) for width in widths]
        if not widths or widths[0] < 1 or widths != sorted(set(widths)):
            raise ValueError(f"widths should be whole numbers from 1 upwards that grow, got {widths}")
        if arrays not in ("torch", "numpy"):
            raise ValueError(f"arrays should be 'torch' or 'numpy', got {arrays!r}")
        made_by = made_by or getattr(attend, "whose", None)
        frames = _record(attend or scaled_dot_product_attention, widths, arrays, seed)
        self._weights, self._scores, self._counts, self._measures = frames
        state.setdefault("d_k", 64 if 64 in widths else widths[len(widths) // 2])
        super().__init__(kind="scale", title=title, made_by=made_by, widths=widths, film={
            "weights": pack(self._weights), "scores": pack(self._scores), "counts": pack(self._counts),
            "measures": pack(self._measures), "edges": [float(_EDGES[0]), float(_EDGES[-1])],
            "names": list(MEASURES), "queries": _QUERIES}, **state)

    @property
    def weights(self):
        """Weights of the first query at the present d_k, shape (2, S): without and with the scale."""
        return self._weights[self._frame]

    @property
    def scores(self):
        """Scores of the first query at the present d_k, shape (2, S): without and with the scale."""
        return self._scores[self._frame]

    @property
    def measures(self):
        """Gradient size, keys in use and score variance, shape (N, 2, 3): each d_k, without and with the scale."""
        return self._measures

    @property
    def _frame(self):
        return self.widths.index(self.d_k)

    @traitlets.validate("d_k")
    def _width_exists(self, proposal):
        if proposal["value"] not in self.widths:
            raise ValueError(f"d_k should be one of {self.widths}, got {proposal['value']}")
        return proposal["value"]

    @traitlets.validate("curve")
    def _curve_exists(self, proposal):
        if proposal["value"] not in MEASURES:
            raise ValueError(f"curve should be one of {MEASURES}, got {proposal['value']!r}")
        return proposal["value"]

    def arrays(self):
        return {"d_k": self.d_k, "curve": self.curve, "weights": self.weights, "scores": self.scores,
                "measures": self._measures}

    def describe(self):
        gradient, keys, _ = self._measures[self._frame].T
        return (f"{self.title}. At d_k = {self.d_k}, on average over {_QUERIES} queries, the weight is spread over "
                f"{keys[0]:.1f} of {_KEYS} keys without the scale and over {keys[1]:.1f} with it; "
                f"the size of softmax's slopes is {gradient[0]:.3f} without and {gradient[1]:.3f} with it.")

    def draw_static(self):
        figure = Figure(figsize=(9, 3), layout="constrained")
        axes = figure.subplots(1, 3)
        for ax, weights, name in zip(axes, self.weights, ("without the scale", "divided by √d_k"), strict=False):
            ax.bar(range(_KEYS), weights)
            ax.set(title=f"{name}, $d_k$ = {self.d_k}", xlabel="key", ylabel="weight, one query", ylim=(0, 1))
        column = MEASURES.index(self.curve)
        for row, name, style in ((0, "without", "o--"), (1, "with", "s-")):
            axes[2].plot(self.widths, self._measures[:, row, column], style, label=f"{name} the scale")
        axes[2].axvline(self.d_k, color="grey", linewidth=1)
        axes[2].set(xscale="log", xlabel="$d_k$", ylabel=_CURVES[self.curve])
        if self.curve == "variance":
            axes[2].set_yscale("log")
        axes[2].legend()
        return figure


_CURVES = {"gradient": "size of softmax's slopes", "keys": "keys in use", "variance": "variance of the scores"}


def _record(attend, widths, arrays, seed):
    """Compute weights and scores of one query, counts of all scores, and the measures, for every width."""
    rng = np.random.default_rng(seed)
    q, k = (_standardised(rng.standard_normal((count, widths[-1]))) for count in (_QUERIES, _KEYS))
    frames = []
    for width in widths:
        # The first columns of one table, so that a step of the slider adds components and changes none.
        queries, keys, root = q[:, :width], k[:, :width], np.sqrt(width)
        scores = queries @ keys.T
        halves = ((scores, _weights(attend, queries * root, keys, arrays)),
                  (scores / root, _weights(attend, queries, keys, arrays)))
        frames.append([([w[0] for _, w in halves]), [s[0] for s, _ in halves],
                       [np.histogram(s, _EDGES)[0] / s.size for s, _ in halves], [_measure(s, w) for s, w in halves]])
    return [np.array(part, dtype=np.float32) for part in zip(*frames, strict=True)]


def _standardised(x):
    """Give each component mean 0 and variance 1 in this very sample, so that twelve keys are enough to see it."""
    return (x - x.mean(0)) / x.std(0)


def _weights(attend, q, k, arrays):
    given = [q, k, np.ones((len(k), 1))]
    if arrays == "torch":
        import torch

        given = [torch.tensor(x) for x in given]
    returned = attend(*given)
    if not isinstance(returned, tuple) or len(returned) != 2:
        raise ValueError(f"attend should return (output, weights), got {type(returned).__name__}")
    weights = numbers("weights returned by attend", returned[1])
    if weights.shape != (len(q), len(k)):
        raise ValueError(f"weights returned by attend should have shape (T={len(q)}, S={len(k)}), got {weights.shape}")
    return weights.astype(float)


def _measure(scores, weights):
    """Measure the mean size of softmax's slopes (its Jacobian), the keys in use, and the variance of the scores."""
    # d weights / d scores of one query is diag(w) - w w^T; its squared entries sum to this.
    square = (weights**2).sum(-1)
    gradient = np.sqrt(np.maximum(square - 2 * (weights**3).sum(-1) + square**2, 0))
    entropy = -(weights * np.log(np.maximum(weights, 1e-30))).sum(-1)
    return [gradient.mean(), np.exp(entropy.mean()), scores.var()]
