"""Exercise of notebook 04: the table of scaled scores, for one sentence or a whole batch."""

import math

from course_utils.checks import Broken, Case, Equivalent, Exercise, Mistake, Probe, Returns
from course_utils.exercises.battery import Battery, reasons
from course_utils.exercises.families.shared import draw, rounded, tensor


def scaled_scores(q, k):
    """Compare every query with every key: Q K^T / sqrt(d_k).

    Parameters
    ----------
    q : Tensor, shape (..., T, d_k)
        Queries (no unit).
    k : Tensor, shape (..., S, d_k)
        Keys (no unit).

    Returns
    -------
    Tensor, shape (..., T, S)
        Scores (no unit).
    """
    return q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])


def _cases():
    return (
        Case((tensor([[1.0, 0.0, 2.0, 1.0]]), tensor([[2.0, 1.0, 1.0, 0.0], [0.0, 4.0, 0.0, 2.0]])),
             note="one query, two keys, d_k = 4"),
    )


def scores_by_stages(q, k, *, turn=lambda k: k.transpose(-2, -1), table=lambda q, turned: q @ turned,
                     divisor=lambda q, k: math.sqrt(q.shape[-1]), finish=lambda scores: scores):
    """Compute scaled scores in stages that can be replaced one by one."""
    return finish(table(q, turn(k)) / divisor(q, k))


def _one_pair_by_hand(call):
    score = float(call(tensor([[1.0] * 9]), tensor([[2.0] * 9]))[0, 0])
    if abs(score - 6) > 1e-4:
        return Broken("one query and one key should give q . k / sqrt(d_k)",
                      f"nine ones against nine twos: 18 / 3 = 6, got {score:.3f}")


def _each_query_has_a_row(call):
    q, k = draw((2, 3, 4), (2, 5, 4), seed=11)
    shape = tuple(call(q, k).shape)
    if shape != (2, 3, 5):
        return Broken("the table should have a row for each query and a column for each key",
                      f"q of shape (2, 3, 4) and k of shape (2, 5, 4): wanted (2, 3, 5), got {shape}")


def _each_pair_stands_alone(call):
    q, k = draw((2, 3, 4), (2, 5, 4), seed=12)
    whole, alone = call(q, k)[1, 2, 3], call(q[1, 2:], k[1, 3:4])[0, 0]
    if abs(whole - alone) > 1e-4:
        return Broken("a score should depend on its own query and its own key alone",
                      f"item 1, query 2, key 3: {whole:.3f} in the batch, {alone:.3f} alone")


def _twice_the_query_means_twice_the_score(call):
    q, k = draw((2, 4), (3, 4), seed=13)
    once, twice = call(q, k), call(2 * q, k)
    if not (2 * once - twice).abs().max() < 1e-4:
        return Broken("queries of twice the length should give twice the scores",
                      f"row 0 goes from {rounded(once[0])} to {rounded(twice[0])}")


def _by_loop(q, k):
    if q.ndim > 2:
        return tensor([_by_loop(a, b).tolist() for a, b in zip(q, k)])
    scores = q.new_zeros(len(q), len(k))
    for i in range(len(q)):
        for j in range(len(k)):
            scores[i, j] = sum(q[i, m] * k[j, m] for m in range(q.shape[1])) / q.shape[1] ** 0.5
    return scores


def _einsum(q, k):
    import torch

    return torch.einsum("...td,...sd->...ts", q, k) * q.shape[-1] ** -0.5


def _einsum_of_three_axes(q, k):
    import torch

    return torch.einsum("btd,bsd->bts", q, k) / math.sqrt(q.shape[-1])


def _three_axes_unpacked(q, k):
    _B, _T, d_k = q.shape
    return q @ k.transpose(-2, -1) / math.sqrt(d_k)


def _batch_added_up(q, k):
    scores = scaled_scores(q, k)
    return scores.flatten(0, -3).sum(0) if scores.ndim > 2 else scores


def _distances(q, k):
    import torch

    return torch.cdist(q, k) / math.sqrt(q.shape[-1])


def _cosines(q, k):
    return (q / q.norm(dim=-1, keepdim=True)) @ (k / k.norm(dim=-1, keepdim=True)).transpose(-2, -1)


BATTERY = Battery(
    sizes=lambda s: draw((*s.lead, s.T, s.d_k), (*s.lead, s.S, s.d_k), seed=s.seed, dtype=s.dtype),
    without={"scores": reasons.COMES_OUT, "gradients": "nothing is trained with a table of scores", **reasons.PLAIN},
)

SCALED_SCORES = Exercise(
    name="scaled_scores",
    title="Write the table of scaled scores",
    notebook="04_scaled_dot_product",
    signature="scaled_scores(q, k)",
    reference=scaled_scores,
    arrays="torch",
    returns=(Returns("scores", "(..., T, S)"),),
    cases=_cases,
    probes=(
        Probe("the table has a row for each query and a column for each key", _each_query_has_a_row),
        Probe("one query and one key give what you get by hand", _one_pair_by_hand),
        Probe("each score depends on its own query and key alone", _each_pair_stands_alone),
        Probe("twice the query means twice the score", _twice_the_query_means_twice_the_score),
    ),
    battery=BATTERY,
    stages=scores_by_stages,
    mistakes=(
        Mistake("no-scale", changes={"divisor": lambda q, k: 1.0},
                cause="The dot products are not divided by anything.",
                experiment="Measure `scores.var()` for random q and k of width 64: is it near 1 or near 64?"),
        Mistake("divided-by-width", changes={"divisor": lambda q, k: q.shape[-1]},
                cause="The dot products are divided by d_k, not by its square root.",
                experiment="Measure `scores.var()` for random q and k of width 64: is it near 1 or near 1/64?"),
        Mistake("multiplied-by-the-root", changes={"divisor": lambda q, k: q.shape[-1] ** -0.5},
                cause="The scores end up multiplied by sqrt(d_k): a root is inverted and then divided by.",
                experiment="Compute 12 / 4 ** -0.5 and 12 * 4 ** -0.5 and compare."),
        Mistake("root-of-s", changes={"divisor": lambda q, k: math.sqrt(k.shape[-2])},
                cause="The root is taken of S, the number of keys, in place of their width.",
                experiment="Give it the same key twice: the score of the first key should not change."),
        Mistake("root-of-t", changes={"divisor": lambda q, k: math.sqrt(q.shape[-2])},
                cause="The root is taken of T, the number of queries, in place of their width.",
                experiment="Take one query away: the scores of the others should not change."),
        Mistake("root-of-len", changes={"divisor": lambda q, k: math.sqrt(len(k))},
                cause="`len(k)` is the size of the first axis, which is the batch when there is one.",
                experiment="Print `len(k)` and `k.shape[-1]` for a batch of 2."),
        Mistake("root-of-axis-1", changes={"divisor": lambda q, k: math.sqrt(q.shape[1])},
                cause="The width is read from axis 1, which is the width only as long as there is no batch.",
                experiment="Print `q.shape[1]` and `q.shape[-1]` for a batch of 2."),
        Mistake("root-of-axis-1-of-k", changes={"divisor": lambda q, k: math.sqrt(k.shape[1])},
                cause="The root is taken of axis 1 of k, which is the width only as long as there is no batch.",
                experiment="Print `k.shape[1]` and `k.shape[-1]` for a batch of 2."),
        Mistake("whole-root", changes={"divisor": lambda q, k: math.isqrt(q.shape[-1])},
                cause="The root is cut to a whole number.",
                experiment="Compute the root of 6 as your code does, and with `math.sqrt(6)`."),
        Mistake("divided-twice", changes={"divisor": lambda q, k: q.shape[-1] ** 1.5},
                cause="The scores are divided once by d_k and once more by its root.",
                experiment="Count the divisions: how often does a factor made of d_k occur?"),
        Mistake("keys-not-turned", changes={"turn": lambda k: k},
                cause="The keys are not transposed, so rows of q meet columns of k.",
                experiment="Print `q.shape` and `k.shape`: which axes have to meet in `@`?"),
        Mistake("all-axes-turned", changes={"turn": lambda k: k.permute(*range(k.ndim)[::-1])},
                cause="`.T` turns all axes round, the batch included.",
                experiment="Print `k.T.shape` for a batch of 2; only the last two axes should change places."),
        Mistake("first-axes-turned", changes={"turn": lambda k: k.transpose(0, 1)},
                cause="`transpose(0, 1)` counts axes from the front, where the batch stands.",
                experiment="Print `k.transpose(0, 1).shape` for k of shape (2, 5, 4)."),
        Mistake("keys-in-rows", changes={"finish": lambda scores: scores.transpose(-2, -1)},
                cause="The table lies on its side: rows are keys and columns are queries.",
                experiment="Print the shape for 3 queries and 5 keys: it should end in (3, 5)."),
        Mistake("whole-numbers", changes={"finish": lambda scores: scores.floor()},
                cause="The division `//` rounds every score down to a whole number.",
                experiment="Print `torch.tensor(5.0) // 2` and `torch.tensor(5.0) / 2`."),
        Mistake("softmax-already", changes={"finish": lambda scores: scores.softmax(dim=-1)},
                cause="These are weights already: a softmax has been applied to the scores.",
                experiment="Sum a row. Scores may sum to anything, weights sum to 1."),
        Mistake("first-item-only", changes={"finish": lambda scores: scores[0] if scores.ndim > 2 else scores},
                cause="Only the first item of the batch comes back.",
                experiment="Print the shape of your result for a batch of 2."),
        Mistake("no-loop-over-queries", changes={"finish": lambda scores: scores[..., :1, :]},
                cause="Only the first query gets a row: the loop over the queries ends too early or is missing.",
                experiment="Check where your `return` stands, and print the shape for 3 queries."),
        Mistake("cosines", function=_cosines,
                cause="These are cosines: the dot products are divided by the lengths of the vectors.",
                experiment="Double the query: a dot product doubles, a cosine does not."),
        Mistake("distances", function=_distances,
                cause="These are distances between queries and keys; dot products are asked for.",
                experiment="Compare a query with itself: a distance is 0, a dot product is not."),
        Mistake("batch-added-up", function=_batch_added_up,
                cause="The items of the batch are added into one table.",
                experiment="Print the shape of your result for a batch of 2: where is the 2?"),
        Mistake("three-axes-unpacked", function=_three_axes_unpacked,
                cause="The shape is unpacked into exactly three names.",
                experiment="Read sizes from the back: `q.shape[-1]`, `q.shape[-2]`."),
        Mistake("three-axes-only", function=_einsum_of_three_axes,
                cause="The pattern names a batch axis, so tensors without one, or with two, do not fit.",
                experiment='Write `...` in place of `b` in the pattern, or use `@` with `transpose(-2, -1)`.'),
        Mistake("in-place", function=lambda q, k: q.div_(math.sqrt(q.shape[-1])) @ k.transpose(-2, -1),
                cause="The queries of the caller are divided in place, so they are smaller the next time.",
                experiment="Call it twice with the same q and compare the two results."),
    ),
    equivalents=(
        Equivalent("loops", _by_loop),
        Equivalent("einsum", _einsum),
        Equivalent("queries-scaled-first", lambda q, k: (q / q.shape[-1] ** 0.5) @ k.mT),
        Equivalent("half-of-the-scale-each", lambda q, k: (
            q * q.shape[-1] ** -0.25) @ (k * k.shape[-1] ** -0.25).swapaxes(-1, -2)),
        Equivalent("broadcast", lambda q, k: (q.unsqueeze(-2) * k.unsqueeze(-3)).sum(-1) / math.sqrt(k.shape[-1])),
        Equivalent("root-as-tensor", lambda q, k: q @ k.transpose(-1, -2) / tensor(float(k.shape[-1])).sqrt()),
    ),
    hints=(
        "In `q @ ...` the last axis of q meets the second last of what follows. Which two axes of k change places?",
        "`k.transpose(-2, -1)` swaps the last two axes whatever stands before them. "
        "The width is `q.shape[-1]`, whatever stands before it.",
        "`return q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])`.",
    ),
    minutes=6,
)

EXERCISES = (SCALED_SCORES,)
