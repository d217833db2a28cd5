"""A task on which broken blocks learn all the same: each token names the letter three places before it."""

import math

import torch
from torch import nn

from course_utils.laboratories.small_runs import small_run
from course_utils.multihead import MultiHeadAttention

__all__ = ["LookBack", "lookback_batch", "train_lookback"]

LETTERS, T, D_MODEL, HEADS, BACK = 16, 12, 48, 3, 3  # letters there are; tokens; features; heads; places to look back


def lookback_batch(generator, B=32):
    """Draw rows of letters, and the letter three places before each token.

    Parameters
    ----------
    generator : torch.Generator
    B : int
        Number of rows.

    Returns
    -------
    letters, answers : integer Tensor, shape (B, T)
        The first three tokens name themselves.

    Examples
    --------
    >>> letters, answers = lookback_batch(torch.Generator().manual_seed(0), B=1)
    >>> letters[0, :6].tolist(), answers[0, :6].tolist()
    ([12, 15, 5, 0, 3, 11], [12, 15, 5, 12, 15, 5])
    """
    letters = torch.randint(LETTERS, (B, T), generator=generator)
    return letters, torch.cat([letters[:, :BACK], letters[:, :-BACK]], dim=1)


class LookBack(nn.Module):
    """Letters and places, one block, and an answer for each token.

    Parameters
    ----------
    block : callable
        ``block(x, attend, feed_forward, norm_1, norm_2, mask) -> x``; it has no parameters of its own.
    """

    def __init__(self, block):
        super().__init__()
        self.block = block
        self.letter, self.place = nn.Embedding(LETTERS, D_MODEL), nn.Embedding(T, D_MODEL)
        self.attend = MultiHeadAttention(D_MODEL, HEADS)
        self.feed_forward = nn.Sequential(nn.Linear(D_MODEL, 2 * D_MODEL), nn.GELU(), nn.Linear(2 * D_MODEL, D_MODEL))
        self.norm_1, self.norm_2 = nn.LayerNorm(D_MODEL), nn.LayerNorm(D_MODEL)
        self.answer = nn.Parameter(torch.randn(D_MODEL, LETTERS) / math.sqrt(D_MODEL))

    def forward(self, letters):
        """Score every letter for every token: (B, T) in, (B, T, number of letters) out."""
        x = self.letter(letters) + self.place.weight  # (B, T, d_model)
        past = torch.ones(T, T, dtype=torch.bool).tril()
        return self.block(x, self.attend, self.feed_forward, self.norm_1, self.norm_2, past) @ self.answer


def train_lookback(block, steps=120, seed=0):
    """Train the little model around a block, with the same start and examples for each.

    Parameters
    ----------
    block : callable
        ``block(x, attend, feed_forward, norm_1, norm_2, mask) -> x``.
    steps : int
        Number of updates, with 32 rows each.
    seed : int
        For the first weights and the examples.

    Returns
    -------
    Run
        The loss at every step, and the accuracy on 256 other rows.
    """
    return small_run(lambda: LookBack(block), lookback_batch, steps, seed, learning_rate=5e-3)
