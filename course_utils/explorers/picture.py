"""One picture of attention: its tokens and arrays, checked once, and the weights that follow from them."""

from __future__ import annotations

import numpy as np

from course_utils.attention import scaled_dot_product_attention, softmax
from course_utils.explorers.base import numbers, pack

_EXACT_LIMIT = 1 << 18
"""Numbers up to which weights travel as float32; more are kept in 16 bits so that a notebook stays small."""


class Picture:
    """Tokens and what is known about their attention.

    The weights come, in this order, from a film, from `weights`, from `scores`, or from `q` and `k`.

    Parameters
    ----------
    tokens : sequence of str, length T
        The queries' tokens.
    tokens_k : sequence of str, length S, optional
        The keys' tokens, when they are others.
    weights, scores, reference : array_like, shape (T, S) or (H, T, S), optional
        Attention weights; scores before softmax; the weights to compare with.
    q, k, v : array_like, shape (T, d_k), (S, d_k), (S, d_v), or each with a leading H, optional
        Queries, keys and values.
    mask : array_like of bool, broadcastable to (H, T, S), optional
        True where a query may attend to a key.
    head_names : sequence of str, length H, optional
        What the heads are called.
    film : Film, frames of shape (N, T, S) or (N, H, T, S), optional
        Weights over a control's range.

    Raises
    ------
    ValueError
        When a shape does not fit, or nothing tells the weights.
    """

    def __init__(self, tokens, *, tokens_k=None, weights=None, scores=None, q=None, k=None, v=None, mask=None,
                 reference=None, head_names=None, film=None):
        self.tokens = _words("tokens", tokens)
        self.tokens_k = self.tokens if tokens_k is None else _words("tokens_k", tokens_k)
        self.T, self.S = len(self.tokens), len(self.tokens_k)
        self.film = film
        self.q, self.k, self.v = _vectors("q", q, self.T), _vectors("k", k, self.S), _vectors("v", v, self.S)
        self.weights, self.scores = self._table("weights", weights), self._table("scores", scores)
        self.reference = self._table("reference", reference)
        self.H = self._heads()
        self._check_pair()
        self.mask = self._mask(mask)
        self.head_names = self._names(head_names)
        if self.source == "none" and self.T and self.S:
            raise ValueError("weights, scores, q and k, or film should tell the weights, got none of them")

    @property
    def source(self):
        """What the weights come from: "film", "weights", "scores", "qk" or "none"."""
        if self.film is not None:
            return "film"
        if self.weights is not None:
            return "weights"
        if self.scores is not None:
            return "scores"
        return "none" if self.q is None or self.k is None else "qk"

    def weights_at(self, *, temperature=1.0, scaled=True, causal=False, frame=0):
        """Compute the weights of every head under the given controls.

        Parameters
        ----------
        temperature : float, default 1
            Scores are divided by it; used when they are known.
        scaled : bool, default True
            Divide q k^T by sqrt(d_k); used when the weights come from `q` and `k`.
        causal : bool, default False
            Hide later keys; used when scores are known.
        frame : int, default 0
            The frame of a film.

        Returns
        -------
        ndarray, shape (H, T, S)
            Attention weights (no unit), float64.
        """
        if self.source == "none" or not self.T * self.S:
            return np.zeros((self.H, self.T, self.S))
        if self.source == "film":
            return np.broadcast_to(self._frame(frame), (self.H, self.T, self.S)).astype(float)
        if self.source == "weights":
            return self.weights.astype(float)
        mask = np.broadcast_to(self.allowed(causal), (self.H, self.T, self.S))
        if self.source == "scores":
            return softmax(np.where(mask, self.scores.astype(float) / temperature, -np.inf))
        q, k = self.q.astype(float), self.k.astype(float)
        sharper = 1.0 if scaled else np.sqrt(q.shape[-1])
        return scaled_dot_product_attention(q * (sharper / temperature), k, k, mask)[1]

    def allowed(self, causal=False):
        """Say where a query may attend to a key.

        Parameters
        ----------
        causal : bool, default False
            Hide later keys as well.

        Returns
        -------
        ndarray of bool, shape (H or 1, T, S)
            True = may attend.
        """
        mask = np.ones((1, self.T, self.S), dtype=bool) if self.mask is None else self.mask
        return mask & np.tri(self.T, self.S, dtype=bool) if causal else mask

    def as_state(self, name):
        """Make the dict that the browser reads.

        Parameters
        ----------
        name : str
            What the picture is called in the list of presets.

        Returns
        -------
        dict
            Sizes, tokens, and each known array in an envelope made by `pack`.
        """
        state = {"name": name, "source": self.source, "T": self.T, "S": self.S, "H": self.H,
                 "tokens": self.tokens, "tokens_k": self.tokens_k, "head_names": self.head_names}
        for key in ("q", "k", "v", "scores"):
            if getattr(self, key) is not None:
                state[key] = pack(getattr(self, key))
        for key in ("weights", "reference"):
            if getattr(self, key) is not None:
                state[key] = pack(getattr(self, key), _bits(getattr(self, key)))
        if self.mask is not None:
            state["mask"] = pack(self.mask, 8)
        if self.film is not None:
            state["film"] = self.film.as_state()
        return state

    def _table(self, name, array):
        if array is None:
            return None
        array = numbers(name, array)
        if array.ndim not in (2, 3) or array.shape[-2:] != (self.T, self.S):
            raise ValueError(f"{name} should have shape (T={self.T}, S={self.S}) or (H, T={self.T}, S={self.S}), "
                             f"got {array.shape}")
        return array.reshape((-1, self.T, self.S)) if array.size else np.zeros((1, self.T, self.S), np.float32)

    def _heads(self):
        known = {name: len(array) for name in ("weights", "scores", "q", "k", "v", "reference")
                 if (array := getattr(self, name)) is not None}
        if self.film is not None:
            shape = self.film.frames.shape[1:]
            if len(shape) not in (2, 3) or shape[-2:] != (self.T, self.S):
                raise ValueError(f"film should hold frames of shape (T={self.T}, S={self.S}) or "
                                 f"(H, T={self.T}, S={self.S}), got {shape}")
            known["film"] = shape[0] if len(shape) == 3 else 1
        several = {name: H for name, H in known.items() if H != 1}
        if len(set(several.values())) > 1:
            raise ValueError(f"all arrays should have the same number of heads, got {several}")
        H = next(iter(several.values()), 1)
        for name in known.keys() - {"film"}:
            array = getattr(self, name)
            setattr(self, name, np.ascontiguousarray(np.broadcast_to(array, (H, *array.shape[1:]))))
        return H

    def _check_pair(self):
        if (self.q is None) != (self.k is None):
            raise ValueError("q and k should be given together, got only one of them")
        if self.q is not None and self.q.shape[-1] != self.k.shape[-1]:
            raise ValueError(f"q and k should have the same last axis d_k, "
                             f"got {self.q.shape[-1]} and {self.k.shape[-1]}")

    def _mask(self, mask):
        if mask is None:
            return None
        mask = np.asarray(mask.cpu() if hasattr(mask, "cpu") else mask)
        if mask.dtype != bool:
            raise ValueError(f"mask should be boolean (True = may attend), got {mask.dtype}")
        while mask.ndim > 3 and mask.shape[0] == 1:
            mask = mask[0]
        try:
            return np.ascontiguousarray(np.broadcast_to(mask, (self.H, self.T, self.S)))
        except ValueError:
            raise ValueError(f"mask should broadcast to (H={self.H}, T={self.T}, S={self.S}), "
                             f"got {mask.shape}") from None

    def _names(self, names):
        if names is None:
            return [f"head {h}" for h in range(self.H)]
        names = [str(name) for name in names]
        if len(names) != self.H:
            raise ValueError(f"head_names should hold one name for each of {self.H} heads, got {len(names)}")
        return names

    def _frame(self, frame):
        return self.film.frames[frame]


def _bits(array):
    return 32 if array.size <= _EXACT_LIMIT or not np.isfinite(array).all() else 16


def _words(name, tokens):
    if isinstance(tokens, str):
        raise ValueError(f"{name} should be a list of strings, got one string {tokens[:40]!r}; "
                         f"split it first")
    tokens = list(tokens)
    for token in tokens:
        if not isinstance(token, str):
            raise ValueError(f"{name} should be a list of strings, got {token!r} in it")
    return tokens


def _vectors(name, array, length):
    if array is None:
        return None
    array = numbers(name, array)
    if array.ndim not in (2, 3) or array.shape[-2] != length:
        raise ValueError(f"{name} should have shape ({length}, d) or (H, {length}, d) for {length} tokens, "
                         f"got {array.shape}")
    return array if array.ndim == 3 else array[None]
