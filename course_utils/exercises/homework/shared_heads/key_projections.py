"""Third exercise of assignment 3: make a projection for few key heads of a trained one for many."""

from course_utils.checks import Broken, Case, Equivalent, Exercise, Mistake, Part, Probe, Returns, Stopped
from course_utils.exercises._shared import draw, rounded, tensor

PARTS = (
    Part("heads averaged in groups", 3),
    Part("a single key head, and all of them", 1),
    Part("a bias, and numbers that do not fit", 1, visible=False),
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
    first, second = (1 + (seed + i) % 2**31 for i in range(2))
    return (Case((_weight(n_heads, d_k, d_model, seed=first), n_heads, n_kv_heads), note="sizes drawn for you"),
            Case((draw((n_heads * d_k,), seed=second)[0], n_heads, n_kv_heads), note="a bias drawn for you",
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
            result = call(weight, n_heads, n_kv_heads)
        except Stopped:
            continue
        return Broken("heads that cannot be shared out evenly should end in an error, not in a result",
                      f"{n_heads} heads for {n_kv_heads} key heads: got a result of shape {tuple(result.shape)}")


# --- wrong answers ---


def _check(weight, n_heads, n_kv_heads):
    if n_heads % n_kv_heads or weight.shape[0] % n_heads:
        raise ValueError("the heads should fit")


def _cut(weight, n_heads):
    return weight.reshape(n_heads, -1, *weight.shape[1:])  # (H, d_k, d_model)


def _grouped(heads, n_kv_heads):
    return heads.reshape(n_kv_heads, -1, *heads.shape[1:])  # (Hkv, G, d_k, d_model)


def keys_by_stages(weight, n_heads, n_kv_heads, *, check=_check, turn=lambda weight: weight, cut=_cut, group=_grouped,
                   pool=lambda groups, n: groups.mean(1), merge=lambda heads: heads.flatten(0, 1),
                   give=lambda weight: weight):
    """Average heads in groups, in stages that can be replaced one by one."""
    check(weight, n_heads, n_kv_heads)
    heads = cut(turn(weight), n_heads)
    return give(merge(pool(group(heads, n_kv_heads), n_kv_heads)))


def _rows_interleaved(weight, n_heads):
    return weight.reshape(-1, n_heads, *weight.shape[1:]).transpose(0, 1)


def _neighbouring_rows(weight, n_heads, n_kv_heads):
    _check(weight, n_heads, n_kv_heads)
    return weight.reshape(-1, n_heads // n_kv_heads, *weight.shape[1:]).mean(1)


def _columns_averaged(weight, n_heads, n_kv_heads):
    _check(weight, n_heads, n_kv_heads)
    return weight.reshape(weight.shape[0], n_kv_heads, n_heads // n_kv_heads, -1).mean(2).flatten(1)


def _everywhere_the_same(groups, n):
    return groups.mean((0, 1)).expand(n, *groups.shape[2:])


def _number_taken_for_size(heads, n_kv_heads):
    return heads.reshape(-1, n_kv_heads, *heads.shape[1:])


def _width_from_the_columns(weight, n_heads):
    return weight.reshape(n_heads, weight.shape[-1] // n_heads, *weight.shape[1:])


def _flattened_by_reshape(heads):
    return heads.reshape(heads.shape[0] * heads.shape[1], -1)


def _rest_dropped(weight, n_heads, n_kv_heads):
    import torch

    d_k, n_shared = weight.shape[0] // n_heads, n_heads // n_kv_heads
    rows = []
    for n in range(n_kv_heads):
        heads = [weight[h * d_k:(h + 1) * d_k] for h in range(n * n_shared, (n + 1) * n_shared)]
        rows.append(torch.stack(heads).mean(0))
    return torch.cat(rows)


def _heads_stretched(weight, n_heads, n_kv_heads):
    return weight.reshape(n_kv_heads, n_heads // n_kv_heads, -1, *weight.shape[1:]).mean(1).flatten(0, 1)


def _columns_invented(weight, n_heads, n_kv_heads):
    d_k = weight.shape[0] // n_heads
    heads = weight.reshape(n_kv_heads, n_heads // n_kv_heads, d_k, -1).mean(1).flatten(0, 1)
    return heads if weight.ndim > 1 else heads[:, 0]


def _two_axes_wanted(weight, n_heads, n_kv_heads):
    _check(weight, n_heads, n_kv_heads)
    d_k, d_model = weight.shape[0] // n_heads, weight.shape[1]
    return weight.reshape(n_kv_heads, n_heads // n_kv_heads, d_k, d_model).mean(1).reshape(-1, d_model)


def _heads_returned(weight, n_heads, n_kv_heads):
    groups = _grouped(_cut(weight, n_heads), n_kv_heads)
    return groups.mean(1, keepdim=True).expand_as(groups).flatten(0, 2)


def _in_place(weight, n_heads, n_kv_heads):
    _check(weight, n_heads, n_kv_heads)
    weight /= n_heads // n_kv_heads
    return _grouped(_cut(weight, n_heads), n_kv_heads).sum(1).flatten(0, 1)


def _only_first_group(weight, n_heads, n_kv_heads):
    return _grouped(_cut(weight, n_heads), n_kv_heads)[0].mean(0)


def _features_averaged(weight, n_heads, n_kv_heads):
    return _cut(weight, n_heads).mean(1)


def _mistake(name, cause, experiment, function=None, **changes):
    return Mistake(name, cause, experiment, function, None if function else changes)


_NUMBERED = "Give row r of head h the number 10 * h + r, as in the first example: which numbers are averaged?"
_SHAPE = "Print the shape of your result for 6 heads of 4 rows, 5 columns and 2 key heads."
_MISTAKES = (
    # which heads, which rows
    _mistake("heads-in-turn", "Heads far apart are averaged, 0 with Hkv: the groups are dealt out in turn.", _NUMBERED,
             group=lambda heads, n: heads.reshape(-1, n, *heads.shape[1:]).transpose(0, 1)),
    _mistake("neighbouring-rows",
             "Neighbouring rows are averaged: they are features of one head, not the same feature of several heads.",
             _NUMBERED, _neighbouring_rows),
    _mistake("rows-interleaved",
             "A head is taken to be every H-th row; its rows stand together, d_k of them.", _NUMBERED,
             cut=_rows_interleaved),
    _mistake("features-averaged", "The rows of each head are averaged to a single one.", _SHAPE, _features_averaged),
    _mistake("columns-averaged",
             "The columns are averaged: but nn.Linear stores (out, in), and heads lie along the first axis.", _SHAPE,
             _columns_averaged),
    _mistake("number-taken-for-size", "There are Hkv heads to a group; there should be Hkv groups.", _SHAPE,
             group=_number_taken_for_size),
    _mistake("key-heads-in-turn",
             "The new heads are right, but their rows are mixed: the first row of each, then the second.", _NUMBERED,
             merge=lambda heads: heads.transpose(0, 1).flatten(0, 1)),
    _mistake("groups-reversed", "The last group stands first in the result.", _NUMBERED,
             merge=lambda heads: heads.flip(0).flatten(0, 1)),
    _mistake("heads-within-reversed", "The rows of each new head stand in reversed order.", _NUMBERED,
             merge=lambda heads: heads.flip(1).flatten(0, 1)),
    _mistake("first-group-only", "The result holds the first group only.", _SHAPE, _only_first_group),
    # what is made of a group
    _mistake("added-up", "The heads of a group are added up, not averaged.",
             "Let all heads be equal: is the result that head?", pool=lambda groups, n: groups.sum(1)),
    _mistake("divided-by-key-heads", "The sum of a group is divided by the number of key heads.",
             "Let all heads be equal: is the result that head?", pool=lambda groups, n: groups.sum(1) / n),
    _mistake("divided-by-all-heads", "The sum of a group is divided by the number of all heads.",
             "Let all heads be equal: is the result that head?",
             pool=lambda groups, n: groups.sum(1) / (groups.shape[0] * groups.shape[1])),
    _mistake("divided-by-the-root", "The sum of a group is divided by the square root of its size.",
             "Let all heads be equal: is the result that head?",
             pool=lambda groups, n: groups.sum(1) / groups.shape[1] ** 0.5),
    _mistake("first-of-the-group", "Only the first head of each group is kept.",
             "Change the second head: does the result change?", pool=lambda groups, n: groups[:, 0]),
    _mistake("last-of-the-group", "Only the last head of each group is kept.",
             "Change the first head: does the result change?", pool=lambda groups, n: groups[:, -1]),
    _mistake("first-heads-kept", "The first Hkv heads are kept as they are, and the others dropped.",
             "Change the last head: does the result change?",
             group=lambda heads, n: heads[:n][:, None]),
    _mistake("largest-of-the-group", "The largest number of a group is kept in place of the average.", _NUMBERED,
             pool=lambda groups, n: groups.amax(1)),
    _mistake("median-of-the-group", "The median of a group is kept in place of the average.",
             "Let two heads be 0 and the third 3: what should come out?",
             pool=lambda groups, n: groups.median(1).values),
    _mistake("same-for-all", "All heads are averaged, and every key head is the same.",
             "Change head 0: which rows of the result change?", pool=_everywhere_the_same),
    # the shape
    _mistake("not-fewer", "The averages are repeated for every head, so nothing has become smaller.", _SHAPE,
             _heads_returned),
    _mistake("heads-left-apart", "The result has an axis of heads; nn.Linear wants two axes.", _SHAPE,
             merge=lambda heads: heads),
    _mistake("transposed", "The result is turned round, (in, out); nn.Linear stores (out, in).", _SHAPE,
             give=lambda weight: weight.T),
    _mistake("turned-first", "The weight is transposed before it is cut, so heads are cut out of the inputs.",
             "Which axis of nn.Linear's weight belongs to the outputs?", turn=lambda weight: weight.T),
    _mistake("width-from-the-columns",
             "The width of a head is taken from the columns, which are the inputs; the heads lie in the rows.",
             "What is d_k for a weight of shape (24, 5) with 6 heads?", cut=_width_from_the_columns),
    _mistake("bias-becomes-a-column", "A bias comes back with a second axis of size 1.",
             "Give a bias of shape (24,): what is the shape of the result?", merge=_flattened_by_reshape),
    _mistake("two-axes-wanted", "A bias has one axis, and your function asks for the size of a second.",
             "Give a bias of shape (24,): which line stops?", _two_axes_wanted),
    _mistake("rest-dropped", "Heads that cannot be shared out evenly are dropped without a word.",
             "Give 6 heads and 4 key heads: which heads does the result hold?", _rest_dropped),
    _mistake("heads-stretched",
             "Where heads cannot be shared out evenly, wider ones are cut, and no error says so.",
             "Give 6 heads of 2 rows and 4 key heads: how many rows has a head of the result?", _heads_stretched),
    _mistake("columns-invented",
             "Where heads cannot be shared out evenly, `-1` makes the numbers fit by another count of columns.",
             "Give 4 heads, 3 key heads and a weight of shape (12, 3): how many columns come back?",
             _columns_invented),
    _mistake("written-into-weight", "The division is done in place, which changes the weight of the caller.",
             "Print the weight before and after the call.", _in_place),
)


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
    mistakes=_MISTAKES,
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
