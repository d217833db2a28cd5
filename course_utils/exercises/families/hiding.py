"""Ways to hide keys that people write: which number, filled in or added, and what is cleaned afterwards.

A mistake in a mask shows in other numbers with each of them; they are variants of one mistake. PyTorch is imported when
one is run.
"""

import itertools
import math

from course_utils.checks import Mistake

__all__ = ["MINUS_TENS", "MINUS_THOUSANDS", "WRITTEN", "additive", "additive_mistake", "hidings",
           "on_rows_with_keys"]

WRITTEN = (-math.inf, -1e4, -1e9, -1e20)  # what is written for minus infinity
MINUS_TENS = (-5.0, -10.0)
MINUS_THOUSANDS = (-1e3, -1e4, -1e5)


def additive(number):
    """Make 0 and a number of a boolean mask, as some add it to the scores."""
    def kind(mask):
        import torch

        return torch.zeros(mask.shape).masked_fill(~mask, number)

    return kind


def additive_mistake(answer):
    """Make the mistake of giving numbers to add in place of a boolean mask, which ``answer(kind)`` turns into them."""
    first, *rest = (answer(additive(number)) for number in (*WRITTEN, -3.4028234663852886e38))
    return Mistake("additive",
                   "The mask holds 0 and a very low number, to be added to scores, in place of True and False.",
                   "Print `mask.dtype`.", first, variants=rest)


def on_rows_with_keys(soft):
    """Make a softmax give 0 in rows of minus infinity."""
    def weigh(scores):
        nobody = (scores == -math.inf).all(-1, keepdim=True)
        return soft(scores.masked_fill(nobody, 0.0)).masked_fill(nobody, 0.0)

    return weigh


def hidings(numbers, read=lambda mask: mask, cleaned=("", "rows", "covered")):
    """Give functions ``weigh(scores, mask)`` that hide with each number in each way.

    Parameters
    ----------
    numbers : sequence of float
        What stands for the score of a hidden key.
    read : callable
        What is done to the mask first.
    cleaned : sequence of str
        What happens after the softmax: nothing, rows without a key become 0, or all hidden weights do.
    """
    return tuple(_hiding(*way, read) for way in itertools.product(numbers, (False, True), cleaned))


def _hiding(number, added, cleaned, read):
    def weigh(scores, mask):
        mask = read(mask)
        scores = scores + additive(number)(mask) if added else scores.masked_fill(~mask, number)
        weights = scores.softmax(-1)
        if cleaned and number == -math.inf:
            return weights.nan_to_num(0.0)
        return weights * {"": 1, "rows": mask.any(-1, keepdim=True), "covered": mask}[cleaned]

    return weigh
