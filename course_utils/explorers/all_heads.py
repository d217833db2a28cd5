"""Every attention table of a model at a glance: small pictures by layer and head, one of them enlarged."""

from __future__ import annotations

import numpy as np
import traitlets
from matplotlib.figure import Figure

from course_utils import plotting
from course_utils.explorers.attention_map import AttentionExplorer
from course_utils.explorers.base import browser_code, numbers, style_sheet
from course_utils.explorers.film import Film
from course_utils.plotting.alt_text import describe_weights


class HeadsExplorer(AttentionExplorer):
    """Show all heads of all layers as small pictures; the one that is chosen stands beside them, enlarged.

    Parameters
    ----------
    tokens : sequence of str, length T
        Queries and keys.
    weights : array_like, shape (L, H, T, T)
        Attention weights of L layers with H heads each.
    layer, head : int
        Which table is enlarged at first, both counted from 0.
    title, made_by, **state
        As for `AttentionExplorer`.

    Attributes
    ----------
    frame : int
        Which table is enlarged: ``layer * H + head``.

    Raises
    ------
    ValueError
        When `weights` has another shape, or there is no such layer or head.

    Examples
    --------
    >>> figure = HeadsExplorer(["a", "b"], np.full((2, 3, 2, 2), 0.5), layer=1, head=2)
    >>> figure.frame, figure.layer, figure.head
    (5, 1, 2)
    """

    _esm = browser_code("colours.js", "attention.js", "panels.js", "heatmap.js", "attention_figure.js", "all_heads.js")
    _css = style_sheet("heatmap.css", "all_heads.css")

    layers = traitlets.Int().tag(sync=True)

    def __init__(self, tokens, weights, *, layer=0, head=0, title="All attention tables", made_by=None, **state):
        table = numbers("weights", weights)
        T = len(tokens)
        if table.ndim != 4 or table.shape[2:] != (T, T) or not table.size:
            raise ValueError(f"weights should have shape (L, H, T={T}, T={T}), got {table.shape}")
        layers, heads = table.shape[:2]
        for name, value, count in (("layer", layer, layers), ("head", head, heads)):
            if not 0 <= value < count:
                raise ValueError(f"{name} should lie between 0 and {count - 1}, got {value}")
        film = Film(table.reshape(layers * heads, T, T), range(layers * heads), label="table")
        super().__init__(tokens, film=film, title=title, made_by=made_by, layers=layers,
                         **{"frame": layer * heads + head} | state)
        self.kind = "heads"

    @property
    def layer(self):
        """The layer of the enlarged table (int, from 0)."""
        return self.frame // self._heads_per_layer

    @property
    def head(self):
        """The head of the enlarged table within its layer (int, from 0)."""
        return self.frame % self._heads_per_layer

    @property
    def _heads_per_layer(self):
        return len(self.picture.film.values) // self.layers

    def arrays(self):
        return super().arrays() | {"layer, head": f"{self.layer}, {self.head}", "all tables": self.picture.film.frames}

    def describe(self):
        return (f"{self.title}: small pictures, {self.layers} rows of layers by {self._heads_per_layer} columns of "
                f"heads. Enlarged, layer {self.layer}, head {self.head}. "
                + describe_weights(self.weights, self.picture.tokens))

    def draw_static(self):
        H, T = self._heads_per_layer, self.picture.T
        figure = Figure(figsize=(10.4, 4.4), layout="constrained")
        small, large = figure.subplots(1, 2, width_ratios=(1.15, 1))
        wall = np.full((self.layers * (T + 1) - 1, H * (T + 1) - 1), np.nan)
        for n, frame in enumerate(self.picture.film.frames):
            i, j = n // H * (T + 1), n % H * (T + 1)
            wall[i:i + T, j:j + T] = frame
        small.imshow(wall, vmin=0, vmax=1, cmap="viridis")
        small.set(xlabel="head", ylabel="layer")
        small.set_xticks((T - 1) / 2 + (T + 1) * np.arange(H), range(H))
        small.set_yticks((T - 1) / 2 + (T + 1) * np.arange(self.layers), range(self.layers))
        small.spines[:].set_visible(False)
        plotting.heatmap(large, self.weights, self.picture.tokens, title=f"layer {self.layer}, head {self.head}")
        return figure
