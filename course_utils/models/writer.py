"""A small causal language model that writes names, and the block that it stacks."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import nn

from course_utils.datasets.names import END, encode_names, spell, split_names
from course_utils.models.training import train
from course_utils.multihead import MultiHeadAttention

__all__ = ["LEFT_OUT", "Block", "NameWriter", "Norm", "Parts", "block", "layer_norm", "name_loss", "quick_parts",
           "train_writer"]

LEFT_OUT = ("positions", "attention", "feed-forward", "residuals", "norms")
"""What can be left out of a model, to see what it is worth."""
_BATCH = 64
_LONGEST = 0.15  # seconds for a step of training, above which a part counts as slow


def layer_norm(x, gain, shift, eps=1e-5):
    """Bring the features of each token to mean 0 and variance 1, then to a spread and a mean that are learned.

    Parameters
    ----------
    x : Tensor, shape (..., d_model)
    gain, shift : Tensor, shape (d_model,)
        What the normalised features are multiplied by, and what is added.
    eps : float
        Added to the variance, so that equal features do not divide by 0.

    Returns
    -------
    Tensor, shape (..., d_model)

    References
    ----------
    Ba, Kiros and Hinton (2016), "Layer Normalization".
    """
    return F.layer_norm(x, x.shape[-1:], gain, shift, eps)


def block(x, attend, feed_forward, norm_1, norm_2, mask=None):
    """Let x go through one block: what attention and the feed-forward step find is added to it.

    Parameters
    ----------
    x : Tensor, shape (B, T, d_model)
    attend : callable
        ``attend(x, context=None, mask=None) -> (output, weights)``.
    feed_forward, norm_1, norm_2 : callable
        Work on each token by itself, (..., d_model) to (..., d_model).
    mask : boolean Tensor, broadcastable to (B, H, T, T), optional
        True = may attend.

    Returns
    -------
    Tensor, shape (B, T, d_model)
    """
    x = x + attend(norm_1(x), mask=mask)[0]
    return x + feed_forward(norm_2(x))


def _block_without_residuals(x, attend, feed_forward, norm_1, norm_2, mask=None):
    return feed_forward(norm_2(attend(norm_1(x), mask=mask)[0]))


class Norm(nn.Module):
    """Layer normalisation with a gain and a shift that are learned.

    Parameters
    ----------
    d_model : int
    function : callable
        As `layer_norm`.
    """

    def __init__(self, d_model, function=layer_norm):
        super().__init__()
        self.function = function
        self.gain, self.shift = nn.Parameter(torch.ones(d_model)), nn.Parameter(torch.zeros(d_model))

    def forward(self, x):
        """Normalise x (..., d_model)."""
        return self.function(x, self.gain, self.shift)


@dataclass(frozen=True)
class Parts:
    """The functions that a model is made of: the learner's own, or the course's.

    Attributes
    ----------
    attention : callable
        ``attention(d_model, n_heads)`` gives a module, ``module(x, context, mask) -> (output, weights)``.
    block, norm : callable
        As `block` and `layer_norm`.
    """

    attention: Callable = MultiHeadAttention
    block: Callable = block
    norm: Callable = layer_norm


def quick_parts(steps=600, **own):
    """Choose the functions to train with: the learner's own where they are quick enough, else the course's.

    Parameters
    ----------
    steps : int
        Number of updates that are planned.
    **own : callable
        Fields of `Parts`, as `own` gives them.

    Returns
    -------
    Parts
        One line is printed for each part: whose it is, or how long it would take.
    """
    chosen = Parts()
    for name, part in own.items():
        course_s = getattr(part, "whose", "").startswith("the course's")  # a busy machine makes that look slow too
        seconds = 0 if course_s else _seconds_of_a_step(replace(Parts(), **{name: part}))
        if seconds > _LONGEST and seconds > 4 * _seconds_of_a_step(Parts()):
            print(f"{name}: yours would take {seconds * steps / 60:.0f} minutes for {steps} steps; "
                  "the course's is used here")
            continue
        print(f"{name}: {getattr(part, 'whose', 'yours')}")
        chosen = replace(chosen, **{name: part})
    return chosen


def _seconds_of_a_step(parts):
    """What a step on 64 names takes, worked out from steps on one name and on three: a loop pays for each name."""
    with torch.random.fork_rng(devices=[]):
        model = NameWriter(parts=parts)
    codes = torch.from_numpy(encode_names(split_names()[0][:3]))
    one, three = (_shorter_of_two(lambda n=n: name_loss(model, codes[:n]).backward()) for n in (1, 3))
    return one + max(0.0, three - one) / 2 * (_BATCH - 1)


def _shorter_of_two(function):
    """Seconds of the quicker one of two calls."""
    taken = []
    for _ in range(2):
        begin = time.perf_counter()
        function()
        taken.append(time.perf_counter() - begin)
    return min(taken)


class Block(nn.Module):
    """One block of a transformer with what it learns.

    Parameters
    ----------
    d_model : int
        Width of each position (features).
    n_heads : int
    dropout : float
        Share of the numbers that are set to 0 in training, of what each step adds (no unit).
    without : collection of str
        Which of `LEFT_OUT` to leave out.
    parts : Parts
    """

    def __init__(self, d_model, n_heads, dropout=0.0, without=(), parts=Parts()):
        super().__init__()
        self.function = _block_without_residuals if "residuals" in without else parts.block
        self.attention = None if "attention" in without else parts.attention(d_model, n_heads)
        self.feed_forward = None if "feed-forward" in without else nn.Sequential(
            nn.Linear(d_model, 4 * d_model), nn.GELU(), nn.Linear(4 * d_model, d_model))
        self.norm_1, self.norm_2 = (_norm(d_model, without, parts) for _ in range(2))
        self.dropout = nn.Dropout(dropout)
        self.weights = None

    def forward(self, x, mask=None):
        """Compute the block.

        Parameters
        ----------
        x : Tensor, shape (B, T, d_model)
        mask : boolean Tensor, broadcastable to (B, H, T, T), optional
            True = may attend.

        Returns
        -------
        x : Tensor, shape (B, T, d_model)
        weights : Tensor, shape (B, H, T, T), or None without attention
        """
        self.weights = None
        return self.function(x, self._attend, self._think, self.norm_1, self.norm_2, mask), self.weights

    def _attend(self, x, context=None, mask=None):
        if self.attention is None:
            return torch.zeros_like(x), None
        output, self.weights = self.attention(x, context, mask)
        return self.dropout(output), self.weights

    def _think(self, x):
        return torch.zeros_like(x) if self.feed_forward is None else self.dropout(self.feed_forward(x))


def _norm(d_model, without, parts):
    return nn.Identity() if "norms" in without else Norm(d_model, parts.norm)


class NameWriter(nn.Module):
    """Guess the next letter of a name from those before it.

    Parameters
    ----------
    d_model, n_heads, n_blocks : int
        Width (features), heads in a block, blocks.
    dropout, without, parts
        As for `Block`; ``"positions"`` leaves the positions out.

    Raises
    ------
    ValueError
        If `without` names a part that there is not.

    Examples
    --------
    >>> scores, weights = NameWriter()(torch.zeros(2, 12, dtype=torch.long))
    >>> scores.shape, len(weights), weights[0].shape
    (torch.Size([2, 12, 27]), 2, torch.Size([2, 4, 12, 12]))
    """

    LENGTH = 12  # letters that it can look at, the beginning included
    SYMBOLS = 27  # the end, and a to z

    def __init__(self, d_model=64, n_heads=4, n_blocks=2, dropout=0.0, without=(), parts=Parts()):
        super().__init__()
        unknown = sorted(set(without) - set(LEFT_OUT))
        if unknown:
            raise ValueError(f"without should name some of {', '.join(LEFT_OUT)}; got {unknown[0]!r}")
        self.positioned = "positions" not in without
        self.letters = nn.Embedding(self.SYMBOLS, d_model)
        self.positions = nn.Embedding(self.LENGTH, d_model)
        self.blocks = nn.ModuleList(Block(d_model, n_heads, dropout, without, parts) for _ in range(n_blocks))
        self.norm = _norm(d_model, without, parts)
        self.out = nn.Linear(d_model, self.SYMBOLS)

    def forward(self, codes):
        """Score every next letter.

        Parameters
        ----------
        codes : Tensor of int, shape (B, T)
            Names as integers, T at most 12; see `course_utils.datasets.encode_names`.

        Returns
        -------
        scores : Tensor, shape (B, T, 27)
            Before the softmax, for the letter after each place.
        weights : list of Tensor, each of shape (B, H, T, T)
            The attention of each block; None where it was left out.
        """
        T = codes.shape[1]
        past = torch.ones(T, T, dtype=torch.bool).tril()
        x = self.letters(codes)
        if self.positioned:
            x = x + self.positions(torch.arange(T))
        tables = []
        for block in self.blocks:
            x, weights = block(x, past)
            tables.append(weights)
        return self.out(self.norm(x)), tables

    @torch.no_grad()
    def write(self, n, seed=0, temperature=1.0):
        """Write names, letter after letter, each drawn with the probability that the model gives it.

        Parameters
        ----------
        n : int
            How many.
        seed : int
        temperature : float
            The scores are divided by it before the softmax; above 0.

        Returns
        -------
        list of str

        Raises
        ------
        ValueError
            If `temperature` is not above 0.
        """
        if not temperature > 0:
            raise ValueError(f"temperature should be above 0, got {temperature!r}")
        generator = torch.Generator().manual_seed(seed)
        codes = torch.full((n, 1), END)
        for _ in range(self.LENGTH - 1):
            scores = self(codes)[0][:, -1] / temperature
            drawn = torch.multinomial(scores.softmax(-1), 1, generator=generator)
            codes = torch.cat([codes, drawn], dim=1)
        return [spell(row) for row in codes.tolist()]


def name_loss(model, codes):
    """Measure how well a model guesses the next letter.

    Parameters
    ----------
    model : NameWriter
    codes : Tensor of int, shape (B, 13)
        Whole names, as `encode_names` gives them.

    Returns
    -------
    Tensor, shape ()
        Mean of -log(probability) over all letters and the end of each name (nats for each).
    """
    before, after = codes[:, :-1], codes[:, 1:]
    counts = (after == END).cumsum(1) <= 1  # the letters and the first end; what follows is padding
    return F.cross_entropy(model(before)[0][counts], after[counts])


def train_writer(model, steps=600, seed=0, bar=True):
    """Train a model on the names that are not held out, in place.

    Parameters
    ----------
    model : NameWriter
    steps : int
        Number of updates, each on 64 names.
    seed : int
        Of the batches.
    bar : bool
        Whether to show a progress bar.

    Returns
    -------
    History
        Interrupting the kernel ends the run early and keeps what was learnt.
    """
    codes = torch.from_numpy(encode_names(split_names()[0]))
    generator = torch.Generator().manual_seed(seed)

    def batch_loss(step):
        return name_loss(model, codes[torch.randint(len(codes), (_BATCH,), generator=generator)])

    return train(model, batch_loss, steps, bar=bar, description="learning names")
