"""Exercise of notebook 01: the cosine of the angle between two vectors."""

import math

import numpy as np

from course_utils.checks import Broken, Case, Equivalent, Exercise, Mistake, Probe, Returns
from course_utils.exercises.battery import Battery, reasons
from course_utils.exercises.families.shared import rounded
from course_utils.exercises.scores.dot_products import dot


def cosine_similarity(a, b):
    """Compute the cosine of the angle between two vectors.

    Parameters
    ----------
    a, b : ndarray, shape (d,)
        Vectors (no unit).

    Returns
    -------
    float
        From -1 (opposite directions) to 1 (the same direction), no unit; 0.0 where a vector has length 0.

    Examples
    --------
    >>> cosine_similarity(np.array([3.0, 0.0]), np.array([4.0, 3.0]))
    0.8
    """
    lengths = math.sqrt(dot(a, a)) * math.sqrt(dot(b, b))
    return dot(a, b) / lengths if lengths else 0.0


def _cosine_cases():
    rng = np.random.default_rng(11)
    zero = np.zeros(2)
    return (
        Case((np.array([3.0, 0.0]), np.array([4.0, 3.0])), note="lengths 3 and 5"),
        Case((np.array([1.0, 2.0, 2.0]), np.array([-4.0, 0.0, -3.0])), note="an angle above 90 degrees"),
        Case((zero, np.array([1.0, 2.0])), note="a is the zero vector"),
        Case((np.array([1.0, 2.0]), zero), note="b is the zero vector"),
        Case((zero, zero), note="both are the zero vector"),
        Case((rng.normal(size=6), 3 * rng.normal(size=6)), note="six numbers each"),
        Case((np.array([-0.5]), np.array([-4.0])), note="one number each"),
        Case((np.array([0.1, -0.1]), np.array([0.0, 0.2])), note="short vectors"),
        Case((np.array([0.0003, 0.0004]), np.array([0.001, 0.0])), note="very short vectors"),
    )


def cosine_by_stages(a, b, *, product=lambda a, b: a @ b, length=np.linalg.norm,
                     divide=lambda p, m, n: p / (m * n), is_zero=lambda a, b: not a.any() or not b.any(),
                     at_zero=lambda: 0.0, finish=lambda c: c):
    """Compute a cosine in stages that can be replaced one by one."""
    if is_zero(a, b):
        return at_zero()
    return finish(divide(product(a, b), length(a), length(b)))


def _normalised_first(a, b):
    if np.linalg.norm(a) == 0 or np.linalg.norm(b) == 0:
        return 0.0
    return (a / np.linalg.norm(a)) @ (b / np.linalg.norm(b))


def _by_loop(a, b):
    top = bottom_a = bottom_b = 0.0
    for x, y in zip(a, b, strict=True):
        top += x * y
        bottom_a += x * x
        bottom_b += y * y
    if bottom_a * bottom_b == 0:
        return 0.0
    return top / math.sqrt(bottom_a * bottom_b)


def _one_number(call):
    for a, b in (([1.0, 2.0], [2.0, 0.5]), ([0.0, 0.0], [2.0, 0.5])):
        result = call(np.array(a), np.array(b))
        if np.shape(result) != ():
            return Broken("two vectors should give one number",
                          f"cosine_similarity({a}, {b}) gives something of shape {np.shape(result)}",
                          "Print your result: what is missing to make one number of it?")


def _length_does_not_count(call):
    a, b = np.array([1.0, 2.0, -1.0]), np.array([2.0, 0.5, 3.0])
    once, longer_a, longer_b = float(call(a, b)), float(call(10 * a, b)), float(call(a, 10 * b))
    for longer, left, right in ((longer_a, 10 * a, b), (longer_b, a, 10 * b)):
        if abs(longer - once) > 1e-6:
            return Broken("a vector ten times as long points the same way, so the cosine should stay",
                          f"({rounded(a)}, {rounded(b)}) gives {rounded(once)}, "
                          f"({rounded(left)}, {rounded(right)}) gives {rounded(longer)}")


def _same_and_opposite(call):
    a = np.array([1.0, 2.0, -2.0])
    for b, wanted, words in ((a, 1.0, "itself"), (-a, -1.0, "its opposite")):
        result = float(call(a, b))
        if not abs(result - wanted) < 1e-6:
            return Broken(f"the cosine of a vector with {words} should be {wanted:g}",
                          f"cosine_similarity({rounded(a)}, {rounded(b)}) gives {rounded(result)}")


def _zero_vector(call):
    a, zero = np.array([1.0, 2.0]), np.zeros(2)
    for left, right in ((a, zero), (zero, a), (zero, zero)):
        result = float(call(left, right))
        if not abs(result) < 1e-6:
            return Broken("where a vector has length 0, the result should be 0",
                          f"cosine_similarity({rounded(left)}, {rounded(right)}) gives {rounded(result)}")


def _half_a_right_angle(call):
    for a, b, wanted in (([1.0, 0.0], [2.0, 2.0], math.sqrt(0.5)), ([2.0, 0.0], [1.0, math.sqrt(3)], 0.5)):
        result = float(call(np.array(a), np.array(b)))
        if not abs(result - wanted) < 1e-6:
            degrees = round(math.degrees(math.acos(wanted)))
            return Broken(f"the cosine of {degrees} degrees is {wanted:.3f}",
                          f"cosine_similarity({rounded(a)}, {rounded(b)}), {degrees} degrees apart, "
                          f"gives {rounded(result)}")


BATTERY = Battery(
    without={**reasons.PLAIN, **dict.fromkeys(("shapes", "scores", "strided", "masks"), reasons.VECTORS),
             "an earlier result": "a number comes back, which nothing can write into", **reasons.NUMPY},
)

COSINE = Exercise(
    name="cosine_similarity",
    title="Compare directions, whatever the lengths",
    notebook="01_dot_products",
    signature="cosine_similarity(a, b)",
    reference=cosine_similarity,
    arrays="numpy",
    returns=(Returns("cosine", "()"),),
    cases=_cosine_cases,
    probes=(
        Probe("two vectors give one number", _one_number),
        Probe("lengths do not count", _length_does_not_count),
        Probe("a vector has 1 with itself and -1 with its opposite", _same_and_opposite),
        Probe("45 and 60 degrees give 0.707 and 0.5", _half_a_right_angle),
        Probe("a zero vector gives 0", _zero_vector),
    ),
    battery=BATTERY,
    stages=cosine_by_stages,
    mistakes=(
        Mistake("not-divided", changes={"divide": lambda p, m, n: p},
                cause="It is the plain dot product: the lengths are not divided out.",
                experiment="Make one vector ten times as long and watch the result."),
        Mistake("first-length-only", changes={"divide": lambda p, m, n: p / m},
                cause="It divides by the length of the first vector but not by that of the second.",
                experiment="Make the second vector ten times as long and watch the result."),
        Mistake("second-length-only", changes={"divide": lambda p, m, n: p / n},
                cause="It divides by the length of the second vector but not by that of the first.",
                experiment="Make the first vector ten times as long and watch the result."),
        Mistake("missing-parentheses", changes={"divide": lambda p, m, n: p / m * n},
                cause="It divides by one length and multiplies by the other: "
                      "`x / m * n` means `(x / m) * n`.",
                experiment="Compute `8 / 2 * 4` and `8 / (2 * 4)`."),
        Mistake("first-length-twice", changes={"divide": lambda p, m, n: p / (m * m)},
                cause="It divides by the length of the first vector twice, and never by that of the second.",
                experiment="Make the second vector ten times as long and watch the result."),
        Mistake("lengths-added", changes={"divide": lambda p, m, n: p / (m + n)},
                cause="It divides by the sum of the two lengths instead of their product.",
                experiment="Try a vector of length 2 with itself: the cosine has to be 1."),
        Mistake("root-of-lengths", changes={"divide": lambda p, m, n: p / math.sqrt(m * n)},
                cause="It takes a root too many: the lengths are divided by as their square root.",
                experiment="Try a vector of length 4 with itself: the cosine has to be 1."),
        Mistake("no-root", changes={"length": lambda x: x @ x},
                cause="It divides by the squared lengths: the square root is missing.",
                experiment="What length does your code find for the vector `[3.0, 4.0]`?"),
        Mistake("sum-of-sizes", changes={"length": lambda x: np.abs(x).sum()},
                cause="It adds the sizes of the numbers up, but a length is the root of the sum of squares.",
                experiment="What length does your code find for the vector `[3.0, 4.0]`?"),
        Mistake("count-as-length", changes={"length": lambda x: len(x)},
                cause="`len` counts the numbers in a vector; it does not measure how long the arrow is.",
                experiment="Compare `len(a)` with the length of the arrow for `[3.0, 4.0]`."),
        Mistake("not-added", changes={"product": lambda a, b: a * b},
                cause="The products above the fraction line are not added up.",
                experiment="Print `.shape` of your result: how many numbers should two vectors give?"),
        Mistake("zero-divides", changes={"is_zero": lambda a, b: False},
                cause="A vector of zeros has length 0, and 0 / 0 is nan.",
                experiment="Print the two lengths for `[0.0, 0.0]` and `[1.0, 2.0]` before you divide."),
        Mistake("zero-in-both-only", changes={"is_zero": lambda a, b: not a.any() and not b.any()},
                cause="It looks out for two zero vectors at once, but one is enough to divide by 0.",
                experiment="Try a zero vector with `[1.0, 2.0]`, in both orders: `and` or `or`?"),
        Mistake("zero-in-first-only", changes={"is_zero": lambda a, b: not a.any()},
                cause="It looks out for a zero vector in the first place only.",
                experiment="Swap the two vectors of the example."),
        Mistake("one-zero-is-enough", changes={"is_zero": lambda a, b: not a.all() or not b.all()},
                cause="It returns 0 as soon as any single number is 0, "
                      "but a zero vector has nothing but zeros.",
                experiment="Try `[3.0, 0.0]` with itself."),
        Mistake("sum-of-zero", changes={"is_zero": lambda a, b: a.sum() == 0 or b.sum() == 0},
                cause="It takes a vector whose numbers add up to 0 for a zero vector.",
                experiment="Try `[1.0, -1.0]` with itself."),
        Mistake("short-for-zero", changes={"is_zero": lambda a, b: np.linalg.norm(a) * np.linalg.norm(b) < 1e-6},
                cause="It takes short vectors for zero vectors; only the length 0 is left without a direction.",
                experiment="Try `[0.0005, 0.0]` with itself: the cosine has to be 1."),
        *(Mistake(f"small-number-below-{small:.0e}",
                  changes={"divide": lambda p, m, n, small=small: p / (m * n + small)},
                  cause=f"The {small:g} that is added below the fraction line makes the cosine of short vectors too "
                        "small.",
                  experiment="Try `[0.0005, 0.0]` with itself: the cosine has to be 1.")
          for small in (1e-6, 1e-8, 1e-9, 1e-10)),
        Mistake("one-at-zero", changes={"at_zero": lambda: 1.0},
                cause="It returns 1 for a zero vector, which would mean: the same direction.",
                experiment="Read the task again: which number is asked for where a vector has no direction?"),
        Mistake("without-sign", changes={"finish": abs},
                cause="It drops the minus sign, so opposite directions look alike.",
                experiment="Try a vector with its opposite: `a` and `-a`."),
        Mistake("squared", changes={"finish": lambda c: c**2},
                cause="It returns the square of the cosine.",
                experiment="Try a vector with its opposite: `a` and `-a`."),
        Mistake("cut-at-zero", changes={"finish": lambda c: max(c, 0.0)},
                cause="It replaces negative results by 0, so all angles above 90 degrees look the same.",
                experiment="Try a vector with its opposite: `a` and `-a`."),
        Mistake("distance", changes={"finish": lambda c: 1 - c},
                cause="It returns 1 minus the cosine: a distance, small where the directions agree.",
                experiment="Try a vector with itself."),
        Mistake("angle", changes={"finish": lambda c: np.arccos(np.clip(c, -1, 1))},
                cause="It returns the angle itself, not its cosine.",
                experiment="Try a vector with itself: the angle is 0, and the cosine of 0 is 1."),
    ),
    equivalents=(
        Equivalent("asks-the-product", lambda a, b: a @ b / math.sqrt((a @ a) * (b @ b)) if a @ b else 0.0),
        Equivalent("normalised-first", _normalised_first),
        Equivalent("loop", _by_loop),
        Equivalent("small-number-below", lambda a, b: a @ b / (math.sqrt((a @ a) * (b @ b)) + 1e-12)),
        Equivalent("nan-replaced", lambda a, b: np.nan_to_num(a @ b / np.sqrt((a @ a) * (b @ b)))),
        Equivalent("not-below-a-bound", lambda a, b: a @ b / max(math.sqrt((a @ a) * (b @ b)), 1e-8)),
    ),
    hints=(
        "Begin with the dot product and take the lengths out again. "
        "The length of `a` is the square root of its dot product with itself.",
        "Divide by the product of both lengths, in parentheses. "
        "Before you divide, ask whether that product is 0.",
        "`lengths = np.linalg.norm(a) * np.linalg.norm(b)`; `if lengths == 0: "
        "return 0.0`; `return a @ b / lengths`.",
    ),
    minutes=8,
)

EXERCISES = (COSINE,)
