"""A task that nobody can solve: what comes next among digits drawn at random. Who solves it all the same has looked."""

import torch
from torch import nn

from course_utils.shapes import check_shape

__all__ = ["DIGITS", "PLACES", "train_on_digits"]

DIGITS, PLACES = 10, 10  # how many digits exist; how many stand in a row


def train_on_digits(hidden, need_weights, steps=60, seed=0):
    """Train PyTorch's module, under a mask, to give at each place the digit that comes next.

    The last place, which has no next one, is left out of the loss.

    Parameters
    ----------
    hidden : boolean Tensor, shape (10, 10)
        The ``attn_mask`` of ``nn.MultiheadAttention``: True = hidden.
    need_weights : bool
        Passed to the module.
    steps : int
        Number of updates, with 32 rows of digits each.
    seed : int
        For the first weights and the digits.

    Returns
    -------
    list of float
        The loss at each step (nats); NaN is kept and does not stop the training.

    Raises
    ------
    ValueError
        If `hidden` has another shape.

    Examples
    --------
    >>> losses = train_on_digits(~torch.ones(10, 10, dtype=torch.bool).tril(), need_weights=True, steps=2)
    >>> [round(loss, 1) for loss in losses]
    [2.3, 2.3]
    """
    check_shape("hidden", hidden, "T S", T=PLACES, S=PLACES)
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        digit, place, answer = nn.Embedding(DIGITS, 32), nn.Embedding(PLACES, 32), nn.Linear(32, DIGITS)
        attend = nn.MultiheadAttention(32, 2, batch_first=True)
    learned = [p for module in (digit, place, answer, attend) for p in module.parameters()]
    optimizer, losses = torch.optim.Adam(learned, lr=1e-2), []
    for _ in range(steps):
        digits = torch.randint(DIGITS, (32, PLACES), generator=generator)
        x = digit(digits) + place.weight  # (B, T, width)
        output, _ = attend(x, x, x, attn_mask=hidden, need_weights=need_weights)
        loss = nn.functional.cross_entropy(answer(output)[:, :-1].flatten(0, 1), digits[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses
