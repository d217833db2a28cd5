"""Wrong answers to the mask of a prefix language model; no exercise lives here."""

import math

import numpy as np

from course_utils.checks import Mistake
from course_utils.exercises.homework.masks.tables import prefix_lm_mask

__all__ = ["MISTAKES", "prefix_by_stages"]


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


def _last_place_of_nothing(prefix_lengths, lengths, S):
    place = np.arange(S)
    prefix, real = (place <= np.asarray(x)[:, None] - 1 for x in (prefix_lengths, lengths))  # (B, S)
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


def _table_reused(prefix_lengths, lengths, S):
    table, tables = np.tri(S, dtype=bool), []
    for p, n in zip(map(int, prefix_lengths), map(int, lengths)):
        table[:p, :p] = True
        table[n:], table[:, n:] = False, False
        tables.append(table.copy())
    return np.stack(tables)[:, None]


def _one_table_for_all(prefix_lengths, lengths, S):
    table, tables = np.tri(S, dtype=bool), []
    for p, n in zip(map(int, prefix_lengths), map(int, lengths)):
        table[:p, :p] = True
        table[n:], table[:, n:] = False, False
        tables.append(table)
    return np.stack(tables)[:, None]


def _hidden_from(first):
    """Hides rows and columns from a place on that is counted wrongly."""

    def wrong(prefix_lengths, lengths, S):
        mask = np.zeros((len(lengths), 1, S, S), dtype=bool)
        for b, (p, n) in enumerate(zip(prefix_lengths, lengths)):
            mask[b, 0] = np.tri(S, dtype=bool)
            mask[b, 0, :p, :p] = True
            mask[b, 0, first(n, S):], mask[b, 0, :, first(n, S):] = False, False
        return mask

    return wrong


def _word_or(prefix_lengths, lengths, S):
    place = np.arange(S)
    prefix = (place < np.asarray(prefix_lengths)[:, None])[:, None, :]
    return ((place <= place[:, None]) or prefix)[:, None]


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
    _mistake("prefix-only", "Only the prefix sees anything; the rows of the rest are empty, as if the lengths "
             "were exchanged.",
             f"{_ROW_3} Does it see itself? And which argument comes first?", rest=lambda i, j, p: (i < 0) & (j >= 0)),
    _mistake("rest-blind-to-prefix", "The rest does not see the prefix.",
             f"{_ROW_3} May it see token 0?", rest=lambda i, j, p: (j <= i) & (j >= p)),
    _mistake("rest-sees-prefix-only", "The rest sees the prefix and nothing of what it has written itself.",
             f"{_ROW_3} May it see token 2?", rest=lambda i, j, p: j < p),
    _mistake("own-place-hidden", "A token after the prefix does not see itself.",
             f"{_ROW_3} Does it see itself?", rest=lambda i, j, p: j < i),
    _mistake("one-place-ahead", "A token after the prefix sees the next one as well.",
             "For one sentence with a prefix of 2 and a length of 4, print row 2.", rest=lambda i, j, p: j <= i + 1),
    # padding
    _mistake("padding-rows-visible", "Padding is hidden as a key, but its rows still see real tokens.",
             "For a length of 3 and S = 5, print the last two rows.", queries=lambda i, n, S: i >= 0),
    _mistake("padding-forgotten", "Padding is treated like any other token; the lengths are not used.",
             "For a length of 3 and S = 5, print the last two rows.", keys=lambda j, n, S: j >= 0,
             queries=lambda i, n, S: i >= 0),
    _mistake("padding-sees-itself", "Each place of padding sees itself, so that no row is empty; here it sees nothing.",
             "For a length of 3 and S = 5, print the last two rows.", finish=lambda mask, i, j: mask | (i == j)),
    _mistake("padding-in-front", "Padding is looked for in front of the sentence; it comes after.",
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
    _mistake("padding-for-length", "The amount of padding is taken for the length: hidden is from S - length on.",
             "For a length of 3 and S = 5, from which place on is there padding?", _hidden_from(lambda n, S: S - n)),
    _mistake("counted-from-the-end", "Padding is counted from the end with a negative number, which is 0 where there "
             "is none: then all is hidden.", "Print `np.arange(4)[-0:]`. When is there no padding?",
             _hidden_from(lambda n, S: n - S)),
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
    _mistake("axis-in-front", "The axis of size 1 stands in front of the batch, not after it.",
             "Print `mask.shape` for two sentences.", axes=lambda mask: mask[None]),
    _mistake("axis-behind", "The axis of size 1 stands after the table, not between the batch and the queries.",
             "Print `mask.shape` for two sentences.", axes=lambda mask: mask[..., None]),
    _mistake("returns-in-the-loop", "Only the first sentence is filled: the `return` stands inside the loop.",
             "Check how far your `return` is indented.", _one_for_all_in_a_loop),
    _mistake("table-reused", "One table is written into for every sentence, so what the first one hid stays hidden.",
             "Swap the order of two sentences and compare.", _table_reused),
    _mistake("one-table-for-all", "The same table is stored for every sentence, and all of them show the last change.",
             "Swap the order of two sentences and compare. Does your loop make a new table each time?",
             _one_table_for_all),
    _mistake("word-or", "`or` and `and` ask for the truth of a whole table; cell by cell it is `|` and `&`.",
             "Try `np.array([True, False]) or True` in a cell of its own, and then `|`.", _word_or),
    _mistake("one-less-than-zero", "From a length of 0 a 1 is subtracted: in whole numbers without a sign that is not "
             "-1 but the largest number there is.", "Print np.array([0], dtype=np.uint8) - 1.",
             _last_place_of_nothing),
    _mistake("lengths-overwritten", "The lengths of the caller are changed.",
             "Print the array of lengths before and after the call.", _written_into),
)
