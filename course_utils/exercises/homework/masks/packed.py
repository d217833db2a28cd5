"""Homework: the mask of several sequences that lie end to end in one row."""

from functools import partial

import numpy as np

from course_utils.checks import Broken, Case, Equivalent, Exercise, Part, Probe, Returns
from course_utils.exercises.battery import Battery, earlier_result_stays, reasons
from course_utils.exercises.homework.masks._packed_mistakes import MISTAKES, packed_by_stages
from course_utils.exercises.homework.masks.tables import packed_causal_mask

TABLES, APART, PAST, OTHERS = "right tables", "nobody sees another sequence", "its past and no future", "other lengths"


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
        Case((np.array([0, 2, 4, 1], dtype=np.uint8),), note="lengths of 8 bits without a sign, the first 0",
             part=OTHERS),
    )


def _drawn(seed):
    rng = np.random.default_rng(seed)
    a, b, c, d = (int(n) for n in rng.choice(np.arange(2, 8), 4, replace=False))
    small, large = sorted((c, d))
    apart, past = rng.permutation([a, b, c, d]).tolist(), rng.permutation([a, b, c, d])
    return (
        Case(([a, b, b, c, d],), note="drawn lengths"),
        Probe("no token sees another of the drawn sequences", partial(_strangers_are_hidden, lengths=apart), APART),
        Probe("of its own drawn sequence a token sees its past and itself", partial(_own_past_is_seen, lengths=past),
              PAST),
        Case((np.array([large, 0, small, a, 0]),), note="drawn lengths, and empty sequences", part=OTHERS),
    )


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


def _strangers_are_hidden(call, lengths=_LENGTHS):
    mask = call(lengths)
    for b, (start, end) in enumerate(_blocks(lengths)):
        for i in range(start, end):
            strangers = [j for j in range(sum(lengths)) if mask[i, j] and not start <= j < end]
            if strangers:
                return Broken("no token should see a token of another sequence",
                              f"lengths {list(lengths)}: token {i} belongs to sequence {b} and sees {strangers}")
        if not mask[end - 1, start]:  # where nobody sees anything, nobody is kept apart
            return Broken("the last token of a sequence should see the first",
                          f"lengths {list(lengths)}: token {end - 1} does not see token {start}")


def _own_past_is_seen(call, lengths=_LENGTHS):
    mask = call(lengths)
    for start, end in _blocks(lengths):
        for i in range(start, end):
            seen = [j for j in range(start, end) if mask[i, j]]
            wanted = list(range(start, i + 1))
            if seen != wanted:
                return Broken("of its own sequence, a token should see itself and what stands before it",
                              f"lengths {list(lengths)}: the sequence of token {i} fills the places {start} to "
                              f"{end - 1}; of these, token {i} sees {seen}")


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


BATTERY = Battery(
    own=lambda: [("one query", Case(([1],), note="a row of one token")),
                 ("many places", Case(([1, *[2] * 130, 39],), note="300 tokens in 132 sequences"))],
    probes_of={"an earlier result": earlier_result_stays(lambda: Case(([2, 3],)), lambda: Case(([4, 1],)))},
    without={**dict.fromkeys(("shapes", "scores", "masks", "strided"), "one row of lengths goes in"),
             "names": reasons.PLAIN["names"], **reasons.NUMPY},
    part=OTHERS,
)

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
    battery=BATTERY,
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
    minutes=15,
    points=6,
    credit=(Part(TABLES, 1), Part(APART, 2), Part(PAST, 2), Part(OTHERS, 1, visible=False)),
)
