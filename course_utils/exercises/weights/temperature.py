"""Exercise of notebook 02: how sharp the weights are."""

import math

import numpy as np

from course_utils.attention import softmax
from course_utils.checks import Broken, Case, Equivalent, Exercise, Mistake, Probe, Returns
from course_utils.exercises.battery import Battery, normal, reasons
from course_utils.exercises.families.careless import careless_softmaxes
from course_utils.exercises.families.shared import hard_choice, naive_log_sum, naive_softmax, rounded, wide_softmax


def _temperature_cases():
    rng = np.random.default_rng(22)
    return (
        Case((np.array([[0.0, 1.0]]), 2.0), note="one row, twice as hot"),
        Case((np.array([1.0, 3.0, 2.0]), 0.5), note="a single row, half as hot"),
        Case((np.array([[0.0, 1.0], [2.0, -0.5]]), 1.0), note="temperature 1 is softmax itself"),
        Case((rng.normal(size=(3, 5)), 3.0), note="hot"),
        Case((np.array([[8.0, 10.0, 9.0], [9.0, 8.0, 8.5]]), 0.01), note="very cold"),
        Case((np.array([[300.0, 301.0, 300.5]]), 0.4), note="large scores, cold"),
        Case((np.array([[3000.0, 1000.0, 2500.0]]), 500.0), note="large scores, hot"),
        Case((np.array([[24000.0, 23999.0], [-24000.0, -24001.0]]), 2.0), note="scores of about 24000 and -24000"),
    )


def temperature_by_stages(x, temperature, *, cool=lambda x, t: x / t, weigh=softmax, finish=lambda w, t: w):
    """Softmax with a temperature, in stages that can be replaced one by one."""
    return finish(weigh(cool(x, temperature)), temperature)


def softmax_with_temperature(x, temperature):
    """Weights (..., S) of scores x (..., S) at a temperature above 0."""
    return softmax(x / temperature)


def _warm_rows_sum_to_one(call):
    x = np.array([[0.0, 2.0, 1.0], [1.0, 1.0, -1.0]])
    for i, total in enumerate(call(x, 0.5).sum(axis=-1)):
        if not abs(total - 1) < 1e-6:
            return Broken("the weights of a row should sum to 1 at every temperature",
                          f"at temperature 0.5, row {i} of {x.tolist()} gets weights that sum to {total:.3f}")


def _differences_are_divided(call):
    for t, wanted in ((0.5, math.exp(2)), (2.0, math.exp(0.5))):
        a, b = call(np.array([2.0, 1.0]), t)
        if not np.isclose(a / b, wanted, rtol=1e-4):
            return Broken(f"at temperature {t}, a score larger by 1 should get {wanted:.3f} times the "
                          "weight",
                          f"for the scores 2 and 1 the weights {a:.3f} and {b:.3f}: ratio {a / b:.3f}")


def _same_unit_same_weights(call):
    x = np.array([[3.0, 1.0, 2.0], [0.0, 2.0, 1.0]])
    a, b = call(x, 0.5), call(1000 * x, 500.0)
    if not np.allclose(a, b, atol=1e-6):
        return Broken("scores and temperature both made 1000 times larger should give the same weights",
                      f"row 0 was {rounded(a[0])} and becomes {rounded(b[0])}")


def _cold_chooses(call):
    x = np.array([[8.0, 10.0, 9.0], [5.0, 4.0, 3.0]])
    cold = call(x, 0.01)
    if not np.allclose(cold, hard_choice(x), atol=1e-6):
        return Broken("very cold, all weight of a row should go to its largest score",
                      f"the scores {x[0].tolist()} at temperature 0.01 get {rounded(cold[0])}")


def _in_place(x, temperature):
    x /= temperature
    return softmax(x)


def _loops(x, temperature):
    weights = np.zeros(x.shape)
    for place in np.ndindex(x.shape[:-1]):
        terms = [math.exp((score - max(x[place])) / temperature) for score in x[place]]
        for j, term in enumerate(terms):
            weights[(*place, j)] = term / sum(terms)
    return weights


BATTERY = Battery(
    sizes=lambda s: (*normal(s.seed, (*s.lead, s.T, s.S)), 0.7),
    scores=lambda table, values: (2 * np.array(table), 2.0),
    without={**reasons.PLAIN, **reasons.NUMPY},
)

TEMPERATURE = Exercise(
    name="softmax_with_temperature",
    title="Give softmax a temperature",
    notebook="02_softmax",
    signature="softmax_with_temperature(x, temperature)",
    reference=softmax_with_temperature,
    arrays="numpy",
    returns=(Returns("weights", "(..., S)"),),
    cases=_temperature_cases,
    probes=(
        Probe("each row sums to 1 at every temperature", _warm_rows_sum_to_one),
        Probe("two scores one point apart have weights in the ratio exp(1 / τ)", _differences_are_divided),
        Probe("scores and temperature in another unit give the same weights", _same_unit_same_weights),
        Probe("very cold, the largest score takes all", _cold_chooses),
    ),
    battery=BATTERY,
    stages=temperature_by_stages,
    mistakes=(
        Mistake("multiplied", changes={"cool": lambda x, t: x * t},
                cause="The scores are multiplied by the temperature, so hot and cold are exchanged.",
                experiment="Print the weights of [0.0, 1.0] at temperature 10: are they nearly equal?"),
        Mistake("no-effect", changes={"cool": lambda x, t: x},
                cause="The temperature has no effect: it is not used, or stands where it cancels out.",
                experiment="Compare your weights of [0.0, 1.0] at the temperatures 0.5 and 5."),
        Mistake("square-root", changes={"cool": lambda x, t: x / math.sqrt(t)},
                cause="The scores are divided by the square root of the temperature.",
                experiment="At temperature 4, how much smaller does a difference of scores become in your "
                           "function?"),
        Mistake("squared", changes={"cool": lambda x, t: x / t**2},
                cause="The scores are divided by the square of the temperature.",
                experiment="At temperature 2, how much smaller does a difference of scores become in yours?"),
        Mistake("whole-numbers", changes={"cool": lambda x, t: x // t},
                cause="The division // throws away what stands after the point.",
                experiment="Compare 1.0 // 2.0 with 1.0 / 2.0."),
        Mistake("no-softmax", changes={"weigh": lambda x: x},
                cause="The scores are divided by the temperature, but no softmax follows.",
                experiment="Sum each row of your result."),
        Mistake("no-maximum", changes={"weigh": naive_softmax},
                cause="The exponential runs on large numbers without subtracting the maximum, and overflows.",
                experiment="What is 301.0 / 0.4, and what is np.exp of it?"),
        *careless_softmaxes(lambda soft: lambda x, temperature: soft(x / temperature)),
        Mistake("log-of-the-sum", changes={"weigh": naive_log_sum},
                cause="Nothing is subtracted before the exponential: np.exp of a large score is inf, far below 0 it "
                      "is 0, and the logarithm of either is no finite number.",
                experiment="Print np.log(np.exp(1000.0)) and np.log(np.exp(-1000.0))."),
        Mistake("wider-numbers", changes={"weigh": wide_softmax},
                cause="Nothing is subtracted before the exponential: a dtype of more digits only moves the place "
                      "where it overflows.",
                experiment="Compute np.exp(np.longdouble(12000))."),
        Mistake("scores-cut-off", changes={"weigh": lambda x: softmax(np.maximum(x, -700.0))},
                cause="Scores below a bound are raised to it, so those that lie below become equal.",
                experiment="Which weights should the scores [-24000.0, -24001.0] get? Are they equal?"),
        Mistake("maximum-before-dividing", function=lambda x, temperature: (
            e := np.exp(x / temperature - x.max(-1, keepdims=True))) / e.sum(-1, keepdims=True),
                cause="The maximum that is subtracted is that of the scores before they are divided.",
                experiment="For x = 10 and temperature 0.01, compute x / 0.01 - x: is that small enough for "
                           "np.exp?"),
        Mistake("wrong-axis", changes={"weigh": lambda x: softmax(x, axis=0)},
                cause="The sum runs down the first axis in place of along each row.",
                experiment="Sum each row and each column of your result for two rows of two scores: which "
                           "sums are 1?"),
        Mistake("whole-array", changes={"weigh": lambda x: softmax(x.reshape(-1)).reshape(x.shape)},
                cause="All rows share one sum, so all weights together make 1.",
                experiment="Sum each row of your result for an array of two rows."),
        Mistake("weights-divided", changes={"cool": lambda x, t: x, "finish": lambda w, t: w / t},
                cause="The weights are divided by the temperature after softmax, so they no longer sum to 1.",
                experiment="Sum each row of your result at temperature 2."),
        Mistake("weights-multiplied", changes={"cool": lambda x, t: x, "finish": lambda w, t: w * t},
                cause="The weights are multiplied by the temperature after softmax, so they no longer sum to "
                      "1.",
                experiment="Sum each row of your result at temperature 2."),
        Mistake("divided-twice", changes={"finish": lambda w, t: w / t},
                cause="Scores and weights are both divided by the temperature.",
                experiment="Sum each row of your result at temperature 2."),
        Mistake("power-not-normalised", changes={"cool": lambda x, t: x, "finish": lambda w, t: w ** (1 / t)},
                cause="The weights are raised to a power and not divided by their new sum.",
                experiment="Sum each row of your result at temperature 2."),
        Mistake("power-normalised", function=lambda x, temperature: (
            p := softmax(x) ** (1 / temperature)) / p.sum(axis=-1, keepdims=True),
                cause="On paper it is right to raise the weights to a power, but a weight that is rounded to "
                      "0 stays 0.",
                experiment="Print softmax of [3000.0, 1000.0]: what does any power make of the second "
                           "weight?"),
        Mistake("written-into-x", function=_in_place,
                cause="The division is done in place, which changes the array of the caller.",
                experiment="Print x before and after the call."),
        Mistake("temperature-as-base", function=lambda x, temperature: (
            e := np.power(float(temperature), x - x.max(-1, keepdims=True))) / e.sum(-1, keepdims=True),
                cause="The temperature is the base of the powers in place of dividing the scores.",
                experiment="Print the weights of [0.0, 1.0] at temperature 1: are they those of softmax?"),
        Mistake("sum-not-cooled", function=lambda x, temperature: (
            np.exp((x - x.max(axis=-1, keepdims=True)) / temperature)
            / np.exp(x - x.max(axis=-1, keepdims=True)).sum(axis=-1, keepdims=True)),
                cause="The numerator is divided by the temperature inside the exponential, the sum below it "
                      "is not.",
                experiment="Sum each row of your result at temperature 2."),
        Mistake("one-hot", function=lambda x, temperature: hard_choice(x),
                cause="The largest score takes all of the weight at every temperature.",
                experiment="Print the weights of [0.0, 1.0] at temperature 100."),
    ),
    equivalents=(
        Equivalent("maximum-first", lambda x, temperature: (
            naive_softmax((x - x.max(-1, keepdims=True)) / temperature))),
        Equivalent("inverse-temperature", lambda x, temperature: softmax((1 / temperature) * x)),
        Equivalent("loops", _loops),
        Equivalent("row-by-row", lambda x, temperature: np.array(
            [softmax(row / temperature) for row in x.reshape(-1, x.shape[-1])]).reshape(x.shape)),
        Equivalent("log-sum-exp", lambda x, temperature: np.exp(
            x / temperature - np.logaddexp.reduce(x / temperature, axis=-1, keepdims=True))),
    ),
    hints=(
        "A high temperature should make differences of scores count less. Which operation on the scores does "
        "that?",
        "Change the scores first, then use the softmax you have; after softmax nothing is left to do.",
        "`return softmax(x / temperature)`",
    ),
    minutes=8,
)

EXERCISES = (TEMPERATURE,)
