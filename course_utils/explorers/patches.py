"""What the patches of an image look at: point at one, and each head lays its weights over the picture."""

from __future__ import annotations

import numpy as np
import traitlets

from course_utils.explorers.base import browser_code, numbers, pack, style_sheet
from course_utils.explorers.scenes import Scene, choice, labels, new_figure, plain, shown

CLASS_TOKEN = "[CLS]"


class PatchExplorer(Scene):
    """Point at a patch of an image, and see over the same image how much each head looks at every patch.

    At the left stands the image with the patches' edges, and above it a cell for the class token; one of these
    tokens is the query. Beside it there is a picture for each head: every cell has the colour of the query's weight
    on that patch, the cell above that on the class token.

    Parameters
    ----------
    images : array_like or Tensor, shape (n, height, width)
        Ink from 0 to 1.
    weights : array_like or Tensor, shape (n, L, H, 1 + N, 1 + N)
        Attention of L blocks with H heads each; token 0 is the class token, N patches follow in reading order.
    rows, columns : int
        How the patches lie: rows * columns = N.
    names : sequence of str, length n, optional
        What the images are called; letters when left out.
    image, block, query : int, default 0
        Which image and block are shown, and which token is the query; 0 is the class token.
    title, note, made_by : str, optional
        As for `Explorer`; `note` is a line under the title.

    Attributes
    ----------
    image, block, query : int
        As above: set one and the page follows, read it after a move.

    Raises
    ------
    ValueError
        When shapes do not fit, or `image`, `block` or `query` is none of those that there are.

    Examples
    --------
    >>> figure = PatchExplorer(np.zeros((1, 4, 4)), np.full((1, 2, 3, 5, 5), 0.2), 2, 2, block=1)
    >>> figure.query = 3
    >>> figure.weights.shape
    (3, 5)
    """

    _esm = browser_code("colours.js", "scene.js", "patches.js")
    _css = style_sheet("scene.css")

    kind = traitlets.Unicode("patches").tag(sync=True)
    names = traitlets.List().tag(sync=True)
    ink = traitlets.Dict().tag(sync=True)
    tables = traitlets.Dict().tag(sync=True)
    rows = traitlets.Int().tag(sync=True)
    columns = traitlets.Int().tag(sync=True)
    blocks = traitlets.Int().tag(sync=True)
    heads = traitlets.Int().tag(sync=True)
    image = traitlets.Any(0).tag(sync=True)
    block = traitlets.Any(0).tag(sync=True)
    query = traitlets.Any(0).tag(sync=True)

    def __init__(self, images, weights, rows, columns, names=None, *, image=0, block=0, query=0, note="",
                 title="What the patches look at", made_by=None):
        images, weights = numbers("images", images), numbers("weights", weights)
        T = 1 + rows * columns
        if images.ndim != 3 or not images.size or images.shape[1] % rows or images.shape[2] % columns:
            raise ValueError(f"images should have shape (n, height, width), cut into {rows} x {columns} patches, got "
                             f"{images.shape}")
        if weights.ndim != 5 or weights.shape[0] != len(images) or weights.shape[3:] != (T, T) or not weights.size:
            raise ValueError(f"weights should have shape (n={len(images)}, L, H, {T}, {T}), got {weights.shape}")
        self._images, self._all, self._sizes = images, weights, (len(images), weights.shape[1], T)
        super().__init__(
            title=title, made_by=made_by, note=note, covered=False, presets={},
            names=labels("names", names, len(images)),
            ink=pack(images, bits=8), tables=pack(weights.reshape(-1, weights.shape[2] * T * T), bits=16),
            rows=rows, columns=columns, blocks=weights.shape[1], heads=weights.shape[2],
            image=image, block=block, query=query)

    def checks(self):
        return {name: lambda value, name=name, count=count: choice(name, value, tuple(range(count)))
                for name, count in zip(("image", "block", "query"), self._sizes)}

    @traitlets.validate("image", "block", "query")
    def _check_state(self, proposal):
        return self._tidy(proposal)

    @property
    def weights(self):
        """What the query looks at in the block that is shown (ndarray, shape (H, 1 + N), no unit)."""
        return self._all[self.image, self.block, :, self.query]

    def token_name(self, token):
        """Say in words which token it is (str): patches by row and column, counted from 0."""
        return CLASS_TOKEN if token == 0 else "patch {}, {}".format(*divmod(token - 1, self.columns))

    def describe(self):
        """Say in a sentence what the figure shows; used as alternative text."""
        most = ", ".join(f"head {h} {self.token_name(int(row.argmax()))} with {shown(row.max())}"
                         for h, row in enumerate(self.weights))
        return (f"{self.title}: {self.names[self.image]}, block {self.block}. {self.token_name(self.query)} looks most "
                f"at: {most}.")

    def arrays(self):
        """Name what is drawn: the image, where the query is, and its weights."""
        return {"image": self.names[self.image], "ink": self._images[self.image], "block": self.block,
                "query": self.token_name(self.query), "weights": self.weights, "all weights": self._all}

    def draw_static(self):
        """Draw the image and a picture for each head with matplotlib."""
        figure, (first, *others) = new_figure(2.3 * (1 + self.heads), 3.1, self.title, self.note,
                                              ratios=(1,) * (1 + self.heads))
        image = self._images[self.image]
        height, width = (size / count for size, count in zip(image.shape, (self.rows, self.columns)))
        edges = (-0.5, image.shape[1] - 0.5, image.shape[0] - 0.5, -0.5)
        first.imshow(image, cmap="gray_r", vmin=0, vmax=1, extent=edges)
        first.set(title=plain(f"{self.names[self.image]}, {self.token_name(self.query)}", 28))
        for h, (ax, row) in enumerate(zip(others, self.weights, strict=True)):
            ax.imshow(row[1:].reshape(self.rows, self.columns), vmin=0, vmax=1, cmap="viridis", extent=edges)
            ax.set(title=f"head {h}\n{CLASS_TOKEN} {shown(row[0])}")
        for ax in (first, *others):
            ax.set(xticks=np.arange(1, self.columns) * width - 0.5, yticks=np.arange(1, self.rows) * height - 0.5)
            ax.grid(color="#85858f", lw=0.7)
            ax.tick_params(length=0, labelbottom=False, labelleft=False)
            ax.title.set_fontsize(10)
        return figure
