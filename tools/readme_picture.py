"""Draw the picture of the README: a live figure of the course, as a browser shows it.

    python tools/readme_picture.py

writes notebooks/images/attention.png. It shows another sentence and another head than the first lesson asks about.
Needs a Chromium, as the browser tests do.
"""

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from course_utils.datasets import MINILM_HEADS, minilm_attention  # noqa: E402
from course_utils.explorers import AttentionExplorer  # noqa: E402

PICTURE = ROOT / "notebooks" / "images" / "attention.png"
SENTENCE, HEAD, CELL = "cat", "article and adjective to noun", (5, 7)
WIDTH = 960  # pixels


def weights():
    """The sentence's tokens, and the weights of the head, shape (T, T)."""
    sentence = minilm_attention(SENTENCE)
    return sentence.tokens, sentence.head(*MINILM_HEADS[HEAD])


def alternative_text():
    """What the README says for those who do not see the picture."""
    sentence, (tokens, table) = minilm_attention(SENTENCE).sentence, weights()
    query, key = (tokens[n] for n in CELL)
    return (f'A table of attention weights over the sentence "{sentence}" The row of the query "{query}" is framed; '
            f'its largest weight, {table[CELL]:.2f}, goes to the key "{key}". Beside the table, lines of matching '
            f'thickness join "{query}" to the words it looks at.')


def main():
    """Write the picture, and print the words that belong to it."""
    from course_utils.classroom.lab.driver import chromium, new_context
    from course_utils.explorers.host import page

    tokens, table = weights()
    figure = AttentionExplorer(tokens, weights=table, cell=list(CELL), title="Attention in a pretrained transformer")
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        path = Path(folder) / "figure.html"
        path.write_text(page(figure), encoding="utf-8")
        shown = new_context(browser, viewport={"width": WIDTH, "height": 900}).new_page()
        shown.goto(path.as_uri())
        shown.wait_for_selector("html[data-figures=ready]", state="attached")
        shown.add_style_tag(content=".cu-foot, .cu details { display: none }")
        shown.locator(".cu").screenshot(path=PICTURE)
    print(alternative_text())


if __name__ == "__main__":
    main()
