"""Exercise of notebook 04: why the scores have to be divided by the root of the width."""

import math

from course_utils.checks import Broken, Case, Equivalent, Exercise, Mistake, Probe, Returns
from course_utils.exercises.battery import Battery, reasons
from course_utils.exercises.families.shared import draw, tensor


def score_variances(q, k):
    """Measure how far dot products spread, before and after dividing by the root of the width.

    Parameters
    ----------
    q, k : Tensor, shape (N, d_k)
        N pairs of a query and a key (no unit).

    Returns
    -------
    raw, scaled : Tensor, shape ()
        Variance of the N dot products, and of the same divided by sqrt(d_k) (no unit).
    """
    products = (q * k).sum(dim=-1)  # (N,)
    return products.var(), (products / math.sqrt(q.shape[-1])).var()


def _variance_cases():
    return (
        Case((tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]), tensor([[2.0, 5.0], [0.0, 1.0], [3.0, 3.0]])),
             note="three pairs, with the dot products 2, 1 and 6"),
        Case(draw((4, 4), (4, 4), seed=42), note="as many pairs as numbers in each"),
        Case(draw((200, 16), (200, 16), seed=43), note="200 pairs of width 16"),
    )


def variances_by_stages(q, k, *, pair=lambda q, k: (q * k).sum(dim=-1), divisor=lambda q: math.sqrt(q.shape[-1]),
                        spread=lambda x: x.var(), give=lambda raw, scaled: (raw, scaled)):
    """Compute the two variances in stages that can be replaced one by one."""
    products = pair(q, k)
    return give(spread(products), spread(products / divisor(q)))


def _scaled_is_smaller_by_the_width(call):
    q, k = draw((6, 5), (6, 5), seed=1)
    raw, scaled = call(q, k)
    if abs(raw / scaled - 5) > 1e-3:
        return Broken("dividing by sqrt(d_k) should divide the variance by d_k",
                      f"for pairs of width 5, raw / scaled is {raw / scaled:.3f}")


def _doubling_quadruples(call):
    q, k = draw((6, 3), (6, 3), seed=2)
    once, twice = call(q, k)[0], call(2 * q, k)[0]
    if abs(twice / once - 4) > 1e-3:
        return Broken("queries of twice the length should give 4 times the variance",
                      f"raw goes from {once:.3f} to {twice:.3f}")


def _two_pairs_by_hand(call):
    raw, _ = call(tensor([[1.0, 2.0, 0.0], [0.0, 1.0, 3.0]]), tensor([[1.0, 1.0, 9.0], [9.0, 2.0, 1.0]]))
    if abs(raw - 2.0) > 1e-4:
        return Broken("the dot products 3 and 5 should have the variance 2",
                      f"q = [[1, 2, 0], [0, 1, 3]], k = [[1, 1, 9], [9, 2, 1]] gives raw = {raw:.3f}")


def _two_names(q, k):
    products = smaller = (q * k).sum(dim=-1)
    smaller /= math.sqrt(q.shape[-1])
    return products.var(), smaller.var()


def _in_place(q, k):
    raw = (q * k).sum(dim=-1).var()
    q /= math.sqrt(q.shape[-1])
    return raw, (q * k).sum(dim=-1).var()


BATTERY = Battery(
    own=lambda: [("all sizes distinct", Case(draw((5, 3), (5, 3), seed=41), note="five pairs of width 3")),
                 ("float64", Case(draw((50, 7), (50, 7), seed=44, dtype="float64"), note="float64"))],
    without={"shapes": "queries and keys come in pairs, in two tables", "scores": "no exponential is taken",
             "an earlier result": "two numbers come back, which nothing can write into",
             "gradients": "two numbers to read come back", **reasons.PLAIN},
)

SCORE_VARIANCES = Exercise(
    name="score_variances",
    title="Measure how dot products spread",
    notebook="04_scaled_dot_product",
    signature="score_variances(q, k)",
    reference=score_variances,
    arrays="torch",
    returns=(Returns("raw", "()"), Returns("scaled", "()")),
    cases=_variance_cases,
    probes=(
        Probe("two pairs give what you get by hand", _two_pairs_by_hand),
        Probe("the root of d_k takes a factor d_k from the variance", _scaled_is_smaller_by_the_width),
        Probe("twice the length means 4 times the variance", _doubling_quadruples),
    ),
    battery=BATTERY,
    stages=variances_by_stages,
    mistakes=(
        Mistake("all-against-all", changes={"pair": lambda q, k: q @ k.transpose(-1, -2)},
                cause="Every query meets every key, so there are N times N dot products in place of N.",
                experiment="Print the shape of your dot products for three pairs: it should be (3,)."),
        Mistake("products-not-added", changes={"pair": lambda q, k: q * k},
                cause="The products of the numbers are not added up, so there is no dot product yet.",
                experiment="Print `(q * k).shape` and `(q * k).sum(dim=-1).shape`."),
        Mistake("sum-over-the-pairs", changes={"pair": lambda q, k: (q * k).sum(dim=0)},
                cause="The sum runs over the pairs in place of the d_k numbers of one pair.",
                experiment="Print the shape of your dot products for five pairs of width 3: (5,) or (3,)?"),
        Mistake("mean-of-the-products", changes={"pair": lambda q, k: (q * k).mean(dim=-1)},
                cause="The products are averaged, which divides each dot product by d_k.",
                experiment="Work the first dot product out by hand and print yours beside it."),
        Mistake("one-total", changes={"pair": lambda q, k: (q * k).sum()},
                cause="Everything is added up to a single number, and a single number has no variance.",
                experiment="Print `(q * k).sum()` and `(q * k).sum(dim=-1)` for three pairs."),
        Mistake("no-root", changes={"divisor": lambda q: q.shape[-1]},
                cause="The dot products are divided by d_k, not by its square root.",
                experiment="Print raw / scaled for a width of 16: is it 16 or 256?"),
        Mistake("multiplied-by-the-root", changes={"divisor": lambda q: q.shape[-1] ** -0.5},
                cause="The dot products grow by sqrt(d_k) in place of shrinking.",
                experiment="Print raw and scaled: which one should be smaller?"),
        Mistake("root-of-n", changes={"divisor": lambda q: math.sqrt(len(q))},
                cause="The root is taken of N, the number of pairs; the width stands in `q.shape[-1]`.",
                experiment="Repeat the same pairs once more, 2N pairs in all: scaled should hardly change."),
        Mistake("not-scaled", changes={"divisor": lambda q: 1.0},
                cause="The second number is the variance of the raw dot products again.",
                experiment="Print raw == scaled."),
        Mistake("standard-deviation", changes={"spread": lambda x: x.std()},
                cause="The standard deviation is returned, the root of the variance.",
                experiment="Double all queries: the variance grows by 4. By how much does yours grow?"),
        Mistake("divided-by-n", changes={"spread": lambda x: x.var(correction=0)},
                cause="The squared distances are divided by N in place of N - 1, as `x.var()` does it.",
                experiment="Compare with `torch.tensor([3.0, 5.0]).var()`."),
        Mistake("mean", changes={"spread": lambda x: x.mean()},
                cause="The mean of the dot products is returned, which says where they lie and not how far apart.",
                experiment="Add 10 to every dot product: the variance should stay as it is."),
        Mistake("mean-square", changes={"spread": lambda x: (x ** 2).mean()},
                cause="The squares are averaged without taking the mean of the dot products away first.",
                experiment="Compute yours and `x.var()` for the numbers 9, 10 and 11."),
        Mistake("no-variance", changes={"spread": lambda x: x},
                cause="The dot products themselves are returned; their variance is asked for.",
                experiment="Print the shapes of both results: they should be ()."),
        Mistake("swapped", changes={"give": lambda raw, scaled: (scaled, raw)},
                cause="The two results stand in the wrong order: raw comes first.",
                experiment="Print both for a width of 16 and see which is 16 times the other."),
        Mistake("root-on-the-variance",
                function=lambda q, k: ((q * k).sum(-1).var(), (q * k).sum(-1).var() / math.sqrt(q.shape[-1])),
                cause="The variance is divided by sqrt(d_k); the dot products are what has to be divided.",
                experiment="Divide the numbers 2, 4 and 6 by 2: what happens to their variance?"),
        Mistake("two-names-one-tensor", function=_two_names,
                cause="Two names stand for one tensor, so `/=` changes the raw dot products too.",
                experiment="After `b = a` and `b /= 2`, print `a`."),
        Mistake("in-place", function=_in_place,
                cause="The queries of the caller are divided in place, so they are smaller the next time.",
                experiment="Call it twice with the same q and compare the two results."),
        Mistake("raw-only", changes={"give": lambda raw, scaled: raw},
                cause="Only the first of the two variances is returned.",
                experiment="Print `len(score_variances(q, k))`: it should be 2."),
    ),
    equivalents=(
        Equivalent("loop", lambda q, k: _by_loop(q, k)),
        Equivalent("diagonal-of-the-table", lambda q, k: (
            (q @ k.T).diagonal().var(), (q @ k.T).diagonal().var() / q.shape[1])),
        Equivalent("queries-divided-first", lambda q, k: (
            (q * k).sum(1).var(), ((q / q.shape[1] ** 0.5) * k).sum(1).var())),
        Equivalent("plain-numbers", lambda q, k: tuple(x.item() for x in score_variances(q, k))),
    ),
    hints=(
        "Row n of q belongs to row n of k. Multiply q and k number by number: which axis do you then add up?",
        "`(q * k).sum(dim=-1)` holds the N dot products. `x.var()` measures their spread; for the second result "
        "divide the dot products by the root of `q.shape[-1]` first.",
        "`products = (q * k).sum(dim=-1)`, then "
        "`return products.var(), (products / math.sqrt(q.shape[-1])).var()`.",
    ),
    minutes=8,
)


def _by_loop(q, k):
    products = []
    for query, key in zip(q, k):
        products.append(float(query @ key))
    mean = sum(products) / len(products)
    variance = sum((p - mean) ** 2 for p in products) / (len(products) - 1)
    return variance, variance / q.shape[-1]


EXERCISES = (SCORE_VARIANCES,)
