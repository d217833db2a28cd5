"""Pictures as a notebook carries them: the words for them, the card they lie on, and the forms of the output."""

import base64
import io
import re

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from course_utils import plotting
from course_utils.attention import softmax
from course_utils.explorers import AttentionExplorer, DotProductExplorer, HullExplorer, MaskPainter, SoftmaxExplorer
from course_utils.plotting.alt_text import describe, pattern
from course_utils.plotting.pictures import CARD, calm, install, picture_forms, png_bytes

WEIGHTS = softmax(np.random.default_rng(0).standard_normal((4, 4)))
TOKENS = ["it", "sat", "down", "."]


def heatmap(weights=WEIGHTS, title="Mine"):
    return plotting.heatmap(Figure().subplots(), weights, TOKENS, title=title).figure


# --- words --------------------------------------------------------------------------------------------------------
def test_a_heatmap_tells_each_querys_largest_weight():
    tops = ", ".join(f"{TOKENS[i]} to {TOKENS[row.argmax()]} {row.max():.2f}" for i, row in enumerate(WEIGHTS))
    assert describe(heatmap()) == ("Mine. Heatmap of attention weights, 4 queries by 4 keys. "
                                   f"Largest of each query: {tops}.")


NEXT = 0.1 + 0.6 * np.eye(4, k=1)
PATTERNS = {
    "themselves": (0.1 + 0.6 * np.eye(4), "4 of 4 queries give most to themselves, 0.70 on average."),
    "next": (NEXT, "3 of 3 queries give most to the token after them, 0.70 on average."),
    "previous": (NEXT.T, "3 of 3 queries give most to the token before them, 0.70 on average."),
    "backwards": (0.1 + 0.6 * np.eye(4)[::-1],
                  "4 of 4 queries give most to the token as far from the other end, 0.70 on average."),
    "a column": (0.1 + 0.6 * np.eye(4)[[1, 1, 1, 1]], "4 of 4 queries give most to key 1 sat, 0.70 on average."),
    "equal": (np.full((4, 4), 0.25), "Every query gives all keys nearly the same."),
    "causal": (np.tril(np.ones((4, 4))) / np.arange(1, 5)[:, None],
               "4 of 4 queries give most to key 0 it, 0.52 on average. No query gives anything to later keys."),
    "nothing": (WEIGHTS, ""),
    "not finite": (np.full((4, 4), np.nan), ""),
    "too small": (np.eye(2), ""),
}


@pytest.mark.parametrize("name", PATTERNS)
def test_a_table_tells_its_pattern(name):
    weights, words = PATTERNS[name]
    assert pattern(weights, TOKENS) == words


def drawn(draw, **labels):
    figure = Figure()
    ax = figure.subplots()
    draw(ax)
    ax.set(**labels)
    return describe(figure)


def test_curves_tell_name_direction_and_values():
    x = np.arange(5)

    def draw(ax):
        ax.plot(x, 2.5 - 0.5 * x, label="A")
        ax.plot(x, x / 2, label="B")
        ax.plot(x, [1, 2, 0, 1, 1], label="$d_k$ = 4")
        ax.plot(x, np.full(5, 1.5))
        ax.axhline(1)

    assert drawn(draw, title="Loss", xlabel="step", ylabel="nats") == (
        "Loss. across: step; up: nats. A falls from 2.50 at 0 to 0.50 at 4; B rises from 0.00 at 0 to 2.00 at 4; "
        "d_k = 4 runs from 1.00 at 0 to 1.00 at 4, highest 2.00 at 1, lowest 0.00 at 2; line 4 stays at 1.50.")


def test_bars_and_tables_tell_their_values():
    assert drawn(lambda ax: ax.bar(["the", "dog"], [0.25, 0.5])) == "2 bars: the 0.250, dog 0.500."
    assert drawn(lambda ax: ax.barh(["the", "dog"], [3, -1])) == "2 bars: the 3.00, dog -1.00."
    assert drawn(lambda ax: ax.hist(np.arange(100) ** 2, 20)).startswith("20 bars from ")
    assert drawn(lambda ax: ax.imshow([[1, 2], [5, 0]])) == (
        "a table of 2 rows and 2 columns, largest 5.00 in row 1, column 0, smallest 0.00 in row 1, column 1.")
    assert drawn(lambda ax: ax.scatter([1, 2, 3], [1, 2, 3])) == "3 points."
    assert drawn(lambda ax: None) == "nothing drawn."
    assert describe(Figure()) == "Empty figure."


# --- the card -----------------------------------------------------------------------------------------------------
def light(colour):
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour))
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one, other):
    one, other = sorted((light(one), light(other)))
    return (other + 0.05) / (one + 0.05)


def test_the_ground_is_the_card_and_the_figure_keeps_its_own():
    figure = heatmap()
    corner = Image.open(io.BytesIO(png_bytes(figure))).convert("RGB").getpixel((1, 1))
    assert corner == tuple(int(CARD[n:n + 2], 16) for n in (1, 3, 5))
    assert figure.get_facecolor() == (1, 1, 1, 1)
    dark = Figure(facecolor="#222222")
    with calm(dark):
        assert dark.get_facecolor() != to_rgb(CARD), "a ground that somebody chose stays"


def test_a_card_does_not_glare_beside_a_dark_page():
    assert contrast(CARD, "#111111") < 14.5 < contrast("#ffffff", "#111111")


STILLS = {
    "heatmap": AttentionExplorer(TOKENS, weights=WEIGHTS),
    "arrows": DotProductExplorer((3, 1), (1, 2)),
    "keys": DotProductExplorer((2, 1), keys={"cat": (2, 1.5), "car": (-2, 1)}),
    "bars": SoftmaxExplorer([2.0, 1.0, 0.0], ["cat", "sat", "mat"], hardmax=True),
    "hull": HullExplorer([(0, 0), (4, 0), (0, 4)], keys=[(1, 0), (0, 1), (-1, 0)], query=(1, 1)),
    "painter": MaskPainter(TOKENS, scores=WEIGHTS),
}


@pytest.mark.parametrize("name", STILLS)
def test_every_word_on_the_card_can_be_read(name):
    figure = STILLS[name].draw_static()
    words = [text for text in figure.findobj(lambda artist: hasattr(artist, "get_text"))
             if text.get_text().strip() and text.get_visible() and not text.get_bbox_patch()]
    faint = {text.get_text(): text.get_color() for text in words if contrast(text.get_color(), CARD) < 4.5}
    assert words
    assert faint == {}


# --- the forms ----------------------------------------------------------------------------------------------------
def published(monkeypatch, show):
    import IPython.display

    outputs = []
    monkeypatch.setattr(IPython.display, "publish_display_data",
                        lambda data, metadata=None: outputs.append((data, metadata)))
    show()
    return outputs


def test_a_figure_brings_its_picture_with_words_and_its_fingerprint(monkeypatch):
    monkeypatch.delattr(Figure, "_ipython_display_", raising=False)
    install()
    figure = heatmap(title='"Mine" <b>')
    [(data, metadata)] = published(monkeypatch, figure._ipython_display_)
    assert set(data) == {"text/html", "image/png", "text/plain"}
    assert data["text/plain"] == plotting.fingerprint(figure)
    assert metadata["image/png"]["alt"] == describe(figure)
    assert re.match(r'<img alt="&quot;Mine&quot; &lt;b&gt;\. Heatmap of ', data["text/html"])
    assert data["image/png"] in data["text/html"]
    assert base64.b64decode(data["image/png"]) == png_bytes(figure)


def test_a_live_figure_brings_its_picture_in_an_output_of_its_own(monkeypatch):
    figure = AttentionExplorer(TOKENS, weights=WEIGHTS)
    (view, _), (still, words) = published(monkeypatch, figure._ipython_display_)
    assert set(view) == {"application/vnd.jupyter.widget-view+json"}
    assert set(still) == {"text/html", "image/png", "text/plain"}
    assert still["text/plain"] == figure.fingerprint()
    assert words["image/png"]["alt"] == figure.describe()
    assert figure.live
    assert f'data-still="{figure.live}"' in still["text/html"]
    [_, (again, _)] = published(monkeypatch, figure._ipython_display_)
    assert again == still, "shown twice it keeps its name"
    [_, (other, _)] = published(monkeypatch, AttentionExplorer(TOKENS, weights=WEIGHTS)._ipython_display_)
    assert other["text/plain"] == still["text/plain"]
    assert other["text/html"] != still["text/html"], "each figure hides its own picture"


def test_words_cannot_leave_their_attribute():
    assert '"><script>' not in picture_forms(b"", '"><script>alert(1)</script>', "")["text/html"]


def test_a_picture_is_small_and_the_same_byte_for_byte():
    assert png_bytes(heatmap()) == png_bytes(heatmap())
    whole = io.BytesIO()
    figure = heatmap()
    figure.savefig(whole, format="png", bbox_inches="tight")
    assert len(png_bytes(figure)) < 0.6 * len(whole.getvalue())
