"""Learning from a handful of examples: a head on ready features, and the same question to a model from scratch."""

import torch
import torch.nn.functional as F
from torch import nn

from course_utils.models.encoder import mean_pool
from course_utils.models.writer import Block

__all__ = ["SIZES", "FromScratch", "deal", "fit"]

SIZES = (4, 8, 16, 32)
"""How many examples are learned from."""


def deal(answers, examples, seed):
    """Choose which examples are learned from and which are kept to test with, as many of each kind.

    Parameters
    ----------
    answers : boolean Tensor, shape (N,)
    examples : int
        From 2 to 32.
    seed : int

    Returns
    -------
    known, held_out : Tensor of int
        Places of examples. Those held out are the same for every number of examples.

    Examples
    --------
    >>> known, held_out = deal(torch.arange(80) % 2 == 0, 4, seed=0)
    >>> len(known), len(held_out)
    (4, 48)
    """
    order = torch.randperm(len(answers), generator=torch.Generator().manual_seed(seed))
    kinds = [order[answers[order] == kind] for kind in (True, False)]
    most = max(SIZES) // 2
    return torch.cat([kind[:examples // 2] for kind in kinds]), torch.cat([kind[most:] for kind in kinds])


def fit(model, inputs, answers, examples, seed, steps=100, rate=0.05):
    """Train a model that answers yes or no, and test it on examples that it has not seen.

    Parameters
    ----------
    model : nn.Module
        ``model(*inputs)`` gives one score for each example, above 0 for yes.
    inputs : tuple of Tensor
        Each of shape (N, ...).
    answers : boolean Tensor, shape (N,)
    examples, seed : int
        As for `deal`.
    steps : int
        Number of updates, each on all examples.
    rate : float
        Of Adam.

    Returns
    -------
    float
        Share of the examples held out that it gets right.
    """
    known, held_out = deal(answers, examples, seed)
    optimiser = torch.optim.Adam(model.parameters(), lr=rate)
    for _ in range(steps):
        optimiser.zero_grad()
        scores = model(*(x[known] for x in inputs)).flatten()
        F.binary_cross_entropy_with_logits(scores, answers[known].float()).backward()
        optimiser.step()
    with torch.no_grad():
        right = (model(*(x[held_out] for x in inputs)).flatten() > 0) == answers[held_out]
    return right.float().mean().item()


class FromScratch(nn.Module):
    """A small encoder that knows nothing: embeddings, one block, the average, a linear layer.

    Parameters
    ----------
    n_words : int
        How many different tokens there are.
    d_model, n_heads : int
    """

    def __init__(self, n_words, d_model=32, n_heads=4):
        super().__init__()
        self.words = nn.Embedding(n_words, d_model)
        self.block = Block(d_model, n_heads)
        self.head = nn.Linear(d_model, 1)

    def forward(self, codes, real):
        """Score texts.

        Parameters
        ----------
        codes : Tensor of int, shape (B, T)
        real : boolean Tensor, shape (B, T)
            False on padding.

        Returns
        -------
        Tensor, shape (B, 1)
        """
        x, _ = self.block(self.words(codes), real[:, None, None, :])
        return self.head(mean_pool(x, real))
