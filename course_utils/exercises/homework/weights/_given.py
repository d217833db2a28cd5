"""What the notebook gives to every answer of this assignment."""

import numpy as np

__all__ = ["softmax"]


def softmax(x, axis=-1):
    """Weights of scores, as in notebook 02; a row with nothing but minus infinity becomes NaN.

    The notebook shows these lines to students. The course's own softmax gives zeros for such a row, so the
    wrong answers of this assignment are built on this one: they fail as students' answers fail.
    """
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)
