"""Homework: the mask of several sequences that lie end to end in one row."""

import math

import numpy as np

from course_utils.checks import Broken, Case, Equivalent, Exercise, Mistake, Part, Probe, Returns

TABLES, APART, PAST, OTHERS = "right tables", "nobody sees another sequence", "its past and no future", "other lengths"


def packed_causal_mask(lengths):
    """Let each token attend to itself and to the earlier tokens of its own sequence.

    Parameters
    ----------
    lengths : sequence of int, length B
        Number of tokens of each sequence; 0 is allowed (tokens).

    Returns
    -------
    boolean ndarray, shape (T, T)
        True = may attend; T is the sum of `lengths`.

    Examples
    --------
    >>> packed_causal_mask([1, 2]).astype(int).tolist()
    [[1, 0, 0], [0, 1, 0], [0, 1, 1]]
    """
    owner = np.repeat(np.arange(len(lengths)), lengths)  # (T,) which sequence a token belongs to
    place = np.arange(len(owner))
    return (owner[:, None] == owner) & (place <= place[:, None])


def _cases():
    return (
        Case(([2, 3],), note="two sequences of 2 and 3 tokens"),
        Case((np.array([3, 1, 2]),), note="three sequences, lengths in an array"),
        Case(([2, 2, 4, 4],), note="neighbours of the same length"),
        Case(([4, 1, 1, 3],), note="two sequences of one token"),
        Case((np.array([1, 5, 2, 3, 2]),), note="five sequences"),
        Case(([4],), note="a single sequence", part=OTHERS),
        Case(([2, 0, 3],), note="an empty sequence in the middle", part=OTHERS),
        Case((np.array([0, 3, 2, 0]),), note="empty sequences at both ends", part=OTHERS),
        Case(((3, 2, 1),), note="a tuple", part=OTHERS),
        Case((np.array([3, 2, 4], dtype=np.int32),), note="lengths of 32 bits", part=OTHERS),
        Case((np.array([2, 4, 1], dtype=np.uint8),), note="lengths of 8 bits without a sign", part=OTHERS),
    )


def _drawn(seed):
    rng = np.random.default_rng(seed)
    return (
        Case((rng.integers(1, 6, size=4),), note="lengths drawn for you"),
        Case((rng.integers(1, 5, size=6).tolist(),), note="more lengths drawn for you"),
        Case((np.insert(rng.integers(1, 6, size=3), int(rng.integers(0, 4)), 0),), note="an empty sequence among yours",
             part=OTHERS),
    )


def _owners(n):
    return np.repeat(np.arange(len(n)), n)


def packed_by_stages(lengths, *, owners=_owners, same=lambda a, b: a == b, past=lambda i, j: j <= i,
                     join=lambda same, past: same & past, kind=lambda mask: mask, axes=lambda mask: mask):
    """Build the mask in stages that can be replaced one by one."""
    owner = owners(np.asarray(lengths).astype(int))
    place = np.arange(len(owner))
    return axes(kind(join(same(owner[:, None], owner[None, :]), past(place[:, None], place[None, :]))))


# --- properties ---

_LENGTHS = [2, 4, 3]


def _blocks(lengths):
    ends = np.cumsum(lengths).tolist()
    return list(zip([0, *ends[:-1]], ends))


def _shape_and_kind(call):
    mask = call(_LENGTHS)
    if mask.shape != (9, 9):
        return Broken("a row of 2 + 4 + 3 tokens should get a mask of shape (9, 9)", f"got {mask.shape}",
                      "How many tokens does the whole row have?")
    if mask.dtype != bool:
        return Broken("a mask should hold True and False", f"wanted bool, got {mask.dtype}")


def _strangers_are_hidden(call):
    mask = call(_LENGTHS)
    for b, (start, end) in enumerate(_blocks(_LENGTHS)):
        for i in range(start, end):
            strangers = [j for j in range(9) if mask[i, j] and not start <= j < end]
            if strangers:
                return Broken("no token should see a token of another sequence",
                              f"lengths {_LENGTHS}: token {i} belongs to sequence {b} and sees {strangers}")


def _own_past_is_seen(call):
    mask = call(_LENGTHS)
    for start, end in _blocks(_LENGTHS):
        for i in range(start, end):
            seen = [j for j in range(start, end) if mask[i, j]]
            wanted = list(range(start, i + 1))
            if seen != wanted:
                return Broken("of its own sequence, a token should see itself and what stands before it",
                              f"lengths {_LENGTHS}: the sequence of token {i} fills the places {start} to {end - 1}; "
                              f"of these, token {i} sees {seen}")


def _empty_ones_change_nothing(call):
    with_empty, without = call([0, 2, 0, 3, 0]), call([2, 3])
    if with_empty.shape != without.shape or not (with_empty == without).all():
        return Broken("a sequence without tokens should change nothing",
                      f"lengths [0, 2, 0, 3, 0] and [2, 3] give different masks, "
                      f"of the shapes {with_empty.shape} and {without.shape}")


def _kind_of_numbers_does_not_count(call):
    wanted = call([3, 4, 2])
    for kind in ("int16", "uint8", "int64"):
        found = call(np.array([3, 4, 2], dtype=kind))
        if found.shape != wanted.shape or not (found == wanted).all():
            return Broken("lengths in a list and in an array should give the same mask",
                          f"[3, 4, 2] as a list and as an array of {kind} give different masks")


# --- wrong answers ---


def _numbers(mask):
    return mask.astype(int)


def _additive(mask):
    return np.where(mask, 0.0, -math.inf)


def _borders_one_late(n):
    return np.searchsorted(np.cumsum(n), np.arange(n.sum()), side="left")


def _borders_one_early(n):
    return np.searchsorted(np.cumsum(n), np.arange(n.sum()) + 1, side="right")


def _all_like_the_first(n):
    return np.arange(n.sum()) // max(int(n[0]), 1)


def _lengths_as_names(n):
    return np.repeat(n, n)


def _lengths_as_places(n):
    owner = np.zeros(n.sum(), dtype=int)
    for length in n:
        owner[length:] += 1
    return owner


def _only_the_last_border(n):
    return (np.arange(n.sum()) >= n.sum() - n[-1]).astype(int)


def _longest_only(lengths):
    n = max(lengths)
    return np.tril(np.ones((n, n), dtype=bool))


def _count_of_sequences(lengths):
    return np.tril(np.ones((len(lengths), len(lengths)), dtype=bool))


def _padded_batch(lengths):
    n = np.asarray(lengths).astype(int)
    place = np.arange(n.max())
    return np.tril(np.ones((len(n), n.max(), n.max()), dtype=bool)) & (place < n[:, None, None])


def _start_never_moves(lengths):
    T = int(np.sum(lengths))
    mask = np.zeros((T, T), dtype=bool)
    for n in lengths:
        n = int(n)
        mask[:n, :n] = np.tril(np.ones((n, n), dtype=bool))
    return mask


def _start_replaced(lengths):
    T = int(np.sum(lengths))
    mask, start = np.zeros((T, T), dtype=bool), 0
    for n in map(int, lengths):
        block = mask[start:start + n, start:start + n]
        block |= np.tril(np.ones(block.shape, dtype=bool))
        start = n
    return mask


def _returns_in_the_loop(lengths):
    T = int(np.sum(lengths))
    mask = np.zeros((T, T), dtype=bool)
    for n in map(int, lengths):
        mask[:n, :n] = np.tril(np.ones((n, n), dtype=bool))
        return mask


def _list_plus_array(lengths):
    T = int(np.sum(lengths))
    starts = np.cumsum([0] + lengths)  # noqa: RUF005  the mistake is that arrays are added, not put together
    mask = np.zeros((T, T), dtype=bool)
    for start, n in zip(starts, lengths):
        block = mask[start:start + n, start:start + n]
        block |= np.tril(np.ones(block.shape, dtype=bool))
    return mask


def _looks_back_its_length(lengths):
    n = np.asarray(lengths).astype(int)
    place, own = np.arange(n.sum()), np.repeat(n, n)
    back = place[:, None] - place
    return (back >= 0) & (back < own[:, None])


def _marks_behind_the_end(lengths):
    n = np.asarray(lengths).astype(int)
    begins = np.zeros(n.sum(), dtype=int)
    begins[np.cumsum(n)[:-1]] = 1
    return packed_by_stages(lengths, owners=lambda n: np.cumsum(begins))


def _asks_for_the_truth_of_lengths(lengths):
    if not lengths:
        return np.zeros((0, 0), dtype=bool)
    return packed_causal_mask(lengths)


def _refuses_zeros(lengths):
    if min(lengths) < 1:
        raise ValueError("every sequence should have a token")
    return packed_causal_mask(lengths)


def _ends_written_into_lengths(lengths):
    mask = packed_causal_mask(lengths)
    if isinstance(lengths, np.ndarray):
        np.cumsum(lengths, out=lengths)
    return mask


def _mistake(name, cause, experiment, function=None, **changes):
    return Mistake(name, cause, experiment, function, None if function else changes)


MISTAKES = (
    # who is a stranger
    _mistake("plain-causal", "It is a causal mask for the whole row: the later sequences see the earlier ones.",
             "For the lengths [2, 3], which places may token 2 see? It is the first of its sequence.",
             same=lambda a, b: (a >= 0) & (b >= 0)),
    _mistake("strangers-only", "A token sees the sequences before it and not its own.",
             "For the lengths [2, 3], print row 1: does token 1 see itself?", same=lambda a, b: a != b),
    _mistake("previous-sequence-too", "A token sees the sequence just before its own as well.",
             "For the lengths [2, 3, 1], print row 2: which of these places hold tokens of its own sequence?",
             same=lambda a, b: (a == b) | (a == b + 1)),
    _mistake("or-for-and", "Own sequence OR past is asked for in place of both at once.",
             "For the lengths [2, 3], print row 0: it should hold a single True.", join=lambda s, p: s | p),
    _mistake("lengths-as-names", "Sequences are told apart by their lengths, so neighbours of equal length merge.",
             "Try the lengths [2, 2]: what tells the two sequences apart?", owners=_lengths_as_names),
    _mistake("all-like-the-first", "Every sequence is taken to be as long as the first.",
             "Try the lengths [1, 3] and [3, 1].", owners=_all_like_the_first),
    _mistake("borders-one-late", "Each border lies one place too late: the first token of a sequence joins the one "
             "before.", "For the lengths [2, 3], which sequence do the tokens 1 and 2 belong to?",
             owners=_borders_one_late),
    _mistake("borders-one-early", "Each border lies one place too early: the last token of a sequence joins the next.",
             "For the lengths [2, 3], which sequence do the tokens 1 and 2 belong to?", owners=_borders_one_early),
    _mistake("lengths-as-places", "The lengths are read as the places where sequences end, without adding them up.",
             "For the lengths [3, 1, 2], at which places do the second and the third sequence begin?",
             owners=_lengths_as_places),
    _mistake("last-border-only", "Only the last sequence is set apart; all those before it are taken as one.",
             "Try three sequences, and look at the second.", owners=_only_the_last_border),
    _mistake("looks-back-its-length", "A token looks back as many places as its sequence is long, across the border.",
             "How many tokens of its own stand before the first token of a sequence?", _looks_back_its_length),
    # past and future
    _mistake("future-visible", "The sequences are set apart, but inside each the future is visible.",
             "For the lengths [2, 3], print row 0: may the first token see the second?",
             past=lambda i, j: i + j >= 0),
    _mistake("past-and-future-swapped", "Inside each sequence the future is visible and the past hidden.",
             "For the lengths [2, 3], print row 0: may the first token see the second?", past=lambda i, j: j >= i),
    _mistake("own-place-hidden", "No token sees itself, so the first of each sequence sees nothing.",
             "Count the True in row 0.", past=lambda i, j: j < i),
    _mistake("one-place-ahead", "Each token sees one token of its sequence too many, the next one.",
             "Count the True in row 0.", past=lambda i, j: j <= i + 1),
    _mistake("itself-only", "Each token sees itself alone; its past is hidden too.",
             "For the lengths [2, 3], count the True in row 4.", past=lambda i, j: i == j),
    # what comes back
    _mistake("opposite-polarity", "True stands where a token may NOT attend.",
             "For the lengths [2, 3], print row 0: may the first token see itself?", kind=lambda mask: ~mask),
    _mistake("numbers", "The mask holds numbers where True and False are asked for.", "Print `mask.dtype`.",
             kind=_numbers),
    _mistake("additive", "The mask holds 0 and minus infinity, to be added to scores, in place of True and False.",
             "Print `mask.dtype`.", kind=_additive),
    _mistake("extra-axes", "Axes stand in front of the table; its shape should be (T, T).", "Print `mask.shape`.",
             axes=lambda mask: mask[None, None]),
    _mistake("padded-batch", "This is a stack of masks for padded sequences, one a sequence; here all lie in one row.",
             "For the lengths [2, 3], how many tokens does the row hold?", _padded_batch),
    _mistake("longest-only", "The table is as large as the longest sequence, not as all of them together.",
             "For the lengths [2, 3], how many tokens does the row hold?", _longest_only),
    _mistake("one-row-a-sequence", "The table has a row for each sequence; it should have one for each token.",
             "For the lengths [2, 3], how many tokens does the row hold?", _count_of_sequences),
    # slips in a loop
    _mistake("start-never-moves", "Every triangle is written into the upper left corner: the start never moves.",
             "Print where each triangle begins.", _start_never_moves),
    _mistake("start-replaced", "The start of the next sequence is set to the last length; lengths are not added up.",
             "For the lengths [3, 1, 2], print where each triangle begins.", _start_replaced),
    _mistake("returns-in-the-loop", "Only the first sequence is filled: the `return` stands inside the loop.",
             "Check how far your `return` is indented.", _returns_in_the_loop),
    _mistake("list-plus-array", "`[0] + lengths` puts a 0 in front of a list, but adds 0 to each number of an array.",
             "Print `[0] + [3, 1]` and `[0] + np.array([3, 1])`.", _list_plus_array),
    _mistake("truth-of-an-array", "`if lengths` and `if not lengths` work for a list; an array has no single truth.",
             "Try `if np.array([2, 3]): pass` in a cell of its own.", _asks_for_the_truth_of_lengths),
    _mistake("mark-behind-the-end", "A mark is set where the next sequence begins, and behind the last token there is "
             "no place for one.", "Let the last sequence have no token: at which place would it begin?",
             _marks_behind_the_end),
    _mistake("zeros-refused", "A sequence without tokens is refused; it may occur, and takes no place.",
             "What should the mask for the lengths [2, 0, 3] look like?", _refuses_zeros),
    _mistake("lengths-overwritten", "The lengths of the caller are changed: sums are written into the same array.",
             "Print the array of lengths before and after the call.", _ends_written_into_lengths),
)


# --- right answers in other words ---


def _by_loops(lengths):
    T = sum(int(n) for n in lengths)
    mask = np.zeros((T, T), dtype=bool)
    start = 0
    for n in lengths:
        for i in range(start, start + int(n)):
            for j in range(start, i + 1):
                mask[i, j] = True
        start += int(n)
    return mask


def _by_triangles(lengths):
    T = int(np.sum(lengths))
    mask, start = np.zeros((T, T)), 0
    for n in lengths:
        mask[start:start + n, start:start + n] = np.tril(np.ones((n, n)))
        start = start + n
    return mask == 1


def _by_ends(lengths):
    ends = np.cumsum(lengths)
    place = np.arange(ends[-1])
    owner = np.searchsorted(ends, place, side="right")
    return np.equal.outer(owner, owner) & np.tril(np.ones((len(place), len(place)), dtype=bool))


def _by_begins(lengths):
    lengths = np.array(lengths, dtype=int)
    begins = np.cumsum(lengths) - lengths
    begin = np.repeat(begins, lengths)  # (T,) where the token's own sequence begins
    j = np.arange(lengths.sum())
    return (j[None, :] >= begin[:, None]) & (j[None, :] <= j[:, None])


def _by_borders(lengths):
    lengths = [int(n) for n in lengths]
    T = sum(lengths)
    mask = np.tri(T, dtype=bool)
    start = 0
    for n in lengths:
        mask[start:, :start] = False
        start += n
    return mask


def _by_lists(lengths):
    owner = []
    for b, n in enumerate(lengths):
        owner.extend([b] * int(n))
    T = len(owner)
    return np.array([[owner[i] == owner[j] and j <= i for j in range(T)] for i in range(T)]).reshape(T, T)


def _by_membership(lengths):
    B = len(lengths)
    member = np.eye(B, dtype=int)[np.repeat(range(B), lengths)]  # (T, B) one-hot
    return np.tril(member @ member.T).astype(bool)


def _by_counting_begins(lengths):
    marks = np.zeros(int(np.sum(lengths)) + 1, dtype=int)
    np.add.at(marks, np.cumsum(lengths), 1)
    owner = np.cumsum(marks)[:-1]
    return np.logical_and(owner[:, None] == owner[None, :], np.tri(len(owner)))


def _by_kronecker_rows(lengths):
    T = int(sum(map(int, lengths)))
    rows, start = [], 0
    for n in map(int, lengths):
        for t in range(n):
            rows.append(np.concatenate([np.zeros(start), np.ones(t + 1), np.zeros(T - start - t - 1)]))
        start += n
    return np.stack(rows) > 0


PACKED = Exercise(
    name="packed_causal_mask",
    title="Keep packed sequences apart",
    notebook="hw2_masks",
    signature="packed_causal_mask(lengths)",
    reference=packed_causal_mask,
    arrays="numpy",
    returns=(Returns("mask", "(T, T)"),),
    cases=_cases,
    drawn=_drawn,
    probes=(
        Probe("the mask is a table of True and False for all tokens", _shape_and_kind),
        Probe("no token sees another sequence", _strangers_are_hidden, APART),
        Probe("of its own sequence a token sees its past and itself", _own_past_is_seen, PAST),
        Probe("a sequence without tokens changes nothing", _empty_ones_change_nothing, OTHERS),
        Probe("lists and arrays of lengths give the same mask", _kind_of_numbers_does_not_count, OTHERS),
    ),
    stages=packed_by_stages,
    mistakes=MISTAKES,
    equivalents=(
        Equivalent("loops", _by_loops),
        Equivalent("triangles", _by_triangles),
        Equivalent("ends-searched", _by_ends),
        Equivalent("begins-repeated", _by_begins),
        Equivalent("borders-cut", _by_borders),
        Equivalent("nested-lists", _by_lists),
        Equivalent("one-hot-members", _by_membership),
        Equivalent("begins-counted", _by_counting_begins),
        Equivalent("row-after-row", _by_kronecker_rows),
    ),
    hints=(
        "Two questions decide about a cell: do token i and token j belong to the same sequence, and does j come no "
        "later than i? Answer each with a table of its own.",
        "Write down, for the lengths [2, 3], which sequence each of the five tokens belongs to. `np.repeat` makes such "
        "a row of numbers; comparing it with itself, once as a column, gives the first table.",
        "`owner = np.repeat(np.arange(len(lengths)), lengths)`, `place = np.arange(len(owner))` and "
        "`return (owner[:, None] == owner) & (place <= place[:, None])`",
    ),
    minutes=20,
    points=6,
    credit=(Part(TABLES, 2), Part(APART, 1), Part(PAST, 1), Part(OTHERS, 2, visible=False)),
)
