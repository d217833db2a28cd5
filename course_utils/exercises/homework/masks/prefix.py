"""Homework: the mask of a prefix language model, for a padded batch."""

from functools import partial

import numpy as np

from course_utils.checks import Broken, Case, Equivalent, Exercise, Part, Probe, Returns
from course_utils.exercises.battery import Battery, earlier_result_stays, reasons
from course_utils.exercises.homework.masks._prefix_mistakes import MISTAKES, prefix_by_stages
from course_utils.exercises.homework.masks.tables import prefix_lm_mask

TABLES, PREFIX, REST = "right tables", "the prefix sees all of itself", "the rest is causal"
PADDING, EDGES = "padding is kept out", "lengths at the edge"


def _cases():
    return (
        Case(([2, 1], [3, 4], 5), note="two sentences, five places"),
        Case((np.array([3, 2, 4]), np.array([6, 5, 7]), 8), note="three sentences, lengths in arrays"),
        Case(([2, 3, 1, 2], [4, 4, 2, 3], 4), note="as many sentences as places"),
        Case((np.array([2, 4]), np.array([7, 5]), 7), note="one sentence without padding"),
        Case(([3], [5], 6), note="one sentence"),
        Case(([0, 2], [3, 4], 5), note="no prefix", part=EDGES),
        Case(([3, 1], [3, 4], 6), note="all of it is prefix", part=EDGES),
        Case(([0, 2, 1], [0, 3, 2], 4), note="an empty sentence", part=EDGES),
        Case(((1, 1), (1, 3), 3), note="a sentence of one token", part=EDGES),
        Case((np.array([2, 0, 1], dtype=np.uint8), np.array([3, 0, 2], dtype=np.uint8), 5),
             note="lengths of 8 bits without a sign, one of them 0", part=EDGES),
    )


def _drawn(seed):
    rng = np.random.default_rng(seed)

    def batch():
        """Prefixes and lengths of two sentences; the second is longer, with a longer prefix."""
        short, step = int(rng.integers(5, 8)), int(rng.integers(2, 4))
        prefix = int(rng.integers(3, short - 1))
        return [prefix, prefix + 1], [short, short + step]

    (first, second), (short, long) = batch()
    table = ([first, second, 1], [short, long, 3], long + int(rng.integers(4, 6)))  # S is twice no length
    other = short + int(rng.integers(2, 4))
    return (
        Case(tuple(np.array(x) if i < 2 else 2 * x + 1 for i, x in enumerate(table)), note="drawn lengths"),
        *(Probe(f"{words}, for drawn lengths", partial(look, batch=batch()), part) for words, look, part in (
            ("a token of the prefix sees the prefix", _prefix_is_one_block, PREFIX),
            ("a token after the prefix sees what came before", _rest_sees_what_came_before, REST),
            ("padding sees nothing and is not seen", _padding_sees_nothing_and_is_not_seen, PADDING))),
        Case(([0, other, 0], [short, other, 0], 2 * other + 1), note="no prefix, all prefix and nothing, drawn",
             part=EDGES),
    )


# --- properties ---

_P, _N, _S = [3, 2], [5, 4], 7
_BATCH = (_P, _N)


def _shape_and_kind(call):
    mask = call(_P, _N, _S)
    if mask.shape != (2, 1, 7, 7):
        return Broken("2 sentences and S = 7 should give a mask of shape (2, 1, 7, 7)", f"got {mask.shape}",
                      "Index with `None` where an axis of size 1 should stand, like `x[:, None]`.")
    if mask.dtype != bool:
        return Broken("a mask should hold True and False", f"wanted bool, got {mask.dtype}")


def _each_for_itself(call):
    together = call(_P, _N, _S)
    for b in range(2):
        alone = call([_P[b]], [_N[b]], _S)
        if not (alone[0, 0] == together[b, 0]).all():
            return Broken("a sentence should get the same mask alone and in a batch",
                          f"prefixes {_P}, lengths {_N}, S = 7: sentence {b} gets another mask alone")


def _prefix_is_one_block(call, batch=_BATCH):
    prefixes, lengths = batch
    mask = call(prefixes, lengths, max(lengths) + 2)
    for b in range(2):
        for i in range(prefixes[b]):
            seen = [j for j in range(lengths[b]) if mask[b, 0, i, j]]
            if seen != list(range(prefixes[b])):
                return Broken("a token of the prefix should see the whole prefix and nothing after it",
                              f"prefix {prefixes[b]}, length {lengths[b]}: of the real tokens, token {i} sees {seen}")


def _rest_sees_what_came_before(call, batch=_BATCH):
    prefixes, lengths = batch
    mask = call(prefixes, lengths, max(lengths) + 2)
    for b in range(2):
        for i in range(prefixes[b], lengths[b]):
            seen = [j for j in range(lengths[b]) if mask[b, 0, i, j]]
            if seen != list(range(i + 1)):
                return Broken("a token after the prefix should see itself and everything before it",
                              f"prefix {prefixes[b]}, length {lengths[b]}: of the real tokens, token {i} sees {seen}")


def _padding_sees_nothing_and_is_not_seen(call, batch=_BATCH):
    prefixes, lengths = batch
    S = max(lengths) + 2
    mask = call(prefixes, lengths, S)
    for b, n in enumerate(lengths):
        if mask[b, 0, :n, n:].any():
            i, j = (int(x) for x in np.argwhere(mask[b, 0, :n])[mask[b, 0, :n].nonzero()[1] >= n][0])
            return Broken("no token should see padding",
                          f"length {n}, S = {S}: token {i} sees place {j}, which is padding")
        if mask[b, 0, n:].any():
            i = n + int(mask[b, 0, n:].any(-1).argmax())
            return Broken("a row of padding should be False throughout",
                          f"length {n}, S = {S}: row {i} is padding and sees {np.flatnonzero(mask[b, 0, i]).tolist()}")
        if not mask[b, 0, 0, 0]:  # where nobody sees anything, padding is not what is kept out
            return Broken("the first token should see itself", f"prefix {prefixes[b]}, length {n}: it does not")


def _one_token_sees_itself_anyway(call):
    none, one = call([0, 0], _N, _S), call([1, 1], _N, _S)
    if not (none == one).all():
        return Broken("a prefix of one token should give the same mask as no prefix: both are causal",
                      f"lengths {_N}: the masks for the prefixes [0, 0] and [1, 1] differ")
    seen = [int(x) for x in none[0, 0].sum(-1)]
    if seen != [1, 2, 3, 4, 5, 0, 0]:
        return Broken("without a prefix the mask should be causal on the real tokens",
                      f"prefix 0, length 5, S = 7: the rows hold {seen} times True")


def _all_prefix_is_a_square(call):
    mask = call([4, 2], [4, 2], 5)
    for b, n in enumerate((4, 2)):
        if not (mask[b, 0, :n, :n].all() and mask[b].sum() == n * n):
            return Broken("a sentence that is all prefix should see all of itself and nothing else",
                          f"prefix {n}, length {n}, S = 5: {int(mask[b].sum())} times True, wanted {n * n}")


# --- right answers in other words ---


def _by_loops(prefix_lengths, lengths, S):
    B = len(lengths)
    mask = np.zeros((B, 1, S, S), dtype=bool)
    for b in range(B):
        for i in range(int(lengths[b])):
            for j in range(int(lengths[b])):
                if j <= i or (i < prefix_lengths[b] and j < prefix_lengths[b]):
                    mask[b, 0, i, j] = True
    return mask


def _by_slices(prefix_lengths, lengths, S):
    mask = np.zeros((len(lengths), 1, S, S), dtype=bool)
    for b, (p, n) in enumerate(zip(prefix_lengths, lengths)):
        mask[b, 0, :n, :n] = np.tril(np.ones((n, n), dtype=bool))
        mask[b, 0, :p, :p] = True
    return mask


def _rows_only(prefix_lengths, lengths, S):
    p, n = np.reshape(prefix_lengths, (-1, 1, 1, 1)), np.reshape(lengths, (-1, 1, 1, 1))
    i, j = np.arange(S)[:, None], np.arange(S)
    return (i < n) & ((j <= i) | (j < p))  # a real token sees no padding anyway: padding comes later


def _by_limits(prefix_lengths, lengths, S):
    rows = []
    for p, n in zip(prefix_lengths, lengths):
        count = [max(i + 1, int(p)) if i < n else 0 for i in range(S)]  # how many keys each row sees
        rows.append(np.arange(S) < np.array(count)[:, None])
    return np.stack(rows)[:, None]


def _by_maximum(prefix_lengths, lengths, S):
    p, n = np.array(prefix_lengths), np.array(lengths)
    reach = np.maximum(np.arange(1, S + 1), p[:, None])
    reach = np.where(np.arange(S) < n[:, None], reach, 0)
    return np.less(np.arange(S), reach[..., None])[:, np.newaxis]


def _by_lists(prefix_lengths, lengths, S):
    return np.array([[[[bool(i < n and (j <= i or j < p)) for j in range(S)] for i in range(S)]]
                     for p, n in zip(prefix_lengths, lengths)])


def _by_products(prefix_lengths, lengths, S):
    real = (np.arange(S)[None] < np.asarray(lengths)[:, None]).astype(int)
    prefix = (np.arange(S)[None] < np.asarray(prefix_lengths)[:, None]).astype(int)
    seen = np.einsum("bi,bj->bij", prefix, prefix) + np.tri(S)
    return (seen * np.einsum("bi,bj->bij", real, real) > 0).reshape(len(lengths), 1, S, S)


def _causal_and_what_is_missing(prefix_lengths, lengths, S):
    causal = np.tril(np.ones((S, S))) == 1
    out = []
    for p, n in zip(prefix_lengths, lengths):
        table = causal.copy()
        table[:p, :p] = True
        table[n:, :] = False
        table[:, n:] = False
        out.append(table[None])
    return np.array(out)


BATTERY = Battery(
    own=lambda: [("one query", Case(([1, 0], [1, 0], 1), note="a single place, real and not")),
                 ("one item", Case(([2], [4], 4), note="one sentence without padding")),
                 ("item 0 unpadded", Case(([2, 1], [5, 3], 5), note="no padding in the first sentence alone")),
                 ("no key", Case(([0, 0], [0, 0], 3), note="nothing but padding")),
                 ("many places", Case(([140], [260], 270), note="270 places, a prefix of 140"))],
    probes_of={"an earlier result": earlier_result_stays(
        lambda: Case(([2, 1], [3, 4], 5)), lambda: Case(([0, 3], [5, 4], 5)))},
    without={**dict.fromkeys(("shapes", "scores", "masks", "strided"), "two rows of lengths and a number go in"),
             "names": reasons.PLAIN["names"], **reasons.NUMPY},
    part=EDGES,
)

PREFIX_LM = Exercise(
    name="prefix_lm_mask",
    title="Read a prefix in both directions",
    notebook="hw2_masks",
    signature="prefix_lm_mask(prefix_lengths, lengths, S)",
    reference=prefix_lm_mask,
    arrays="numpy",
    returns=(Returns("mask", "(B, 1, S, S)"),),
    cases=_cases,
    drawn=_drawn,
    battery=BATTERY,
    probes=(
        Probe("the mask is a table of True and False for each sentence", _shape_and_kind),
        Probe("a sentence gets the same mask alone and in a batch", _each_for_itself),
        Probe("a token of the prefix sees the prefix and nothing else", _prefix_is_one_block, PREFIX),
        Probe("a token after the prefix sees what came before", _rest_sees_what_came_before, REST),
        Probe("padding sees nothing and is not seen", _padding_sees_nothing_and_is_not_seen, PADDING),
        Probe("a prefix of one token is like none", _one_token_sees_itself_anyway, EDGES),
        Probe("a sentence that is all prefix sees all of itself", _all_prefix_is_a_square, EDGES),
    ),
    stages=prefix_by_stages,
    mistakes=MISTAKES,
    equivalents=(
        Equivalent("loops", _by_loops),
        Equivalent("slices", _by_slices),
        Equivalent("rows-only", _rows_only),
        Equivalent("counts-of-keys", _by_limits),
        Equivalent("larger-of-two", _by_maximum),
        Equivalent("nested-lists", _by_lists),
        Equivalent("products", _by_products),
        Equivalent("cut-out-of-causal", _causal_and_what_is_missing),
    ),
    hints=(
        "Draw the table for one sentence of 4 tokens with a prefix of 2, in 5 places. What differs from a causal mask? "
        "Three corners do.",
        "Without padding, a cell is True where the key comes no later than the query, or where both stand in the "
        "prefix. For a batch, the lengths need the shape (B, 1, 1) to be compared with places.",
        "`p, n = (np.asarray(x)[:, None, None] for x in (prefix_lengths, lengths))`, "
        "`i, j = np.arange(S)[:, None], np.arange(S)` and "
        "`return (((j <= i) | (j < p)) & (i < n) & (j < n))[:, None]`",
    ),
    minutes=20,
    points=7,
    credit=(Part(TABLES, 1), Part(PREFIX, 2), Part(REST, 2), Part(PADDING, 1), Part(EDGES, 1, visible=False)),
)
