"""A task for masks: guess the next symbol of a pattern that repeats, after padding of any length."""

import math
from dataclasses import dataclass

import torch
from torch import nn

from course_utils.laboratories.parts import Run
from course_utils.models.training import train

__all__ = ["PADDING", "Repeats", "RepeatsRun", "repeats_batch", "train_repeats"]

SYMBOLS, PERIOD, PLACES, MOST_PADDING = 10, 3, 10, 3  # symbols that exist; length of a pattern; of a text; of padding
PADDING = SYMBOLS


@dataclass(frozen=True)
class RepeatsRun(Run):
    """What came of training one layer, and how well the model writes on its own.

    Attributes
    ----------
    written : float
        Share of right symbols when each guess becomes the next input, from 0 to 1.
    """

    written: float = 0.0


def repeats_batch(generator, B=32):
    """Draw texts in which three symbols come again and again, some with padding in front.

    Parameters
    ----------
    generator : torch.Generator
    B : int
        Number of texts.

    Returns
    -------
    integer Tensor, shape (B, S)
        Symbols from 0 to 9; padding is 10.

    Examples
    --------
    >>> repeats_batch(torch.Generator().manual_seed(3), B=2).tolist()
    [[10, 10, 1, 3, 0, 1, 3, 0, 1, 3], [2, 0, 4, 2, 0, 4, 2, 0, 4, 2]]
    """
    padding = torch.randint(MOST_PADDING + 1, (B, 1), generator=generator)
    pattern = torch.rand(B, SYMBOLS, generator=generator).argsort(-1)[:, :PERIOD]
    place = torch.arange(PLACES) - padding  # (B, S), negative on padding
    return torch.where(place < 0, PADDING, pattern.gather(1, place.clamp(min=0) % PERIOD))


class Repeats(nn.Module):
    """Embeddings of symbols and places around one attention function.

    Parameters
    ----------
    attend : callable
        ``attend(q, k, v, real) -> (output, weights)``; it has no parameters of its own.
    width : int
        Width of queries, keys and values.
    """

    def __init__(self, attend, width=64):
        super().__init__()
        self.attend = attend
        self.symbol, self.place = nn.Embedding(SYMBOLS + 1, width), nn.Embedding(PLACES, width)
        self.W_q, self.W_k, self.W_v = (nn.Parameter(torch.randn(width, width) / math.sqrt(width)) for _ in range(3))
        self.W_o = nn.Parameter(torch.randn(width, SYMBOLS) / math.sqrt(width))

    def forward(self, ids):
        """Score every symbol as the next one: (B, S) in, (B, S, number of symbols) out."""
        x = self.symbol(ids) + self.place.weight[:ids.shape[1]]  # (B, S, width)
        output, _ = self.attend(x @ self.W_q, x @ self.W_k, x @ self.W_v, ids != PADDING)
        return output @ self.W_o

    @torch.no_grad()
    def write(self, ids):
        """Go on with texts until they have `PLACES` symbols, each guess the input of the next."""
        while ids.shape[1] < PLACES:
            ids = torch.cat([ids, self(ids)[:, -1:].argmax(-1)], dim=1)
        return ids


def train_repeats(attend, steps=150, seed=0):
    """Train the little model around an attention function, with the same start and examples for each.

    Parameters
    ----------
    attend : callable
        ``attend(q, k, v, real) -> (output, weights)``; `real` is boolean of shape (B, S), True on real tokens.
    steps : int
        Number of updates, with 32 texts each.
    seed : int
        For the first weights and the examples.

    Returns
    -------
    RepeatsRun
        The loss at every step, the accuracy on 256 other texts, and how well it writes them on its own.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Repeats(attend)

    def guesses(ids):
        # A pattern has to be seen once; the last place has no next symbol to compare with.
        counted = (ids[:, :-PERIOD] != PADDING)
        return model(ids)[:, PERIOD - 1:-1][counted], ids[:, PERIOD:][counted]

    def batch_loss(step):
        return nn.functional.cross_entropy(*guesses(repeats_batch(generator)))

    history = train(model, batch_loss, steps, bar=False, keep=False)
    ids = repeats_batch(torch.Generator().manual_seed(seed + 1000), B=256)
    begun = MOST_PADDING + PERIOD
    with torch.no_grad():
        scores, answers = guesses(ids)
    written = model.write(ids[:, :begun])[:, begun:] == ids[:, begun:]
    return RepeatsRun(history.losses, (scores.argmax(-1) == answers).float().mean().item(),
                      written.float().mean().item())
