"""Exercise of notebook 05: the mask that hides the padding of a batch."""


from course_utils.attention import padding_mask
from course_utils.checks import Broken, Case, Equivalent, Exercise, Mistake, Probe, Returns
from course_utils.exercises.battery import Battery, reasons
from course_utils.exercises.families.hiding import additive_mistake
from course_utils.exercises.families.shared import tensor


def _cases():
    return [Case((tensor(lengths), S), note=note) for lengths, S, note in (
        ([1, 3], 4, "lengths 1 and 3, four places"),
        ([2, 5, 1], 5, "three sentences, the second without padding"),
        ([3, 1, 4, 2], 4, "as many sentences as places"),
    )]


def padding_by_stages(lengths, S, *, count=lambda lengths: lengths, places=lambda lengths, S: S,
                      sees=lambda j, n, S: j < n, kind=lambda mask: mask, axes=lambda mask: mask[:, None, None, :]):
    """Build the padding mask in stages that can be replaced one by one."""
    import torch

    S = int(places(lengths, S))
    return axes(kind(sees(torch.arange(S)[None, :], count(lengths)[:, None], S)))


def _not_apart(lengths, S):
    import torch

    return (torch.arange(S) < lengths)[:, None, None, :]


def _exchanged(lengths, S):
    import torch

    return (torch.arange(S)[:, None] < lengths)[:, None, None, :]


def _from_one(compare):
    def mask(lengths, S):
        import torch

        return compare(torch.arange(1, S), lengths[:, None])[:, None, None, :]

    return mask


def _first_item_only(lengths, S):
    import torch

    for length in lengths:
        return (torch.arange(S) < length)[None, None, None, :]


# --- properties ---

_LENGTHS = [2, 4, 1]


def _shape_and_kind(call):
    mask = call(tensor(_LENGTHS), 5)
    if tuple(mask.shape) != (3, 1, 1, 5):
        step = ("Index with `None` where an axis of size 1 should stand, like `x[:, None]`." if mask.ndim < 4 else
                "Print `mask.shape` and the shapes on the way to it: where do B = 3 and S = 5 stand?")
        return Broken("3 lengths and S = 5 should give a mask of shape (3, 1, 1, 5)", f"got {tuple(mask.shape)}", step)
    if str(mask.dtype) != "torch.bool":
        return Broken("a mask should hold True and False", f"wanted torch.bool, got {mask.dtype}")


def _as_many_as_the_length(call):
    mask = call(tensor(_LENGTHS), 5).reshape(3, -1)
    found = [int(row.sum()) for row in mask]
    if found != _LENGTHS:
        return Broken("each sentence should show as many keys as it has real tokens",
                      f"lengths {_LENGTHS}, S = 5: the rows hold {found} times True")


def _the_first_ones(call):
    row = call(tensor([2]), 5).reshape(-1)
    if row.tolist() != [True, True, False, False, False]:
        return Broken("the real tokens stand in front, so the first places should be True",
                      f"length 2, S = 5: got {row.tolist()}")


def _longer_table_adds_hidden_places(call):
    short, long = call(tensor(_LENGTHS), 4), call(tensor(_LENGTHS), 7)
    if not (bool((long[..., :4] == short).all()) and not long[..., 4:].any()):
        return Broken("with a larger S the mask should stay as it is and grow by places that are hidden",
                      f"lengths {_LENGTHS}: S = 7 shows {[int(row.sum()) for row in long.reshape(3, -1)]} keys")


def _reaches_the_right_scores(call):
    import torch

    mask = call(tensor([3, 1, 2]), 3)
    spread = torch.broadcast_to(mask, (3, 2, 4, 3))  # B = 3 sentences, 2 heads, 4 queries, S = 3 keys
    found = spread[0, 1, 2].tolist(), spread[1, 0, 3].tolist()
    if found != ([True, True, True], [True, False, False]):
        return Broken("on scores (B, heads, T, S) every query of a sentence should see the real keys of that sentence",
                      f"lengths 3, 1, 2: a query of sentence 0 sees {found[0]}, one of sentence 1 sees {found[1]}")


# --- right answers in other words ---


def _by_loops(lengths, S):
    import torch

    mask = torch.zeros(len(lengths), 1, 1, S, dtype=torch.bool)
    for b in range(len(lengths)):
        for j in range(S):
            if j < lengths[b]:
                mask[b, 0, 0, j] = True
    return mask


def _by_lists(lengths, S):
    import torch

    return torch.tensor([[[[j < n for j in range(S)]]] for n in lengths.tolist()])


def _by_slices(lengths, S):
    import torch

    mask = torch.zeros(lengths.shape[0], S)
    for row, n in zip(mask, lengths):
        row[:n] = 1
    return (mask == 1).unsqueeze(1).unsqueeze(1)


def _by_view(lengths, S):
    import torch

    return (torch.arange(S).expand(len(lengths), S) < lengths.unsqueeze(1)).view(len(lengths), 1, 1, S)


def _by_reach(lengths, S):
    import torch

    return ~(torch.arange(S) >= lengths.reshape(-1, 1, 1, 1))


def _by_counting(lengths, S):
    import torch

    return torch.ones(len(lengths), 1, 1, S).cumsum(-1) <= lengths[:, None, None, None]


def _by_stack(lengths, S):
    import torch

    rows = [torch.cat([torch.ones(n), torch.zeros(S - n)]).bool() for n in lengths.tolist()]
    return torch.stack(rows)[:, None, None]


def _mistake(name, cause, experiment, function=None, **changes):
    return Mistake(name, cause, experiment, function, None if function else changes)


BATTERY = Battery(
    own=lambda: [(regime, Case((tensor(lengths), S), note=note)) for regime, lengths, S, note in (
        ("one item", [2], 6, "one sentence"),
        ("item 0 unpadded", [4, 2, 4], 4, "only the second of three sentences is padded"),
        ("no key", [2, 0, 3], 7, "an empty sentence, and padding after all"),
        ("many places", [150, 300, 7], 300, "300 places"))],
    without={**dict.fromkeys(("shapes", "scores", "strided"), "lengths go in, in one row"), "masks": reasons.MASK_OUT,
             "names": reasons.PLAIN["names"], "float64": reasons.MASK_OUT, "gradients": reasons.MASK_OUT},
)

PADDING_MASK = Exercise(
    name="padding_mask",
    title="Write the mask that hides padding",
    notebook="05_masks",
    signature="padding_mask(lengths, S)",
    reference=padding_mask,
    arrays="torch",
    returns=(Returns("mask", "(B, 1, 1, S)"),),
    cases=_cases,
    probes=(
        Probe("the shape is (B, 1, 1, S) and the kind boolean", _shape_and_kind),
        Probe("each sentence shows as many keys as it has tokens", _as_many_as_the_length),
        Probe("the real tokens stand in front", _the_first_ones),
        Probe("more places are hidden places", _longer_table_adds_hidden_places),
        Probe("the mask meets the keys of its own sentence", _reaches_the_right_scores),
    ),
    battery=BATTERY,
    stages=padding_by_stages,
    mistakes=(
        _mistake("opposite-polarity", "True stands on the padding; in this course True means: may attend.",
                 "Count the True of a sentence with 1 real token.", sees=lambda j, n, S: j >= n),
        _mistake("one-too-many", "One place of padding stays visible after each sentence.",
                 "Which is the place of the last token in a sentence of length 1?", sees=lambda j, n, S: j <= n),
        _mistake("one-too-few", "The last real token of each sentence is hidden as well.",
                 "Which is the place of the last token in a sentence of length 1?", sees=lambda j, n, S: j < n - 1),
        _mistake("padding-in-front", "The padding is taken to stand in front; here it comes after.",
                 "Print your mask for lengths 1 and 3 and S = 4.", sees=lambda j, n, S: j >= S - n),
        _mistake("at-least-one", "An empty sentence shows one place of padding, as if its length were 1.",
                 "Call it with the length 0.", count=lambda lengths: lengths.clamp(min=1)),
        _mistake("nothing-hidden", "Everything is True, so no padding is hidden.",
                 "Print your mask for the length 1 and S = 4.", sees=lambda j, n, S: j + n >= 0),
        _mistake("last-token-only", "A single key of each sentence is visible, its last.",
                 "Count the True of a sentence with 3 tokens.", sees=lambda j, n, S: j == n - 1),
        _mistake("longest-for-all", "Every sentence gets the length of the longest one.",
                 "Print the rows of two sentences with different lengths.",
                 count=lambda lengths: lengths.max().expand(len(lengths))),
        _mistake("first-for-all", "Every sentence gets the length of the first one.",
                 "Print the rows of two sentences with different lengths.",
                 count=lambda lengths: lengths[:1].expand(len(lengths))),
        _mistake("lengths-sorted", "The lengths are sorted, so sentences get each other's masks.",
                 "Call it with the lengths 3 and 1, in this order.", count=lambda lengths: lengths.sort().values),
        _mistake("places-from-the-longest", "The width is the largest length in place of S.",
                 "Call it with the length 2 and S = 6.", places=lambda lengths, S: lengths.max()),
        _mistake("no-axes", "The shape is (B, S): on scores (B, heads, T, S) its rows would meet the queries.",
                 "Print `mask.shape`.", axes=lambda mask: mask),
        _mistake("one-axis-missing", "The shape is (B, 1, S): there is no axis for the heads.",
                 "Print `mask.shape`.", axes=lambda mask: mask[:, None, :]),
        _mistake("on-the-queries", "The places stand on the axis of the queries; keys have to be hidden.",
                 "Print `mask.shape`: which axis should have the size S?", axes=lambda mask: mask[:, None, :, None]),
        _mistake("batch-last", "The axes of size 1 stand in the wrong place: after the others.",
                 "Print `mask.shape`.", axes=lambda mask: mask[:, :, None, None]),
        _mistake("batch-not-in-front", "The axis of the batch stands second, where heads belong.",
                 "Print `mask.shape`.", axes=lambda mask: mask[None, :, None, :]),
        _mistake("queries-and-keys", "The padding is hidden as a query too; its rows then have no key left.",
                 "Count the True in the row of a padding query.",
                 axes=lambda mask: mask[:, None, :, None] & mask[:, None, None, :]),
        _mistake("spread-over-queries", "The mask is spread over the queries; an axis of size 1 does that by itself.",
                 "Print `mask.shape`.", axes=lambda mask: mask[:, None, None, :].expand(-1, 1, mask.shape[-1], -1)),
        _mistake("numbers", "The mask holds numbers where True and False are asked for.",
                 "Print `mask.dtype`.", kind=lambda mask: mask.float()),
        additive_mistake(lambda kind: lambda lengths, S: padding_by_stages(lengths, S, kind=kind)),
        _mistake("lengths-not-apart", "The places meet the lengths one by one, not each place with each length.",
                 "Print the shapes of `torch.arange(S)` and of `lengths[:, None]`.", _not_apart),
        _mistake("lengths-and-places-exchanged",
                 "The places stand on the first axis and the sentences on the last, exchanged.",
                 "Print `mask.shape`: which axis belongs to the sentences, and which to the places?", _exchanged),
        *(_mistake(f"places-from-one{name}", "The places begin at 1, so there is one too few: Python counts from 0.",
                   "Print `torch.arange(1, 4)` and `torch.arange(4)`.", _from_one(compare))
          for name, compare in (("", lambda j, n: j < n), ("-to-the-length", lambda j, n: j <= n))),
        _mistake("first-item-only", "Only the first sentence gets a mask: the loop returns too early.",
                 "Check where your `return` stands.", _first_item_only),
    ),
    equivalents=(
        Equivalent("loops", _by_loops),
        Equivalent("nested-lists", _by_lists),
        Equivalent("slices", _by_slices),
        Equivalent("view", _by_view),
        Equivalent("inverted", _by_reach),
        Equivalent("running-count", _by_counting),
        Equivalent("stacked-rows", _by_stack),
    ),
    hints=(
        "For one sentence: key j is real where j < length. Now every place has to be compared with every length, so "
        "they need an axis each.",
        "`torch.arange(S)` holds the places, shape (S,). `lengths[:, None]` has the shape (B, 1). Compared with `<` "
        "they give (B, S). Two axes are still missing.",
        "`return (torch.arange(S) < lengths[:, None])[:, None, None, :]`",
    ),
    minutes=8,
    points=1,
)

EXERCISES = (PADDING_MASK,)
