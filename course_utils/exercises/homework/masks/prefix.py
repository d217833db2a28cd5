"""Homework: the mask of a prefix language model, for a padded batch."""

import math

import numpy as np

from course_utils.checks import Broken, Case, Equivalent, Exercise, Mistake, Part, Probe, Returns

TABLES, PREFIX, REST = "right tables", "the prefix sees all of itself", "the rest is causal"
PADDING, EDGES = "padding is kept out", "lengths at the edge"


def prefix_lm_mask(prefix_lengths, lengths, S):
    """Let a prefix attend to itself in both directions and the rest to what stands before it.

    Parameters
    ----------
    prefix_lengths : sequence of int, length B
        Number of tokens of each prefix, from 0 to the length of its sentence (tokens).
    lengths : sequence of int, length B
        Number of real tokens of each sentence, the prefix included, from 0 to `S` (tokens).
    S : int
        Number of places, padding included (tokens).

    Returns
    -------
    boolean ndarray, shape (B, 1, S, S)
        True = may attend. Rows and columns of padding are False.

    Examples
    --------
    >>> prefix_lm_mask([2], [3], 4)[0, 0].astype(int).tolist()
    [[1, 1, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [0, 0, 0, 0]]
    """
    place = np.arange(S)
    prefix = place < np.asarray(prefix_lengths)[:, None]  # (B, S)
    real = place < np.asarray(lengths)[:, None]  # (B, S)
    seen = (place <= place[:, None]) | prefix[:, None, :]  # (B, S, S)
    return (seen & real[:, :, None] & real[:, None, :])[:, None]


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
        Case((np.array([2, 0], dtype=np.uint8), np.array([3, 2], dtype=np.uint8), 5), note="lengths of 8 bits",
             part=EDGES),
    )


def _drawn(seed):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(3, 7, size=3)
    prefixes = rng.integers(1, lengths)
    other = rng.integers(2, 6, size=2)
    return (
        Case((prefixes, lengths, int(lengths.max()) + 1), note="lengths drawn for you"),
        Case(([0, int(other[1])], other.tolist(), int(other.max()) + 2), note="no prefix and nothing else, drawn for "
             "you", part=EDGES),
    )


def _both_ways(i, j, p):
    return (i < p) & (j < p)


def _causal(i, j, p):
    return j <= i


def prefix_by_stages(prefix_lengths, lengths, S, *, take=lambda p, n: (p, n), before=_both_ways, rest=_causal,
                     join=lambda a, b: a | b, keys=lambda j, n, S: j < n, queries=lambda i, n, S: i < n,
                     finish=lambda mask, i, j: mask, kind=lambda mask: mask, axes=lambda mask: mask[:, None]):
    """Build the mask in stages that can be replaced one by one."""
    p, n = take(np.asarray(prefix_lengths).astype(int), np.asarray(lengths).astype(int))
    p, n = p[:, None, None], n[:, None, None]
    i, j = np.arange(S)[None, :, None], np.arange(S)[None, None, :]
    seen = join(before(i, j, p), rest(i, j, p))
    return axes(kind(finish(seen & keys(j, n, S) & queries(i, n, S), i, j)))


# --- properties ---

_P, _N, _S = [3, 2], [5, 4], 7


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


def _prefix_is_one_block(call):
    mask = call(_P, _N, _S)
    for b in range(2):
        for i in range(_P[b]):
            seen = [j for j in range(_N[b]) if mask[b, 0, i, j]]
            if seen != list(range(_P[b])):
                return Broken("a token of the prefix should see the whole prefix and nothing behind it",
                              f"prefix {_P[b]}, length {_N[b]}: of the real tokens, token {i} sees {seen}")


def _rest_sees_what_came_before(call):
    mask = call(_P, _N, _S)
    for b in range(2):
        for i in range(_P[b], _N[b]):
            seen = [j for j in range(_N[b]) if mask[b, 0, i, j]]
            if seen != list(range(i + 1)):
                return Broken("a token behind the prefix should see itself and everything before it",
                              f"prefix {_P[b]}, length {_N[b]}: of the real tokens, token {i} sees {seen}")


def _padding_sees_nothing_and_is_not_seen(call):
    mask = call(_P, _N, _S)
    for b in range(2):
        n = _N[b]
        if mask[b, 0, :n, n:].any():
            i, j = (int(x) for x in np.argwhere(mask[b, 0, :n])[mask[b, 0, :n].nonzero()[1] >= n][0])
            return Broken("no token should see padding",
                          f"length {n}, S = 7: token {i} sees place {j}, which is padding")
        if mask[b, 0, n:].any():
            i = n + int(mask[b, 0, n:].any(-1).argmax())
            return Broken("a row of padding should be False throughout",
                          f"length {n}, S = 7: row {i} is padding and sees {np.flatnonzero(mask[b, 0, i]).tolist()}")


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


# --- wrong answers ---


def _additive(mask):
    return np.where(mask, 0.0, -math.inf)


def _not_apart(prefix_lengths, lengths, S):
    place = np.arange(S)
    prefix, real = place < np.asarray(prefix_lengths), place < np.asarray(lengths)
    seen = (place <= place[:, None]) | prefix
    return (seen & real & real[:, None])[None, None]


def _lists_only(prefix_lengths, lengths, S):
    place = np.arange(S)
    prefix, real = place < prefix_lengths[:, None], place < lengths[:, None]
    seen = (place <= place[:, None]) | prefix[:, None, :]
    return (seen & real[:, None, :] & real[:, :, None])[:, None]


def _size_of_the_longest(prefix_lengths, lengths, S):
    return prefix_lm_mask(prefix_lengths, lengths, int(max(lengths)))


def _one_for_all_in_a_loop(prefix_lengths, lengths, S):
    mask = np.zeros((len(lengths), 1, S, S), dtype=bool)
    for b, (p, n) in enumerate(zip(prefix_lengths, lengths)):
        mask[b, 0, :n, :n] = np.tril(np.ones((n, n), dtype=bool))
        mask[b, 0, :p, :p] = True
        return mask


def _last_place_by_minus(prefix_lengths, lengths, S):
    """Cuts the padding off by counting from the end, which cuts everything off where there is none."""
    mask = np.zeros((len(lengths), 1, S, S), dtype=bool)
    for b, (p, n) in enumerate(zip(map(int, prefix_lengths), map(int, lengths))):
        padding = S - n
        inner = mask[b, 0, :-padding, :-padding]
        inner |= np.tril(np.ones(inner.shape, dtype=bool))
        mask[b, 0, :p, :p] = True
    return mask


def _last_token_of_the_prefix(prefix_lengths, lengths, S):
    """Asks where the prefix has its last token; small numbers without a sign have no -1."""
    i, j = np.arange(S)[:, None], np.arange(S)
    last = (np.array(prefix_lengths) - 1)[:, None, None]
    n = np.array(lengths)[:, None, None]
    return (((j <= i) | (j <= last)) & (i < n) & (j < n))[:, None]


def _written_into(prefix_lengths, lengths, S):
    mask = prefix_lm_mask(prefix_lengths, lengths, S)
    if isinstance(lengths, np.ndarray):
        lengths -= prefix_lengths
    return mask


def _mistake(name, cause, experiment, function=None, **changes):
    return Mistake(name, cause, experiment, function, None if function else changes)


_ROW_0 = "For one sentence with a prefix of 2 and a length of 4, print row 0."
_ROW_3 = "For one sentence with a prefix of 2 and a length of 4, print row 3."

MISTAKES = (
    # the prefix
    _mistake("prefix-without-effect", "The prefix has no effect: the mask is causal from the first token on.",
             f"{_ROW_0} Which tokens may a token of the prefix see?", before=lambda i, j, p: (i < 0) & (j < p)),
    _mistake("prefix-sees-all", "The prefix sees the rest as well, which is the text that is to be predicted.",
             f"{_ROW_0} Which tokens may a token of the prefix see?", before=lambda i, j, p: (i < p) & (j >= 0)),
    _mistake("prefix-one-too-long", "The prefix is taken to be one token longer than it is.",
             f"{_ROW_0} How many tokens does it see?", before=lambda i, j, p: (i <= p) & (j <= p)),
    _mistake("prefix-one-too-short", "The prefix is taken to be one token shorter than it is.",
             f"{_ROW_0} How many tokens does it see?", before=lambda i, j, p: (i < p - 1) & (j < p - 1)),
    _mistake("first-prefix-for-all", "Every sentence gets the prefix of the first one.",
             "Try the prefixes [1, 3] for two sentences of four tokens.", take=lambda p, n: (p[:1].repeat(len(p)), n)),
    _mistake("prefix-at-the-end", "The last tokens of the table are taken as the prefix, not the first.",
             f"{_ROW_0} Which tokens may it see?",
             before=lambda i, j, p: (i >= i.shape[1] - p) & (j >= i.shape[1] - p)),
    _mistake("length-of-the-rest", "The length is taken as that of the rest; it counts the prefix in.",
             "For a prefix of 2 and a length of 4, how many rows of your mask hold a True?",
             take=lambda p, n: (p, p + n)),
    # the rest
    _mistake("all-both-ways", "The rest sees both directions too: every token sees every other.",
             f"{_ROW_3} Then print row 2: may token 2 see token 3?", rest=lambda i, j, p: (i + j) >= 0),
    _mistake("rest-both-ways", "It is the other way round: the prefix is causal and the rest sees in both directions.",
             "For one sentence with a prefix of 2 and a length of 4, print rows 0 and 2.",
             before=_causal, rest=lambda i, j, p: (i >= p) & (j >= 0)),
    _mistake("and-for-or", "In the prefix AND before it is asked for; one of the two is enough.",
             f"{_ROW_3} Does it see itself?", join=lambda a, b: a & b),
    _mistake("prefix-only", "Only the prefix sees anything; the rows of the rest are empty, as if the two lengths were exchanged.",
             f"{_ROW_3} Does it see itself? And which argument comes first?", rest=lambda i, j, p: (i < 0) & (j >= 0)),
    _mistake("rest-blind-to-prefix", "The rest does not see the prefix.",
             f"{_ROW_3} May it see token 0?", rest=lambda i, j, p: (j <= i) & (j >= p)),
    _mistake("rest-sees-prefix-only", "The rest sees the prefix and nothing of what it has written itself.",
             f"{_ROW_3} May it see token 2?", rest=lambda i, j, p: j < p),
    _mistake("own-place-hidden", "A token behind the prefix does not see itself.",
             f"{_ROW_3} Does it see itself?", rest=lambda i, j, p: j < i),
    _mistake("one-place-ahead", "A token behind the prefix sees the next one as well.",
             "For one sentence with a prefix of 2 and a length of 4, print row 2.", rest=lambda i, j, p: j <= i + 1),
    # padding
    _mistake("padding-rows-visible", "Padding is hidden as a key, but its rows still see real tokens.",
             "For a length of 3 and S = 5, print the last two rows.", queries=lambda i, n, S: i >= 0),
    _mistake("padding-forgotten", "Padding is treated like any other token; the lengths are not used.",
             "For a length of 3 and S = 5, print the last two rows.", keys=lambda j, n, S: j >= 0,
             queries=lambda i, n, S: i >= 0),
    _mistake("padding-sees-itself", "Each place of padding sees itself, so that no row is empty; here it sees nothing.",
             "For a length of 3 and S = 5, print the last two rows.", finish=lambda mask, i, j: mask | (i == j)),
    _mistake("padding-in-front", "Padding is looked for in front of the sentence; it stands behind.",
             "For a length of 3 and S = 5, print the first two rows.", keys=lambda j, n, S: j >= S - n,
             queries=lambda i, n, S: i >= S - n),
    _mistake("first-length-for-all", "Every sentence gets the length of the first one.",
             "Try the lengths [2, 4].", take=lambda p, n: (p, n[:1].repeat(len(n)))),
    _mistake("length-one-too-long", "One place of padding counts as a real token.",
             "For a length of 3 and S = 5, how many rows of your mask hold a True?", keys=lambda j, n, S: j <= n,
             queries=lambda i, n, S: i <= n),
    _mistake("length-one-too-short", "The last real token counts as padding.",
             "For a length of 3 and S = 5, how many rows of your mask hold a True?", keys=lambda j, n, S: j < n - 1,
             queries=lambda i, n, S: i < n - 1),
    _mistake("cut-from-the-end", "The padding is cut off with `[:-padding]`, and `[:-0]` is empty.",
             "Print `np.arange(4)[:-0]`. When is there no padding?", _last_place_by_minus),
    # what comes back
    _mistake("not-set-apart", "The lengths stand on the axis of the places: each is compared with another place.",
             "Print the shapes of the two arrays that you compare. Which axis should count the sentences?",
             _not_apart),
    _mistake("arrays-only", "`x[:, None]` works for arrays; the lengths may come as lists.",
             "Call it with lists. Which NumPy function makes an array of them?", _lists_only),
    _mistake("size-of-the-longest", "The table is as large as the longest sentence in place of S.",
             "Call it with S larger than all lengths and print the shape.", _size_of_the_longest),
    _mistake("opposite-polarity", "True stands where a token may NOT attend.",
             f"{_ROW_0} May the first token see itself?", kind=lambda mask: ~mask),
    _mistake("transposed", "Outside the prefix the future is visible and the past hidden: the table is transposed.",
             f"{_ROW_3} How many keys does the last token see?",
             axes=lambda mask: mask.transpose(0, 2, 1)[:, None]),
    _mistake("numbers", "The mask holds numbers where True and False are asked for.", "Print `mask.dtype`.",
             kind=lambda mask: mask.astype(int)),
    _mistake("additive", "The mask holds 0 and minus infinity, to be added to scores, in place of True and False.",
             "Print `mask.dtype`.", kind=_additive),
    _mistake("axis-for-heads-missing", "The mask has the shape (B, S, S): the axis of size 1 for the heads is missing.",
             "Print `mask.shape` for two sentences.", axes=lambda mask: mask),
    _mistake("axis-in-front", "The axis of size 1 stands in front of the batch, not behind it.",
             "Print `mask.shape` for two sentences.", axes=lambda mask: mask[None]),
    _mistake("returns-in-the-loop", "Only the first sentence is filled: the `return` stands inside the loop.",
             "Check how far your `return` is indented.", _one_for_all_in_a_loop),
    _mistake("one-less-than-zero", "`prefix_lengths - 1` goes wrong for numbers without a sign: for them, 0 - 1 is 255.",
             "Print `np.array([2, 0], dtype=np.uint8) - 1`.", _last_token_of_the_prefix),
    _mistake("lengths-overwritten", "The lengths of the caller are changed.",
             "Print the array of lengths before and after the call.", _written_into),
)


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
    probes=(
        Probe("the mask is a table of True and False for each sentence", _shape_and_kind),
        Probe("a sentence gets the same mask alone and in a batch", _each_for_itself),
        Probe("a token of the prefix sees the prefix and nothing else", _prefix_is_one_block, PREFIX),
        Probe("a token behind the prefix sees what came before", _rest_sees_what_came_before, REST),
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
    minutes=25,
    points=7,
    credit=(Part(TABLES, 2), Part(PREFIX, 1), Part(REST, 1), Part(PADDING, 1), Part(EDGES, 2, visible=False)),
)
