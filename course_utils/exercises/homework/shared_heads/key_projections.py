"""Third exercise of assignment 3: make a projection for few key heads of a trained one for many."""

from course_utils.checks import Broken, Case, Equivalent, Exercise, Part, Probe, Returns, Stopped
from course_utils.exercises.battery import Battery, reasons
from course_utils.exercises.families.shared import draw, rounded, tensor
from course_utils.exercises.homework.shared_heads._projection_mistakes import MISTAKES, keys_by_stages

PARTS = (
    Part("heads averaged in groups", 3),
    Part("a single key head, and all of them", 1),
    Part("other inputs", 1, visible=False),
)
_ENDS, _HIDDEN = (part.name for part in PARTS[1:])


def keys_from_heads(weight, n_heads, n_kv_heads):
    """Average the rows of the heads of each group."""
    if n_heads % n_kv_heads or weight.shape[0] % n_heads:
        raise ValueError(f"n_heads should be a multiple of n_kv_heads={n_kv_heads} and divide the "
                         f"{weight.shape[0]} rows, got {n_heads}")
    d_k = weight.shape[0] // n_heads
    return weight.reshape(n_kv_heads, -1, d_k, *weight.shape[1:]).mean(1).flatten(0, 1)


def _weight(n_heads, d_k, d_model, *, seed, dtype="float32"):
    return draw((n_heads * d_k, d_model), seed=seed, dtype=dtype)[0]


def _cases():
    return (
        Case((tensor([[0.0], [1.0], [10.0], [11.0], [20.0], [21.0], [30.0], [31.0]]), 4, 2),
             note="4 heads of 2 rows become 2"),
        Case((_weight(6, 4, 5, seed=71), 6, 2), note="6 heads of 4 rows become 2"),
        Case((_weight(6, 2, 12, seed=72), 6, 3), note="6 heads of 2 rows become 3, a square weight"),
        Case((_weight(12, 5, 7, seed=73), 12, 4), note="12 heads of 5 rows become 4"),
        Case((_weight(4, 2, 3, seed=74), 4, 2), note="4 heads of 2 rows become 2 of 2"),
        Case((_weight(5, 3, 8, seed=75), 5, 1), note="a single key head", part=_ENDS),
        Case((_weight(3, 4, 5, seed=76), 3, 3), note="as many key heads as before", part=_ENDS),
        Case((draw((24,), seed=77)[0], 6, 2), note="a bias", part=_HIDDEN),
        Case((_weight(6, 3, 4, seed=78, dtype="float64"), 6, 2), note="float64", part=_HIDDEN),
        Case((_weight(6, 1, 4, seed=79), 6, 2), note="heads of width 1", part=_HIDDEN),
    )


def _drawn(seed):
    import random

    choose = random.Random(seed)
    n_kv_heads, n_shared, d_k, d_model = (choose.randint(2, 4), choose.randint(2, 4), choose.randint(2, 5),
                                          choose.randint(3, 9))
    n_heads = n_kv_heads * n_shared
    return (Case((_weight(n_heads, d_k, d_model, seed=seed), n_heads, n_kv_heads), note="sizes drawn for you"),
            Case((_weight(n_heads, d_k, d_model, seed=seed + 1), n_heads, 1), note="a single key head, drawn for you",
                 part=_ENDS),
            Case((draw((n_heads * d_k,), seed=seed + 2)[0], n_heads, n_kv_heads), note="a bias drawn for you",
                 part=_HIDDEN))


# --- properties ---


def _the_shape(call):
    got = tuple(call(_weight(6, 4, 5, seed=81), 6, 2).shape)
    if got != (8, 5):
        return Broken("the result should have d_k rows for each key head, and as many columns as before",
                      f"6 heads of 4 rows, 5 columns, 2 key heads: wanted the shape (8, 5), got {got}")


def _keys_are_averaged(call):
    weight = _weight(6, 4, 5, seed=82)
    x = draw((3, 5), seed=83)[0]
    old, new = (x @ weight.T).unflatten(-1, (6, 4)), (x @ call(weight, 6, 2).T).unflatten(-1, (2, 4))
    for n in range(2):
        wanted = (old[:, 3 * n] + old[:, 3 * n + 1] + old[:, 3 * n + 2]) / 3
        if not (new[:, n] - wanted).abs().max() < 1e-5:
            return Broken("a key that the new weight makes should be the average of the keys of its group",
                          f"6 heads become 2: key head {n} should give token 0 the key {rounded(wanted[0])}, "
                          f"it gives {rounded(new[0, n].detach())}")


def _a_head_moves_its_group(call):
    weight = _weight(6, 2, 3, seed=84)
    other = weight.clone()
    other[6:8] += 1.0  # head 3
    moved = (call(other, 6, 3) - call(weight, 6, 3)).abs().amax(-1)
    rows = (moved > 1e-6).nonzero().flatten().tolist()
    if rows != [2, 3]:
        return Broken("a change in one head should show in the rows of its group and in no other",
                      f"6 heads of 2 rows become 3: when head 3 changes, rows 2 and 3 should change, got {rows}")
    if not (moved[2:4] - 0.5).abs().max() < 1e-5:
        return Broken("a head should count as much as the others of its group",
                      f"2 heads to a group: when one rises by 1, its rows should rise by 0.5, "
                      f"they change by {float(moved[2]):.3f}")


def _equal_heads_lose_nothing(call):
    few = _weight(2, 3, 5, seed=85)
    many = few.unflatten(0, (2, 3)).repeat_interleave(3, dim=0).flatten(0, 1)
    got = call(many, 6, 2)
    if not (got - few).abs().max() < 1e-5:
        return Broken("where the heads of a group are equal, their average should be that same head",
                      f"the first column of the two different heads is {rounded(few[:, 0])}, "
                      f"got {rounded(got[:, 0].detach())}")


def _all_heads_kept(call):
    weight = _weight(4, 3, 2, seed=86)
    got = call(weight, 4, 4)
    if got.shape != weight.shape or not (got - weight).abs().max() < 1e-6:
        return Broken("with as many key heads as heads, nothing should change",
                      f"4 heads stay 4: the first column was {rounded(weight[:, 0])}, "
                      f"got {rounded(got.flatten(1)[:, 0].detach())}")


def _bias_and_weight_agree(call):
    weight, bias = _weight(6, 4, 5, seed=87), draw((24,), seed=88)[0]
    got = call(bias, 6, 2)
    if tuple(got.shape) != (8,):
        return Broken("a bias should come back as a bias: one number for each row",
                      f"a bias of shape (24,), 6 heads become 2: wanted the shape (8,), got {tuple(got.shape)}")
    beside = bias[:, None] + 0 * weight
    if not (call(beside, 6, 2)[:, 0] - got).abs().max() < 1e-5:
        return Broken("a bias should be averaged like a column of the weight",
                      f"the same 24 numbers give {rounded(got[:3].detach())} ... as a bias and something else as a "
                      "column")


def _refuses_what_does_not_fit(call):
    weight = _weight(6, 2, 3, seed=89)
    for n_heads, n_kv_heads in ((6, 4), (4, 3)):
        try:
            got = f"a result of shape {tuple(call(weight, n_heads, n_kv_heads).shape)}"
        except Stopped as stop:
            if stop.outcome.trouble.kind != "returned None":
                continue
            got = "None"
        return Broken("heads that cannot be shared out evenly should end in an error, not in a result",
                      f"{n_heads} heads for {n_kv_heads} key heads: got {got}")


# --- right answers in other words ---


def _by_loops(weight, n_heads, n_kv_heads):
    import torch

    if n_heads % n_kv_heads != 0 or len(weight) % n_heads != 0:
        raise ValueError("does not fit")
    d_k, n_shared = len(weight) // n_heads, n_heads // n_kv_heads
    result = torch.zeros((n_kv_heads * d_k, *weight.shape[1:]), dtype=weight.dtype)
    for h in range(n_heads):
        for r in range(d_k):
            result[h // n_shared * d_k + r] += weight[h * d_k + r] / n_shared
    return result


def _by_chunks(weight, n_heads, n_kv_heads):
    import torch

    assert n_heads % n_kv_heads == 0
    assert weight.shape[0] % n_heads == 0
    heads = torch.split(weight, weight.shape[0] // n_heads)
    n_shared = n_heads // n_kv_heads
    return torch.cat([sum(heads[n * n_shared:(n + 1) * n_shared]) / n_shared for n in range(n_kv_heads)])


def _by_matrix(weight, n_heads, n_kv_heads):
    import torch

    n_shared = n_heads // n_kv_heads
    if n_shared * n_kv_heads != n_heads or weight.shape[0] % n_heads:
        raise ValueError
    average = torch.eye(n_kv_heads, dtype=weight.dtype).repeat_interleave(n_shared, dim=1) / n_shared
    whole = torch.kron(average, torch.eye(weight.shape[0] // n_heads, dtype=weight.dtype))
    return whole @ weight


def _by_unflatten(weight, n_heads, n_kv_heads):
    if n_heads % n_kv_heads:
        raise ValueError("n_kv_heads should divide n_heads")
    return weight.unflatten(0, (n_kv_heads, n_heads // n_kv_heads, -1)).mean(dim=1).flatten(0, 1)


def _by_view(weight, n_heads, n_kv_heads):
    if n_heads % n_kv_heads:
        raise ValueError(f"{n_heads} heads cannot be shared out over {n_kv_heads}")
    group, d_k = n_heads // n_kv_heads, weight.size(0) // n_heads
    out = weight.view(n_kv_heads, group, d_k, -1).mean(1).reshape(n_kv_heads * d_k, -1)
    return out.squeeze(-1) if weight.dim() == 1 else out


def _by_slices(weight, n_heads, n_kv_heads):
    import torch

    group, d_k = n_heads // n_kv_heads, weight.shape[0] // n_heads
    heads = weight.view(n_heads, d_k, *weight.shape[1:]).view(n_kv_heads, group, d_k, *weight.shape[1:])
    return torch.cat([torch.stack([heads[n, g] for g in range(group)]).mean(0) for n in range(n_kv_heads)], dim=0)


def _by_einsum(weight, n_heads, n_kv_heads):
    import torch

    group, d_k = n_heads // n_kv_heads, weight.shape[0] // n_heads
    groups = weight.reshape(n_kv_heads, group, d_k, *weight.shape[1:])
    return torch.einsum("ngk...->nk...", groups).flatten(0, 1) / group


BATTERY = Battery(
    # As many key heads as there are items in front, each of S heads.
    sizes=lambda s: (_weight(s.S * s.items, s.d_k, s.d_model, seed=s.seed, dtype=s.dtype),
                     s.S * s.items, s.items),
    own=lambda: [("arguments by name", Case((_weight(4, 2, 3, seed=91),), {"n_heads": 4, "n_kv_heads": 2},
                                            "both numbers by name", PARTS[0].name))],
    without={**dict.fromkeys(("no batch", "one query", "T > S", "T < S", "two leading axes"),
                             "a weight has its two axes, and neither queries nor keys go in"),
             "scores": "nothing is scored", "masks": reasons.NO_MASK, "long": reasons.PLAIN["long"],
             "gradients": "a trained weight is converted once, and nothing learns through it"},
    part=_HIDDEN,
)

KEYS_FROM_HEADS = Exercise(
    name="keys_from_heads",
    title="Make few key heads of many",
    notebook="hw3_shared_heads",
    signature="keys_from_heads(weight, n_heads, n_kv_heads)",
    reference=keys_from_heads,
    arrays="torch",
    returns=(Returns("smaller", "(n_kv_heads * d_k, ...)"),),
    cases=_cases,
    drawn=_drawn,
    battery=BATTERY,
    probes=(
        Probe("there are d_k rows for each key head", _the_shape),
        Probe("the new keys are averages of the old ones", _keys_are_averaged),
        Probe("a head counts in its group and in no other", _a_head_moves_its_group),
        Probe("equal heads lose nothing", _equal_heads_lose_nothing),
        Probe("as many key heads as heads: nothing changes", _all_heads_kept, _ENDS),
        Probe("a bias is treated like a column", _bias_and_weight_agree, _HIDDEN),
        Probe("what does not fit is refused", _refuses_what_does_not_fit, _HIDDEN),
    ),
    stages=keys_by_stages,
    mistakes=MISTAKES,
    equivalents=(
        Equivalent("loops", _by_loops),
        Equivalent("split-and-cat", _by_chunks),
        Equivalent("averaging-matrix", _by_matrix),
        Equivalent("unflatten", _by_unflatten),
        Equivalent("view-and-squeeze", _by_view),
        Equivalent("slices", _by_slices),
        Equivalent("einsum", _by_einsum),
    ),
    hints=(
        "Row h * d_k + r of the weight makes feature r of head h. Which rows have to be averaged to make feature 0 of "
        "key head 0, if three heads share it?",
        "Cut the first axis in three: key head, head within its group, feature. Then average over the middle one, and "
        "put the other two together again. Leave all further axes as they are, so that a bias works as well.",
        "`weight.unflatten(0, (n_kv_heads, n_heads // n_kv_heads, -1)).mean(1).flatten(0, 1)`; `unflatten` refuses "
        "what does not fit, except heads that are no multiple: check that first.",
    ),
    minutes=20,
    points=5,
    credit=PARTS,
)

EXERCISES = (KEYS_FROM_HEADS,)
