"""Cutting text into the tokens of a language model (byte-level byte pair encoding), and putting them together."""

import re
import unicodedata
from itertools import pairwise

__all__ = ["BytePairs"]

_PARTS = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?[^\W\d_]+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+")


def _letters():
    """A letter for each byte: itself where it can be seen, else one from beyond the 256."""
    seen = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in seen]
    return {byte: chr(byte) for byte in seen} | {byte: chr(256 + n) for n, byte in enumerate(hidden)}


class BytePairs:
    """The tokenizer of a language model.

    Parameters
    ----------
    tokens : sequence of str
        All tokens; the place of a token is its number.
    merges : sequence of str
        Pairs of tokens that become one, ``"a b"``; the first ones first.

    Examples
    --------
    >>> pairs = BytePairs(["a", "b", "ab", "Ġ", "Ġab"], ["a b", "Ġ ab"])
    >>> pairs.encode("ab ab"), pairs.decode([2, 4])
    ([2, 4], 'ab ab')
    """

    def __init__(self, tokens, merges):
        self.tokens = list(tokens)
        self.number = {token: n for n, token in enumerate(self.tokens)}
        self._rank = {tuple(pair.split(" ")): n for n, pair in enumerate(merges)}
        self._letter = _letters()
        self._byte = {letter: byte for byte, letter in self._letter.items()}

    def encode(self, text):
        """Give the numbers of a text's tokens.

        Parameters
        ----------
        text : str
            In any script: what is no token is spelt in bytes.

        Returns
        -------
        list of int
        """
        return [self.number[token] for part in _parts(text) for token in self._merged(part)]

    def decode(self, codes):
        """Give the text of some tokens; bytes that are no text become question marks in a diamond.

        Parameters
        ----------
        codes : iterable of int

        Returns
        -------
        str
        """
        letters = "".join(self.tokens[code] for code in codes)
        return bytes(self._byte.get(letter, ord("?")) for letter in letters).decode("utf-8", "replace")

    def _merged(self, part):
        """Begin with single bytes; put the pair together that comes first in the list, until there is none."""
        tokens = [self._letter[byte] for byte in part.encode()]
        while len(tokens) > 1:
            ranks = [self._rank.get(pair, len(self._rank)) for pair in pairwise(tokens)]
            first = min(range(len(ranks)), key=ranks.__getitem__)
            if ranks[first] == len(self._rank):
                break
            tokens[first:first + 2] = [tokens[first] + tokens[first + 1]]
        return tokens


def _parts(text):
    """Words with the space before them, runs of signs, runs of spaces; each digit by itself."""
    parts, start = [], 0
    for n, c in enumerate(text):
        if unicodedata.category(c)[0] == "N":
            parts += [*_PARTS.findall(text[start:n]), c]
            start = n + 1
    return [*parts, *_PARTS.findall(text[start:])]
