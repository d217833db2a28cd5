"""Which characters a model reads while it writes: an attention map over a text that the reader types."""

from __future__ import annotations

import traitlets

from course_utils.explorers.attention_map import AttentionExplorer
from course_utils.explorers.base import browser_code, style_sheet
from course_utils.explorers.picture import Picture

LONGEST = 60
"""Characters of the longest text that may be typed."""


class AlignmentExplorer(AttentionExplorer):
    """Show how much each written character looks at each character that was read.

    A text that is typed into the figure goes to `write` in the kernel; the examples need none.

    Parameters
    ----------
    write : callable
        ``write(text) -> (written, weights)``: what a model writes for the text, a str of T characters, and
        its attention weights, shape (T, S) for a text of S characters.
    text : str
        The first text in the box.
    examples : sequence of str, optional
        Further texts to choose from.
    label : str, default "your text"
        What the box is called.
    title : str, default "Alignment"
        Shown above the figure.
    made_by : str, optional
        Whose function made the weights, in words.
    **state
        First values of the traits of `AttentionExplorer`.

    Attributes
    ----------
    text : str
        The text in the box. Setting it translates it.
    written : str
        What the model wrote for the text that is shown.
    problem : str
        Why the text could not be translated; empty if it was.
    answers : int
        How many texts the kernel has answered: how the page knows that one is there.

    Raises
    ------
    ValueError
        If `write` does not give what it should for `text` or an example, or `text` is no text of 1 to 60 characters.

    Examples
    --------
    >>> figure = AlignmentExplorer(lambda text: (text.upper(), [[1.0, 0.0], [0.0, 1.0]]), "ab")
    >>> figure.written
    'AB'
    >>> figure.text = "abc"
    >>> figure.problem
    'weights should have shape (T=3, S=3) or (H, T=3, S=3), got (2, 2)'
    """

    _esm = browser_code("colours.js", "attention.js", "panels.js", "heatmap.js", "attention_figure.js", "alignment.js")
    _css = style_sheet("heatmap.css", "alignment.css")

    text = traitlets.Unicode().tag(sync=True)
    label = traitlets.Unicode().tag(sync=True)
    longest = traitlets.Int(LONGEST).tag(sync=True)
    problem = traitlets.Unicode().tag(sync=True)
    answers = traitlets.Int(0).tag(sync=True)

    def __init__(self, write, text, examples=(), *, label="your text", title="Alignment", made_by=None, **state):
        if not callable(write):
            raise ValueError(f"write should be a function of a text, got {type(write).__name__}")
        self._write, self._ready = write, False
        # An example's own text is its name in the list; the text in the box comes first, under the box's label.
        presets = {label: self._read(text)} | {example: self._read(example) for example in examples}
        super().__init__(presets=presets, title=title, made_by=made_by, text=text, label=label, **state)
        self.kind, self._ready = "alignment", True

    @property
    def written(self):
        """What the model wrote for the text that is shown."""
        return "".join(self.picture.tokens)

    def _read(self, text):
        """Translate a text: the arguments of its `Picture`."""
        if not isinstance(text, str) or not 0 < len(text) <= LONGEST:
            raise ValueError(f"text should be a text of 1 to {LONGEST} characters, got {text!r:.80}")
        result = self._write(text)
        if not isinstance(result, (tuple, list)) or len(result) != 2 or not isinstance(result[0], str):
            raise ValueError(f"write should give (written, weights), got {result!r:.80}")
        if result[1] is None:
            raise ValueError("write should give attention weights, got None: the model has no attention")
        return {"tokens": list(result[0]), "tokens_k": list(text), "weights": result[1]}

    @traitlets.observe("text")
    def _translate(self, change):
        if not self._ready:  # the constructor has translated it
            return
        try:
            picture = Picture(**self._read(change["new"]))
        except Exception as error:  # the model may be the learner's own: whatever happens is told in the figure
            self.problem = _short(error)
        else:
            self._show(picture)
        self.answers += 1

    def _show(self, picture):
        self.problem = ""
        self._pictures[0] = picture
        name = self.pictures[0]["name"]
        with self.hold_trait_notifications():
            self.preset, self.cell = 0, [0, int(picture.weights_at()[0, 0].argmax())]
            self.pictures = [picture.as_state(name), *self.pictures[1:]]

    def arrays(self):
        return {"reads": "".join(self.picture.tokens_k), "writes": self.written} | super().arrays()

    def describe(self):
        return f"{''.join(self.picture.tokens_k)!r} becomes {self.written!r}. {super().describe()}"


def _short(error):
    words = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
    return words if len(words) <= 240 else words[:239] + "…"
