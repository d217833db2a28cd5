"""One way to train the little model of a laboratory: the same start and the same examples for every layer."""

import torch
from torch.nn import functional as F

from course_utils.laboratories.parts import Run
from course_utils.models.training import train

__all__ = ["small_run"]


def small_run(build, batch, steps, seed, test=None, **options):
    """Train a little model, then measure it on other examples.

    Parameters
    ----------
    build : callable
        ``build() -> nn.Module``, which scores the possible answers.
    batch : callable
        ``batch(generator, B=32) -> (*inputs, answers)``.
    steps : int
        Number of updates.
    seed : int
        For the first weights and the examples; the random numbers of the caller stay as they are.
    test : tuple of Tensor, optional
        Inputs and answers to measure on, where examples are not drawn anew without end.
    **options
        For `train`.

    Returns
    -------
    Run
        The loss at every step, and the accuracy on `test`, or on 256 other examples.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = build()

    def batch_loss(step):
        *inputs, answers = batch(generator)
        return F.cross_entropy(model(*inputs).flatten(0, 1), answers.flatten())

    history = train(model, batch_loss, steps, bar=False, keep=False, **options)
    *inputs, answers = test or batch(torch.Generator().manual_seed(seed + 1000), B=256)
    with torch.no_grad():
        right = model(*inputs).argmax(-1) == answers
    return Run(history.losses, right.float().mean().item())
