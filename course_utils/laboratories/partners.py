"""A task on which layers with broken heads learn all the same: dancers stand in pairs, and each names its partner."""

import math

import torch
from torch import nn

from course_utils.laboratories.small_runs import small_run

__all__ = ["Partners", "partners_batch", "train_partners"]

LETTERS, T, D_MODEL, HEADS = 16, 12, 48, 3  # how many letters exist; tokens in a row; features; heads


def partners_batch(generator, B=32):
    """Draw rows of letters, and the letter of each token's partner.

    Parameters
    ----------
    generator : torch.Generator
    B : int
        Number of rows.

    Returns
    -------
    letters : integer Tensor, shape (B, T)
        Tokens 0 and 1 are partners, 2 and 3, and so on.
    answers : integer Tensor, shape (B, T)
        For each token the letter of its partner.

    Examples
    --------
    >>> letters, answers = partners_batch(torch.Generator().manual_seed(0), B=1)
    >>> letters[0, :4].tolist(), answers[0, :4].tolist()
    ([12, 15, 5, 0], [15, 12, 0, 5])
    """
    letters = torch.randint(LETTERS, (B, T), generator=generator)
    return letters, letters.unflatten(1, (-1, 2)).flip(-1).flatten(1)


class Partners(nn.Module):
    """Letters and places around one attention layer.

    Parameters
    ----------
    attend : callable
        ``attend(x, W_q, W_k, W_v, W_o, n_heads) -> (output, weights)``; it has no parameters of its own.
    """

    def __init__(self, attend):
        super().__init__()
        self.attend = attend
        self.letter, self.place = nn.Embedding(LETTERS, D_MODEL), nn.Embedding(T, D_MODEL)
        draw = [torch.randn(D_MODEL, n) / math.sqrt(D_MODEL) for n in (*[D_MODEL] * 4, LETTERS)]
        self.W_q, self.W_k, self.W_v, self.W_o, self.answer = map(nn.Parameter, draw)

    def forward(self, letters):
        """Score every letter for every token: (B, T) in, (B, T, number of letters) out."""
        x = self.letter(letters) + self.place.weight  # (B, T, d_model)
        output, _ = self.attend(x, self.W_q, self.W_k, self.W_v, self.W_o, HEADS)
        return output @ self.answer


def train_partners(attend, steps=150, seed=0):
    """Train the little model around an attention layer, with the same start and examples for each.

    Parameters
    ----------
    attend : callable
        ``attend(x, W_q, W_k, W_v, W_o, n_heads) -> (output, weights)``.
    steps : int
        Number of updates, with 32 rows each.
    seed : int
        For the first weights and the examples.

    Returns
    -------
    Run
        The loss at every step, and the accuracy on 256 other rows.
    """
    return small_run(lambda: Partners(attend), partners_batch, steps, seed, learning_rate=1e-2)
