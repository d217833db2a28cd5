"""A figure as an output of a notebook: a picture on a calm card, words for it, and a text that a test can compare."""

from __future__ import annotations

import base64
import html
import io
import warnings
from contextlib import contextmanager

from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from course_utils.plotting.alt_text import describe
from course_utils.plotting.marks import fingerprint

CARD = "#d3d5dd"
"""Ground of a picture: bright enough for dark words, and no lamp on a dark page. No unit."""
_COLOURS = 256
_WHITE = "#ffffff"


@contextmanager
def calm(figure):
    """Put a figure on the card while the block lasts: whatever is white in its ground.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Left as it was afterwards.
    """
    grounds = [figure.patch, *(ax.patch for ax in figure.axes)]
    grounds += [legend.get_frame() for ax in figure.axes if (legend := ax.get_legend())]
    changed = [(ground, ground.get_facecolor()) for ground in grounds if to_hex(ground.get_facecolor()) == _WHITE]
    for ground, colour in changed:
        ground.set_facecolor((*_rgb(CARD), colour[3]))
    try:
        yield
    finally:
        for ground, colour in changed:
            ground.set_facecolor(colour)


def _rgb(colour):
    return tuple(int(colour[n:n + 2], 16) / 255 for n in (1, 3, 5))


def png_bytes(figure, dpi=None):
    """Render a figure to PNG without pyplot and without the date or version that would change it.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure.
    dpi : float, optional
        Pixels an inch; the figure's own if left out.

    Returns
    -------
    bytes
        The PNG file, of at most 256 colours: a third of the size.
    """
    from PIL import Image

    buffer, small = io.BytesIO(), io.BytesIO()
    with warnings.catch_warnings(), calm(figure):
        # A token may hold letters that matplotlib's font lacks; it draws a box for each, which is warning enough.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(buffer, format="png", dpi=dpi or figure.dpi, bbox_inches="tight", metadata={"Software": None})
    image = Image.open(buffer).convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
    image.save(small, format="png", optimize=True)
    return small.getvalue()


def picture_forms(png, words, text, live=None):
    """Give the forms of a picture that a notebook's output carries.

    JupyterLab, VS Code and exported pages show the HTML, the only form whose alternative text they all keep; GitHub
    and printed pages can use the PNG; nbval compares the text.

    Parameters
    ----------
    png : bytes
        The picture.
    words : str
        Its alternative text.
    text : str
        Its fingerprint.
    live : str, optional
        The name of the live figure that it stands in for: where that one is alive, the picture is not shown.

    Returns
    -------
    dict
        Mime types and data.
    """
    data = base64.b64encode(png).decode()
    name = f' data-still="{live}"' if live else ""
    picture = (f'<img{name} alt="{html.escape(words)}" src="data:image/png;base64,{data}" '
               f'style="max-width: 100%; height: auto; border-radius: 6px">')
    return {"text/html": (_swap(live) if live else "") + picture, "image/png": data, "text/plain": text}


def _swap(live):
    """Hide the picture where its figure is alive, and JupyterLab's message where it is not, by two rules of style.

    A widget's output that holds nothing but words tells that its model is missing, or that it is still loading.
    """
    still, child, output = f'[data-still="{live}"]', ".jp-OutputArea-child", "> .jp-OutputArea-output"
    return (f'<style>body:has(.cu[data-live="{live}"]) :is({still}, {child}:has({still})) {{ display: none; }}\n'
            f"{child}:has({output}):not(:has({output} > *)):has(+ {child} {still}) {{ display: none; }}</style>\n")


def _show(figure):
    from IPython.display import publish_display_data

    words = describe(figure)
    publish_display_data(picture_forms(png_bytes(figure), words, fingerprint(figure)), {"image/png": {"alt": words}})


def install():
    """Let every matplotlib figure in a notebook carry its picture, its words and its fingerprint.

    It publishes them itself, because the inline backend brings its own PNG of a figure back whenever it starts.
    """
    Figure._ipython_display_ = _show
