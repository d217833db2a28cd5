"""A reader that has to find two things at once: the task on which one head fails and two succeed."""

import math
from dataclasses import dataclass

import torch
from torch import nn

from course_utils.datasets.tasks import two_key_recall
from course_utils.models.training import train
from course_utils.shapes import check_shape

__all__ = ["ReaderRun", "TwoKeyReader", "question_weights", "train_reader"]

KEYS, VALUES = 24, 16  # how many keys and values exist


class TwoKeyReader(nn.Module):
    """Embeddings around one attention layer; a question about two keys looks at items, each a key with a value.

    Parameters
    ----------
    attend : callable
        ``attend(x, W_q, W_k, W_v, W_o, n_heads) -> (output, weights)``; it has no parameters of its own.
    n_heads : int
        Number of heads; the number of parameters does not depend on it.
    d_model : int
        Width of question and items (features).
    rework : bool
        Whether a second layer of width 2 * d_model, with a bend in it, works on what attention gives back.

    Examples
    --------
    >>> from course_utils.exercises.heads.multi_head_attention import multi_head_attention
    >>> reader = TwoKeyReader(multi_head_attention, n_heads=2)
    >>> scores, weights = reader(*(torch.zeros(5, n, dtype=torch.long) for n in (12, 12, 2)))
    >>> scores.shape, weights.shape
    (torch.Size([5, 2, 16]), torch.Size([5, 2, 13, 13]))
    """

    def __init__(self, attend, n_heads, d_model=64, rework=False):
        super().__init__()
        self.attend, self.n_heads = attend, n_heads
        self.key, self.value = nn.Embedding(KEYS, d_model), nn.Embedding(VALUES, d_model)
        self.first, self.second = nn.Embedding(KEYS, d_model), nn.Embedding(KEYS, d_model)
        for table in (self.key, self.value, self.first, self.second):
            # Small at first, so that attention begins even. A reader that begins with sharp weights
            # settles on one of the two keys and never looks for the other.
            nn.init.normal_(table.weight, std=0.3)
        draw = [torch.randn(d_model, d_model) / math.sqrt(d_model) for _ in range(4)]
        self.W_q, self.W_k, self.W_v, self.W_o = map(nn.Parameter, draw)
        self.rework = nn.Identity()
        if rework:
            self.rework = nn.Sequential(nn.Linear(d_model, 2 * d_model), nn.ReLU(), nn.Linear(2 * d_model, d_model))
        self.answer = nn.Linear(d_model, 2 * VALUES)

    def forward(self, keys, values, query):
        """Score every value for both answers.

        Parameters
        ----------
        keys, values : Tensor of int, shape (B, items)
            What the items hold.
        query : Tensor of int, shape (B, 2)
            The two keys asked for.

        Returns
        -------
        scores : Tensor, shape (B, 2, 16)
        weights : Tensor, shape (B, H, T, T)
            Position 0 is the question, items follow: T = items + 1.
        """
        sizes = check_shape("keys", keys, "B items")
        check_shape("values", values, "B items", **sizes)
        check_shape("query", query, "B 2", B=sizes["B"])
        question = self.first(query[:, 0]) + self.second(query[:, 1])
        x = torch.cat([question[:, None], self.key(keys) + self.value(values)], dim=1)  # (B, T, d_model)
        output, weights = self.attend(x, self.W_q, self.W_k, self.W_v, self.W_o, self.n_heads)
        return self.answer(self.rework(output[:, 0])).unflatten(-1, (2, VALUES)), weights


@dataclass
class ReaderRun:
    """What came of training one reader.

    Attributes
    ----------
    reader : TwoKeyReader
    losses : list of float
        The loss after each step (nats).
    first, second, both : float
        Share of new questions with the first answer right, the second, and both, from 0 to 1.
    found : Tensor, shape (H, 2)
        Average weight that each head gives to the item of the first key and to that of the second.
    """

    reader: TwoKeyReader
    losses: list
    first: float
    second: float
    both: float
    found: torch.Tensor

    @property
    def n_parameters(self):
        """How many numbers the reader has learned."""
        return sum(p.numel() for p in self.reader.parameters())


def train_reader(attend, n_heads, rework=False, steps=300, B=64, seed=0):
    """Train a reader, and hold it against 1000 questions that it has not seen.

    Parameters
    ----------
    attend, n_heads, rework
        As for `TwoKeyReader`.
    steps : int
        Number of updates, with B questions each.
    B : int
        Questions in a batch.
    seed : int
        For the first parameters and the questions.

    Returns
    -------
    ReaderRun
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        reader = TwoKeyReader(attend, n_heads, rework=rework)
    drawn = _questions(B * steps, seed)

    def batch_loss(step):
        *asked, answer = (x[step * B: (step + 1) * B] for x in drawn)
        return nn.functional.cross_entropy(reader(*asked)[0].flatten(0, 1), answer.flatten())

    history = train(reader, batch_loss, steps, learning_rate=1e-2, bar=False, keep=False)
    *asked, answer = _questions(1000, seed + 1000)
    with torch.no_grad():
        scores, weights = reader(*asked)
    right = scores.argmax(-1) == answer  # (1000, 2)
    keys, _, query = asked
    places = (keys[:, None] == query[:, :, None]).int().argmax(-1) + 1  # (1000, 2), after the question
    found = weights[:, :, 0].gather(2, places[:, None].expand(-1, n_heads, -1)).mean(0)
    first, second = right.float().mean(0).tolist()
    return ReaderRun(reader, history.losses, first, second, right.all(1).float().mean().item(), found)


def question_weights(reader, keys, values, query):
    """Give the weights with which questions look at the items of one row.

    Parameters
    ----------
    reader : TwoKeyReader
    keys, values : Tensor of int, shape (1, items)
        What the items hold.
    query : Tensor of int, shape (n, 2)
        The two keys that each question asks for.

    Returns
    -------
    Tensor, shape (H, n, items + 1)
        For each head and question the weights; key 0 is the question itself.
    """
    n = len(query)
    with torch.no_grad():
        weights = reader(keys.expand(n, -1), values.expand(n, -1), query)[1]  # (n, H, T, T)
    return weights[:, :, 0].transpose(0, 1)


def _questions(n, seed):
    task = two_key_recall(n, n_keys=KEYS, n_values=VALUES, seed=seed)
    return [torch.from_numpy(x) for x in (task.keys, task.values, task.query, task.answer)]
