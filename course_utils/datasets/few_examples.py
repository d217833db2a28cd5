"""Short reviews that were written for the course, and what an independent program computed with pretrained models."""

import csv
import io
import json
from dataclasses import dataclass

import numpy as np

from course_utils.datasets.files import load_npz, read_data

__all__ = ["References", "Review", "Transfer", "pretrained_references", "reviews", "transfer_results"]


@dataclass(frozen=True)
class Review:
    """One short review.

    Attributes
    ----------
    text : str
    about : str
        ``"thing"``, something that one buys, or ``"outing"``, a place or a show that one goes to.
    liked : bool
    """

    text: str
    about: str
    liked: bool


@dataclass(frozen=True)
class Transfer:
    """What models from scratch reached on reviews that they had not seen.

    Attributes
    ----------
    question : str
        ``"about"`` or ``"liked"``.
    examples, seed : int
        Reviews to learn from; which ones, and how the model began.
    accuracy : float
        On 48 other reviews, from 0 to 1.
    """

    question: str
    examples: int
    seed: int
    accuracy: float


@dataclass(frozen=True)
class References:
    """What transformers, an independent program, computes from the same files.

    Attributes
    ----------
    sentences : tuple of str
        20 of them: other scripts, emoji, an empty one, one that is too long to be read whole.
    embeddings : ndarray, shape (20, 384)
        Their vectors, of length 1.
    prompts : tuple of str
        5 beginnings of texts.
    codes, scores, total, best : list of ndarray
        For each prompt its tokens (T,); every 96th score for the next token (T, 512), the logarithm of the sum of
        the exponentials of all 49,152 (T,), and which is largest (T,).
    columns : int
        96.
    """

    sentences: tuple
    embeddings: np.ndarray
    prompts: tuple
    codes: list
    scores: list
    total: list
    best: list
    columns: int


def reviews():
    """Load the 80 reviews: 20 pairs about things and 20 about outings, one of each pair liked.

    Returns
    -------
    list of Review

    Examples
    --------
    >>> reviews()[-1].text, sum(review.liked for review in reviews())
    ('Her voice cracked and she forgot the words.', 40)
    """
    return [Review(row["text"], row["about"], row["liked"] == "yes") for row in _rows("reviews.csv")]


def transfer_results():
    """Load what models from scratch reached.

    Returns
    -------
    list of Transfer
    """
    return [Transfer(row["question"], int(row["examples"]), int(row["seed"]), float(row["accuracy"]))
            for row in _rows("transfer.csv")]


def pretrained_references():
    """Load what the pretrained models should compute.

    Returns
    -------
    References
    """
    stored = load_npz("pretrained_references.npz")
    about = json.loads(str(stored["about"]))
    by_prompt = {part: [stored[f"{part}{n}"] for n in range(len(about["prompts"]))]
                 for part in ("codes", "scores", "total", "best")}
    return References(sentences=tuple(about["sentences"]), embeddings=stored["embeddings"],
                      prompts=tuple(about["prompts"]), columns=about["columns"], **by_prompt)


def _rows(name):
    return csv.DictReader(io.StringIO(read_data(name).decode()))
