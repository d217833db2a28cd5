"""Words and their vectors: looking one up, and finding which others point the same way."""

import difflib

import numpy as np

from course_utils.datasets.files import load_npz
from course_utils.shapes import check_whole

__all__ = ["WordVectors", "word_vectors"]


class WordVectors:
    """Words and their vectors: ``vectors["cat"]`` looks one up, ``nearest`` compares it with all others.

    Parameters
    ----------
    words : sequence of str, length N
        The words, no word twice.
    vectors : ndarray, shape (N, D)
        One vector for each word (no unit).
    groups : sequence of str, length N
        The group that each word was chosen for.

    Raises
    ------
    ValueError
        If the three differ in length or a word comes twice.

    Examples
    --------
    >>> table = np.array([[1.0, 0.1], [0.9, 0.3], [0.0, 1.0]])
    >>> vectors = WordVectors(["cat", "dog", "car"], table, ["animals", "animals", "transport"])
    >>> vectors.nearest("cat", 1)
    [('dog', 0.975)]
    """

    def __init__(self, words, vectors, groups):
        self.words = tuple(str(word) for word in words)
        self.groups = tuple(str(group) for group in groups)
        self.vectors = np.asarray(vectors)
        if self.vectors.ndim != 2 or not len(self.words) == len(self.groups) == len(self.vectors):
            raise ValueError(f"words, vectors and groups should have one length N and vectors shape (N, D), "
                             f"got {len(self.words)} words, vectors {self.vectors.shape}, "
                             f"{len(self.groups)} groups")
        self._row = {word: i for i, word in enumerate(self.words)}
        if len(self._row) != len(self.words):
            raise ValueError("words should name no word twice")

    def __len__(self):
        return len(self.words)

    def __contains__(self, word):
        return word in self._row

    def __iter__(self):
        return iter(self.words)

    def __repr__(self):
        return f"WordVectors({len(self)} words, {self.vectors.shape[1]} numbers each)"

    def __getitem__(self, word):
        """Return a copy of the vector of a word, shape (D,)."""
        return self.vectors[self._find("word", word)].copy()

    def of(self, words):
        """Return the vectors of several words, one below the other.

        Parameters
        ----------
        words : sequence of str, length n
            Words of the table.

        Returns
        -------
        ndarray, shape (n, D)
            A copy of their vectors (no unit).

        Raises
        ------
        ValueError
            If a word is not in the table.
        """
        words = [words] if isinstance(words, str) else words
        return self.vectors[[self._find("words", word) for word in words]]

    def group(self, name):
        """Return the words of one group.

        Parameters
        ----------
        name : str
            A group, one of ``groups``.

        Returns
        -------
        list of str
            Its words in the order of the table.

        Raises
        ------
        ValueError
            If there is no such group.
        """
        if name not in self.groups:
            raise ValueError(f"name should be one of {', '.join(dict.fromkeys(self.groups))}; got {name!r}")
        return [word for word, group in zip(self.words, self.groups) if group == name]

    def nearest(self, word, n=5):
        """List the words whose vectors point most nearly the same way.

        Parameters
        ----------
        word : str or ndarray, shape (D,)
            A word of the table, which is then left out of the list, or any vector.
        n : int, default 5
            How many to list.

        Returns
        -------
        list of tuple (str, float)
            Words and cosine similarities (no unit, -1 to 1, three decimals), the most similar first.

        Raises
        ------
        ValueError
            If the word is not in the table, the vector has another length or is zero, or `n` is below 1.
        """
        check_whole("n", n, 1)
        left_out = None
        if isinstance(word, str):
            left_out = self._find("word", word)
            vector = self.vectors[left_out]
        else:
            vector = np.asarray(word)
            if vector.shape != self.vectors.shape[1:]:
                raise ValueError(f"word should be a word or a vector of shape (D={self.vectors.shape[1]},), "
                                 f"got shape {vector.shape}")
        vector = vector.astype(np.float64)
        length = np.linalg.norm(vector)
        if not np.isfinite(length) or length == 0:
            raise ValueError("word should be a vector with a direction, got one that is zero or not finite")
        table = self.vectors.astype(np.float64)
        similarity = table @ vector / (np.linalg.norm(table, axis=1) * length)
        order = [i for i in np.argsort(-similarity, kind="stable") if i != left_out]
        return [(self.words[i], round(float(similarity[i]), 3)) for i in order[:n]]

    def _find(self, name, word):
        if not isinstance(word, str):
            raise ValueError(f"{name} should hold a word, got {type(word).__name__}")
        if word not in self._row:
            close = difflib.get_close_matches(word.lower(), self.words, n=3)
            meant = f" Did you mean {' or '.join(close)}?" if close else ""
            raise ValueError(f"{name} should be one of the {len(self)} words of the table, "
                             f"got {word[:60]!r}.{meant}")
        return self._row[word]


def word_vectors():
    """Load the vectors of 351 common English words, as a pretrained transformer looks them up.

    They are rows of the input table of all-MiniLM-L6-v2: what the model knows of a word before it has read
    any sentence, so one vector has to serve all meanings of a word.

    Returns
    -------
    WordVectors
        Words in 23 groups, vectors of 384 numbers (float32).

    Examples
    --------
    >>> vectors = word_vectors()
    >>> vectors["cat"].shape
    (384,)
    >>> [word for word, _ in vectors.nearest("monday", 3)]
    ['tuesday', 'sunday', 'wednesday']
    """
    stored = load_npz("word_vectors.npz")
    words, groups = stored["words"].tolist(), stored["groups"].tolist()
    return WordVectors(words, stored["vectors"].astype(np.float32), groups)
