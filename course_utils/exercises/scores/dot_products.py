"""Exercise of notebook 01: the dot product of two vectors."""

import numpy as np

from course_utils.checks import Broken, Case, Equivalent, Exercise, Mistake, Probe, Returns
from course_utils.exercises.battery import Battery, reasons
from course_utils.exercises.families.shared import rounded


def dot(a, b):
    """Multiply two vectors number by number and add the products up.

    Parameters
    ----------
    a, b : ndarray, shape (d,)
        Vectors (no unit).

    Returns
    -------
    float
        The dot product (no unit).

    Examples
    --------
    >>> dot(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    11.0
    """
    return float((a * b).sum())


def _dot_cases():
    rng = np.random.default_rng(1)
    return (
        Case((np.array([1.0, 2.0]), np.array([3.0, 4.0])), note="two numbers each"),
        Case((np.array([2.0, -1.0, 0.5]), np.array([1.0, 3.0, -4.0])), note="negative numbers"),
        Case((np.array([2.0, 1.0]), np.array([-1.0, 2.0])), note="a right angle"),
        Case((np.array([-3.0]), np.array([0.5])), note="one number each"),
        Case((rng.normal(size=6), rng.normal(size=6)), note="six numbers each"),
        Case((np.array([0.0, 0.0]), np.array([1.0, 2.0])), note="a vector of zeros"),
    )


def dot_by_stages(a, b, *, multiply=lambda a, b: a * b, collect=lambda products: products.sum()):
    """Compute a dot product in stages that can be replaced one by one."""
    return collect(multiply(a, b))


def _loop(a, b):
    total = 0.0
    for i in range(len(a)):
        total += a[i] * b[i]
    return total


def _overwrites(a, b):
    a *= b
    return a.sum()


def _from_lengths(a, b):
    return (np.linalg.norm(a + b) ** 2 - np.linalg.norm(a - b) ** 2) / 4


def _by_cosine(a, b):
    lengths = np.linalg.norm(a) * np.linalg.norm(b)
    with np.errstate(all="ignore"):
        return lengths * (a @ b / lengths)


def _one_number(call):
    result = call(np.array([1.0, 2.0, 0.0]), np.array([2.0, 0.5, 1.0]))
    if np.shape(result) != ():
        return Broken("two vectors should give one number",
                      f"dot([1.0, 2.0, 0.0], [2.0, 0.5, 1.0]) gives something of shape {np.shape(result)}",
                      "Print your result: what is missing to make one number of it?")


def _picks_a_number_out(call):
    b = np.array([5.0, -7.0, 2.0])
    for i, a in enumerate(np.eye(3)):
        result = float(call(a, b))
        if abs(result - b[i]) > 1e-6:
            return Broken("a vector of zeros with a single 1 should pick one number out of the other vector",
                          f"dot({rounded(a)}, {rounded(b)}) should be {b[i]}, got {rounded(result)}")


def _scales(call):
    a, b = np.array([1.0, 2.0, -0.5]), np.array([3.0, 1.0, 4.0])
    once, doubled = float(call(a, b)), float(call(2 * a, b))
    if abs(doubled - 2 * once) > 1e-6:
        return Broken("doubling one vector should double the dot product",
                      f"dot({rounded(a)}, {rounded(b)}) gives {rounded(once)}, "
                      f"dot({rounded(2 * a)}, {rounded(b)}) gives {rounded(doubled)}")


def _right_angle(call):
    result = float(call(np.array([2.0, 1.0]), np.array([-1.0, 2.0])))
    if abs(result) > 1e-6:
        return Broken("vectors at a right angle should have the dot product 0",
                      f"dot([2.0, 1.0], [-1.0, 2.0]) gives {rounded(result)}")


BATTERY = Battery(
    without={**reasons.PLAIN, **dict.fromkeys(("shapes", "scores", "strided", "masks"), reasons.VECTORS),
             "an earlier result": "a number comes back, which nothing can write into", **reasons.NUMPY},
)

DOT = Exercise(
    name="dot",
    title="Write the dot product",
    notebook="01_dot_products",
    signature="dot(a, b)",
    reference=dot,
    arrays="numpy",
    returns=(Returns("product", "()"),),
    cases=_dot_cases,
    probes=(
        Probe("two vectors give one number", _one_number),
        Probe("a vector with a single 1 picks a number out", _picks_a_number_out),
        Probe("doubling a vector doubles the result", _scales),
        Probe("a right angle gives 0", _right_angle),
    ),
    battery=BATTERY,
    stages=dot_by_stages,
    mistakes=(
        Mistake("not-added", changes={"collect": lambda p: p},
                cause="It multiplies number by number, but does not add the products up.",
                experiment="Print `.shape` of your result: how many numbers should two vectors give?"),
        Mistake("sums-not-products", changes={"multiply": lambda a, b: a + b},
                cause="It adds the numbers of the two vectors instead of multiplying them.",
                experiment="Try two vectors in which one is all zeros."),
        Mistake("squared-differences", changes={"multiply": lambda a, b: (a - b) ** 2},
                cause="It adds squared differences up, which measures how far apart two points are.",
                experiment="Try a vector with itself: a dot product is then not 0."),
        Mistake("first-vector-twice", changes={"multiply": lambda a, b: a * a},
                cause="Both factors come from the first vector, and the second is never used.",
                experiment="Change the second vector and watch the result."),
        Mistake("second-vector-twice", changes={"multiply": lambda a, b: b * b},
                cause="Both factors come from the second vector, and the first is never used.",
                experiment="Change the first vector and watch the result."),
        Mistake("backwards", changes={"multiply": lambda a, b: a * b[::-1]},
                cause="It pairs the first number of one vector with the last number of the other.",
                experiment="Print the two factors of each product."),
        Mistake("without-sign", changes={"multiply": lambda a, b: np.abs(a * b)},
                cause="It drops the minus signs of the products.",
                experiment="Try `[1.0]` and `[-1.0]`: they point in opposite directions."),
        Mistake("mean", changes={"collect": lambda p: p.mean()},
                cause="It divides by how many numbers there are: "
                      "that is the mean of the products, not their sum.",
                experiment="Try `[1.0, 1.0]` with itself, by hand and with your function."),
        Mistake("last-product", changes={"collect": lambda p: p[-1]},
                cause="Each product replaces the total instead of being added to it, "
                      "so the last one is left.",
                experiment="Print the total after each turn of the loop."),
        Mistake("first-product", changes={"collect": lambda p: p[0]},
                cause="It ends after the first product: the `return` stands inside the loop.",
                experiment="Count how often the line that multiplies runs."),
        Mistake("starts-at-one", changes={"collect": lambda p: p.sum() + 1},
                cause="The total begins at 1, so the result is too large by 1.",
                experiment="Try two vectors of zeros."),
        Mistake("last-left-out", changes={"collect": lambda p: p[:-1].sum()},
                cause="The loop ends one step too early, so the last product is missing.",
                experiment="Try `[0.0, 1.0]` with itself, and print every `i` of your loop."),
        Mistake("first-left-out", changes={"collect": lambda p: p[1:].sum()},
                cause="The loop begins at position 1, so the product at position 0 is missing.",
                experiment="Try `[1.0, 0.0]` with itself, and print every `i` of your loop."),
        Mistake("running-totals", changes={"collect": np.cumsum},
                cause="It returns the total after each step instead of the last total alone.",
                experiment="Print `.shape` of your result: how many numbers should two vectors give?"),
        Mistake("multiplied-up", changes={"collect": lambda p: p.prod()},
                cause="It multiplies the products with each other instead of adding them.",
                experiment="Try `[1.0, 1.0, 1.0]` with itself."),
        Mistake("two-numbers-only", function=lambda a, b: a[0] * b[0] + a[1] * b[1],
                cause="It takes exactly two numbers of each vector, however many there are.",
                experiment="Call it with vectors of one number and of three numbers."),
        Mistake("product-of-sums", function=lambda a, b: a.sum() * b.sum(),
                cause="The result is the product of the two sums, as if every number of one met every number of the "
                      "other.",
                experiment="Work `[1.0, 2.0]` with `[3.0, 4.0]` out by hand: which numbers meet?"),
        Mistake("list-of-products", function=lambda a, b: [x * y for x, y in zip(a, b, strict=True)],
                cause="It returns a list of products: nothing adds them up to one number.",
                experiment="Print your result: how many numbers should two vectors give?"),
        Mistake("one-number-in-an-array", changes={"collect": lambda p: p.sum(keepdims=True)},
                cause="The number is right, but it comes inside an array of shape (1,).",
                experiment="Print `.shape` of your result: a number alone has the shape ()."),
        Mistake("cosine", function=lambda a, b: a @ b / (np.linalg.norm(a) * np.linalg.norm(b)),
                cause="It divides by the lengths of the vectors, which is not part of a dot product.",
                experiment="Double one vector: the result should double."),
        Mistake("by-way-of-the-cosine", function=_by_cosine,
                cause="It goes by way of the cosine, which a vector of zeros does not have: 0 / 0 is nan.",
                experiment="Try `[0.0, 0.0]` with `[1.0, 2.0]`: products and a sum need no division."),
        Mistake("sign-dropped", changes={"collect": lambda p: abs(p.sum())},
                cause="It drops the minus sign of the result.",
                experiment="Try `[1.0]` and `[-1.0]`: they point in opposite directions."),
        Mistake("whole-number", changes={"collect": lambda p: int(p.sum())},
                cause="It cuts off what stands after the decimal point.",
                experiment="Try `[0.5]` with `[1.0]`."),
        Mistake("writes-into-a", function=_overwrites,
                cause="`a *= b` writes the products into `a` itself.",
                experiment="Print `a` before and after the call, then try `products = a * b`."),
        Mistake("all-pairs", function=np.outer,
                cause="It multiplies every number of one vector with every number of the other.",
                experiment="Print `.shape` of your result: how many numbers should two vectors give?"),
    ),
    equivalents=(
        Equivalent("loop", _loop),
        Equivalent("zip", lambda a, b: sum(x * y for x, y in zip(a, b, strict=True))),
        Equivalent("matrix-product", lambda a, b: a @ b),
        Equivalent("np-dot", np.dot),
        Equivalent("einsum", lambda a, b: np.einsum("i,i->", a, b)),
        Equivalent("from-lengths", _from_lengths),
        Equivalent("row-times-column", lambda a, b: (a[None, :] @ b[:, None]).item()),
    ),
    hints=(
        "Two steps: multiply the numbers that stand at the same position, then add the products up.",
        "With a loop: `total = 0.0`, and in each turn `total += a[i] * b[i]`. "
        "Without: what does `a * b` give for two arrays?",
        "`return (a * b).sum()`, or `return a @ b`.",
    ),
    minutes=5,
)

EXERCISES = (DOT,)
