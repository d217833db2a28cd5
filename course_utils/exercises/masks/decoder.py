"""Exercise of notebook 05: the future and the padding hidden at once, wherever the padding stands."""

from course_utils.attention import causal_mask
from course_utils.checks import Broken, Case, Equivalent, Exercise, Mistake, Probe, Returns
from course_utils.exercises.battery import Battery, reasons
from course_utils.exercises.families.hiding import additive_mistake


def decoder_mask(real):
    """Hide what comes later and what is padding.

    Parameters
    ----------
    real : boolean Tensor, shape (B, S)
        True on real tokens.

    Returns
    -------
    boolean Tensor, shape (B, 1, S, S)
        True where key j is real and does not come after query i.

    Examples
    --------
    >>> import torch
    >>> decoder_mask(torch.tensor([[False, True, True]]))[0, 0].int().tolist()
    [[0, 0, 0], [0, 1, 0], [0, 1, 1]]
    """
    return causal_mask(real.shape[-1]) & real[:, None, None, :]


def _real(*rows):
    import torch

    return torch.tensor([[letter == "x" for letter in row] for row in rows])


def _cases():
    return [Case((_real(*rows),), note=note) for rows, note in (
        (["-xx"], "one place of padding in front"),
        (["xx-", "xxx"], "padding after"),
    )]


def _causal(S):
    import torch

    return torch.ones(S, S, dtype=torch.bool).tril()


def decoder_by_stages(real, *, sight=_causal, keys=lambda real: real[:, None, None, :],
                      join=lambda causal, keys: causal & keys, finish=lambda mask: mask):
    """Build the mask of a decoder in stages that can be replaced one by one."""
    return finish(join(sight(real.shape[-1]), keys(real)))


def _square(keys):
    return keys.expand(*keys.shape[:-2], keys.shape[-1], keys.shape[-1])


def _as_behind(real):
    import torch

    return (torch.arange(real.shape[-1]) < real.sum(-1, keepdim=True))[:, None, None, :]


def _as_in_front(real):
    import torch

    S = real.shape[-1]
    return (torch.arange(S) >= S - real.sum(-1, keepdim=True))[:, None, None, :]


def _own_place_kept(mask):
    import torch

    return mask | torch.eye(mask.shape[-1], dtype=torch.bool)


def _python_and(real):
    return _causal(real.shape[-1]) and real[:, None, None, :]


def _without_axes(real):
    return _causal(real.shape[-1]) & real


# --- properties ---


def _shape_and_kind(call):
    mask = call(_real("-xx", "xx-"))
    if tuple(mask.shape) != (2, 1, 3, 3):
        return Broken("2 sentences of 3 places should give a mask of shape (2, 1, 3, 3)", f"got {tuple(mask.shape)}")
    if str(mask.dtype) != "torch.bool":
        return Broken("a mask should hold True and False", f"wanted torch.bool, got {mask.dtype}")


def _padding_is_seen_by_nobody(call):
    mask = call(_real("-xxx", "xx-x"))
    for b, j in ((0, 0), (1, 2)):
        if mask[b, 0, :, j].any():
            i = int(mask[b, 0, :, j].int().argmax())
            return Broken("no query should see a key that is padding",
                          f"sentence {b} has padding in place {j}, and query {i} sees it")


def _future_is_hidden(call):
    mask = call(_real("-xxxx", "xxxx-"))
    for b in range(2):
        for i in range(5):
            if mask[b, 0, i, i + 1:].any():
                return Broken("no query should see a key that comes after it",
                              f"sentence {b}, query {i}: {mask[b, 0, i].int().tolist()}")


def _real_past_is_seen(call):
    mask, rows = call(_real("-xxx", "xx-x")), ((0, 3, [0, 1, 1, 1]), (1, 3, [1, 1, 0, 1]), (0, 1, [0, 1, 0, 0]))
    for b, i, wanted in rows:
        if mask[b, 0, i].int().tolist() != wanted:
            return Broken("a query should see itself and every real key before it",
                          f"sentence {b}, query {i}: wanted {wanted}, got {mask[b, 0, i].int().tolist()}")


def _rows_of_padding_follow_the_rule(call):
    mask = call(_real("x-x", "-xx"))
    for b, i, wanted in ((0, 1, [1, 0, 0]), (1, 0, [0, 0, 0])):
        if mask[b, 0, i].int().tolist() != wanted:
            return Broken("the row of a padding query should follow the same rule as every row",
                          f"sentence {b}, query {i} (padding): wanted {wanted}, got {mask[b, 0, i].int().tolist()}")


# --- right answers in other words ---


def _by_loops(real):
    import torch

    B, S = real.shape
    mask = torch.zeros(B, 1, S, S, dtype=torch.bool)
    for b in range(B):
        for i in range(S):
            for j in range(S):
                mask[b, 0, i, j] = j <= i and bool(real[b, j])
    return mask


def _by_lower_triangle(real):
    return real[:, None, None, :].expand(-1, 1, real.shape[1], -1).tril()


def _by_multiplication(real):
    import torch

    S = real.shape[1]
    return (torch.tril(torch.ones(S, S)) * real.unsqueeze(1).unsqueeze(1)) > 0


def _by_filling(real):
    import torch

    S = real.shape[1]
    later = torch.triu(torch.ones(S, S), 1).bool()
    return real.view(-1, 1, 1, S).repeat(1, 1, S, 1).masked_fill(later, False)


def _by_hidden_ones(real):
    import torch

    place = torch.arange(real.shape[1])
    hidden = (place[None, :] > place[:, None]) | ~real[:, None, None, :]
    return ~hidden


def _item_by_item(real):
    import torch

    S = real.shape[1]
    return torch.stack([torch.logical_and(torch.ones(S, S).tril().bool(), row)[None] for row in real])


def _mistake(name, cause, experiment, function=None, **changes):
    return Mistake(name, cause, experiment, function, None if function else changes)


BATTERY = Battery(
    own=lambda: [(regime, Case((_real(*rows),), note=note)) for regime, rows, note in (
        ("one query, masked", ["x", "-"], "a single place, real and not"),
        ("item 0 unpadded", ["xxx", "-xx", "xx-"], "padding in the second sentence and the third"),
        ("all sizes distinct", ["--xxx", "xxxxx", "----x"], "padding in front, three sentences"),
        ("left padding", ["--xxx", "-xxxx"], "padding in front, two sentences"),
        ("all sizes equal", ["x-x-", "-xx-", "xx--", "--xx"], "padding anywhere, four sentences of four places"),
        ("holes", ["x-xx-x"], "holes"),
        ("one item", ["xxxx"], "no padding"),
        ("no key", ["---", "xx-"], "a sentence of nothing but padding"),
        ("a single key", ["--x"], "one real token"),
        ("many places", ["-" * 4 + "x" * 200], "204 places"))],
    without={**reasons.OWN_TOKENS, **reasons.ONE_BATCH, "one query": "it has a mask here", "scores": reasons.MASK_OUT,
             **dict.fromkeys(("a mask for each head", "hidden far above", "hidden in the millions",
                              "hidden far above, gradients", "float64", "gradients"), reasons.MASK_OUT),
             "names": reasons.PLAIN["names"]},
)

DECODER_MASK = Exercise(
    name="decoder_mask",
    title="Hide the future and the padding at once",
    notebook="05_masks",
    signature="decoder_mask(real)",
    reference=decoder_mask,
    arrays="torch",
    returns=(Returns("mask", "(B, 1, S, S)"),),
    cases=_cases,
    probes=(
        Probe("the shape is (B, 1, S, S) and the kind boolean", _shape_and_kind),
        Probe("padding is seen by nobody", _padding_is_seen_by_nobody),
        Probe("no query sees a later key", _future_is_hidden),
        Probe("the real past is seen", _real_past_is_seen),
        Probe("rows of padding follow the rule too", _rows_of_padding_follow_the_rule),
    ),
    battery=BATTERY,
    stages=decoder_by_stages,
    mistakes=(
        _mistake("or", "The two masks are joined by or, so a key is visible when one of them allows it.",
                 "May a query see a real key of the future? Work out `True | False`.", join=lambda a, b: a | b),
        _mistake("where-they-agree", "True stands where both masks agree, also where both say no.",
                 "Look at a later key that is padding: both masks hide it.", join=lambda a, b: a == b),
        _mistake("causal-only", "The padding is not hidden: only the causal mask has an effect.",
                 "Print the mask of a sentence that begins with padding.",
                 join=lambda a, b: a.expand(*b.shape[:-2], *a.shape)),
        _mistake("padding-only", "The future is not hidden: only the padding has an effect.",
                 "Print the row of query 0 in a sentence without padding.", join=lambda a, b: _square(b)),
        _mistake("added-up", "The two masks are added as numbers: 0, 1 and 2 are no True and False.",
                 "Print the dtype of your mask.", join=lambda a, b: a.int() + b.int()),
        _mistake("python-and", "Python's `and` asks whether a whole table is True; it does not compare cell by cell.",
                 "Try `torch.tensor([True, False]) and torch.tensor([True, True])`.", _python_and),
        _mistake("without-axes", "The rows of `real` meet the rows of the causal mask, sentence by query.",
                 "Print the shapes of both tables: which axis of `real` holds the keys?", _without_axes),
        _mistake("on-the-queries", "The padding is hidden as a query, and stays visible as a key.",
                 "Look at the column of a padding token: who sees it?", keys=lambda real: real[:, None, :, None]),
        _mistake("queries-and-keys", "Rows of padding are emptied too; only keys were to be hidden.",
                 "Look at the row of a padding token that comes after real ones.",
                 keys=lambda real: real[:, None, None, :] & real[:, None, :, None]),
        _mistake("padding-shown", "The padding is visible and the real tokens are hidden: real is turned round.",
                 "What does `real` hold in a place with a real token?", keys=lambda real: ~real[:, None, None, :]),
        _mistake("taken-as-behind", "Only the number of real tokens is used, as if they always stood in front.",
                 "Try a sentence with padding in front.", keys=_as_behind),
        _mistake("taken-as-in-front", "Only the number of real tokens is used, as if they always stood at the end.",
                 "Try a sentence with padding after it.", keys=_as_in_front),
        _mistake("first-sentence-for-all", "The padding of the first sentence is used for all.",
                 "Print the masks of two sentences with different padding.",
                 keys=lambda real: real[:1, None, None, :].expand(len(real), 1, 1, -1)),
        _mistake("triangles-swapped", "The wrong triangle is hidden: each query sees itself and the future.",
                 "Read the row of query 0 in a sentence without padding.", sight=lambda S: _causal(S).T),
        _mistake("leak-by-one", "Each query sees one key too many, the very token that comes next.",
                 "Read the row of query 0 in a sentence without padding.",
                 sight=lambda S: _causal(S) | _causal(S).roll(1, dims=1).tril(1)),
        _mistake("own-place-hidden", "The diagonal is hidden, so a token does not see itself.",
                 "Read the row of query 0 in a sentence without padding.", sight=lambda S: _causal(S).tril(-1)),
        _mistake("opposite-polarity", "True stands where a key is hidden; in this course True means: may attend.",
                 "Does a real token see itself in your mask?", finish=lambda mask: ~mask),
        _mistake("own-place-kept", "Every token sees itself, padding too, so a query may look at a padding key.",
                 "Read the row of a padding token in front of a sentence.", finish=_own_place_kept),
        _mistake("empty-rows-opened", "A query without keys is shown every key, padding and future included.",
                 "Read row 0 of a sentence that begins with padding.",
                 finish=lambda mask: mask | ~mask.any(-1, keepdim=True)),
        _mistake("no-axis-for-heads", "The shape is (B, S, S): the axis for the heads is missing.",
                 "Print `mask.shape`.", finish=lambda mask: mask[:, 0]),
        _mistake("numbers", "The mask holds numbers where True and False are asked for.",
                 "Print `mask.dtype`.", finish=lambda mask: mask.float()),
        additive_mistake(lambda kind: lambda real: decoder_by_stages(real, finish=kind)),
        _mistake("last-row-only", "Only the row of the last query is returned.",
                 "Print `mask.shape`.", finish=lambda mask: mask[..., -1:, :]),
    ),
    equivalents=(
        Equivalent("loops", _by_loops),
        Equivalent("lower-triangle", _by_lower_triangle),
        Equivalent("multiplication", _by_multiplication),
        Equivalent("filled", _by_filling),
        Equivalent("hidden-ones-joined", _by_hidden_ones),
        Equivalent("item-by-item", _item_by_item),
    ),
    hints=(
        "Two conditions have to hold at once: the key is real, and it does not come after the query. Which of your "
        "functions knows the second?",
        "`causal_mask(S)` has the shape (S, S). Give `real` the shape (B, 1, 1, S), so that it stands on the axis of "
        "the keys. `&` joins both cell by cell.",
        "`return causal_mask(real.shape[-1]) & real[:, None, None, :]`",
    ),
    minutes=8,
    points=1,
)

EXERCISES = (DECODER_MASK,)
