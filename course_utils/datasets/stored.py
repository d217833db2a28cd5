"""Real data that lies in data/: attention weights of a pretrained model, temperatures.

``data/README.md`` says where each file comes from, under which licence, and how it was made. Nothing is
fetched: a file is read, held against its checksum, and handed over as fresh arrays that you may change.
"""

import csv
import io
import json
from dataclasses import dataclass

import numpy as np

from course_utils.datasets.files import load_npz, read_data
from course_utils.shapes import check_whole

__all__ = [
    "MINILM_HEADS", "HeadParts", "SentenceAttention", "Temperatures", "minilm_attention", "minilm_head",
    "minilm_sentences", "seattle_temperatures",
]

#: What some heads of the pretrained model do, and where they are: (layer, head), both counted from 0.
#: Heads were named by measuring all 72 on many sentences, so expect exceptions in any single one.
MINILM_HEADS = {
    "previous token": (0, 2),
    "next token": (1, 8),
    "article to noun, verb to object": (3, 1),
    "article and adjective to noun": (2, 8),
    "object to verb": (2, 0),
    "he or she to a noun of that gender": (1, 3),
    "word piece to the piece before": (2, 11),
    "punctuation": (3, 11),
    "everything to [CLS]": (4, 5),
}


@dataclass(frozen=True)
class SentenceAttention:
    """Attention weights of every head of a pretrained model for one sentence.

    Attributes
    ----------
    key : str
        Short name of the sentence.
    sentence : str
        The sentence as it was written.
    tokens : tuple of str, length T
        What the model read: lower case, ``[CLS]`` in front, ``[SEP]`` at the end, ``##`` before a piece that
        continues a word.
    weights : ndarray, shape (L, H, T, T), float32
        Attention weights (no unit); rows are queries, columns are keys, every row sums to 1.
    model : str
        Name of the model.
    """

    key: str
    sentence: str
    tokens: tuple
    weights: np.ndarray
    model: str

    def head(self, layer, head):
        """Return the weights of one head.

        Parameters
        ----------
        layer : int
            Layer, counted from 0.
        head : int
            Head within the layer, counted from 0.

        Returns
        -------
        ndarray, shape (T, T)
            Attention weights (no unit), rows queries, columns keys.

        Raises
        ------
        ValueError
            If the model has no such layer or head.
        """
        check_whole("layer", layer, 0, self.weights.shape[0] - 1)
        check_whole("head", head, 0, self.weights.shape[1] - 1)
        return self.weights[layer, head]


@dataclass(frozen=True)
class HeadParts:
    """What one head of a pretrained model computed its weights from.

    Attributes
    ----------
    layer, head : int
        Which head, both counted from 0.
    tokens : tuple of str, length T
        The tokens of the sentence.
    q, k, v : ndarray, shape (T, d_k), float32
        Queries, keys and values (no unit).
    model : str
        Name of the model.
    """

    layer: int
    head: int
    tokens: tuple
    q: np.ndarray
    k: np.ndarray
    v: np.ndarray
    model: str


@dataclass(frozen=True)
class Temperatures:
    """Daily temperatures of one place and year.

    Attributes
    ----------
    year : int
        The year.
    day : ndarray, shape (N,), float64
        Day of the year, from 1 (unit: days).
    highest, lowest : ndarray, shape (N,), float64
        Highest and lowest temperature of the day (unit: degrees Celsius).
    """

    year: int
    day: np.ndarray
    highest: np.ndarray
    lowest: np.ndarray


def minilm_sentences():
    """Return the stored sentences by their short names, the running example first.

    Returns
    -------
    dict of str to str
        Short name to sentence.

    Examples
    --------
    >>> minilm_sentences()["dog"]
    'The brown dog found a bone.'
    """
    return _about(load_npz("attention_minilm.npz"))["sentences"]


def minilm_attention(sentence=None):
    """Load the attention weights that a pretrained transformer gives to the words of a sentence.

    The model is all-MiniLM-L6-v2: 6 layers of 12 heads, trained on about a billion pairs of sentences.

    Parameters
    ----------
    sentence : str, optional
        One of ``minilm_sentences()``, by its short name or in full. Default: the running example.

    Returns
    -------
    SentenceAttention
        Tokens and weights of all 72 heads.

    Raises
    ------
    ValueError
        If the sentence is not among those stored.

    Examples
    --------
    >>> dog = minilm_attention()
    >>> dog.weights.shape
    (6, 12, 9, 9)
    >>> dog.tokens[5:7], round(float(dog.head(3, 1)[5, 6]), 2)  # how much "a" looks at "bone"
    (('a', 'bone'), 0.76)
    """
    stored = load_npz("attention_minilm.npz")
    about = _about(stored)
    keys = {text: key for key, text in about["sentences"].items()} | {key: key for key in about["sentences"]}
    sentence = next(iter(keys)) if sentence is None else sentence
    key = keys.get(sentence) if isinstance(sentence, str) else None
    if key is None:
        raise ValueError(f"sentence should be one of {', '.join(about['sentences'])} or a sentence of "
                         f"minilm_sentences(); got {sentence!r}. Other sentences need the model itself.")
    weights = stored[f"{key}.weights"].astype(np.float32)
    weights /= weights.sum(-1, keepdims=True)  # half precision lets a row miss 1 by up to 0.001
    tokens = tuple(stored[f"{key}.tokens"].tolist())
    return SentenceAttention(key, about["sentences"][key], tokens, weights, about["model"])


def minilm_head(layer=3, head=1):
    """Load the queries, keys and values of one head of the pretrained model, for the running example.

    Parameters
    ----------
    layer : int, default 3
        Layer, 0 to 5.
    head : int, default 1
        Head, 0 to 11.

    Returns
    -------
    HeadParts
        q, k and v of shape (9, 32), and the tokens.

    Raises
    ------
    ValueError
        If the model has no such layer or head.

    Examples
    --------
    >>> from course_utils.attention import softmax
    >>> parts = minilm_head()
    >>> weights = softmax(parts.q @ parts.k.T / np.sqrt(32))
    >>> bool(np.allclose(weights, minilm_attention().head(3, 1), atol=1e-3))
    True
    """
    stored = load_npz("attention_minilm.npz")
    about = _about(stored)
    key = next(iter(about["sentences"]))
    q, k, v = (stored[f"{key}.{part}"] for part in "qkv")
    check_whole("layer", layer, 0, q.shape[0] - 1)
    check_whole("head", head, 0, q.shape[1] - 1)
    parts = (x[layer, head].copy() for x in (q, k, v))
    return HeadParts(layer, head, tuple(stored[f"{key}.tokens"].tolist()), *parts, about["model"])


def seattle_temperatures(year=2014):
    """Load the highest and lowest temperature of every day of a year in Seattle.

    Parameters
    ----------
    year : int, default 2014
        2012, 2013, 2014 or 2015.

    Returns
    -------
    Temperatures
        Days of the year, and temperatures in degrees Celsius.

    Raises
    ------
    ValueError
        If the year is not among those stored.

    Examples
    --------
    >>> hot = seattle_temperatures()
    >>> hot.day.shape, float(hot.highest.max())
    ((365,), 35.6)
    """
    rows = list(csv.DictReader(io.StringIO(read_data("seattle_temperatures.csv").decode())))
    years = sorted({int(row["date"][:4]) for row in rows})
    if year not in years:
        raise ValueError(f"year should be one of {', '.join(map(str, years))}; got {year!r}")
    rows = [row for row in rows if row["date"].startswith(f"{year}-")]
    highest, lowest = (np.array([float(row[column]) for row in rows]) for column in ("temp_max", "temp_min"))
    return Temperatures(int(year), np.arange(1.0, len(rows) + 1), highest, lowest)


def _about(stored):
    return json.loads(str(stored["about"]))
