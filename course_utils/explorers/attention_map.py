"""Attention as a live heatmap: rows are queries, columns are keys."""

from __future__ import annotations

import numpy as np
import traitlets
from matplotlib.figure import Figure

from course_utils import plotting
from course_utils.explorers.base import Explorer, browser_code, style_sheet
from course_utils.explorers.picture import Picture
from course_utils.plotting.alt_text import describe_weights

SAME = 1e-3
"""Weights of the learner and of the reference that differ by more than this are marked (no unit)."""


class AttentionExplorer(Explorer):
    """Show attention weights that answer to the mouse, the keyboard and Python.

    With `scores`, or with `q` and `k`, the weights are made anew in the browser whenever a control moves;
    with `weights` they are shown as they are; with `film` a slider steps through frames made in Python.

    Parameters
    ----------
    tokens : sequence of str, length T, optional
        The queries' tokens; may be left out when `presets` are given.
    tokens_k : sequence of str, length S, optional
        The keys' tokens, when they are others.
    weights, scores, reference : array_like, shape (T, S) or (H, T, S), optional
        Attention weights; scores before softmax; weights to compare with, cell by cell.
    q, k, v : array_like, shape (T, d_k), (S, d_k), (S, d_v), or each with a leading H, optional
        Queries, keys and values: with them a cell opens into its parts.
    mask : array_like of bool, broadcastable to (H, T, S), optional
        True where a query may attend to a key. What is hidden is hatched.
    head_names : sequence of str, length H, optional
        What the heads are called.
    film : Film, frames of shape (N, T, S) or (N, H, T, S), optional
        Weights over a control's range.
    presets : dict of str to dict, optional
        Further pictures by name, each a dict of the arguments above.
    title : str, default "Attention weights"
        Shown above the figure.
    made_by : str, optional
        Whose function made the weights, in words.
    **state
        First values of the traits below.

    Attributes
    ----------
    preset : int
        Which picture is shown.
    heads : list of bool, length H
        Which heads are shown; with several, their average.
    cell : list of int, length 2
        The query and the key that are lit.
    temperature : float
        Scores are divided by it before softmax.
    scaled, causal : bool
        Divide q k^T by sqrt(d_k); hide later keys.
    causal_offered : bool
        Whether there is a control for `causal`; False where the causal mask has not been introduced.
    frame : int
        The frame of the film.
    marked : bool
        Mark weights that differ from the reference.
    stretched : bool
        Let the brightest colour stand for the largest weight instead of 1.

    Raises
    ------
    ValueError
        When an array does not fit the tokens, or a state is out of its range.

    Examples
    --------
    >>> figure = AttentionExplorer(["a", "b"], weights=[[1.0, 0.0], [0.25, 0.75]])
    >>> figure.cell = [1, 0]
    >>> float(figure.weights[1, 0])
    0.25
    """

    _esm = browser_code("colours.js", "attention.js", "panels.js", "heatmap.js", "attention_figure.js")
    _css = style_sheet("heatmap.css")

    pictures = traitlets.List(traitlets.Dict()).tag(sync=True)
    same = traitlets.Float(SAME).tag(sync=True)
    preset = traitlets.Int(0).tag(sync=True)
    heads = traitlets.List(traitlets.Bool()).tag(sync=True)
    cell = traitlets.List(traitlets.Int(), [0, 0]).tag(sync=True)
    temperature = traitlets.CFloat(1.0).tag(sync=True)
    scaled = traitlets.Bool(True).tag(sync=True)
    causal = traitlets.Bool(False).tag(sync=True)
    causal_offered = traitlets.Bool(True).tag(sync=True)
    frame = traitlets.Int(0).tag(sync=True)
    marked = traitlets.Bool(True).tag(sync=True)
    stretched = traitlets.Bool(False).tag(sync=True)

    def __init__(self, tokens=None, *, tokens_k=None, weights=None, scores=None, q=None, k=None, v=None, mask=None,
                 reference=None, head_names=None, film=None, presets=None, title="Attention weights", made_by=None,
                 **state):
        named = {}
        if tokens is not None:
            first = Picture(tokens, tokens_k=tokens_k, weights=weights, scores=scores, q=q, k=k, v=v, mask=mask,
                            reference=reference, head_names=head_names, film=film)
            named[plotting.short(" ".join(first.tokens), 40) or "no tokens"] = first
        for name, arguments in (presets or {}).items():
            named[str(name)] = _preset(name, arguments)
        if not named:
            raise ValueError("tokens or presets should be given, got neither")
        self._pictures = list(named.values())
        if made_by is None and film is not None:
            made_by = film.made_by
        first = _inside("preset", state.get("preset", 0), len(self._pictures))
        state.setdefault("heads", [n == 0 for n in range(self._pictures[first].H)])
        super().__init__(kind="heatmap", title=title, made_by=made_by,
                         pictures=[picture.as_state(name) for name, picture in named.items()], **state)

    @property
    def picture(self):
        """The `Picture` that is shown: its tokens and arrays."""
        return self._pictures[self.preset]

    @property
    def weights_by_head(self):
        """Weights of every head under the present controls, shape (H, T, S), computed in NumPy."""
        return self.picture.weights_at(temperature=self.temperature, scaled=self.scaled, causal=self.causal,
                                       frame=self.frame)

    @property
    def weights(self):
        """The weights on show, shape (T, S): the average of the heads that are switched on."""
        return self._shown(self.weights_by_head)

    @property
    def reference(self):
        """The reference's weights on show, shape (T, S), or None."""
        return None if self.picture.reference is None else self._shown(self.picture.reference.astype(float))

    @property
    def output(self):
        """Each query's average of the values, shape (T, d_v), for the one head on show; None without `v`."""
        if self.picture.v is None:
            return None
        on = np.asarray(self.heads)
        return (self.weights_by_head @ self.picture.v.astype(float))[on].mean(axis=0)

    def hidden(self):
        """Say which cells the mask hides in every head that is switched on.

        Returns
        -------
        ndarray of bool, shape (T, S)
            True = hidden.
        """
        allowed = self.picture.allowed(self.causal and self.picture.source in ("scores", "qk"))
        return ~self._on(np.broadcast_to(allowed, (self.picture.H, *allowed.shape[1:]))).any(axis=0)

    def _on(self, by_head):
        return by_head[np.asarray(self.heads)]

    def _shown(self, by_head):
        return self._on(by_head).mean(axis=0)

    # --- state is checked here, because the browser and Python both write it --------------------------
    @traitlets.validate("preset")
    def _preset_exists(self, proposal):
        return _inside("preset", proposal["value"], len(self._pictures))

    @traitlets.observe("preset")
    def _enter_preset(self, _change):
        picture = self.picture
        with self.hold_trait_notifications():
            if len(self.heads) != picture.H:
                self.heads = [n == 0 for n in range(picture.H)]
            self.cell = [min(self.cell[0], max(0, picture.T - 1)), min(self.cell[1], max(0, picture.S - 1))]
            self.frame = 0 if picture.film is None else min(self.frame, len(picture.film.values) - 1)

    @traitlets.validate("heads")
    def _heads_fit(self, proposal):
        heads = proposal["value"]
        if len(heads) != self.picture.H or not any(heads):
            raise ValueError(f"heads should hold {self.picture.H} booleans, at least one of them True, got {heads}")
        return heads

    @traitlets.validate("cell")
    def _cell_exists(self, proposal):
        cell = proposal["value"]
        if len(cell) != 2:
            raise ValueError(f"cell should be [query, key], got {cell}")
        counts = (max(1, self.picture.T), max(1, self.picture.S))
        return [_inside(f"cell[{n}]", cell[n], counts[n]) for n in (0, 1)]

    @traitlets.validate("temperature")
    def _temperature_positive(self, proposal):
        if not 0 < proposal["value"] < np.inf:
            raise ValueError(f"temperature should be a positive number, got {proposal['value']}")
        return proposal["value"]

    @traitlets.validate("causal")
    def _causal_fits(self, proposal):
        if proposal["value"] and self.picture.T != self.picture.S:
            raise ValueError(f"causal should be False where queries and keys differ in number, "
                             f"got {self.picture.T} queries and {self.picture.S} keys")
        return proposal["value"]

    @traitlets.validate("frame")
    def _frame_exists(self, proposal):
        film = self.picture.film
        return _inside("frame", proposal["value"], 1 if film is None else len(film.values))

    # --- the other two forms of the output -------------------------------------------------------------
    def arrays(self):
        state = {"state": ", ".join(f"{name} {getattr(self, name)}" for name in self._moving()),
                 "tokens": " ".join(plotting.short(token, 20) for token in self.picture.tokens[:40]),
                 "weights": self.weights}
        if self.reference is not None:
            state["reference"] = self.reference
        if self.hidden().any():
            state["hidden"] = self.hidden()
        return state

    def _moving(self):
        controls = {"film": ("frame",), "scores": ("temperature", "causal"), "qk": ("temperature", "scaled", "causal")}
        return ("preset", "heads", "cell", *controls.get(self.picture.source, ()))

    def describe(self):
        picture, weights = self.picture, self.weights
        if not weights.size:
            return f"{self.title}: there are no tokens to show."
        return f"{self.title}. " + describe_weights(weights, picture.tokens, picture.tokens_k)

    def draw_static(self):
        picture, maps = self.picture, {self.title: self.weights}
        if self.reference is not None:
            maps |= {f"{self.title} (reference)": self.reference}
        figure = Figure(figsize=(5.2 * len(maps), 4.6), layout="constrained")
        for ax, (title, weights) in zip(figure.subplots(1, len(maps), squeeze=False)[0], maps.items(), strict=True):
            plotting.heatmap(ax, weights, picture.tokens, picture.tokens_k, hidden=self.hidden(), title=title)
        return figure


def _preset(name, arguments):
    try:
        return Picture(**arguments)
    except (TypeError, ValueError) as error:
        raise ValueError(f"presets[{name!r}]: {error}") from None


def _inside(name, value, count):
    if not 0 <= value < count:
        raise ValueError(f"{name} should lie between 0 and {count - 1}, got {value}")
    return value
