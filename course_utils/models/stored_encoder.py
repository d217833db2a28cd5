"""The encoder where it is here, and otherwise what it once computed; and which attention it runs on."""

import time

import torch
import torch.nn.functional as F

from course_utils.attention import scaled_dot_product_attention
from course_utils.datasets.few_examples import pretrained_references, reviews
from course_utils.datasets.files import load_npz
from course_utils.datasets.pretrained import NoModel
from course_utils.datasets.stored import minilm_attention, minilm_sentences
from course_utils.models.encoder import Encoder, mean_pool

__all__ = ["StoredEncoder", "load_encoder", "quick_attention"]

_PATIENCE = 20  # seconds that a learner's function may take in a notebook beyond what the course's takes


class StoredEncoder:
    """Stands in where the encoder's files are not here: it knows what the encoder gave for a few texts.

    Attributes
    ----------
    here : bool
        False.
    """

    here = False

    def __init__(self):
        references = pretrained_references()
        known = dict(zip(references.sentences, torch.from_numpy(references.embeddings)))
        vectors = torch.from_numpy(load_npz("reviews_embedded.npz")["vectors"]).float()
        self._known = known | dict(zip((review.text for review in reviews()), F.normalize(vectors, dim=-1)))

    def embed(self, texts):
        """Give each text its stored vector, (N, 384).

        Raises
        ------
        NoModel
            If one of them was not stored.
        """
        texts = list(texts)
        if unknown := [text for text in texts if text not in self._known]:
            raise NoModel(f"No vector is stored for {unknown[0][:40]!r}: other texts need the model, `make models`.")
        return torch.stack([self._known[text] for text in texts])

    def look(self, text):
        """Give tokens and weights of one of the eight stored sentences; of the first where `text` is none of them."""
        if text not in minilm_sentences().values():
            print("Other sentences need the model (`make models`); a stored one is shown.")
            text = None
        stored = minilm_attention(text)
        return list(stored.tokens), torch.from_numpy(stored.weights)


def load_encoder(attention=scaled_dot_product_attention, pool=mean_pool):
    """Load the pretrained encoder, or what was stored of it.

    Parameters
    ----------
    attention, pool : callable
        As for `Encoder`.

    Returns
    -------
    Encoder or StoredEncoder
        ``.here`` tells which. Where the model cannot be used, one line says why.
    """
    try:
        return Encoder(attention, pool)
    except NoModel as why:
        print(f"{why} This notebook goes on with stored results.")
        return StoredEncoder()


def quick_attention(function, weights=20_000_000):
    """Choose the attention to run on: the learner's own where it is quick enough, else the course's.

    Parameters
    ----------
    function : callable
        As `own` gives it: ``function(q, k, v, mask) -> (output, weights)``.
    weights : int
        How many attention weights are to be computed.

    Returns
    -------
    callable
        One line is printed: whose it is, or how long it would take.
    """
    seconds = _seconds_for(function, weights)
    if seconds > _PATIENCE and seconds > 3 * _seconds_for(scaled_dot_product_attention, weights):
        print(f"masked_attention: yours would take {_in_words(seconds)} in this notebook; the course's is used here. "
              "Encoder(your_function) runs on yours all the same.")
        return scaled_dot_product_attention
    print(getattr(function, "whose", "your own function"))
    return function


@torch.no_grad()
def _seconds_for(function, weights):
    """Worked out from a table of 48 by 48; processor time, so that other programs do not count."""
    q, k, v = torch.randn(3, 1, 2, 48, 32, generator=torch.Generator().manual_seed(0))
    mask = torch.ones(1, 1, 1, 48, dtype=torch.bool)
    begin = time.process_time()
    function(q, k, v, mask)
    return (time.process_time() - begin) / (2 * 48 * 48) * weights


def _in_words(seconds):
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"
