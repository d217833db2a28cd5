"""What models that learn to repeat showed: their accuracy over the steps, and what each head is worth."""

import csv
import io
from dataclasses import dataclass

from course_utils.datasets.files import read_data

__all__ = ["HeadFound", "induction_heads", "induction_steps"]


@dataclass(frozen=True)
class HeadFound:
    """One head of one trained model.

    Attributes
    ----------
    seed, layer, head : int
    previous : float
        Its previous-token score in the first copy, from 0 to 1.
    induction : float
        Its induction score, from 0 to 1.
    accuracy, without : float
        Accuracy of the model, whole and without this head, from 0 to 1.
    """

    seed: int
    layer: int
    head: int
    previous: float
    induction: float
    accuracy: float
    without: float


def induction_heads():
    """Load the heads of five models of two layers.

    Returns
    -------
    list of HeadFound
        In the order of seed, layer and head.
    """
    return [HeadFound(*(int(row[name]) for name in ("seed", "layer", "head")),
                      *(float(row[name]) for name in ("previous", "induction", "accuracy", "without")))
            for row in _rows("induction_heads.csv")]


def induction_steps(layers):
    """Load how accuracy grew in training.

    Parameters
    ----------
    layers : {1, 2}

    Returns
    -------
    dict of int to (list of int, list of float)
        For each seed the steps, and the accuracy before each, from 0 to 1.

    Raises
    ------
    ValueError
        If there is no model with so many layers.
    """
    curves = {}
    for row in _rows("induction_steps.csv"):
        if int(row["layers"]) == layers:
            steps, shares = curves.setdefault(int(row["seed"]), ([], []))
            steps.append(int(row["step"]))
            shares.append(float(row["accuracy"]))
    if not curves:
        raise ValueError(f"layers should be 1 or 2, got {layers!r}")
    return curves


def _rows(name):
    return csv.DictReader(io.StringIO(read_data(name).decode()))
