"""Cutting text into the pieces of words that a pretrained encoder knows (WordPiece, lower case, without accents)."""

import unicodedata

__all__ = ["WordPieces"]

_LONGEST_WORD = 100  # characters; what is longer becomes one unknown piece
# Chinese characters, each of which is a word: first and last of each block.
_CHINESE = ((0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F),
            (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F))


class WordPieces:
    """The tokenizer of an encoder.

    Parameters
    ----------
    vocabulary : sequence of str
        All pieces; the place of a piece is its number. ``##`` stands before a piece that continues a word.

    Examples
    --------
    >>> pieces = WordPieces(["[UNK]", "un", "##likely", "cafe", "!"])
    >>> pieces.cut("Unlikely café!"), pieces.cut("zebra")
    (['un', '##likely', 'cafe', '!'], ['[UNK]'])
    """

    def __init__(self, vocabulary):
        self.vocabulary = list(vocabulary)
        self.number = {piece: n for n, piece in enumerate(self.vocabulary)}

    def cut(self, text):
        """Cut a text into pieces.

        Parameters
        ----------
        text : str
            In any script; words that the model does not know at all become ``[UNK]``.

        Returns
        -------
        list of str
        """
        return [piece for word in _words(text) for piece in self._pieces(word)]

    def _pieces(self, word):
        """The longest piece that the word begins with, then the longest that goes on, and so on."""
        pieces, start = [], 0
        while start < len(word):
            before = "##" if start else ""
            ends = range(min(len(word), _LONGEST_WORD), start, -1)
            end = next((end for end in ends if before + word[start:end] in self.number), None)
            if end is None or len(word) > _LONGEST_WORD:
                return ["[UNK]"]
            pieces.append(before + word[start:end])
            start = end
        return pieces


def _words(text):
    """Words and punctuation marks, in lower case and without accents; control characters are left out."""
    spaced = "".join(f" {c} " if _is_chinese(c) else c for c in text if c.isspace() or not _is_control(c))
    plain = "".join(c for c in unicodedata.normalize("NFD", spaced) if unicodedata.category(c) != "Mn").lower()
    return "".join(f" {c} " if _is_punctuation(c) else c for c in plain).split()


def _is_chinese(c):
    return any(first <= ord(c) <= last for first, last in _CHINESE)


def _is_control(c):
    return c == "\ufffd" or unicodedata.category(c) in ("Cc", "Cf", "Co", "Cs")


def _is_punctuation(c):
    return unicodedata.category(c)[0] == "P" or ("!" <= c <= "~" and not c.isalnum())
