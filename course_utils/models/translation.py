"""Two tasks for an encoder-decoder, with and without attention: dates to ISO form, and strings turned round.

Each task can be trained on the spot or taken with stored weights, which the same code made
(``tools/make_data/make_seq2seq.py``).
"""

from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F

from course_utils.attention import scaled_dot_product_attention
from course_utils.datasets.dates import date_vocabulary, iso_vocabulary, sample_dates
from course_utils.datasets.files import load_npz
from course_utils.datasets.tasks import Vocabulary, reversal_pairs
from course_utils.models.encoder_decoder import EncoderDecoder
from course_utils.models.training import train

__all__ = ["DATES", "LONGER", "REVERSAL", "Translation"]

BATCH = 64
LONGER = 7200
"""Steps by which one stored model was trained on: reversal without attention."""


@dataclass(frozen=True)
class Translation:
    """A task of writing one text for another.

    Attributes
    ----------
    name : str
    source, target : callable
        Give the `Vocabulary` of what is read and of what is written.
    draw : callable
        ``draw(n, split, seed)`` gives pairs (read, written).
    examples : int
        How many pairs there are to train on.
    steps, learning_rate : int, float
        The training budget, the same with and without attention.
    """

    name: str
    source: callable
    target: callable
    draw: callable
    examples: int
    steps: int
    learning_rate: float

    @cached_property
    def _training_pairs(self):
        return self._encode(self.draw(self.examples, "train", 0))

    def new_model(self, attention=True, attend=scaled_dot_product_attention, seed=0):
        """Build a model that has learnt nothing.

        Parameters
        ----------
        attention : bool
            Whether it may look back at what it read.
        attend : callable
            The attention it uses.
        seed : int

        Returns
        -------
        EncoderDecoder
        """
        torch.manual_seed(seed)
        return EncoderDecoder(len(self.source()), len(self.target()), attention=attention, attend=attend)

    def train(self, model, steps=None, seed=0, bar=True):
        """Train a model on this task, in place.

        Parameters
        ----------
        model : EncoderDecoder
        steps : int, optional
            Number of updates; the task's own budget if left out.
        seed : int
        bar : bool
            Whether to show a progress bar, which says which model is being trained.

        Returns
        -------
        History
            Interrupting the kernel ends the run early and keeps what was learnt.
        """
        source, lengths, target = self._training_pairs
        generator = torch.Generator().manual_seed(seed)

        def batch_loss(step):
            i = torch.randint(len(source), (BATCH,), generator=generator)
            S, T = int(lengths[i].max()), int((target[i] > 0).sum(1).max())
            wanted = target[i, :T]
            scores, _ = model(source[i, :S], lengths[i], wanted)
            return F.cross_entropy(scores[wanted > 0], wanted[wanted > 0])

        name = f"{self.name}, with{'' if model.attention else 'out'} attention"
        return train(model, batch_loss, steps or self.steps, self.learning_rate, bar=bar, description=name)

    def models(self, trained_here=False, attend=scaled_dot_product_attention):
        """Give the model with attention and the one without.

        Parameters
        ----------
        trained_here : bool
            Train both on the spot, from the same start and on the same examples as the stored ones. Interrupting
            the kernel leaves both as they are then.
        attend : callable
            The attention that the first one uses.

        Returns
        -------
        tuple of two EncoderDecoder
        """
        if not trained_here:
            return self.stored_model(True, attend), self.stored_model(False)
        both = self.new_model(True, attend), self.new_model(False)
        for model in both:
            model.eval()
        for model in both:
            if len(self.train(model).losses) < self.steps:
                print("What has not been trained to the end writes badly. Run this cell again to train both anew.")
                break
        return both

    def stored_model(self, attention=True, attend=scaled_dot_product_attention, longer=False):
        """Give a model with stored weights, trained with this task's budget.

        Parameters
        ----------
        attention, attend
            As in `new_model`.
        longer : bool
            Trained for `LONGER` steps more; there is such a model for reversal without attention.

        Returns
        -------
        EncoderDecoder

        Raises
        ------
        ValueError
            If there is no model that was trained longer.
        """
        if longer and (attention or self.name != "reversal"):
            raise ValueError("longer should be False except for reversal without attention, "
                             f"got {longer} for {self.name}, attention={attention}")
        model = self.new_model(attention, attend)
        kind = "longer" if longer else "attention" if attention else "plain"
        stored, prefix = load_npz("seq2seq.npz"), f"{self.name}.{kind}."
        model.load_state_dict({name.removeprefix(prefix): torch.from_numpy(stored[name]).float()
                               for name in stored if name.startswith(prefix)})
        return model.eval()

    def translate(self, model, text):
        """Write the translation of one text.

        Parameters
        ----------
        model : EncoderDecoder
        text : str

        Returns
        -------
        written : str
        weights : ndarray, shape (T, S), or None without attention
            How much each written character looked at each character of `text`.

        Raises
        ------
        ValueError
            If `text` is empty or has a character that the task does not know.
        """
        if not isinstance(text, str) or not text:
            raise ValueError(f"text should be a text of at least one character, got {text!r}")
        source = torch.from_numpy(self.source().encode([text]))
        T = len(text) if self.name == "reversal" else 10
        symbols, weights = model.write(source, torch.tensor([len(text)]), T)
        return self.target().decode(symbols.numpy())[0], None if weights is None else weights[0].numpy()

    def exact_match(self, model, pairs):
        """Count how many texts are translated without a single wrong character.

        Parameters
        ----------
        model : EncoderDecoder
        pairs : sequence of (str, str)
            What to read and what should be written.

        Returns
        -------
        float
            Between 0 and 1 (no unit).
        """
        source, lengths, target = self._encode(pairs)
        symbols, _ = model.write(source, lengths, target.shape[1])
        return float(((symbols == target) | (target == 0)).all(1).float().mean())

    def _encode(self, pairs):
        source = torch.from_numpy(self.source().encode([read for read, _ in pairs]))
        target = torch.from_numpy(self.target().encode([written for _, written in pairs]))
        return source, (source > 0).sum(1), target


def _draw_dates(n, split, seed):
    return [(date.written, date.iso) for date in sample_dates(n, split, seed)]


def _draw_strings(n, split, seed):
    # Strings of up to 16 letters are practically never drawn twice: another seed is a split.
    return reversal_pairs(n, 2, 16, seed=seed if split == "train" else seed + 1000)


def _letters():
    return Vocabulary("abcdefghijklmnopqrstuvwxyz")


DATES = Translation("dates", date_vocabulary, iso_vocabulary, _draw_dates, examples=20_000, steps=500,
                    learning_rate=6e-3)
REVERSAL = Translation("reversal", _letters, _letters, _draw_strings, examples=50_000, steps=1200, learning_rate=6e-3)
