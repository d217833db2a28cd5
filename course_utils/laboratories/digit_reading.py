"""A task on which wrongly cut images do no harm: a small model reads digits from whatever patches it is given."""

import torch
from torch import nn

from course_utils.datasets.handwriting import split_digits
from course_utils.laboratories.small_runs import small_run
from course_utils.models.writer import Block

__all__ = ["train_on_patches"]

D_MODEL = 24  # features


class _SmallReader(nn.Module):
    """Patches and places, one block, and an answer read from all tokens: (B, 16, 4) in, (B, 1, 10) out."""

    def __init__(self):
        super().__init__()
        self.features, self.places = nn.Linear(4, D_MODEL), nn.Parameter(0.1 * torch.randn(16, D_MODEL))
        self.block, self.answer = Block(D_MODEL, 2), nn.Linear(16 * D_MODEL, 10)

    def forward(self, patches):
        x, _ = self.block(self.features(patches) + self.places)
        return self.answer(x.flatten(1))[:, None]


def train_on_patches(patchify, steps=200, seed=0):
    """Train the little model on patches, with the same start and images for each way to cut them.

    Parameters
    ----------
    patchify : callable
        ``patchify(images, size) -> patches``.
    steps : int
        Number of updates, with 32 images each.
    seed : int
        For the first weights and the images.

    Returns
    -------
    Run
        The loss at every step, and the accuracy on 360 other images.
    """
    known, test = (tuple(map(torch.from_numpy, part)) for part in split_digits())
    patches = patchify(known[0], 2)

    def batch(generator, B=32):
        chosen = torch.randint(len(patches), (B,), generator=generator)
        return patches[chosen], known[1][chosen, None]

    others = patchify(test[0], 2), test[1][:, None]
    return small_run(_SmallReader, batch, steps, seed, test=others, learning_rate=1e-2)
