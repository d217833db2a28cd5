"""A task that only attention solves in one layer: look a key up among pairs seen for the first time."""

import math

import torch
from torch import nn

from course_utils.laboratories.small_runs import small_run

__all__ = ["Recall", "recall_batch", "train_recall"]

KEYS, VALUES, PAIRS, ASKED = 16, 10, 8, 4  # how many keys and values exist; pairs in memory; questions about them


def recall_batch(generator, B=32):
    """Draw memories of pairs, and questions about them.

    Parameters
    ----------
    generator : torch.Generator
    B : int
        Number of memories.

    Returns
    -------
    asked : integer Tensor, shape (B, T)
        The keys that are asked for.
    keys, values : integer Tensor, shape (B, S)
        The pairs; no key stands twice in a memory.
    answers : integer Tensor, shape (B, T)
        The value beside each key that is asked for.

    Examples
    --------
    >>> asked, keys, values, answers = recall_batch(torch.Generator().manual_seed(0), B=1)
    >>> asked.shape, keys.shape, bool(values[0, keys[0] == asked[0, 0]] == answers[0, 0])
    (torch.Size([1, 4]), torch.Size([1, 8]), True)
    """
    keys = torch.rand(B, KEYS, generator=generator).argsort(-1)[:, :PAIRS]
    values = torch.randint(VALUES, (B, PAIRS), generator=generator)
    places = torch.rand(B, PAIRS, generator=generator).argsort(-1)[:, :ASKED]
    return keys.gather(1, places), keys, values, values.gather(1, places)


class Recall(nn.Module):
    """Embeddings around one attention function: questions attend to pairs.

    Parameters
    ----------
    attend : callable
        ``attend(q, k, v) -> (output, weights)``; it has no parameters of its own.
    d_k : int
        Width of queries, keys and values.
    """

    def __init__(self, attend, d_k=64):
        super().__init__()
        self.attend = attend
        self.key, self.value = nn.Embedding(KEYS, d_k), nn.Embedding(VALUES, d_k)
        # The variance 1 / d_k keeps numbers of variance 1 at variance 1, so that q . k has variance d_k.
        self.W_q, self.W_k, self.W_v = (nn.Parameter(torch.randn(d_k, d_k) / math.sqrt(d_k)) for _ in range(3))
        self.W_o = nn.Parameter(torch.randn(d_k, VALUES) / math.sqrt(d_k))

    def forward(self, asked, keys, values):
        """Score every value for every question: (B, T) and (B, S) in, (B, T, number of values) out."""
        pairs = self.key(keys) + self.value(values)  # (B, S, d_k)
        output, _ = self.attend(self.key(asked) @ self.W_q, pairs @ self.W_k, pairs @ self.W_v)
        return output @ self.W_o


def train_recall(attend, steps=150, d_k=64, seed=0):
    """Train the little model around an attention function, with the same start and examples for each.

    Parameters
    ----------
    attend : callable
        ``attend(q, k, v) -> (output, weights)``.
    steps : int
        Number of updates, with 32 memories each.
    d_k : int
        Width of queries, keys and values.
    seed : int
        For the first weights and the examples.

    Returns
    -------
    Run
        The loss at every step, and the accuracy on 256 other memories.
    """
    return small_run(lambda: Recall(attend, d_k), recall_batch, steps, seed)
