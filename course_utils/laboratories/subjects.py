"""A task that broken poolers learn all the same: name the subject of a text from one vector."""

import torch
from torch import nn

from course_utils.laboratories.small_runs import small_run

__all__ = ["Subjects", "subjects_batch", "train_subjects"]

SUBJECTS, WORDS, T, D_MODEL = 10, 40, 8, 24  # subjects; words, four for each; places; features
PADDING = WORDS


def subjects_batch(generator, B=32):
    """Draw texts of 3 to 8 words, all on one subject, and that subject.

    Parameters
    ----------
    generator : torch.Generator
    B : int
        Number of texts.

    Returns
    -------
    words : integer Tensor, shape (B, T)
        Word w is about subject w % 10; 40 is padding.
    answers : integer Tensor, shape (B, 1)

    Examples
    --------
    >>> words, answers = subjects_batch(torch.Generator().manual_seed(0), B=2)
    >>> bool((words[:, :3] % 10 == answers).all())
    True
    """
    answers = torch.randint(SUBJECTS, (B, 1), generator=generator)
    words = answers + SUBJECTS * torch.randint(WORDS // SUBJECTS, (B, T), generator=generator)
    lengths = torch.randint(3, T + 1, (B, 1), generator=generator)
    return words.where(torch.arange(T) < lengths, torch.tensor(PADDING)), answers


class Subjects(nn.Module):
    """Words, a pooler, and a score for each subject.

    Parameters
    ----------
    pooler : callable
        ``pooler(x, real) -> vectors``.
    """

    def __init__(self, pooler):
        super().__init__()
        self.pooler, self.words, self.answer = pooler, nn.Embedding(WORDS + 1, D_MODEL), nn.Linear(D_MODEL, SUBJECTS)

    def forward(self, words):
        """Score every subject: (B, T) in, (B, 1, 10) out."""
        return self.answer(8 * self.pooler(self.words(words), words != PADDING))[:, None]


def train_subjects(pooler, steps=120, seed=0):
    """Train the little model around a pooler, with the same start and examples for each.

    Parameters
    ----------
    pooler : callable
        ``pooler(x, real) -> vectors``.
    steps : int
        Number of updates, with 32 texts each.
    seed : int
        For the first weights and the examples.

    Returns
    -------
    Run
        The loss at every step, and the accuracy on 256 other texts.
    """
    return small_run(lambda: Subjects(pooler), subjects_batch, steps, seed, learning_rate=2e-2)
