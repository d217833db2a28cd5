"""The regimes of input that tell right answers from wrong ones, by the stage that they are about."""

__all__ = ["REGIMES", "STAGE_OF", "TRY", "expand"]

REGIMES = {
    "shapes": {
        "all sizes distinct": "no two sizes are equal, so no axis is taken for another",
        "all sizes equal": "nothing stops an answer that takes one axis for another",
        "T > S": "more queries than keys",
        "T < S": "fewer queries than keys",
        "one query": "T = 1",
        "one key": "S = 1",
        "one item": "a batch of one",
        "no batch": "no leading axis",
        "two leading axes": "more than a batch in front",
    },
    "scores": {
        "very large": "their exponential overflows",
        "very negative": "their exponential is 0 without a maximum, and with one that starts at 0",
        "rows far apart": "one maximum for the whole table does not do",
    },
    "masks": {
        "holes": "keys hidden between others",
        "left padding": "the first keys hidden, so that a causal row may be empty",
        "item 0 unpadded": "the first item needs no mask, the second does",
        "one query, masked": "a single query, and a mask all the same",
        "a single key": "a row that sees one key",
        "no key": "a row that sees none",
        "a mask for each head": "another one along the axis of the heads",
        "hidden far above": "a hidden score far above all that are seen",
        "hidden in the millions": "seen scores of -2 million beside hidden ones of 2 million",
        "hidden far above, gradients": "the same, and the gradient has to stay finite",
    },
    "memory": {
        "strided": "numbers that do not lie in memory in reading order",
        "read-only": "arrays that must not be written into",
    },
    "dtypes": {"float64": "numbers of 64 bits"},
    "values": {"NaN under a hidden key": "must not matter where the text promises it"},
    "long": {"many places": "beyond a table of 200 and numbers of 8 bits"},
    "calls": {
        "an earlier result": "looked at again after a second call",
        "one object, other inputs": "what was made once is called with another mask, context and length",
    },
    "names": {"arguments by name": "optional arguments given by the name that the text fixes"},
    "gradients": {"in numbers": "equal to those of the reference, not only there"},
}

# What to try where everything before was right and an input of this regime is the first that is not.
TRY = {
    "very large": "Print the largest number that goes into your exponential, and the exponential.",
    "very negative": "Print the numbers that go into your exponential: with the largest of a row subtracted, one is 0.",
    "rows far apart": "Print what you subtract before the exponential: each row needs its own.",
    "one query": "Call your function with a single query, and print the shape after each line.",
    "one key": "Call your function with a single key, and print the shape after each line.",
    "T > S": "Count the rows of your result for more queries than keys.",
    "one query, masked": "Find the line that decides whether a mask is needed: a single query has one, too.",
    "item 0 unpadded": "Find what your code reads from the first item of a batch: the others have masks of their own.",
    "left padding": "Print the row of a query that stands before all real tokens.",
    "a mask for each head": "Print the shape of your mask just before it meets the scores.",
    "hidden far above": "Print the exponentials of a row whose hidden score is far above the others: what is left of "
                        "those?",
    "hidden in the millions": "Print a row of scores just before the softmax: are the hidden ones below all others?",
    "strided": "Turn an array and turn it back: `x.T.copy().T` holds the same numbers in another order in memory. "
               "Look for a line that reads them in that order.",
    "many places": "Look for a table of fixed size, or for integers of few bits: `int8` ends at 127.",
    "one object, other inputs": "Make one object and call it twice, with other masks and lengths: what does it keep on "
                                "`self`?",
}

STAGE_OF = {regime: stage for stage, regimes in REGIMES.items() for regime in regimes}


def expand(without):
    """Give the regimes that are left out, where a stage stands for all of its own.

    Parameters
    ----------
    without : mapping
        From a regime or a stage to the reason.

    Returns
    -------
    dict
        From each regime to the reason.

    Raises
    ------
    ValueError
        For a name that is neither.
    """
    reasons = {}
    for name, why in without.items():
        if name not in REGIMES and name not in STAGE_OF:
            raise ValueError(f"without should name regimes or stages, got {name!r}")
        reasons.update({regime: why for regime in REGIMES.get(name, (name,))})
    return reasons
