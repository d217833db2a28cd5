"""A model of attention alone that learns to repeat, and ways to take its heads away or exchange what they give."""

import copy

import torch
import torch.nn.functional as F
from torch import nn

from course_utils.models.training import train
from course_utils.multihead import MultiHeadAttention

__all__ = ["LENGTH", "TOKENS", "AttentionOnly", "accuracy", "head_outputs", "induction_score", "patched",
           "previous_token_score", "repeated", "train_repeater", "without_head", "without_heads"]

TOKENS, LENGTH = 32, 48  # how many tokens there are; places in a sequence
SHORTEST, LONGEST = 8, 24  # tokens in a row before they come again


def repeated(generator, B, length=LENGTH):
    """Draw sequences in which a random row of tokens comes again and again.

    Parameters
    ----------
    generator : torch.Generator
    B : int
        Number of sequences.
    length : int
        Places in each.

    Returns
    -------
    tokens : Tensor of int, shape (B, length)
    periods : Tensor of int, shape (B,)
        From 8 to 24: after so many tokens the row begins again. No token stands twice in it.

    Examples
    --------
    >>> tokens, periods = repeated(torch.Generator().manual_seed(0), 2)
    >>> bool((tokens[0, periods[0]:] == tokens[0, :-periods[0]]).all())
    True
    """
    periods = torch.randint(SHORTEST, LONGEST + 1, (B,), generator=generator)
    rows = torch.rand(B, TOKENS, generator=generator).argsort(1)
    return rows.gather(1, torch.arange(length) % periods[:, None]), periods


class AttentionOnly(nn.Module):
    """Guess the next token with layers of attention and residual paths, and nothing else.

    Parameters
    ----------
    n_layers, n_heads, d_model : int
        Layers, heads in each, width (features).
    attention : callable
        ``attention(d_model, n_heads)`` gives a module, ``module(x, context, mask) -> (output, weights)``, with the
        layers ``W_q``, ``W_k``, ``W_v`` and ``W_o``.

    Examples
    --------
    >>> scores, weights = AttentionOnly()(torch.zeros(2, 10, dtype=torch.long))
    >>> scores.shape, len(weights), weights[0].shape
    (torch.Size([2, 10, 32]), 2, torch.Size([2, 2, 10, 10]))
    """

    def __init__(self, n_layers=2, n_heads=2, d_model=64, attention=MultiHeadAttention):
        super().__init__()
        self.n_heads = n_heads
        self.tokens, self.positions = nn.Embedding(TOKENS, d_model), nn.Embedding(LENGTH, d_model)
        self.layers = nn.ModuleList(attention(d_model, n_heads) for _ in range(n_layers))
        self.out = nn.Linear(d_model, TOKENS)

    def forward(self, tokens):
        """Score every next token.

        Parameters
        ----------
        tokens : Tensor of int, shape (B, T)
            T at most 48.

        Returns
        -------
        scores : Tensor, shape (B, T, 32)
        weights : list of Tensor, each of shape (B, H, T, T)
            The attention of each layer.
        """
        T = tokens.shape[1]
        past = torch.ones(T, T, dtype=torch.bool).tril()
        x, tables = self.tokens(tokens) + self.positions(torch.arange(T)), []
        for attend in self.layers:
            output, weights = attend(x, None, past)
            x = x + output
            tables.append(weights)
        return self.out(x), tables


def _can_be_known(periods, T):
    """Where the next token has been seen after this one before: (B, T - 1)."""
    return torch.arange(1, T) >= periods[:, None]


def train_repeater(model, steps=300, seed=0, bar=True, watch=None):
    """Train a model to give the next token wherever it can be known, in place.

    Parameters
    ----------
    model : AttentionOnly
    steps : int
        Number of updates, each on 64 sequences.
    seed : int
        Of the sequences.
    bar : bool
        Whether to show a progress bar.
    watch : callable, optional
        ``watch(step)`` is called before each update.

    Returns
    -------
    History
        Interrupting the kernel ends the run early and keeps what was learnt.
    """
    generator = torch.Generator().manual_seed(seed)

    def batch_loss(step):
        if watch:
            with torch.no_grad():
                watch(step)
        tokens, periods = repeated(generator, 64)
        known = _can_be_known(periods, LENGTH)
        return F.cross_entropy(model(tokens)[0][:, :-1][known], tokens[:, 1:][known])

    return train(model, batch_loss, steps, learning_rate=5e-3, bar=bar, description="learning to repeat")


@torch.no_grad()
def accuracy(model, tokens, periods):
    """Measure how often the likeliest next token is the right one, where it can be known.

    Parameters
    ----------
    model : callable
        ``model(tokens) -> (scores, weights)``.
    tokens, periods : Tensor
        As `repeated` gives them.

    Returns
    -------
    float
        A share, from 0 to 1.
    """
    known = _can_be_known(periods, tokens.shape[1])
    return (model(tokens)[0][:, :-1].argmax(-1) == tokens[:, 1:])[known].float().mean().item()


def previous_token_score(weights):
    """Measure how much each head looks at the token just before.

    Parameters
    ----------
    weights : Tensor, shape (B, H, T, T)
        Attention of one layer, T at least 2.

    Returns
    -------
    Tensor, shape (H,)
        The mean weight of the key just before the query, over all queries but the first and all sequences.
    """
    return weights.diagonal(offset=-1, dim1=2, dim2=3).mean((0, 2))


def induction_score(weights, tokens):
    """Measure how much each head looks at what followed the same token before.

    Parameters
    ----------
    weights : Tensor, shape (B, H, T, T)
        Attention of one layer.
    tokens : Tensor of int, shape (B, T)

    Returns
    -------
    Tensor, shape (H,)
        The weight of all keys that stand just after an earlier token like the query's, added up, and averaged over
        the queries that have such a key; 0 where none has.
    """
    T = tokens.shape[1]
    before = torch.ones(T, T, dtype=torch.bool).tril(-1)
    same = (tokens[:, :, None] == tokens[:, None, :]) & before  # (B, query, earlier key)
    after = F.pad(same, (1, 0))[..., :T]  # one key to the right
    counted = after.any(-1)[:, None]  # (B, 1, T)
    mass = (weights * after[:, None]).sum(-1)  # (B, H, T)
    return (mass * counted).sum((0, 2)) / counted.sum().clamp(min=1)


def without_head(W_o, head, n_heads):
    """Give the matrix that mixes the heads, with one of them taken away.

    Parameters
    ----------
    W_o : Tensor, shape (d_model, d_model)
        ``weight`` of an nn.Linear: its columns meet the features of the heads.
    head : int
        From 0.
    n_heads : int
        Divides d_model.

    Returns
    -------
    Tensor, shape (d_model, d_model)
        A new one.
    """
    kept = W_o.clone()
    width = W_o.shape[1] // n_heads
    kept[:, head * width:(head + 1) * width] = 0
    return kept


def without_heads(model, heads):
    """Copy a model with some heads taken away: what they give meets zeros in ``W_o``.

    Parameters
    ----------
    model : AttentionOnly
    heads : sequence of (int, int)
        Layer and head of each, counted from 0.

    Returns
    -------
    AttentionOnly
    """
    poorer = copy.deepcopy(model)
    for layer, head in heads:
        W_o = poorer.layers[layer].W_o
        W_o.weight.data = without_head(W_o.weight.data, head, model.n_heads)
    return poorer


@torch.no_grad()
def head_outputs(model, tokens):
    """Give what the heads of each layer hand to ``W_o``.

    Parameters
    ----------
    model : AttentionOnly
    tokens : Tensor of int, shape (B, T)

    Returns
    -------
    list of Tensor, each of shape (B, T, d_model)
        One for each layer, the heads side by side.
    """
    found, model = [], _with_the_course_s_attention(model)
    hooks = [layer.W_o.register_forward_pre_hook(lambda module, given: found.append(given[0].clone()))
             for layer in model.layers]
    try:
        model(tokens)
    finally:
        for hook in hooks:
            hook.remove()
    return found


@torch.no_grad()
def patched(model, tokens, outputs, heads):
    """Run a model with what some of its heads gave in another run.

    Parameters
    ----------
    model : AttentionOnly
    tokens : Tensor of int, shape (B, T)
    outputs : list of Tensor
        As `head_outputs` gives them, from sequences of the same length.
    heads : sequence of (int, int)
        Layer and head of each.

    Returns
    -------
    Tensor, shape (B, T, 32)
        The scores.
    """
    def put(layer):
        def hook(module, given):
            merged = given[0].clone()
            for where, head in heads:
                if where == layer:
                    merged[..., _columns(model, head)] = outputs[layer][..., _columns(model, head)]
            return (merged,)

        return hook

    model = _with_the_course_s_attention(model)
    hooks = [module.W_o.register_forward_pre_hook(put(layer)) for layer, module in enumerate(model.layers)]
    try:
        return model(tokens)[0]
    finally:
        for hook in hooks:
            hook.remove()


def _with_the_course_s_attention(model):
    """The same numbers in the course's module: another one may multiply by W_o without calling it."""
    plain = AttentionOnly(len(model.layers), model.n_heads, model.positions.embedding_dim)
    plain.load_state_dict(model.state_dict(), strict=False)
    return plain


def _columns(model, head):
    width = model.positions.embedding_dim // model.n_heads
    return slice(head * width, (head + 1) * width)
