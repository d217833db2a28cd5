"""Wrong answers to top-k softmax, mostly as changes of its stages."""

import math
from functools import partial

import numpy as np

from course_utils.checks import Mistake
from course_utils.exercises.families.careless import careless_softmaxes
from course_utils.exercises.families.shared import naive_softmax
from course_utils.exercises.homework.weights import _given

__all__ = ["MISTAKES", "kth_largest", "top_k_by_stages"]


def kth_largest(x, k):
    """The k-th largest score of each row (..., 1), the smallest one where k is too large."""
    return np.sort(x, axis=-1)[..., -min(k, x.shape[-1]), None]


def _hide(x, kept):
    return np.where(kept, x, -math.inf)


def top_k_by_stages(x, k, temperature=1.0, *, last=kth_largest, keep=lambda x, last, k: x >= last, hide=_hide,
                    cool=lambda x, t: x / t, weigh=_given.softmax, finish=lambda w, kept: w,
                    leave=lambda x, k: None):
    """Softmax over the largest scores, in stages that can be replaced one by one."""
    kept = keep(x, last(x, k), k)
    weights = finish(weigh(cool(hide(x, kept), temperature)), kept)
    leave(x, k)
    return weights


def _nothing_hidden(x, kept):
    return x


def _chosen(order):
    """Keep the places that an order of the scores names: never more than k."""
    def keep(x, last, k):
        kept = np.zeros(x.shape, dtype=bool)
        np.put_along_axis(kept, order(x, k), True, axis=-1)
        return kept
    return keep


def _by_distinct(x, k):
    rows = [np.unique(row)[::-1] for row in x.reshape(-1, x.shape[-1])]
    return np.array([row[min(k, len(row)) - 1] for row in rows]).reshape(*x.shape[:-1], 1)


def _of_all(x, k):
    return np.sort(x, axis=None)[-min(k, x.size)]


def _of_columns(x, k):
    return np.flip(np.sort(x, axis=0), axis=0)[min(k, len(x)) - 1][None]


def _one_more(x, k):
    return np.sort(x, axis=-1)[..., -min(k + 1, x.shape[-1]), None]


def _one_fewer(x, k):
    return np.sort(x, axis=-1)[..., -max(min(k, x.shape[-1]) - 1, 1), None]


def _smallest(x, last, k):
    return x <= np.sort(x, axis=-1)[..., min(k, x.shape[-1]) - 1, None]


def _overwrite(x, k):
    x[x < kth_largest(x, k)] = -math.inf


def _kth_of_list(x, k):
    rows = [sorted(row, reverse=True)[k - 1] for row in x.reshape(-1, x.shape[-1]).tolist()]
    return np.array(rows).reshape(*x.shape[:-1], 1)


def _plain_terms(x):
    """The loop of the task as it stands, with Python's own exponential."""
    rows = [[math.exp(score) for score in row] for row in x.reshape(-1, x.shape[-1]).tolist()]
    return np.array([[term / sum(row) for term in row] for row in rows]).reshape(x.shape)


def _plain_terms_in_arrays(x):
    rows = [np.array([math.exp(score) for score in row]) for row in x.reshape(-1, x.shape[-1])]
    return np.array([row / row.sum() for row in rows]).reshape(x.shape)


def _sorted_out(x, k, temperature=1.0):
    best = np.sort(x, axis=-1)[..., ::-1]
    return _given.softmax(np.where(np.arange(x.shape[-1]) < k, best, -math.inf) / temperature)


def _weights_cooled(x, k, temperature=1.0):
    return _given.softmax(_hide(x, x >= kth_largest(x, k))) / temperature


def _cut_from_weights_then_again(x, k, temperature=1.0):
    p = _given.softmax(x / temperature)
    return _given.softmax(np.where(p >= kth_largest(p, k), p, -math.inf))


MISTAKES = (
    Mistake("not-renormalised", changes={"hide": _nothing_hidden, "finish": lambda w, kept: w * kept},
            cause="The small weights are set to 0 after softmax, and the others are not divided by their new sum.",
            experiment="Sum a row of your result for k = 1."),
    Mistake("hidden-as-zero", changes={"hide": lambda x, kept: np.where(kept, x, 0.0)},
            cause="What should drop out gets the score 0, and softmax gives a score of 0 some weight.",
            experiment="What is np.exp(0.0), and which score has the exponential 0?"),
    Mistake("smallest-kept", changes={"keep": _smallest},
            cause="The k smallest scores stay: the sorted row is read from its wrong end.",
            experiment="Print np.sort([3.0, 1.0, 2.0]): at which end does the largest score stand?"),
    Mistake("no-cut", changes={"keep": lambda x, last, k: np.ones(x.shape, dtype=bool)},
            cause="All scores keep weight: k has no effect on the result.",
            experiment="Compare your weights of [3.0, 1.0, 2.0] for k = 1 and k = 3."),
    Mistake("one-too-many", changes={"last": _one_more},
            cause="The score one place after the k-th largest is used as the border, so k + 1 scores stay.",
            experiment="Count the weights above 0 for three different scores and k = 1."),
    Mistake("one-too-few", changes={"last": _one_fewer},
            cause="The score one place before the k-th largest is used as the border, so k - 1 scores stay.",
            experiment="Count the weights above 0 for three different scores and k = 2."),
    Mistake("border-dropped", changes={"keep": lambda x, last, k: x > last},
            cause="The k-th largest score itself drops out, because it is compared with > in place of >=.",
            experiment="Count the weights above 0 for three different scores and k = 2, then for k = 1."),
    Mistake("first-k-places", changes={"keep": lambda x, last, k: np.broadcast_to(
        np.arange(x.shape[-1]) < k, x.shape)},
            cause="The first k places of a row stay, whatever their scores are.",
            experiment="Move the largest score of [3.0, 1.0, 2.0] to the end: which weights change?"),
    Mistake("exactly-k-first", changes={"keep": _chosen(lambda x, k: np.argsort(-x, axis=-1)[..., :k])},
            cause="Exactly k places stay, so of equal scores an earlier one stays and a later one drops out.",
            experiment="Print your weights of [2.0, 1.0, 1.0, 0.0] for k = 2: do equal scores get the same?"),
    Mistake("exactly-k-last", changes={"keep": _chosen(lambda x, k: np.argsort(x, axis=-1)[..., -k:])},
            cause="Exactly k places stay, so of equal scores a later one stays and an earlier one drops out.",
            experiment="Print your weights of [2.0, 1.0, 1.0, 0.0] for k = 2: do equal scores get the same?"),
    Mistake("distinct-counted", changes={"last": _by_distinct},
            cause="Equal scores count as one when the k-th largest is looked for, so too many scores stay.",
            experiment="Which is the second largest of [5.0, 5.0, 3.0] when each place in the row counts?"),
    Mistake("border-of-all-rows", changes={"last": _of_all},
            cause="One border is used for the whole array, so a row of small scores may keep nothing.",
            experiment="Count the weights above 0 in each row for [[0.0, 1.0, 2.0], [7.0, 8.0, 9.0]] and k = 2."),
    Mistake("border-along-columns", changes={"last": _of_columns},
            cause="The k largest are looked for down the first axis in place of along each row.",
            experiment="Count the weights above 0 in each row and in each column for a table of 2 rows."),
    Mistake("kept-in-any-row", changes={"keep": lambda x, last, k: np.isin(x, np.sort(x, axis=-1)[..., -k:])},
            cause="A score stays when it is among the largest of any row, not only of its own.",
            experiment="Count the weights above 0 in each row for [[3.0, 1.0, 2.0], [0.0, 1.0, -1.0]] and k = 2."),
    Mistake("only-k-returned", function=lambda x, k, temperature=1.0: (
        _given.softmax(np.sort(x, axis=-1)[..., -k:] / temperature)),
            cause="Only the weights that stay are returned, so nobody knows which scores they belong to.",
            experiment="Print the shapes of x and of your result."),
    Mistake("sorted-weights", function=_sorted_out,
            cause="The weights come back in the order of their size and not in the order of the scores.",
            experiment="Print your weights of [1.0, 2.0, 3.0] for k = 3: which place should have the largest?"),
    Mistake("softmax-along-columns", changes={"weigh": lambda x: _given.softmax(x, axis=0)},
            cause="Softmax runs down the first axis in place of along each row.",
            experiment="Sum each row and each column of your result: which sums are 1?"),
    Mistake("softmax-of-all", changes={"weigh": lambda x: _given.softmax(x.reshape(-1)).reshape(x.shape)},
            cause="All rows share one sum, so all weights together make 1.",
            experiment="Sum each row of your result for an array of two rows."),
    Mistake("size-without-sign", changes={"last": lambda x, k: kth_largest(abs(x), k),
                                          "keep": lambda x, last, k: abs(x) >= last},
            cause="The scores are compared without their signs, so a very negative one counts as large.",
            experiment="Print your weights of [1.0, -5.0, 2.0] for k = 2."),
    Mistake("equal-shares", changes={"finish": lambda w, kept: kept / kept.sum(axis=-1, keepdims=True)},
            cause="What stays shares the weight equally: the scores decide who stays but not how much each gets.",
            experiment="Compare the two largest weights of [0.0, 4.0, 3.0] for k = 2."),
    Mistake("no-exponential", changes={"weigh": lambda x: (
        y := np.where(np.isfinite(x), x, 0.0)) / y.sum(axis=-1, keepdims=True)},
            cause="The scores that stay are divided by their sum, without an exponential.",
            experiment="Print your weights of [-1.0, 2.0, 0.0] for k = 3: is one of them negative?"),
    Mistake("softmax-twice", function=_cut_from_weights_then_again,
            cause="Softmax is applied to weights: the ones that stay go through a second softmax.",
            experiment="For k = 2, do the scores 4 and 3 get weights in the ratio 2.718?"),
    Mistake("no-temperature", changes={"cool": lambda x, t: x},
            cause="The temperature has no effect: it is not used, or stands where it cancels out.",
            experiment="Compare your weights of [0.0, 1.0, 3.0] at the temperatures 0.5 and 5 for k = 2."),
    Mistake("multiplied", changes={"cool": lambda x, t: x * t},
            cause="The scores are multiplied by the temperature, so hot and cold are exchanged.",
            experiment="At temperature 100 and k = 2, are the two weights nearly equal?"),
    Mistake("weights-cooled", function=_weights_cooled,
            cause="The weights are divided by the temperature in place of the scores.",
            experiment="Sum a row of your result at temperature 2."),
    Mistake("square-root", changes={"cool": lambda x, t: x / math.sqrt(t)},
            cause="The scores are divided by the square root of the temperature.",
            experiment="At temperature 4, how much smaller does a difference of scores become in your function?"),
    Mistake("squared", changes={"cool": lambda x, t: x / t**2},
            cause="The scores are divided by the square of the temperature.",
            experiment="At temperature 2, how much smaller does a difference of scores become in yours?"),
    *careless_softmaxes(lambda soft: partial(top_k_by_stages, weigh=soft)),
    Mistake("no-maximum", changes={"weigh": naive_softmax},
            cause="The exponential runs on large scores without subtracting the maximum, and overflows.",
            experiment="Print your weights of [1000.0, 1001.0] and of [-1000.0, -1001.0]."),
    *(Mistake(name, changes={"weigh": weigh},
              cause="The exponential runs on the scores themselves: large ones overflow, negative ones vanish.",
              experiment="Call math.exp on 1000.0 and on -1000.0; which number may be subtracted from all scores?")
      for name, weigh in (("no-maximum-in-loops", _plain_terms), ("no-maximum-in-rows", _plain_terms_in_arrays))),
    Mistake("hidden-not-low-enough", changes={"hide": lambda x, kept: np.where(kept, x, -1e4)},
            cause="What should drop out gets a finite score, which is above the real scores when these are lower.",
            experiment="Print your weights of [-30000.0, -30001.0, -30002.0] for k = 2."),
    Mistake("k-beyond-the-end", changes={"last": lambda x, k: np.sort(x, axis=-1)[..., -k, None]},
            cause="For k larger than the row is long, the sorted row has no k-th place from its end.",
            experiment="Call your function on two scores with k = 3."),
    Mistake("k-beyond-the-front", changes={"last": lambda x, k: np.sort(x, axis=-1)[..., ::-1][..., k - 1, None]},
            cause="For k larger than the row is long, the row sorted downwards has no k-th place.",
            experiment="Call your function on two scores with k = 3."),
    Mistake("k-beyond-the-list", changes={"last": _kth_of_list},
            cause="For k larger than the row is long, the sorted list has no k-th entry.",
            experiment="Call your function on two scores with k = 3."),
    Mistake("k-beyond-the-slice", changes={"last": lambda x, k: np.sort(x, axis=-1)[..., ::-1][..., k - 1:k]},
            cause="For k larger than the row is long, a slice at the k-th place is empty.",
            experiment="Call your function on two scores with k = 3, and print the border that you compare with."),
    Mistake("k-beyond-the-partition", changes={"last": lambda x, k: np.partition(x, -k, axis=-1)[..., -k, None]},
            cause="For k larger than the row is long, np.partition has no k-th place to look at.",
            experiment="Call your function on two scores with k = 3."),
    Mistake("written-into-x", changes={"leave": _overwrite},
            cause="The scores that drop out are overwritten in the array of the caller.",
            experiment="Print x before and after the call."),
)
