"""Wrong answers to the mask of a sliding window; no exercise lives here."""

import math

import numpy as np

from course_utils.checks import Mistake
from course_utils.exercises.homework.masks.tables import sliding_window_mask

__all__ = ["MISTAKES", "window_by_stages"]


def window_by_stages(T, window, S=None, *, keys=lambda T, S: T if S is None else S, offset=lambda T, S: S - T,
                     past=lambda i, j: j <= i, near=lambda i, j, w: j > i - w, join=lambda past, near: past & near,
                     near_offset=None, kind=lambda mask: mask, axes=lambda mask: mask):
    """Build the mask in stages that can be replaced one by one."""
    S = keys(T, S)
    i, j = np.arange(T)[:, None], np.arange(S)[None, :]
    moved = i + offset(T, S)
    return axes(kind(join(past(moved, j), near(i + near_offset(T, S) if near_offset else moved, j, window))))


def _negative_slice(T, window, S=None):
    S = T if S is None else S
    mask = np.zeros((T, S), dtype=bool)
    for i in range(T):
        place = S - T + i
        mask[i, place - window + 1:place + 1] = True
    return mask


def _full_rows(T, window, S=None):
    S = T if S is None else S
    mask = np.zeros((T, S), dtype=bool)
    for i in range(T):
        start = max(0, S - T + i - window + 1)
        mask[i, start:start + window] = True
    return mask


def _refused(T, window, S=None):
    if window > (T if S is None else S):
        raise ValueError("the window is larger than the row")
    return sliding_window_mask(T, window, S)


def _diagonal_wrong_side(T, window, S=None):
    S = T if S is None else S
    ones = np.ones((T, S), dtype=bool)
    return np.tril(ones, S - T) & np.triu(ones, S - T + window - 1)


def _returns_in_the_loop(T, window, S=None):
    S = T if S is None else S
    mask = np.zeros((T, S), dtype=bool)
    for i in range(T):
        place = S - T + i
        mask[i, max(0, place - window + 1):place + 1] = True
        return mask


def _cache_needed(T, window, S=None):
    back = np.arange(S - T, S)[:, None] - np.arange(S)
    return (back >= 0) & (back < window)


def _negative_index(T, window, S=None):
    S = T if S is None else S
    mask = np.zeros((T, S), dtype=bool)
    for i in range(T):
        place = S - T + i
        for j in range(place - window + 1, place + 1):
            mask[i, j] = True
    return mask


def _last_columns(T, window, S=None):
    return sliding_window_mask(S or T, window)[:, -T:]


def _cache_beside(value):
    def wrong(T, window, S=None):
        cache = np.full((T, (S or T) - T), value)
        return np.concatenate([cache, sliding_window_mask(T, window)], axis=1)

    return wrong


def _window_at_the_end(T, window, S=None):
    S = T if S is None else S
    mask = np.tri(T, S, S - T, dtype=bool)
    mask[:, :S - window] = False
    return mask


def _clipped(T, window, S=None):
    return sliding_window_mask(T, min(window, T), S)


def _chained(T, window, S=None):
    S = T if S is None else S
    back = np.arange(S - T, S)[:, None] - np.arange(S)
    return 0 <= back < window


def _mistake(name, cause, experiment, function=None, **changes):
    return Mistake(name, cause, experiment, function, None if function else changes)


MISTAKES = (
    # the width
    _mistake("one-too-wide", "The window is one key too wide: the query's own key is not counted in.",
             "How many keys should a query see with a window of 1? Print `sliding_window_mask(4, 1)`.",
             near=lambda i, j, w: j >= i - w),
    _mistake("one-too-narrow", "The window is one key too narrow.",
             "How many keys should a query see with a window of 1? Print `sliding_window_mask(4, 1)`.",
             near=lambda i, j, w: j > i - w + 1),
    _mistake("window-without-effect", "The window has no effect: the mask is the plain causal one.",
             "Compare the masks for the windows 1 and 4.", near=lambda i, j, w: (i + j) >= 0),
    _mistake("before-the-window", "What lies in the window is hidden, and what lies before it is seen.",
             "Print the last row for T = 6 and a window of 2.", near=lambda i, j, w: j <= i - w),
    _mistake("or-for-and", "Past OR near is asked for in place of both at once, so nothing is hidden.",
             "Count the True in your mask for T = 4 and a window of 2.", join=lambda past, near: past | near),
    _mistake("blocks", "The row is cut into pieces as long as the window; a window slides along with the query.",
             "Compare your rows 2 and 3 for a window of 3: how many keys does each see?",
             near=lambda i, j, w: j // w == i // w),
    _mistake("window-stands-still", "Every query sees the first keys of the row; the window does not move along.",
             "Print the last row for T = 6 and a window of 2: does it see itself?", near=lambda i, j, w: j < w),
    _mistake("every-so-many", "Every `window`-th key is seen in place of the last `window` ones.",
             "Print the last row for T = 7 and a window of 3.", near=lambda i, j, w: (i - j) % w == 0),
    _mistake("diagonal-on-the-wrong-side", "The second triangle starts on the wrong side of the diagonal, so the two "
             "hardly overlap.", "Print `np.triu(np.ones((4, 4)), k)` for k = 1 and k = -1.", _diagonal_wrong_side),
    _mistake("negative-slice", "At the beginning of the row the slice starts at a negative number, which NumPy counts "
             "from the end.", "What is `np.arange(6)[-1:1]`, and what did you want there?", _negative_slice),
    _mistake("negative-index", "At the beginning of the row the loop runs over negative places, which NumPy counts "
             "from the end.", "Which keys may query 0 see? Print the places that your loop visits for it.",
             _negative_index),
    _mistake("window-at-the-end", "The window stands at the end of the row for every query.",
             "Print the first rows for T = 6 and a window of 2: do they see themselves?", _window_at_the_end),
    _mistake("centred", "The window is centred on the query, with one half before it and one after.",
             "Which keys may query 0 see?", past=lambda i, j: j >= 0, near=lambda i, j, w: abs(i - j) <= w // 2),
    _mistake("always-full", "The first queries get `window` keys as well, and so see keys that come later.",
             "How many keys may query 0 see?", _full_rows),
    # past and future
    _mistake("both-sides", "The window reaches to both sides: the next keys are seen as well.",
             "Which keys may query 0 see?", past=lambda i, j: j >= 0,
             near=lambda i, j, w: abs(i - j) < w),
    _mistake("past-not-asked", "Only the window's far end is checked, so all later keys are seen.",
             "Which keys may query 0 see?", past=lambda i, j: (i + j) >= 0),
    _mistake("looks-ahead", "The window reaches forward: a query sees itself and the next keys.",
             "Which keys may query 0 see, and which the last query?", past=lambda i, j: j >= i,
             near=lambda i, j, w: j < i + w),
    _mistake("own-place-hidden", "A query does not see itself, and one earlier key takes the place.",
             "Which keys may query 0 see?", past=lambda i, j: j < i, near=lambda i, j, w: j >= i - w),
    _mistake("own-place-lost", "A query does not see itself.", "Which keys may query 0 see?",
             past=lambda i, j: j < i),
    _mistake("one-place-ahead", "The next key is seen as well.", "Which keys may query 0 see?",
             past=lambda i, j: j <= i + 1),
    # the cache
    _mistake("aligned-upper-left", "With more keys than queries, query 0 is taken to stand at key 0: then the newest "
             "keys are seen by nobody.",
             "The queries are the newest tokens. For T = 1 and S = 5, at which place does the only query stand?",
             offset=lambda T, S: 0),
    _mistake("last-columns", "The last T columns of the square mask are returned in place of its last T rows.",
             "Print the shape of the mask for T = 2 and S = 6.", _last_columns),
    _mistake("cache-hidden", "The keys of the cache are hidden from every query.",
             "For T = 1, S = 5 and a window of 2, which two keys may the query see?", _cache_beside(False)),
    _mistake("cache-always-seen", "The keys of the cache are seen by every query, however far back they lie.",
             "For T = 1, S = 5 and a window of 2, which two keys may the query see?", _cache_beside(True)),
    _mistake("window-clipped", "The window is made no wider than T, but with a cache it reaches back beyond the "
             "queries.",
             "For T = 1, S = 5 and a window of 2, which two keys may the query see?", _clipped),
    _mistake("offset-turned-round", "The queries are moved by T - S in place of S - T, out of the table.",
             "For T = 1 and S = 5, at which place does the only query stand?", offset=lambda T, S: T - S),
    _mistake("offset-one-short", "The queries stand one place too far to the left when there is a cache.",
             "For T = 1 and S = 5, which key is the query's own?", offset=lambda T, S: max(0, S - T - 1)),
    _mistake("only-the-window-aligned", "The window knows of the cache, the causal part does not.",
             "For T = 2 and S = 6, print both parts by themselves.", offset=lambda T, S: 0,
             near_offset=lambda T, S: S - T),
    _mistake("only-the-future-aligned", "The causal part knows of the cache, the window does not: it reaches back to "
             "the beginning of the cache.",
             "For T = 2 and S = 6, print both parts by themselves.", near_offset=lambda T, S: 0),
    _mistake("s-ignored", "S is not used: the mask is a square for the queries alone.",
             "Print the shape of the mask for T = 2 and S = 6.", keys=lambda T, S: T),
    _mistake("square-for-all-keys", "The mask has a row for every key; only the last T of them are queries.",
             "Print the shape of the mask for T = 2 and S = 6.",
             lambda T, window, S=None: sliding_window_mask(S or T, window)),
    _mistake("s-is-required", "`S` is None when it is left out, and None is no number.",
             "Call it without S. What should S be then?", _cache_needed),
    _mistake("wide-window-refused", "A window wider than the row is refused; it only means that nothing is cut off.",
             "What should `sliding_window_mask(3, 9)` be?", _refused),
    # what comes back
    _mistake("opposite-polarity", "True stands where a query may NOT attend.",
             "Print row 0: may the first token see itself?", kind=lambda mask: ~mask),
    _mistake("transposed", "Rows and columns are exchanged: a row belongs to a key.",
             "Print row 0: how many keys may query 0 see?", axes=lambda mask: mask.T),
    _mistake("numbers", "The mask holds numbers where True and False are asked for.", "Print `mask.dtype`.",
             kind=lambda mask: mask.astype(int)),
    _mistake("additive", "The mask holds 0 and minus infinity, to be added to scores, in place of True and False.",
             "Print `mask.dtype`.", kind=lambda mask: np.where(mask, 0.0, -math.inf)),
    _mistake("extra-axes", "Axes stand in front of the table; its shape should be (T, S).", "Print `mask.shape`.",
             axes=lambda mask: mask[None, None]),
    _mistake("truth-of-a-table", "`and`, and `0 <= x < window`, ask for the truth of a whole table; cell by cell it is "
             "`&` between two comparisons.", "Try `0 <= np.arange(3) < 2` in a cell of its own.", _chained),
    _mistake("returns-in-the-loop", "Only the first row is filled: the `return` stands inside the loop.",
             "Check how far your `return` is indented.", _returns_in_the_loop),
)
