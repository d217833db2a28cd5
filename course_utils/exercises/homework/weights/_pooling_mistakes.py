"""Wrong answers to attention pooling, mostly as changes of its stages."""

import math
from functools import partial

import numpy as np

from course_utils.checks import Mistake
from course_utils.exercises.families.careless import careless_softmaxes
from course_utils.exercises.families.hiding import MINUS_THOUSANDS
from course_utils.exercises.homework.weights import _given

__all__ = ["MISTAKES", "finite", "pooling_by_stages", "real_words", "words_only"]


def real_words(x, lengths):
    """True on words and False on padding, shape (B, T)."""
    return np.arange(x.shape[1]) < lengths[:, None]


def words_only(x, lengths):
    """The words, with zeros in the place of padding: a weight of 0 takes no NaN and no infinity out of a sum."""
    return np.where(real_words(x, lengths)[..., None], x, 0.0)


def finite(x):
    """As it is, with zeros for NaN and infinity, which only padding holds here."""
    return np.where(np.isfinite(x), x, 0.0)


def _hide(scores, real):
    return np.where(real, scores, -math.inf)


def _cover(weights, real):
    return np.where(real.any(axis=-1, keepdims=True), weights, 0.0)


def _average(weights, x, real=None):
    return np.einsum("bt,btd->bd", weights, x)


def pooling_by_stages(x, query, lengths, *, read=finite, score=lambda x, query: x @ query,
                      scale=lambda scores, x: scores / math.sqrt(x.shape[-1]), real=real_words, hide=_hide,
                      weigh=_given.softmax, finish=lambda w, real: w, cover=_cover, average=_average,
                      give=lambda pooled, weights: (pooled, weights), leave=lambda x, lengths: None):
    """Pool sentences in stages that can be replaced one by one."""
    words, mask = read(x), real(x, lengths)
    weights = cover(finish(weigh(hide(scale(score(words, query), words), mask)), mask), mask)
    pooled = average(weights, words, mask)
    leave(x, lengths)
    return give(pooled, weights)


def _not_covered(weights, real):
    return weights


def _only_pooled_is_zero(x, query, lengths):
    pooled, weights = pooling_by_stages(x, query, lengths, cover=_not_covered)
    return np.where(lengths[:, None] == 0, 0.0, pooled), weights


def _only_weights_are_zero(x, query, lengths):
    pooled, weights = pooling_by_stages(x, query, lengths, cover=_not_covered)
    return pooled, np.where(lengths[:, None] == 0, 0.0, weights)


def _only_pooled_is_zero_of_uniform(x, query, lengths):
    pooled, weights = pooling_by_stages(x, query, lengths, hide=_low, cover=_not_covered)
    return np.where(lengths[:, None] == 0, 0.0, pooled), weights


def _hide_by(number):
    return lambda scores, real: np.where(real, scores, number)


def _as_they_are(weights, real):
    return weights


def _on_words_alone(weights, real):
    return weights * real


def _low(scores, real):
    return np.where(real, scores, -1e9)


def _overwrite_padding(x, lengths):
    x[~real_words(x, lengths)] = 0.0


def _plain_terms(scores, real):
    return np.exp(scores) * real


def _with_empty_rows(soft):
    return lambda scores: soft(np.where((scores == -math.inf).all(axis=-1, keepdims=True), 0.0, scores))


def _naive(x, query, lengths, read=lambda x, lengths: x):
    e = _plain_terms(x @ query / math.sqrt(x.shape[-1]), real_words(x, lengths))
    weights = _cover(e / e.sum(axis=-1, keepdims=True), real_words(x, lengths))
    return _average(weights, read(x, lengths)), weights


def _naive_and_empty(x, query, lengths):
    e = _plain_terms(x @ query / math.sqrt(x.shape[-1]), real_words(x, lengths))
    weights = e / e.sum(axis=-1, keepdims=True)
    return _average(weights, x), weights


def _largest_numbers(weights, x, real):
    return np.where(real[..., None], x, -math.inf).max(axis=1)


def _exponentials(scores):
    """Divide by a sum that a tiny number keeps above 0, without subtracting the maximum."""
    e = np.exp(scores)
    return e / (e.sum(axis=-1, keepdims=True) + 1e-9)


def _maximum_of_all(x, query, lengths, cover=_cover, read=lambda x, lengths: x):
    scores, real = x @ query / math.sqrt(x.shape[-1]), real_words(x, lengths)
    e = np.exp(scores - scores.max(axis=-1, keepdims=True)) * real
    weights = cover(e / e.sum(axis=-1, keepdims=True), real)
    return _average(weights, read(x, lengths)), weights


def _maximum_of_all_and_empty(x, query, lengths):
    return _maximum_of_all(x, query, lengths, cover=_not_covered)


def _maximum_of_all_and_safe_sum(x, query, lengths, read=lambda x, lengths: x):
    scores, real = x @ query / math.sqrt(x.shape[-1]), real_words(x, lengths)
    e = np.exp(scores - scores.max(axis=-1, keepdims=True)) * real
    total = e.sum(axis=-1, keepdims=True)
    weights = _cover(e / np.where(total > 0, total, 1.0), real)
    return _average(weights, read(x, lengths)), weights


def _stops_without_words(x, query, lengths):
    weights = np.zeros(x.shape[:2])
    for b, n in enumerate(lengths):
        weights[b, :n] = _given.softmax(x[b, :n] @ query / math.sqrt(x.shape[-1]))
    return _average(weights, x), weights


def _cosines(x, query):
    lengths = np.linalg.norm(x, axis=-1) * np.linalg.norm(query)
    return x @ query / np.where(lengths == 0, 1.0, lengths)


def _all_by_one(x, lengths):
    return np.broadcast_to(np.arange(x.shape[1]) < lengths[0], x.shape[:2])


MISTAKES = (
    Mistake("padding-leaks-nan", changes={"read": lambda x: x},
            cause="NaN or infinity in the padding reaches the result: 0 * NaN is NaN, so a weight of 0 does not keep "
                  "it out of a sum.",
            experiment="Print 0 * np.nan and 0 * np.inf, then look for the line in which weights meet the padding."),
    Mistake("no-scale", changes={"scale": lambda s, x: s},
            cause="The scores are not divided by the square root of D.",
            experiment="Work log(w1/w2) out for the words [1, 1, 1, 1] and [0, 0, 0, 0] and a query of ones."),
    Mistake("scale-by-width", changes={"scale": lambda s, x: s / x.shape[-1]},
            cause="The scores are divided by D in place of its square root.",
            experiment="By which number are your scores divided for D = 4? And by which for D = 9?"),
    Mistake("scale-by-words", changes={"scale": lambda s, x: s / math.sqrt(x.shape[1])},
            cause="The scores are divided by the square root of T, the number of words, in place of D.",
            experiment="Add a padded word to x: do the weights of the real words change?"),
    Mistake("scale-by-sentences", changes={"scale": lambda s, x: s / math.sqrt(len(x))},
            cause="The scores are divided by the square root of B, the number of sentences, in place of D.",
            experiment="Put the same sentence into the batch four times: do its weights change?"),
    Mistake("scale-multiplied", changes={"scale": lambda s, x: s * math.sqrt(x.shape[-1])},
            cause="The scores are multiplied by the square root of D, not divided.",
            experiment="For D = 16, are your scores larger or smaller than the dot products?"),
    Mistake("scale-after-softmax", changes={"scale": lambda s, x: s,
                                            "average": lambda w, x, real: _average(w, x) / math.sqrt(x.shape[-1])},
            cause="The pooled vector is divided by the square root of D in place of the scores.",
            experiment="Pool a sentence of one word with D = 4: does the word come back?"),
    Mistake("cosine", changes={"score": _cosines},
            cause="Words and query are brought to length 1 first, so the scores are cosines and not dot products.",
            experiment="Make the query ten times longer: your weights should change, do they?"),
    Mistake("query-of-length-1", changes={"score": lambda x, query: x @ (query / np.linalg.norm(query))},
            cause="The query is brought to length 1 first, so a longer query cannot make the weights sharper.",
            experiment="Make the query ten times longer: your weights should change, do they?"),
    Mistake("no-mask", changes={"real": lambda x, lengths: np.ones(x.shape[:2], dtype=bool)},
            cause="The lengths are not used, so padding gets weight like words.",
            experiment="Print the weights of a sentence of length 1: where is the weight 1?"),
    Mistake("mask-upside-down", changes={"real": lambda x, lengths: ~real_words(x, lengths)},
            cause="The words are hidden and the padding is kept: the mask stands the wrong way round.",
            experiment="Print your mask for the lengths [1, 3]: it should be True on words."),
    Mistake("one-too-many", changes={"real": lambda x, lengths: np.arange(x.shape[1]) <= lengths[:, None]},
            cause="One place too many counts as a word, because positions begin at 0.",
            experiment="Print your mask for the length 1: how many places are True?"),
    Mistake("one-too-few", changes={"real": lambda x, lengths: np.arange(x.shape[1]) < lengths[:, None] - 1},
            cause="The last word of each sentence is hidden.",
            experiment="Print your mask for the length 1: how many places are True?"),
    Mistake("padding-in-front", changes={"real": lambda x, lengths: (
        np.arange(x.shape[1]) >= x.shape[1] - lengths[:, None])},
            cause="The last places of each sentence count as words, as if the padding stood in front.",
            experiment="Print your mask for the length 1 and T = 3: which place is True?"),
    Mistake("length-of-the-first", changes={"real": _all_by_one},
            cause="The length of the first sentence is used for all of them.",
            experiment="Print your mask for the lengths [1, 3]: do its rows differ?"),
    Mistake("padding-by-zeros", changes={"real": lambda x, lengths: (x != 0).any(axis=-1)},
            cause="A word of zeros is taken for padding; but the padding may hold anything, and the lengths tell "
                  "where it is.",
            experiment="Fill the padding of x with ones: nothing should change, does it?"),
    Mistake("mask-after-softmax", changes={"hide": lambda s, real: s, "finish": lambda w, real: w * real},
            cause="Padding is hidden after softmax, and the other weights are not divided by their new sum.",
            experiment="Sum the weights of a sentence of length 1."),
    Mistake("padding-competes", changes={"hide": lambda s, real: s},
            cause="The scores of the padding go into softmax like those of words.",
            experiment="Print the weights of a sentence of length 1: where is the weight 1?"),
    Mistake("hidden-as-zero", changes={"hide": lambda s, real: np.where(real, s, 0.0)},
            cause="Padding gets the score 0, and softmax gives a score of 0 some weight.",
            experiment="What is np.exp(0.0), and which score has the exponential 0?"),
    Mistake("hidden-not-low-enough", changes={"hide": lambda s, real: np.where(real, s, -1e4)},
            variants=[partial(pooling_by_stages, hide=_hide_by(number), finish=finish) for number in MINUS_THOUSANDS
                      for finish in (_as_they_are, _on_words_alone)],
            cause="Padding gets a finite score, which is above the scores of words when these are lower.",
            experiment="Pool a sentence with the scores -20000 and -20001: who gets the weight?"),
    Mistake("zero-times-infinity", changes={"hide": lambda s, real: s + (1 - real) * -math.inf,
                                            "cover": _not_covered},
            cause="The mask is multiplied by minus infinity, and 0 times infinity is NaN.",
            experiment="Print 0.0 * -np.inf, then find another way to choose between two numbers."),
    Mistake("empty-stops", function=_stops_without_words,
            cause="A sentence without words has no largest score, and np.max stops at an array of length 0.",
            experiment="Call softmax(np.array([])), then say what an empty sentence should get."),
    Mistake("empty-is-nan", changes={"cover": _not_covered},
            cause="A sentence without words has no largest score and no sum to divide by, so it becomes NaN.",
            experiment="Print softmax of a row with nothing but -np.inf, and say what an empty row should get."),
    Mistake("empty-is-uniform", changes={"hide": _low, "cover": _not_covered},
            cause="In a sentence without words all scores are the same very low number, so padding shares it.",
            experiment="Print your weights for the length 0."),
    Mistake("empty-has-one-word", changes={"real": lambda x, lengths: real_words(x, np.maximum(lengths, 1))},
            cause="An empty sentence is treated as one of length 1, so its padding counts as a word.",
            experiment="Print your weights for the length 0."),
    Mistake("empty-weights-left", function=_only_pooled_is_zero,
            cause="The pooled vector of an empty sentence is set to 0, but its weights are not.",
            experiment="Print both results for the length 0."),
    Mistake("empty-uniform-weights-left", function=_only_pooled_is_zero_of_uniform,
            cause="The pooled vector of an empty sentence is set to 0, but its padding keeps the weights.",
            experiment="Print both results for the length 0."),
    Mistake("empty-pooled-left", function=_only_weights_are_zero,
            cause="The weights of an empty sentence are set to 0 after the pooled vector was computed from them.",
            experiment="Print both results for the length 0."),
    *careless_softmaxes(lambda soft: partial(pooling_by_stages, weigh=soft),
                        also=lambda soft: (partial(pooling_by_stages, weigh=_with_empty_rows(soft)),)),
    Mistake("no-maximum", function=_naive, variants=(partial(_naive, read=words_only),),
            cause="The exponential runs on large scores without subtracting the maximum, and overflows.",
            experiment="Pool a sentence with the scores 1000 and 1001, and one with -1000 and -1001."),
    Mistake("no-maximum-empty-nan", function=_naive_and_empty,
            cause="The exponentials are used without subtracting the maximum, and without a word they sum to 0.",
            experiment="Pool a sentence with the scores 1000 and 1001, then an empty one."),
    Mistake("no-maximum-tiny-sum", changes={"weigh": _exponentials},
            cause="The exponential runs on large scores without subtracting the maximum; a tiny number below the "
                  "fraction hides the 0 but not the loss.",
            experiment="Sum your weights of a sentence with the scores -1000 and -1001."),
    *(Mistake(name, function=function, variants=(partial(function, read=words_only),) if variants else (),
              cause="The largest score is looked for in the padding too, so real words far below it vanish.",
              experiment="Pool two words with the scores 1000 and 1001, and padding with the score 5000.")
      for name, function, variants in (("maximum-of-padding", _maximum_of_all, True),
                                       ("maximum-of-padding-empty-nan", _maximum_of_all_and_empty, False),
                                       ("maximum-of-padding-safe-sum", _maximum_of_all_and_safe_sum, True))),
    Mistake("softmax-along-batch", changes={"weigh": lambda s: _given.softmax(s, axis=0)},
            cause="Softmax runs along the batch, so the sentences compete and not the words of one sentence.",
            experiment="Sum the weights of each sentence."),
    Mistake("softmax-of-all", changes={"weigh": lambda s: _given.softmax(s.reshape(-1)).reshape(s.shape)},
            cause="All sentences share one sum, so all weights together make 1.",
            experiment="Sum the weights of each sentence."),
    Mistake("no-softmax", changes={"weigh": lambda s: np.where(np.isfinite(s), s, 0.0)},
            cause="The scores are used as weights, without a softmax.",
            experiment="Sum the weights of each sentence."),
    Mistake("not-divided-by-sum", changes={"weigh": lambda s: np.exp(s - s.max(axis=-1, keepdims=True))},
            cause="The exponentials are used as weights and not divided by their sum.",
            experiment="Sum the weights of each sentence."),
    Mistake("query-ignored", changes={"score": lambda x, query: np.zeros(x.shape[:2])},
            cause="Every word gets the same weight: the query has no effect.",
            experiment="Compare the weights for the query and for minus the query."),
    Mistake("best-word-only", changes={"weigh": lambda s: np.eye(s.shape[-1])[s.argmax(axis=-1)]},
            cause="The word with the largest score gets all of the weight.",
            experiment="Pool with a query of zeros: does the mean come out?"),
    Mistake("maximum-of-words", changes={"average": _largest_numbers},
            cause="The pooled vector is the largest number at each place, not the words times their weights.",
            experiment="Multiply the words by your weights by hand and add up: is that your pooled vector?"),
    Mistake("plain-sum", changes={"average": lambda w, x, real: x.sum(axis=1)},
            cause="The words are added up without their weights.",
            experiment="Multiply the words by your weights by hand and add up: is that your pooled vector?"),
    Mistake("divided-by-length", changes={"average": lambda w, x, real: (
        _average(w, x) / np.maximum(real.sum(axis=-1, keepdims=True), 1))},
            cause="The weighted sum is divided by the length of the sentence; but the weights sum to 1 already.",
            experiment="Pool a sentence of three equal words: does the word come back?"),
    Mistake("divided-again", changes={"average": lambda w, x, real: _average(w, x) / x.shape[1]},
            cause="The weighted sum is divided by the number of words; but the weights sum to 1 already.",
            experiment="Pool a sentence of one word: does the word come back?"),
    Mistake("axis-kept", changes={"average": lambda w, x, real: w[:, None] @ x},
            cause="The pooled vectors keep an axis of size 1: a row of weights times the words is still a table.",
            experiment="Print the shape of your pooled array and compare it with (B, D)."),
    Mistake("not-summed", changes={"average": lambda w, x, real: w[..., None] * x},
            cause="The words are multiplied by their weights but not added up.",
            experiment="Print the shape of your pooled array and compare it with (B, D)."),
    Mistake("results-swapped", changes={"give": lambda pooled, weights: (weights, pooled)},
            cause="The two results come back in the wrong order.",
            experiment="Print the shapes of both results and compare them with (B, D) and (B, T)."),
    Mistake("written-into-x", changes={"leave": _overwrite_padding},
            cause="The padding is overwritten in the array of the caller.",
            experiment="Print x before and after the call."),
)
