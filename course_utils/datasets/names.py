"""First names, letter by letter: what the small language model of notebook 09 learns to write."""

import csv
import io
from collections import Counter
from functools import cache

import numpy as np

from course_utils.datasets.files import read_data

__all__ = ["END", "block_parts", "counting_loss", "encode_names", "first_names", "spell", "split_names"]

END = 0  # code before the first letter and after the last; a to z are 1 to 26
LONGEST = 11  # letters of the longest name


@cache
def first_names():
    """Read the first names of the 1990 census of the United States.

    Returns
    -------
    tuple of str
        5163 names in small letters, in alphabetical order.

    Examples
    --------
    >>> len(first_names()), first_names()[:3]
    (5163, ('aaron', 'abbey', 'abbie'))
    """
    return tuple(read_data("first_names.csv").decode().split()[1:])


@cache
def split_names(held_out=516, seed=0):
    """Deal the names out: those to learn from, and those that are kept to test with.

    Parameters
    ----------
    held_out : int
        How many are kept.
    seed : int
        Of the shuffling.

    Returns
    -------
    train, test : tuple of str
    """
    order = np.random.default_rng(seed).permutation(len(first_names()))
    names = [first_names()[i] for i in order]
    return tuple(names[held_out:]), tuple(names[:held_out])


def encode_names(names):
    """Write names as integers, with `END` before each and `END` after it up to a common length.

    Parameters
    ----------
    names : sequence of str
        Letters a to z, at most 11 in each.

    Returns
    -------
    ndarray of int64, shape (B, 13)

    Raises
    ------
    ValueError
        If a name holds anything else, or is longer.

    Examples
    --------
    >>> encode_names(["abe"])[0, :6]
    array([0, 1, 2, 5, 0, 0])
    """
    codes = np.full((len(names), LONGEST + 2), END, dtype=np.int64)
    for row, name in zip(codes, names):
        if not isinstance(name, str) or not 0 < len(name) <= LONGEST or not set(name) <= set(map(chr, range(97, 123))):
            raise ValueError(f"names should be 1 to {LONGEST} letters from a to z, got {name!r}")
        row[1:len(name) + 1] = [ord(letter) - 96 for letter in name]
    return codes


def spell(codes):
    """Write one row of integers as a name, up to the first `END` after a letter.

    Parameters
    ----------
    codes : sequence of int
        May begin with `END`.

    Returns
    -------
    str

    Examples
    --------
    >>> spell([0, 1, 2, 5, 0, 7])
    'abe'
    """
    letters = [int(code) for code in codes]
    start = 1 if letters[:1] == [END] else 0
    stop = letters.index(END, start) if END in letters[start:] else len(letters)
    return "".join(chr(96 + code) for code in letters[start:stop])


def counting_loss(train, test, before=2):
    """Measure how well counting guesses the next letter: how often did it follow the letters before it?

    Every count is raised by a twentieth, so that what never happened is not impossible.

    Parameters
    ----------
    train, test : sequence of str
        Where is counted, and what is guessed.
    before : int
        How many letters are looked at; with 0 only how frequent each letter is counts.

    Returns
    -------
    float
        Mean of -log(probability) over all letters and ends of `test` (nats for each).
    """
    raised = 0.05
    follows, begins = Counter(), Counter()
    for context, letter in _steps(train, before):
        follows[context, letter] += 1
        begins[context] += 1
    return float(np.mean([-np.log((follows[context, letter] + raised) / (begins[context] + 27 * raised))
                          for context, letter in _steps(test, before)]))


def _steps(names, before):
    """Each letter and each end of the names, with the letters before it."""
    for codes, name in zip(encode_names(names).tolist(), names):
        codes = [END] * before + codes[1:len(name) + 2]
        yield from ((tuple(codes[i - before:i]), codes[i]) for i in range(before, len(codes)))


def block_parts():
    """Load what models of names lost when one of their parts was left out, each trained with three seeds.

    Returns
    -------
    dict of str to dict
        For each model ``known`` and ``new``: its loss on names that it learnt from and on those held out, ndarray of
        shape (3,) (nats for each letter), and ``steps``, the updates it was trained for.
    """
    models = {}
    for row in csv.DictReader(io.StringIO(read_data("block_parts.csv").decode())):
        found = models.setdefault(row["model"], {"known": [], "new": [], "steps": int(row["steps"])})
        found["known"].append(float(row["loss_known"]))
        found["new"].append(float(row["loss_new"]))
    return {name: {**found, "known": np.array(found["known"]), "new": np.array(found["new"])}
            for name, found in models.items()}
