"""Wrong answers to the mask of a packed row; no exercise lives here."""

import math

import numpy as np

from course_utils.checks import Mistake
from course_utils.exercises.homework.masks.tables import packed_causal_mask

__all__ = ["MISTAKES", "packed_by_stages"]


def _owners(n):
    return np.repeat(np.arange(len(n)), n)


def packed_by_stages(lengths, *, owners=_owners, same=lambda a, b: a == b, past=lambda i, j: j <= i,
                     join=lambda same, past: same & past, kind=lambda mask: mask, axes=lambda mask: mask):
    """Build the mask in stages that can be replaced one by one."""
    owner = owners(np.asarray(lengths).astype(int))
    place = np.arange(len(owner))
    return axes(kind(join(same(owner[:, None], owner[None, :]), past(place[:, None], place[None, :]))))


def _numbers(mask):
    return mask.astype(int)


def _additive(mask):
    return np.where(mask, 0.0, -math.inf)


def _last_place_of_nothing(lengths):
    lengths = np.asarray(lengths)
    ends = np.cumsum(lengths)
    place = np.arange(int(lengths.sum()))
    inside = (place[:, None] >= ends - lengths) & (place[:, None] <= ends - 1)  # (T, B)
    return (inside[:, None] & inside).any(axis=-1) & (place <= place[:, None])


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


def _places(lengths):
    n = np.asarray(lengths).astype(int)
    return np.concatenate([np.arange(one) for one in n])


def _restarted_places(lengths):
    place = _places(lengths)
    return place <= place[:, None]


def _restarted_places_and_causal(lengths):
    return np.tril(_restarted_places(lengths))


def _first_token_only(lengths):
    ends = np.cumsum(np.asarray(lengths).astype(int))
    mask = np.tri(ends[-1], dtype=bool)
    for end in ends[:-1]:
        mask[end, :end] = False
    return mask


def _everything(lengths):
    T = int(np.sum(lengths))
    return np.ones((T, T), dtype=bool)


def _zeros_above(lengths):
    owner = _owners(np.asarray(lengths).astype(int))
    return np.tril(owner[:, None] - owner) == 0


def _range_to_the_length(lengths):
    T = int(np.sum(lengths))
    mask, start = np.zeros((T, T), dtype=bool), 0
    for n in map(int, lengths):
        for i in range(start, n):
            mask[i, start:i + 1] = True
        start += n
    return mask


def _last_token_left_out(lengths):
    T = int(np.sum(lengths))
    mask, start = np.zeros((T, T), dtype=bool), 0
    for n in map(int, lengths):
        for i in range(start, start + n - 1):
            mask[i, start:i + 1] = True
        start += n
    return mask


def _padded_batch_of_real_rows(lengths):
    mask = _padded_batch(lengths)
    n = np.asarray(lengths).astype(int)
    return mask & (np.arange(n.max())[:, None] < n[:, None, None])


def _word_and(lengths):
    owner = _owners(np.asarray(lengths).astype(int))
    place = np.arange(len(owner))
    return (owner[:, None] == owner) and (place <= place[:, None])


def _mistake(name, cause, experiment, function=None, **changes):
    return Mistake(name, cause, experiment, function, None if function else changes)


MISTAKES = (
    # who is a stranger
    _mistake("everything-seen", "Everything is True, so nothing is hidden; in `[[False] * T] * T`, for one, all rows "
             "are the same list.", "For the lengths [2, 3], look for a False in your mask.", _everything),
    _mistake("restarted-places-alone", "Places within the sequences are compared, and the sequences are not: the same "
             "place occurs in each.", "For the lengths [2, 3], print row 1: may token 1 see token 2?",
             _restarted_places),
    _mistake("restarted-places-and-causal", "Places within the sequences are compared, and the sequences are not: the "
             "same place occurs in each.", "For the lengths [2, 3], print row 2: may token 2 see token 0?",
             _restarted_places_and_causal),
    _mistake("first-token-only", "Only the first token of each sequence is kept from seeing what lies before it.",
             "For the lengths [2, 3], print rows 3 and 4.", _first_token_only),
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
    _mistake("zeros-above-counted", "`np.tril` puts zeros above the diagonal, and afterwards 0 counts as True.",
             "For the lengths [2, 3], print row 0, and your table before the zeros are looked for.", _zeros_above),
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
    _mistake("padded-batch-without-padding", "This is a stack of masks for padded sequences, one a sequence; here all "
             "lie in one row.", "For the lengths [2, 3], how many tokens does the row hold?",
             _padded_batch_of_real_rows),
    _mistake("word-and", "`and` asks for the truth of a whole table; cell by cell it is `&`.",
             "Try `np.array([True, False]) and True` in a cell of its own, and then `&`.", _word_and),
    # slips in a loop
    _mistake("range-to-the-length", "The loop over the tokens of a sequence ends at its length, not at its end.",
             "For the lengths [3, 1, 2], print which rows your loop visits.", _range_to_the_length),
    _mistake("last-token-left-out", "The last token of each sequence is left out; its row is empty.",
             "For the lengths [2, 3], print which rows your loop visits.", _last_token_left_out),
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
    _mistake("mark-behind-the-end", "A mark is set where the next sequence begins, and after the last token there is "
             "no place for one.", "Let the last sequence have no token: at which place would it begin?",
             _marks_behind_the_end),
    _mistake("zeros-refused", "A sequence without tokens is refused; it may occur, and takes no place.",
             "What should the mask for the lengths [2, 0, 3] look like?", _refuses_zeros),
    _mistake("one-less-than-zero", "From a length of 0 a 1 is subtracted: in whole numbers without a sign that is not "
             "-1 but the largest number there is.", "Print np.array([0], dtype=np.uint8) - 1.",
             _last_place_of_nothing),
    _mistake("lengths-overwritten", "The lengths of the caller are changed: sums are written into the same array.",
             "Print the array of lengths before and after the call.", _ends_written_into_lengths),
)
