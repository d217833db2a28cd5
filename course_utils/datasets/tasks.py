"""Tasks made from a seed, for models that train while you watch; and text as integers.

Everything is NumPy; ``torch.from_numpy`` takes the arrays as they are.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from course_utils.shapes import check_whole

__all__ = ["TwoKeyRecall", "Vocabulary", "reversal_pairs", "two_key_recall"]

_LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Vocabulary:
    """Turn text into integers and back, one integer for each character.

    The integers 0, 1 and 2 are kept for padding, start and end of a text; characters count from 3 in the
    order given.

    Parameters
    ----------
    characters : str
        The characters, none twice.

    Attributes
    ----------
    PAD, START, END : int
        0, 1 and 2.
    characters : str
        The characters.

    Raises
    ------
    ValueError
        If `characters` is no text, is empty, or has a character twice.

    Examples
    --------
    >>> letters = Vocabulary("abc")
    >>> letters.encode(["cab", "b"], end=True)
    array([[5, 3, 4, 2],
           [4, 2, 0, 0]])
    >>> letters.decode([[5, 3, 4, 2]])
    ['cab']
    """

    PAD, START, END = 0, 1, 2

    def __init__(self, characters):
        if not isinstance(characters, str) or not characters or len(set(characters)) != len(characters):
            raise ValueError(f"characters should be text without a character twice, got {characters!r}")
        self.characters = characters
        self._ids = {char: i for i, char in enumerate(characters, start=3)}

    def __len__(self):
        """Count the integers in use, the three special ones included."""
        return 3 + len(self.characters)

    def encode(self, texts, length=None, start=False, end=False):
        """Turn texts into rows of integers, filled up on the right with padding.

        Parameters
        ----------
        texts : sequence of str, length N
            The texts.
        length : int, optional
            Length of the rows T. Default: what the longest text needs.
        start, end : bool, default False
            Put the start integer before each text, the end integer after it.

        Returns
        -------
        ndarray, shape (N, T), int64
            One row for each text.

        Raises
        ------
        ValueError
            If `texts` is no list of texts or a single text, holds an unknown character, or needs more than
            `length`; or if that is no whole number.
        """
        if isinstance(texts, str):
            raise ValueError(f"texts should be a list of texts, got one text; write [{texts[:20]!r}]")
        texts = list(texts) if isinstance(texts, Iterable) else [texts]
        if others := [text for text in texts if not isinstance(text, str)]:
            raise ValueError(f"texts should be a list of texts, got {others[0]!r:.60}")
        if length is not None:
            check_whole("length", length, 0)
        rows = [[self.START] * bool(start) + [self._id(text, char) for char in text] + [self.END] * bool(end)
                for text in texts]
        longest = max(map(len, rows), default=0)
        if length is not None and longest > length:
            raise ValueError(f"length should be at least {longest} for these texts, got {length}")
        ids = np.full((len(rows), longest if length is None else length), self.PAD, dtype=np.int64)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = row
        return ids

    def decode(self, ids):
        """Turn rows of integers back into texts.

        Parameters
        ----------
        ids : ndarray or nested list, shape (N, T), integers
            Rows; each is read up to its first end integer, padding and start are left out.

        Returns
        -------
        list of str
            One text for each row.

        Raises
        ------
        ValueError
            If `ids` has another number of axes, or a number that stands for nothing.
        """
        ids = np.asarray(ids)
        if ids.ndim != 2:
            raise ValueError(f"ids should have shape (N, T), got {ids.shape}")
        whole = np.issubdtype(ids.dtype, np.integer)
        if ids.size and not (whole and 0 <= ids.min() and ids.max() < len(self)):
            raise ValueError(f"ids should be whole numbers from 0 to {len(self) - 1}, got {ids.dtype} "
                             f"from {ids.min()} to {ids.max()}")
        texts = []
        for row in ids.tolist():
            row = row[: row.index(self.END)] if self.END in row else row
            texts.append("".join(self.characters[i - 3] for i in row if i > self.END))
        return texts

    def _id(self, text, char):
        if char not in self._ids:
            known = " ".join(self.characters.replace(" ", "")) + " and the space" * (" " in self.characters)
            raise ValueError(f"texts should hold only the characters {known}; got {char!r} in {text[:60]!r}")
        return self._ids[char]


@dataclass(frozen=True)
class TwoKeyRecall:
    """Items, each a key with a value, and questions that name two keys.

    Attributes
    ----------
    keys, values : ndarray, shape (N, items), int64
        What the items hold. No key comes twice in a row.
    query : ndarray, shape (N, 2), int64
        The two keys asked for, in the order of the question.
    answer : ndarray, shape (N, 2), int64
        Their values, in the same order.
    """

    keys: np.ndarray
    values: np.ndarray
    query: np.ndarray
    answer: np.ndarray


def reversal_pairs(n, shortest=2, longest=24, seed=0):
    """Make random strings of letters and their reversals.

    Parameters
    ----------
    n : int
        How many pairs.
    shortest, longest : int, default 2 and 24
        Lengths are drawn evenly from this range, both ends included (unit: characters).
    seed : int, default 0
        Same seed, same pairs.

    Returns
    -------
    list of tuple (str, str)
        Each string with its reversal.

    Raises
    ------
    ValueError
        If `n` is below 1, or the lengths are not 1 <= shortest <= longest.

    Examples
    --------
    >>> reversal_pairs(2, 3, 5, seed=1)
    [('tyad', 'dayt'), ('vygi', 'igyv')]
    """
    check_whole("n", n, 1)
    check_whole("longest", longest, 1)
    check_whole("shortest", shortest, 1, longest)
    rng = np.random.default_rng(seed)
    lengths = rng.integers(shortest, longest + 1, size=n)
    texts = ["".join(_LETTERS[i] for i in rng.integers(len(_LETTERS), size=length)) for length in lengths]
    return [(text, text[::-1]) for text in texts]


def two_key_recall(n, items=12, n_keys=24, n_values=16, seed=0):
    """Make questions that one look at the items cannot answer: two keys are named, both values are wanted.

    Parameters
    ----------
    n : int
        How many rows.
    items : int, default 12
        Items in a row, at least 2.
    n_keys : int, default 24
        Keys to choose from, at least `items`.
    n_values : int, default 16
        Values to choose from.
    seed : int, default 0
        Same seed, same rows.

    Returns
    -------
    TwoKeyRecall
        Integer arrays keys, values, query, answer.

    Raises
    ------
    ValueError
        If a number is below 1, `items` is below 2, or there are fewer keys than items.

    Examples
    --------
    >>> row = two_key_recall(1, items=3, n_keys=5, n_values=10)
    >>> row.keys, row.values, row.query, row.answer
    (array([[2, 4, 3]]), array([[0, 0, 1]]), array([[4, 3]]), array([[0, 1]]))
    """
    for name, value, lowest in (("n", n, 1), ("n_keys", n_keys, 2), ("n_values", n_values, 1)):
        check_whole(name, value, lowest)
    check_whole("items", items, 2, n_keys)
    rng = np.random.default_rng(seed)
    keys = rng.permuted(np.tile(np.arange(n_keys), (n, 1)), axis=1)[:, :items]
    values = rng.integers(n_values, size=(n, items))
    asked = rng.permuted(np.tile(np.arange(items), (n, 1)), axis=1)[:, :2]
    query, answer = (np.take_along_axis(x, asked, axis=1) for x in (keys, values))
    return TwoKeyRecall(keys, values, query, answer)
