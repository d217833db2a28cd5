"""Exercise of assignment 1: how the pooled vectors answer to the query, by the chain rule."""

import math
from functools import partial

import numpy as np

from course_utils.attention import softmax
from course_utils.checks import Broken, Case, Equivalent, Exercise, Mistake, Part, Probe, Returns
from course_utils.exercises._shared import naive_softmax, rounded
from course_utils.exercises.homework.weights import _given
from course_utils.exercises.homework.weights.pooling import attention_pooling, padded

_NONE, _SIZE, _BATCH, _ALL = "no choice, no slope", "scale", "batch and padding", "all of it, and empty sentences"


def pooling_gradient(x, query, lengths, upstream):
    """Slopes (D,) of ``(upstream * pooled).sum()`` along the numbers of the query."""
    pooled, weights = attention_pooling(x, query, lengths)
    gains = (x @ upstream[..., None])[..., 0] - (pooled * upstream).sum(axis=-1, keepdims=True)  # (B, T)
    return np.einsum("bt,btd->d", weights * gains, x) / math.sqrt(x.shape[-1])


def _batch(rng, B, T, D, lengths):
    return (*padded(rng, B, T, D), np.array(lengths), rng.normal(size=(B, D)))


def _cases():
    rng = np.random.default_rng(103)
    one = np.array
    # Words of a single number have scale 1, so that a forgotten scale costs its own part and no other.
    return (
        Case((one([[[0.0], [1.0]]]), one([0.0]), one([2]), one([[4.0]])), note="two words with equal weights"),
        Case((one([[[0.0], [1.0], [3.0]]]), one([0.5]), one([3]), one([[2.0]])), note="three words of one number"),
        Case((one([[[-1.0], [0.5], [2.0], [1.0]]]), one([-1.0]), one([4]), one([[-1.5]])), note="four words"),
        # Within a step of the query that a computer can measure, the weights of such words change by much.
        Case((one([[[0.0], [1e6], [3e6]]]), one([5e-7]), one([3]), one([[0.01]])), note="words that lie far apart"),
        Case(_batch(rng, 1, 3, 4, [3]), note="words of four numbers", part=_SIZE),
        Case(_batch(rng, 1, 5, 2, [5]), note="five words of two numbers", part=_SIZE),
        Case(_batch(rng, 1, 4, 4, [4]), note="as many words as numbers", part=_SIZE),
        Case(_batch(rng, 3, 4, 1, [4, 4, 4]), note="three sentences", part=_BATCH),
        Case(_batch(rng, 2, 5, 1, [3, 5]), note="padding in the first sentence", part=_BATCH),
        Case(_batch(rng, 4, 3, 1, [2, 1, 3, 2]), note="four lengths", part=_BATCH),
        Case(_batch(rng, 3, 5, 4, [4, 2, 5]), note="padding and four numbers a word", part=_ALL),
        Case(_batch(rng, 4, 3, 2, [2, 0, 3, 1]), note="sentence 1 is empty", part=_ALL),
        Case(_batch(rng, 2, 4, 3, [0, 3]), note="sentence 0 is empty", part=_ALL),
        Case((one([[[1000.0], [1001.0], [999.0]], [[-1000.0], [-1001.0], [0.0]]]), one([1.0]), one([3, 2]),
              one([[0.01], [0.02]])), note="scores near 1000", part=_ALL),
    )


def _drawn(seed):
    rng = np.random.default_rng(seed)
    return (Case(_batch(rng, 1, 4, 1, [4]), note="drawn for you"),
            Case(_batch(rng, 1, 4, 3, [4]), {}, "wide words drawn for you", _SIZE),
            Case(_batch(rng, 3, 6, 1, rng.integers(1, 7, size=3)), {}, "lengths drawn for you", _BATCH))


# --- stages and wrong stages ---


def _real(x, lengths):
    return np.arange(x.shape[1]) < lengths[:, None]


def _weigh(scores, real):
    return softmax(np.where(real, scores, -math.inf))


def _through_softmax(weights, gains):
    return weights * (gains - (weights * gains).sum(axis=-1, keepdims=True))


def _by_chain(x, query, upstream, weights_of, gains, through, collect, outer):
    return collect(through(weights_of(query), gains(x, upstream)), x) / outer(x)


def gradient_by_stages(x, query, lengths, upstream, *, scale=lambda x: math.sqrt(x.shape[-1]), real=_real, weigh=_weigh,
                       gains=lambda x, upstream: np.einsum("btd,bd->bt", x, upstream), through=_through_softmax,
                       collect=lambda slopes, x: np.einsum("bt,btd->d", slopes, x),
                       outer=lambda x: math.sqrt(x.shape[-1]), derive=_by_chain, leave=lambda x, query, lengths: None):
    """The gradient along the query, in stages that can be replaced one by one."""
    def weights_of(q):
        return weigh(x @ q / scale(x), real(x, lengths))

    gradient = derive(x, query, upstream, weights_of, gains, through, collect, outer)
    leave(x, query, lengths)
    return gradient


def _nan_weights(scores, real):
    return _given.softmax(np.where(real, scores, -math.inf))


def _hidden_late(scores, real):
    return _given.softmax(scores) * real


def _naive_weights(scores, real):
    e = naive_softmax(np.where(real, scores, -math.inf))
    return np.where(real.any(axis=-1, keepdims=True), e, 0.0)


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
    x[~_real(x, lengths)] = 0.0


def _overwrite_query(x, query, lengths):
    query /= math.sqrt(len(query))


# --- properties ---


def _sentence(seed, B=1, T=4, D=3):
    rng = np.random.default_rng(seed)
    return _batch(rng, B, T, D, [T] * B)


def _slope_between(x, query, lengths, upstream, along):
    """The slope along a direction by a small step to both sides, from softmax written out."""
    def total(q):
        found = 0.0
        for words, n, u in zip(x, lengths, upstream):
            terms = np.exp(words[:n] @ q / math.sqrt(len(q)))
            found += (terms @ (words[:n] @ u)) / terms.sum()
        return found

    h = 1e-5
    return (total(query + h * along) - total(query - h * along)) / (2 * h)


def _measured(x, query, lengths, upstream):
    return np.array([_slope_between(x, query, lengths, upstream, e) for e in np.eye(len(query))])


def _one_slope_for_each_number(call):
    args = _sentence(51)
    shape = call(*args).shape
    if shape != (3,):
        return Broken("there should be one slope for each number of the query",
                      f"the query has shape (3,) and the result shape {shape}")


def _points_the_right_way(call):
    args = _sentence(52)
    got, wanted = call(*args), _measured(*args)
    length = np.linalg.norm(got)
    if not (length > 0 and got @ wanted / (length * np.linalg.norm(wanted)) > 0.9999):
        return Broken("a small step of the query along the gradient should raise the sum the fastest",
                      f"small steps give slopes in the proportions {rounded(wanted / abs(wanted).max())}, "
                      f"yours have {rounded(got / max(abs(got).max(), 1e-30))}")


def _equal_words_cannot_be_told_apart(call):
    x, query, lengths, upstream = _sentence(53)
    gradient = call(np.broadcast_to(x[:, :1], x.shape).copy(), query, lengths, upstream)
    if not np.all(abs(gradient) < 1e-6):
        return Broken("if all words are the same, every query gives the same vector, so all slopes should be 0",
                      f"four times the word {rounded(x[0, 0])}: the gradient is {rounded(gradient)}")


def _twice_as_much_upstream(call):
    x, query, lengths, upstream = _sentence(54)
    other = np.array([[1.0, -2.0, 0.5]])
    got = call(x, query, lengths, 3 * upstream + other)
    wanted = 3 * call(x, query, lengths, upstream) + call(x, query, lengths, other)
    if not np.allclose(got, wanted, rtol=1e-4, atol=1e-7):
        return Broken("upstream should count in proportion: three times one and once another give 3 and 1 gradients",
                      f"wanted {rounded(wanted)}, got {rounded(got)}")


def _what_is_the_same_for_all_words_has_no_slope(call):
    x, query, lengths, _ = _sentence(55)
    if not np.any(call(x, query, lengths, np.array([[1.0, 0.0, 0.0]]))):
        return Broken("where the words differ, the query should matter", "three different words: all slopes are 0")
    x[..., 2] = 5.0  # whatever the weights are, pooled[:, 2] is 5
    gradient = call(x, query, lengths, np.array([[0.0, 0.0, 1.0]]))
    if not np.all(abs(gradient) < 1e-6):
        return Broken("a number that all words share is pooled into itself by every query, so its slopes should be 0",
                      f"all words have 5 in place 2, upstream is [0, 0, 1]: the gradient is {rounded(gradient)}")


def _two_words_by_hand(call):
    for far in (1.0, 2e6):
        p = 1 / (1 + math.exp(-1))  # the scores are 0 and 1
        got = call(np.array([[[0.0], [far]]]), np.array([1 / far]), np.array([2]), np.array([[1 / far**2]]))
        if not np.allclose(got, p * (1 - p), rtol=1e-5):
            return Broken("the words 0 and a, query 1 / a, upstream 1 / a**2 should give p (1 - p) = 0.19661193",
                          f"for a = {far:.0f} and D = 1, the gradient is {rounded(got, 8)}")


def _slopes_are_those_of_small_steps(call):
    for D in (2, 5):
        args = _sentence(56, D=D)
        got, wanted = call(*args), _measured(*args)
        if not np.allclose(got, wanted, rtol=1e-3, atol=1e-6):
            return Broken("each slope should be the change of the sum for a small step, divided by the step",
                          f"for D = {D}, small steps give {rounded(wanted)}, your gradient is {rounded(got)}")


def _sentences_add_up(call):
    x, query, lengths, upstream = _sentence(57, B=3)
    wanted = sum(call(x[b:b + 1], query, lengths[b:b + 1], upstream[b:b + 1]) for b in range(3))
    got = call(x, query, lengths, upstream)
    if not np.allclose(got, wanted, rtol=1e-4, atol=1e-7):
        return Broken("the gradient of a batch should be the sum of the gradients of its sentences",
                      f"the sentences one by one add up to {rounded(wanted)}, together they give {rounded(got)}")


def _padding_does_not_count(call):
    x, query, _, upstream = _sentence(58, B=2)
    moved = x.copy()
    moved[0, 2:] = 7.0
    lengths = np.array([2, 4])
    a, b = call(x, query, lengths, upstream), call(moved, query, lengths, upstream)
    if not np.allclose(a, b, rtol=1e-4, atol=1e-7):
        return Broken("other numbers in the padding should change nothing",
                      f"the gradient is {rounded(a)}, and {rounded(b)} with 7 in the padding of sentence 0")
    trimmed = call(x[:1, :2], query, np.array([2]), upstream[:1])
    whole = call(x[:1], query, np.array([2]), upstream[:1])
    if not np.allclose(trimmed, whole, rtol=1e-4, atol=1e-7):
        return Broken("two words should have the same gradient with padding behind them and without",
                      f"{rounded(trimmed)} without, {rounded(whole)} with")


def _nothing_adds_nothing(call):
    x, query, _, upstream = _sentence(59, B=2)
    got, wanted = call(x, query, np.array([0, 4]), upstream), call(x[1:], query, np.array([4]), upstream[1:])
    if not np.allclose(got, wanted, rtol=1e-4, atol=1e-7):
        return Broken("an empty sentence should add nothing to the gradient",
                      f"{rounded(wanted)} without it, {rounded(got)} with it")


# --- right answers in other words ---


def _by_loop(x, query, lengths, upstream):
    D = len(query)
    gradient = np.zeros(D)
    for b in range(len(x)):
        n = int(lengths[b])
        if n == 0:
            continue
        words = x[b, :n]
        p = softmax(words @ query / math.sqrt(D))
        pooled = p @ words
        for t in range(n):
            gradient += p[t] * (upstream[b] @ (words[t] - pooled)) * words[t] / math.sqrt(D)
    return gradient


def _by_jacobian(x, query, lengths, upstream):
    gradient = np.zeros(len(query))
    for words, n, u in zip(x, lengths, upstream):
        if n:
            words = words[:n]
            p = softmax(words @ query / np.sqrt(len(query)))
            J = np.diag(p) - np.outer(p, p)
            gradient += words.T @ (J @ (words @ u)) / np.sqrt(len(query))
    return gradient


def _by_covariance(x, query, lengths, upstream):
    """The gradient is the weighted covariance of the words times upstream."""
    pooled, weights = attention_pooling(x, query, lengths)
    centred = x - pooled[:, None]
    return np.einsum("bt,btd,bte,be->d", weights, centred, centred, upstream) / np.sqrt(x.shape[-1])


def _jacobian_of_the_batch(x, query, lengths, upstream):
    _, p = attention_pooling(x, query, lengths)
    J = p[:, :, None] * np.eye(p.shape[1]) - p[:, :, None] * p[:, None, :]
    d_weights = np.einsum("bd,btd->bt", upstream, x)
    d_scores = np.einsum("bts,bs->bt", J, d_weights)
    return (d_scores[..., None] * x).sum(axis=(0, 1)) / x.shape[-1] ** 0.5


def _matrices(x, query, lengths, upstream):
    _, weights = attention_pooling(x, query, lengths)
    d_weights = (x @ upstream[:, :, None]).squeeze(-1)
    d_scores = weights * d_weights - weights * np.sum(weights * d_weights, axis=1)[:, None]
    return d_scores.reshape(-1) @ x.reshape(-1, x.shape[-1]) / np.sqrt(len(query))


_STEPS = "Small steps of the query give slopes that are only nearly right: the sum bends on the way."
_SHORTER = "Try the words 0, 1e6 and 3e6 with two lengths of the step: the chain rule needs no step at all."

POOLING_GRADIENT = Exercise(
    name="pooling_gradient",
    title="Follow the pooled vectors back to the query",
    notebook="hw1_weights",
    signature="pooling_gradient(x, query, lengths, upstream)",
    reference=pooling_gradient,
    arrays="numpy",
    returns=(Returns("gradient", "(D,)"),),
    cases=_cases,
    drawn=_drawn,
    probes=(
        Probe("one slope for each number of the query", _one_slope_for_each_number),
        Probe("equal words give slopes of 0", _equal_words_cannot_be_told_apart, _NONE),
        Probe("what all words share has no slope", _what_is_the_same_for_all_words_has_no_slope, _NONE),
        Probe("the gradient is proportional to upstream", _twice_as_much_upstream),
        Probe("the gradient points where the sum rises fastest", _points_the_right_way),
        Probe("two words by hand, near or far apart", _two_words_by_hand),
        Probe("slopes agree with small steps", _slopes_are_those_of_small_steps, _SIZE),
        Probe("sentences add up", _sentences_add_up, _BATCH),
        Probe("padding does not count", _padding_does_not_count, _BATCH),
        Probe("an empty sentence adds nothing", _nothing_adds_nothing, _ALL),
    ),
    stages=gradient_by_stages,
    mistakes=(
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
        Mistake("mask-upside-down", changes={"real": lambda x, lengths: ~_real(x, lengths), "weigh": _nan_weights},
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
        Mistake("empty-is-nan", changes={"weigh": _nan_weights},
                cause="The weights of a sentence without words are NaN, and NaN spreads to every slope.",
                experiment="Compare your gradient of a batch with and without a sentence of length 0."),
        Mistake("empty-is-uniform", changes={"weigh": _low_weights},
                cause="In a sentence without words the padding shares the weight, and adds to the gradient.",
                experiment="Compare your gradient of a batch with and without a sentence of length 0."),
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
    ),
    equivalents=(
        Equivalent("loops", _by_loop),
        Equivalent("jacobian-of-each-sentence", _by_jacobian),
        Equivalent("jacobian-of-the-batch", _jacobian_of_the_batch),
        Equivalent("covariance", _by_covariance),
        Equivalent("matrix-products", _matrices),
    ),
    hints=(
        "Go backwards, one step at a time, and write the shape of each slope down: along the weights (B, T), along the "
        "scores (B, T), along the query (D,). The middle step is the table of slopes from notebook 02.",
        "A weight w[t] multiplies the word x[t], so the sum answers to it by `upstream @ x[t]`. With the slopes of "
        "softmax, word t counts by how far that is above its average under the weights. At the end, all scores of all "
        "sentences pull at one query.",
        "`d_w = np.einsum('btd,bd->bt', x, upstream)`, `d_s = w * (d_w - (w * d_w).sum(-1, keepdims=True))`, "
        "`return np.einsum('bt,btd->d', d_s, x) / np.sqrt(D)`.",
    ),
    credit=(Part("the chain rule", 3), Part(_NONE, 1), Part(_SIZE, 1), Part(_BATCH, 1), Part(_ALL, 1, visible=False)),
    minutes=25,
    points=7,
)

EXERCISES = (POOLING_GRADIENT,)
