"""Images and the patches that they are cut into."""

import numpy as np

__all__ = ["images_in_patches"]


def images_in_patches(ax, images, size, *, title=""):
    """Draw images side by side, with lines where they are cut into patches.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    images : array_like, shape (n, height, width)
        Ink from 0 to 1, drawn from white to black.
    size : int
        Rows and columns of pixels in a patch.
    title : str
        Shown above.

    Returns
    -------
    matplotlib.axes.Axes
        `ax`, with ``ax.alt_text`` set.

    Raises
    ------
    ValueError
        When `images` has not three axes, or `size` does not divide height and width.
    """
    images = np.asarray(images, dtype=float)
    if images.ndim != 3 or images.shape[1] % size or images.shape[2] % size:
        raise ValueError(f"images should have shape (n, height, width), cut into patches of {size} by {size}, got "
                         f"{images.shape}")
    n, height, width = images.shape
    sheet = np.full((height, n * (width + 1) - 1), np.nan)
    for k, image in enumerate(images):
        left = k * (width + 1)
        sheet[:, left:left + width] = image
        for cut in range(0, width + 1, size):
            ax.plot([left + cut - 0.5] * 2, [-0.5, height - 0.5], color="#3b82c4", lw=0.8)
        for cut in range(0, height + 1, size):
            ax.plot([left - 0.5, left + width - 0.5], [cut - 0.5] * 2, color="#3b82c4", lw=0.8)
    ax.imshow(sheet, cmap="gray_r", vmin=0, vmax=1)
    ax.set(title=title, xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    ax.alt_text = (f"{title}. {n} images of {height} by {width} pixels side by side, each cut by lines into "
                   f"{height // size} by {width // size} patches.")
    return ax
