"""Wrong answers to the gradient of pooling, as changes of its stages."""

import math
from functools import partial

import numpy as np

from course_utils.attention import softmax
from course_utils.checks import Mistake
from course_utils.exercises.families.careless import careless_softmaxes
from course_utils.exercises.families.shared import naive_softmax
from course_utils.exercises.homework.weights import _given
from course_utils.exercises.homework.weights._pooling_mistakes import finite, real_words

__all__ = ["MISTAKES", "gradient_by_stages"]


def _weigh(scores, real):
    return softmax(np.where(real, scores, -math.inf))


def _through_softmax(weights, gains):
    return weights * (gains - (weights * gains).sum(axis=-1, keepdims=True))


def _by_chain(x, query, upstream, weights_of, gains, through, collect, outer):
    return collect(through(weights_of(query), gains(x, upstream)), x) / outer(x)


def gradient_by_stages(x, query, lengths, upstream, *, read=finite, scale=lambda x: math.sqrt(x.shape[-1]),
                       real=real_words, weigh=_weigh, gains=lambda x, upstream: np.einsum("btd,bd->bt", x, upstream),
                       through=_through_softmax, collect=lambda slopes, x: np.einsum("bt,btd->d", slopes, x),
                       outer=lambda x: math.sqrt(x.shape[-1]), derive=_by_chain, leave=lambda x, query, lengths: None):
    """The gradient along the query, in stages that can be replaced one by one."""
    def weights_of(q):
        return weigh(words @ q / scale(words), real(words, lengths))

    words = read(x)
    gradient = derive(words, query, upstream, weights_of, gains, through, collect, outer)
    leave(x, query, lengths)
    return gradient


def _nan_weights(scores, real):
    return _given.softmax(np.where(real, scores, -math.inf))


def _hidden_late(scores, real):
    return _given.softmax(scores) * real


def _naive_weights(scores, real):
    e = naive_softmax(np.where(real, scores, -math.inf))
    return np.where(real.any(axis=-1, keepdims=True), e, 0.0)


def _under_lengths(soft):
    def weigh(scores, real):
        return np.where(real.any(axis=-1, keepdims=True), soft(np.where(real, scores, -math.inf)), 0.0)

    return weigh


def _stop_without_words(scores, real):
    weights = np.zeros(scores.shape)
    for b, n in enumerate(real.sum(axis=-1)):
        weights[b, :n] = _given.softmax(scores[b, :n])
    return weights


def _low_weights(scores, real):
    return _given.softmax(np.where(real, scores, -1e9))


def _differences(x, query, upstream, weights_of, *_, step, divide_by, both=False):
    """Nudge each number of the query by a step and note how the sum changes."""
    def total(q):
        return np.einsum("bd,bt,btd->", upstream, weights_of(q), x)

    back = step if both else 0.0
    return np.array([(total(query + step * e) - total(query - back * e)) / divide_by for e in np.eye(len(query))])


def _along_words(x, query, upstream, weights_of, *_):
    """The slopes along the words: how the sum answers to x through the values only, summed up."""
    return (weights_of(query)[..., None] * upstream[:, None]).sum(axis=(0, 1))


def _overwrite_padding(x, query, lengths):
    x[~real_words(x, lengths)] = 0.0


def _overwrite_query(x, query, lengths):
    query /= math.sqrt(len(query))


_STEPS = "Small steps of the query give slopes that are only nearly right: the sum bends on the way."
_SHORTER = "Try the words 0, 1e6 and 3e6 with two lengths of the step: the chain rule needs no step at all."

MISTAKES = (
    Mistake("padding-leaks-nan", changes={"read": lambda x: x},
            cause="NaN or infinity in the padding reaches the gradient: 0 * NaN is NaN, so a weight of 0 does not keep "
                  "it out of a sum.",
            experiment="Print 0 * np.nan and 0 * np.inf, then look for the lines in which the padding is multiplied."),
    Mistake("no-softmax-slopes", changes={"through": lambda w, g: g},
            cause="The chain skips softmax: the slopes of the weights are used as slopes of the scores.",
            experiment="Raise all scores of a sentence together: no weight changes, but what do your slopes of the "
                       "scores sum to?"),
    Mistake("weights-only", changes={"through": lambda w, g: w * g},
            cause="Each weight answers to its own score only; what it takes from the other weights is missing.",
            experiment="Give a sentence four equal words: is your gradient 0?"),
    Mistake("like-a-sigmoid", changes={"through": lambda w, g: w * (1 - w) * g},
            cause="Only the diagonal p * (1 - p) of the slopes of softmax is used, as if a score moved no weight "
                  "but its own.",
            experiment="Give a sentence four equal words: is your gradient 0?"),
    Mistake("mean-subtracted", changes={"through": lambda w, g: w * (g - g.mean(axis=-1, keepdims=True))},
            cause="The plain mean of the slopes is subtracted in place of their mean under the weights.",
            experiment="For one sentence, do your slopes of the scores sum to 0?"),
    Mistake("sum-not-weighted", changes={"through": lambda w, g: w * (g - g.sum(axis=-1, keepdims=True))},
            cause="The sum of the slopes is subtracted without the weights in it.",
            experiment="For one sentence, do your slopes of the scores sum to 0?"),
    Mistake("plus", changes={"through": lambda w, g: w * (g + (w * g).sum(axis=-1, keepdims=True))},
            cause="What a weight takes from the others is added where it should be subtracted.",
            experiment="For one sentence, do your slopes of the scores sum to 0?"),
    Mistake("sign-flipped", changes={"through": lambda w, g: -_through_softmax(w, g)},
            cause="All slopes have the wrong sign, as for a step downwards.",
            experiment="Move the query a little along your gradient: does the sum rise?"),
    Mistake("weight-factor-missing", changes={"through": lambda w, g: g - (w * g).sum(axis=-1, keepdims=True)},
            cause="The factor p[i] in front of the slopes of the scores is missing.",
            experiment="For one sentence, do your slopes of the scores sum to 0?"),
    Mistake("outer-factor-lost", changes={"through": lambda w, g: w * g - (w * g).sum(axis=-1, keepdims=True)},
            cause="The subtracted sum lacks its factor p[i]: every score loses the same.",
            experiment="For one sentence, do your slopes of the scores sum to 0?"),
    Mistake("sum-over-the-batch", changes={"through": lambda w, g: w * (g - (w * g).sum())},
            cause="One sum over the whole batch is subtracted in place of one for each sentence.",
            experiment="Print the shape of the sum that you subtract: there should be one number a sentence."),
    Mistake("no-upstream", changes={"gains": lambda x, u: x.sum(axis=-1)},
            cause="The slopes do not use upstream, as if it were 1 everywhere.",
            experiment="Make upstream twice as large: does your gradient become twice as large?"),
    Mistake("upstream-of-the-first", changes={"gains": lambda x, u: x @ u[0]},
            cause="The upstream of the first sentence is used for all of them.",
            experiment="Set upstream of sentence 1 to 0 and change its words: does your gradient change?"),
    Mistake("upstream-summed", changes={"gains": lambda x, u: x @ u.sum(axis=0)},
            cause="The upstream of all sentences is added up first, and each sentence gets the whole.",
            experiment="Compare the gradient of a batch with the gradients of its sentences, added up."),
    Mistake("last-scale-missing", changes={"outer": lambda x: 1.0},
            cause="The chain ends one factor too early: a score is the dot product divided by the square root "
                  "of D, and so is its slope.",
            experiment="Compare with a small step of the query for D = 4: by which factor do you differ?"),
    Mistake("first-scale-missing", changes={"scale": lambda x: 1.0},
            cause="The weights come from scores that are not divided by the square root of D.",
            experiment="Compare the weights that you use with those of attention_pooling for D = 4."),
    Mistake("no-scale", changes={"scale": lambda x: 1.0, "outer": lambda x: 1.0},
            cause="The square root of D is missing in the scores and in their slopes.",
            experiment="Compare the weights that you use with those of attention_pooling for D = 4."),
    Mistake("scale-twice", changes={"outer": lambda x: x.shape[-1]},
            cause="The gradient is divided by D in place of its square root.",
            experiment="Compare with a small step of the query for D = 4: by which factor do you differ?"),
    Mistake("scale-multiplied", changes={"outer": lambda x: 1 / math.sqrt(x.shape[-1])},
            cause="The gradient is multiplied by the square root of D, not divided.",
            experiment="Compare with a small step of the query for D = 4: by which factor do you differ?"),
    Mistake("scale-by-words", changes={"scale": lambda x: math.sqrt(x.shape[1]),
                                       "outer": lambda x: math.sqrt(x.shape[1])},
            cause="The square root of T, the number of words, stands where that of D belongs.",
            experiment="Add a padded word to x: does your gradient change?"),
    Mistake("averaged-over-batch", changes={"collect": lambda s, x: np.einsum("bt,btd->d", s, x) / len(x)},
            cause="The sentences are averaged; the gradient of a sum is the sum of the gradients.",
            experiment="Put the same sentence into the batch twice: should the slopes stay or double?"),
    Mistake("averaged-over-words", changes={"collect": lambda s, x: np.einsum("bt,btd->d", s, x) / x.shape[1]},
            cause="The slopes are divided by the number of words; but the words of a sentence add up.",
            experiment="Work the two words 0 and 1 out by hand for a query of 0 and an upstream of 1."),
    Mistake("first-sentence-only", changes={"collect": lambda s, x: s[0] @ x[0]},
            cause="Only the first sentence is in the gradient.",
            experiment="Change the words of sentence 1: does your gradient change?"),
    Mistake("last-sentence-only", changes={"collect": lambda s, x: s[-1] @ x[-1]},
            cause="Only the last sentence is in the gradient: a new sum begins in every round of the loop.",
            experiment="Change the words of sentence 0: does your gradient change?"),
    Mistake("not-added-up", changes={"collect": lambda s, x: np.einsum("bt,btd->bd", s, x)},
            cause="There is one gradient for each sentence; but all sentences share one query.",
            experiment="Print the shape of your result and compare it with that of the query."),
    Mistake("nothing-left", changes={"collect": lambda s, x: np.full(x.shape[-1], s.sum())},
            cause="Every slope is nearly 0: the slopes of the scores of a sentence sum to 0 without their words, "
                  "or a small change is not divided by its step.",
            experiment="If one number of the query rises by 1, how much does the dot product with a word rise?"),
    Mistake("slopes-along-words", changes={"derive": _along_words},
            cause="These are slopes along the words, through the weighted sum only; the query is reached through "
                  "the weights.",
            experiment="Give a sentence four equal words: is your gradient 0?"),
    Mistake("no-mask", changes={"real": lambda x, lengths: np.ones(x.shape[:2], dtype=bool)},
            cause="The lengths are not used, so padding gets weight and slopes like words.",
            experiment="Change the padding of a sentence: does your gradient change?"),
    Mistake("mask-upside-down", changes={"real": lambda x, lengths: ~real_words(x, lengths), "weigh": _nan_weights},
            cause="The words are hidden and the padding is kept: the mask stands the wrong way round.",
            experiment="Print your mask for the lengths [1, 3]: it should be True on words."),
    Mistake("one-too-many", changes={"real": lambda x, lengths: np.arange(x.shape[1]) <= lengths[:, None]},
            cause="One place too many counts as a word, because positions begin at 0.",
            experiment="Print your mask for the length 1: how many places are True?"),
    Mistake("mask-after-softmax", changes={"weigh": _hidden_late},
            cause="Padding is hidden after softmax, and the other weights are not divided by their new sum.",
            experiment="Sum the weights that you use for a sentence of length 1."),
    Mistake("hidden-as-zero", changes={"weigh": lambda s, real: _given.softmax(np.where(real, s, 0.0))},
            cause="Padding gets the score 0, and softmax gives a score of 0 some weight.",
            experiment="Print the weights that you use for a sentence of length 1."),
    Mistake("zero-times-infinity", changes={"weigh": lambda s, real: _given.softmax(s + (1 - real) * -math.inf)},
            cause="The mask is multiplied by minus infinity, and 0 times infinity is NaN.",
            experiment="Print 0.0 * -np.inf, then find another way to choose between two numbers."),
    Mistake("empty-stops", changes={"weigh": _stop_without_words},
            cause="A sentence without words has no largest score, and np.max stops at an array of length 0.",
            experiment="Call softmax(np.array([])), then say what an empty sentence adds to the gradient."),
    Mistake("empty-is-nan", changes={"weigh": _nan_weights},
            cause="The weights of a sentence without words are NaN, and NaN spreads to every slope.",
            experiment="Compare your gradient of a batch with and without a sentence of length 0."),
    Mistake("empty-is-uniform", changes={"weigh": _low_weights},
            cause="In a sentence without words the padding shares the weight, and adds to the gradient.",
            experiment="Compare your gradient of a batch with and without a sentence of length 0."),
    *careless_softmaxes(lambda soft: lambda *given: gradient_by_stages(*given, weigh=_under_lengths(soft))),
    Mistake("no-maximum", changes={"weigh": _naive_weights},
            cause="The exponential runs on large scores without subtracting the maximum, and overflows or "
                  "vanishes.",
            experiment="Print the weights that you use for the scores [1000.0, 1001.0]."),
    Mistake("half-a-step", changes={"derive": partial(_differences, step=1e-5, divide_by=1e-5, both=True)},
            cause="A step to both sides is two steps long, but it is divided by one.",
            experiment="How far apart are the two queries that you compare?"),
    *(Mistake(f"forward-step-{h}", cause=_STEPS, experiment=_SHORTER,
              changes={"derive": partial(_differences, step=float(h), divide_by=float(h))})
      for h in ("0.1", "0.01", "1e-3", "1e-4", "1e-5", "1e-6", "1e-7", "1e-8")),
    *(Mistake(f"step-to-both-sides-{h}", cause=_STEPS, experiment=_SHORTER,
              changes={"derive": partial(_differences, step=float(h), divide_by=2 * float(h), both=True)})
      for h in ("1e-3", "1e-4", "1e-5", "1e-6", "1e-7")),
    Mistake("written-into-x", changes={"leave": _overwrite_padding},
            cause="The padding is overwritten in the array of the caller.",
            experiment="Print x before and after the call."),
    Mistake("written-into-query", changes={"leave": _overwrite_query},
            cause="The query is divided in place, which changes the array of the caller.",
            experiment="Print the query before and after the call."),
)
