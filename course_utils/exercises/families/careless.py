"""Softmaxes that are right for moderate scores and lose the others, for arrays and tensors alike.

In every exercise that takes a softmax they are the same mistakes with the same names.
"""

import numpy as np

from course_utils.checks import Mistake

__all__ = ["careless_softmaxes"]


def _shares(scores, largest):
    e = np.exp(scores - largest) if isinstance(scores, np.ndarray) else (scores - largest).exp()
    return e / e.sum(-1, keepdims=True)


def _of_everything(scores):
    return _shares(scores, scores.max())


def _of_the_first_row(scores):
    return _shares(scores, scores.reshape(-1, scores.shape[-1])[0].max())


def _from_zero(scores):
    array = isinstance(scores, np.ndarray)
    return _shares(scores, np.maximum(scores.max(-1, keepdims=True), 0) if array
                   else scores.amax(-1, keepdim=True).clamp(min=0))


def careless_softmaxes(answer, only=("maximum-of-everything", "maximum-from-zero"), also=lambda soft: ()):
    """Make the mistakes of an exercise that takes a softmax.

    Parameters
    ----------
    answer : callable
        ``answer(soft)`` gives the exercise's answer with this softmax along the last axis.
    only : sequence of str
        Which of the mistakes can be made: a single row has a maximum of its own in any case.
    also : callable
        ``also(soft)`` gives further answers with it, as variants.
    """
    made = []
    for name, cause, experiment, softs in _KINDS:
        if name in only:
            first, *variants = (made_with for soft in softs for made_with in (answer(soft), *also(soft)))
            made.append(Mistake(name, cause, experiment, first, variants=variants))
    return tuple(made)


_KINDS = (
    ("maximum-of-everything",
     "One maximum is subtracted from the whole table, so a row far below it turns into 0 divided by 0.",
     "Compute the exponentials of 0.0 - 800.0 and 1.0 - 800.0, and their sum: which maximum does a row need?",
     (_of_everything, _of_the_first_row)),
    ("maximum-from-zero",
     "The search for the largest score begins at 0, so the exponentials of very negative scores are all 0.",
     "Compute the exponentials of -2000.0 and -2001.0: which number should be subtracted first?", (_from_zero,)),
)
