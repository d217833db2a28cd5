"""A mask to paint: scores, weights and what leaks, cell by cell."""

from __future__ import annotations

import numpy as np
import traitlets
from matplotlib.figure import Figure

from course_utils import plotting
from course_utils.attention import softmax
from course_utils.explorers.base import Explorer, browser_code, numbers, pack, style_sheet

METHODS = {
    "-inf": "score −∞, as in this course",
    "nan": "score −∞, the bare softmax",
    "-1e9": "score −1,000,000,000",
    "-10": "score −10",
    "score 0": "score 0",
    "weight 0": "weight 0, after the softmax",
}
"""Ways to hide a key; the first is the course's."""
POLARITIES = {"attend": "True = may attend", "hide": "True = hidden"}
PADDING = "[PAD]"


class MaskPainter(Explorer):
    """Paint a mask with the mouse or the keyboard, and see at once what it does to scores and weights.

    Three tables stand side by side: the mask, the scores after it, the weights. What a query gives to keys that it
    should not see, later ones or padding, is its leak; it stands beside its weights.

    Parameters
    ----------
    tokens : sequence of str, length T
        From 2 to 12 tokens, queries and keys alike. ``"[PAD]"`` is padding.
    scores : array_like, shape (T, T), optional
        Scores before softmax; in their place:
    q, k : array_like, shape (T, d_k), optional
        Queries and keys.
    mask : array_like of bool, shape (T, T), optional
        The first mask; everything visible if left out.
    polarity : {"attend", "hide"}
        What True means.
    method : {"-inf", "nan", "-1e9", "-10", "score 0", "weight 0"}
        How a key is hidden.
    causal : bool, default True
        Whether later keys count as a leak.
    attend : callable, optional
        ``attend(q, k, v, mask) -> (output, weights)`` on tensors, like the learner's own. Its weights are held
        against those of the figure for every mask that is painted while a kernel runs.
    title, made_by : str, optional
        As for `Explorer`.

    Attributes
    ----------
    mask : list of list of bool
        Set it, with any table of booleans, and the figure follows; read it after painting.
    cell : list of int, length 2
        The query and the key that are lit.
    polarity, method : str
        As above.

    Raises
    ------
    ValueError
        When something does not fit the tokens, or a state is none of those above.

    Examples
    --------
    >>> figure = MaskPainter(["the", "dog"], scores=[[1.0, 1.0], [0.0, 0.0]])
    >>> figure.leak.tolist()
    [0.5, 0.0]
    >>> figure.mask = [[True, False], [True, True]]
    >>> figure.weights.tolist(), figure.leak.tolist()
    ([[1.0, 0.0], [0.5, 0.5]], [0.0, 0.0])
    """

    _esm = browser_code("colours.js", "heatmap.js", "painter_words.js", "painter.js")
    _css = style_sheet("heatmap.css", "painter.css")

    kind = traitlets.Unicode("painter").tag(sync=True)
    tokens = traitlets.List(traitlets.Unicode()).tag(sync=True)
    scores_sent = traitlets.Dict().tag(sync=True)
    padding = traitlets.List(traitlets.Bool()).tag(sync=True)
    causal = traitlets.Bool(True).tag(sync=True)
    words = traitlets.Dict({"method": [list(pair) for pair in METHODS.items()],
                            "polarity": [list(pair) for pair in POLARITIES.items()]}).tag(sync=True)
    mask = traitlets.Any().tag(sync=True)
    cell = traitlets.List(traitlets.Int(), [0, 0]).tag(sync=True)
    polarity = traitlets.Unicode("attend").tag(sync=True)
    method = traitlets.Unicode("-inf").tag(sync=True)
    answer = traitlets.Dict().tag(sync=True)

    def __init__(self, tokens, *, scores=None, q=None, k=None, mask=None, polarity="attend", method="-inf",
                 causal=True, attend=None, cell=(0, 0), title="Paint a mask", made_by=None):
        tokens = _words(tokens)
        self._T = len(tokens)
        self._scores = _scores(self._T, scores, q, k)
        if attend is not None and not callable(attend):
            raise ValueError(f"attend should be a function of q, k, v and mask, got {type(attend).__name__}")
        self._attend = attend
        mask = np.ones((self._T, self._T), dtype=bool) if mask is None else mask
        super().__init__(title=title, made_by=made_by, tokens=tokens, scores_sent=pack(self._scores),
                         padding=[token == PADDING for token in tokens], causal=causal, mask=mask,
                         polarity=polarity, method=method, cell=list(cell))

    @property
    def scores(self):
        """Scores before the mask, shape (T, T)."""
        return self._scores.astype(float)

    @property
    def allowed(self):
        """Where a query may attend to a key under the painted mask, boolean of shape (T, T)."""
        mask = np.array(self.mask, dtype=bool)
        return mask if self.polarity == "attend" else ~mask

    @property
    def goal(self):
        """Where a query should be allowed to attend: nothing later, no padding; boolean of shape (T, T)."""
        keys = ~np.array(self.padding, dtype=bool)
        return np.tri(self._T, dtype=bool) & keys if self.causal else np.broadcast_to(keys, (self._T, self._T))

    @property
    def weights(self):
        """Attention weights on show, shape (T, T), computed in NumPy."""
        allowed, scores = self.allowed, self.scores
        if self.method == "weight 0":
            return softmax(scores) * allowed
        fill = {"-inf": -np.inf, "nan": -np.inf, "-1e9": -1e9, "-10": -10.0, "score 0": 0.0}[self.method]
        weights = softmax(np.where(allowed, scores, fill))
        if self.method == "nan":
            weights[~allowed.any(-1)] = np.nan
        return weights

    @property
    def leak(self):
        """What each query gives to keys that it should not see, shape (T,), from 0 to 1."""
        return np.where(self.goal, 0.0, self.weights).sum(-1)

    # --- state is checked here, because the browser and Python both write it --------------------------
    @traitlets.validate("mask")
    def _mask_fits(self, proposal):
        value = proposal["value"]
        try:
            mask = np.asarray(value.cpu() if hasattr(value, "cpu") else value)
        except ValueError:
            raise ValueError("mask should be a table of booleans, got rows of different lengths") from None
        if mask.dtype != bool:
            raise ValueError(f"mask should be boolean, got {mask.dtype}")
        while mask.ndim > 2 and mask.shape[0] == 1:
            mask = mask[0]
        try:
            return np.broadcast_to(mask, (self._T, self._T)).tolist()
        except ValueError:
            raise ValueError(f"mask should broadcast to (T={self._T}, T={self._T}), got {mask.shape}") from None

    @traitlets.validate("cell")
    def _cell_exists(self, proposal):
        cell = proposal["value"]
        if len(cell) != 2 or not all(0 <= n < self._T for n in cell):
            raise ValueError(f"cell should be [query, key], both from 0 to {self._T - 1}, got {cell}")
        return cell

    @traitlets.validate("polarity", "method")
    def _known(self, proposal):
        name, value = proposal["trait"].name, proposal["value"]
        known = METHODS if name == "method" else POLARITIES
        if value not in known:
            raise ValueError(f"{name} should be one of {', '.join(map(repr, known))}, got {value!r}")
        return value

    @traitlets.observe("mask", "polarity")
    def _ask_attend(self, _change=None):
        """Hold the weights of `attend` under the painted mask against those that the figure shows."""
        if self._attend is None:
            return
        import torch

        T, mask = self._T, torch.tensor(self.allowed)
        # Queries and keys whose scaled dot products are the scores.
        q, k = torch.tensor(self._scores * np.float32(np.sqrt(T))), torch.eye(T)
        seen = "".join("1" if yes else "0" for yes in self.allowed.ravel())
        try:
            weights = numbers("weights returned by attend", self._attend(q, k, torch.eye(T), mask)[1])
            if weights.shape != (T, T):
                raise ValueError(f"weights should have shape {(T, T)}, got {weights.shape}")
            self.answer = {"mask": seen, "weights": pack(weights)}
        except Exception as error:  # whatever a learner's function does, the figure goes on without it
            self.answer = {"mask": seen, "trouble": f"{type(error).__name__}: {error}"[:200]}

    # --- the other two forms of the output -------------------------------------------------------------
    def arrays(self):
        return {"state": f"method {self.method}, polarity {self.polarity}, cell {self.cell}",
                "tokens": " ".join(plotting.short(token, 20) for token in self.tokens),
                "mask": np.array(self.mask, dtype=float), "scores": self.scores, "weights": self.weights,
                "leak": self.leak}

    def describe(self):
        hidden, leak = int((~self.allowed).sum()), self.leak
        words = f"{self.title}. A mask over {self._T} tokens hides {hidden} of {self._T ** 2} cells."
        worst = int(np.argmax(np.nan_to_num(leak, nan=-1.0)))
        if leak[worst] > 0.0005:
            words += f" Query {worst} gives {leak[worst]:.2f} to keys that it should not see."
        return words

    def draw_static(self):
        figure = Figure(figsize=(9.6, 4.4), layout="constrained")
        left, right = figure.subplots(1, 2)
        hidden = ~self.allowed
        plotting.heatmap(left, np.where(hidden, np.nan, 1.0), self.tokens, hidden=hidden, title="mask",
                         colour_bar=False)
        for i, row in enumerate(self.mask):
            for j, value in enumerate(row):
                left.text(j, i, "FT"[value], ha="center", va="center", fontsize=9,
                          bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})
        plotting.heatmap(right, self.weights, self.tokens, hidden=hidden & (self.weights == 0), title="weights")
        for i, leak in enumerate(self.leak):
            right.text(self._T - 0.4, i, f"leak {leak:.2f}", va="center", fontsize=8, color="#a3124b", clip_on=False)
        return figure


def _words(tokens):
    if isinstance(tokens, str) or not all(isinstance(token, str) for token in tokens):
        raise ValueError(f"tokens should be a list of strings, got {tokens!r}"[:120])
    if not 2 <= len(tokens) <= 12:
        raise ValueError(f"tokens should be 2 to 12, got {len(tokens)}")
    return list(tokens)


def _scores(T, scores, q, k):
    if (scores is None) == (q is None and k is None) or (q is None) != (k is None):
        raise ValueError("scores, or q and k, should be given")
    if scores is not None:
        table = numbers("scores", scores)
        if table.shape != (T, T):
            raise ValueError(f"scores should have shape (T={T}, T={T}), got {table.shape}")
    else:
        q, k = numbers("q", q), numbers("k", k)
        if q.ndim != 2 or q.shape != k.shape or len(q) != T:
            raise ValueError(f"q and k should have one shape (T={T}, d_k), got {q.shape} and {k.shape}")
        table = q @ k.T / np.sqrt(q.shape[-1], dtype=np.float32)
    if not np.isfinite(table).all():
        raise ValueError("scores should be finite")
    return table
