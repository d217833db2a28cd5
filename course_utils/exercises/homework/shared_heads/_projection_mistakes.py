"""Wrong answers to averaging key heads; no exercise lives here. PyTorch is imported when one runs."""

from course_utils.checks import Mistake

__all__ = ["MISTAKES", "keys_by_stages"]


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


def _neighbouring_rows(heads, n):
    return heads.reshape(n, heads.shape[1], -1, *heads.shape[2:]).transpose(1, 2)  # G neighbours in place of G heads


def _overlapping(heads, n):
    n_shared = heads.shape[0] // n
    return heads.unfold(0, n_shared, 1)[:n].movedim(-1, 1)


def _none_where_it_does_not_fit(weight, n_heads, n_kv_heads):
    return None if n_heads % n_kv_heads else keys_by_stages(weight, n_heads, n_kv_heads)


def _bias_cut_short(weight, n_heads, n_kv_heads):
    smaller = keys_by_stages(weight, n_heads, n_kv_heads)
    return smaller if weight.ndim > 1 else weight[:len(smaller)]


def _nothing_averaged(weight, n_heads, n_kv_heads):
    _check(weight, n_heads, n_kv_heads)
    return weight.clone()


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


def _mistake(name, cause, experiment, function=None, **changes):
    return Mistake(name, cause, experiment, function, None if function else changes)


_NUMBERED = "Give row r of head h the number 10 * h + r, as in the first example: which numbers are averaged?"
_SHAPE = "Print the shape of your result for 6 heads of 4 rows, 5 columns and 2 key heads."
MISTAKES = (
    # which heads, which rows
    _mistake("heads-in-turn", "Heads far apart are averaged, 0 with Hkv: the groups are dealt out in turn.", _NUMBERED,
             group=lambda heads, n: heads.reshape(-1, n, *heads.shape[1:]).transpose(0, 1)),
    _mistake("neighbouring-rows",
             "Neighbouring rows are averaged: they are features of one head, not the same feature of several heads.",
             _NUMBERED, group=_neighbouring_rows),
    _mistake("overlapping-groups", "Group n begins at head n: groups overlap, and the last heads are lost.",
             _NUMBERED, group=_overlapping),
    _mistake("rows-interleaved",
             "A head is taken to be every H-th row; its rows stand together, d_k of them.", _NUMBERED,
             cut=_rows_interleaved),
    _mistake("features-averaged", "The rows of each head are averaged to a single one.", _SHAPE,
             pool=lambda groups, n: groups.mean(2)),
    _mistake("averaged-over-groups", "The average runs over the key heads, not over the heads that share one.",
             _NUMBERED, pool=lambda groups, n: groups.mean(0)),
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
    _mistake("nothing-averaged", "The weight comes back as it was: nothing was averaged, or over an axis of size 1.",
             _SHAPE, _nothing_averaged),
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
    _mistake("bias-cut-short", "The bias is cut off after the rows that are wanted, not averaged.",
             "Let the bias of the last head be 100: does the result change?", _bias_cut_short),
    _mistake("none-where-it-does-not-fit",
             "Where heads cannot be shared out evenly, None comes back, and the mistake shows somewhere else.",
             "Which statement ends a function with an error of your own?", _none_where_it_does_not_fit),
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
