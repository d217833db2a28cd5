"""Handwritten digits as small images: what the model of notebook 11 learns to read, and what such models showed."""

import csv
import io
from functools import cache

import numpy as np

from course_utils.datasets.files import load_npz, read_data

__all__ = ["blanked_patches", "digit_images", "patch_positions", "split_digits"]

MOST_INK = 16  # of a pixel, as it is stored


@cache
def _stored():
    return load_npz("digits.npz")


def digit_images():
    """Load 1797 handwritten digits.

    Returns
    -------
    images : ndarray of float32, shape (1797, 1, 8, 8)
        Ink of each pixel, from 0 to 1: item, channel (there is one), row from the top, column from the left.
    digits : ndarray of int64, shape (1797,)
        Which digit it is.

    Examples
    --------
    >>> images, digits = digit_images()
    >>> images.shape, digits[:5].tolist()
    ((1797, 1, 8, 8), [0, 1, 2, 3, 4])
    """
    stored = _stored()
    return stored["images"][:, None].astype(np.float32) / MOST_INK, stored["digits"].astype(np.int64)


def split_digits(held_out=360, seed=0):
    """Deal the digits out: those to learn from, and those that are kept to test with.

    Parameters
    ----------
    held_out : int
        How many are kept.
    seed : int
        Of the shuffling.

    Returns
    -------
    known, test : tuple of (images, digits)
        As `digit_images` gives them. The same people wrote both.
    """
    images, digits = digit_images()
    order = np.random.default_rng(seed).permutation(len(digits))
    known, test = order[held_out:], order[:held_out]
    return (images[known], digits[known]), (images[test], digits[test])


def patch_positions():
    """Load how well models read digits, with positions and without, each trained with five seeds.

    Returns
    -------
    dict of str to ndarray, shape (5,)
        For ``"with positions"`` and ``"without positions"`` the share of right answers on images that were held out.
    """
    found = {}
    for row in _rows("digit_models.csv"):
        if row["blanked"] == "none":
            found.setdefault(row["model"], []).append(float(row["accuracy"]))
    return {model: np.array(shares) for model, shares in found.items()}


def blanked_patches():
    """Load how well the models with positions read images of which some patches were blanked.

    Returns
    -------
    dict of (str, int) to ndarray, shape (5,)
        For each way to choose patches, and how many: the share of right answers, for each seed.
    """
    found = {}
    for row in _rows("digit_models.csv"):
        if row["blanked"] != "none":
            found.setdefault((row["blanked"], int(row["patches"])), []).append(float(row["accuracy"]))
    return {key: np.array(shares) for key, shares in found.items()}


def _rows(name):
    return csv.DictReader(io.StringIO(read_data(name).decode()))
