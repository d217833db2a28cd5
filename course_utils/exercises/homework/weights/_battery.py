"""Inputs of the battery for pooling and its gradient: padded words of one number each, whose scale is 1."""

import numpy as np

from course_utils.checks import Case
from course_utils.exercises.battery import HIDDEN, Battery, normal, reasons

__all__ = ["gradient_battery", "pooling_battery"]

_ONE_QUERY = "one query for all sentences goes in, and no second table of keys"
_WITHOUT = {**dict.fromkeys(("T > S", "T < S", "one query"), _ONE_QUERY), **reasons.ONE_BATCH,
            **dict.fromkeys(("holes", "left padding"), "padding stands after the words"),
            # As a case it would take the names from all pairs of faults: nearly every wrong answer fails there too.
            "NaN under a hidden key": "a probe of the exercise's own asks it",
            "one query, masked": "there is one query in every case", "a mask for each head": "there are no heads",
            "hidden far above, gradients": reasons.NUMPY["gradients"], "long": reasons.PLAIN["long"],
            "names": reasons.PLAIN["names"], **reasons.NUMPY}


def _words(s):
    """Words (B, S, 1) and a query of the same width, and a length for each sentence, the last of them full."""
    B = s.items
    return (*normal(s.seed, (B, s.S, 1), (1,)), np.maximum(1, s.S - np.arange(B)[::-1]))


def _scored(rows, lengths):
    """Words that are their scores, for a query of 1."""
    return np.array(rows)[..., None], np.ones(1), np.array(lengths)


def _padded():
    x, query = normal(421, (3, 5, 1), (1,))
    return (("item 0 unpadded", (x, query, np.array([5, 2, 1])), "no padding in the first sentence alone"),
            ("a single key", (x[:2], query, np.array([3, 1])), "a sentence of one word"))


def _extreme():
    return (("no key", (*normal(422, (3, 4, 1), (1,)), np.array([2, 0, 0])), "two sentences without a word"),
            *((regime, _scored(table[:1], [2]), f"scores: {regime}") for regime, table in HIDDEN.items()))


def _cases(upstream, padding, rest):
    made = [(*entry, padding) for entry in _padded()] + [(*entry, rest) for entry in _extreme()]
    return [(regime, Case((*args, *upstream(args)), note=note, part=part)) for regime, args, note, part in made]


def pooling_battery(padding, rest):
    """Give the battery of `attention_pooling`; parts of the points for padding and for all that is hidden."""
    return Battery(
        sizes=_words,
        scores=lambda table, values: _scored(table, [2, 2]),
        own=lambda: _cases(lambda args: (), padding, rest),
        without=_WITHOUT,
        part=rest,
    )


def gradient_battery(batch, rest):
    """Give the battery of `pooling_gradient`; parts of the points for batches and for all that is hidden."""
    def upstream(args):
        return normal(423, (len(args[0]), 1))

    return Battery(
        sizes=lambda s: (*_words(s), *upstream(_words(s))),
        # Such words are far from 0, so an upstream is small: what softmax leaves of 1 is 1e-13 at most.
        scores=lambda table, values: (*_scored(table, [2, 2]), np.full((2, 1), 0.01)),
        own=lambda: _cases(upstream, batch, rest),
        without={**_WITHOUT, "rows far apart": "the gradient of a batch is one sum, in which NaN of any row shows"},
        part=rest,
    )
