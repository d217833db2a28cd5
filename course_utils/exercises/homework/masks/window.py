"""Homework: the mask of a sliding window, with and without a cache of earlier keys."""

import math

import numpy as np

from course_utils.checks import Broken, Case, Equivalent, Exercise, Mistake, Part, Probe, Returns

TABLES, WIDTH, FUTURE, CACHE = "right tables", "the width of the window", "the future is hidden", "other sizes"


def sliding_window_mask(T, window, S=None):
    """Let each query attend to the last `window` keys up to its own place.

    Parameters
    ----------
    T : int
        Number of queries (tokens).
    window : int
        How many keys a query may see, its own included; at least 1 (tokens).
    S : int, optional
        Number of keys, at least `T`, the queries being the last `T` of them; `T` if left out (tokens).

    Returns
    -------
    boolean ndarray, shape (T, S)
        True = may attend.

    Examples
    --------
    >>> sliding_window_mask(3, 2).astype(int).tolist()
    [[1, 0, 0], [1, 1, 0], [0, 1, 1]]
    >>> sliding_window_mask(1, 2, S=4).astype(int).tolist()
    [[0, 0, 1, 1]]
    """
    S = T if S is None else S
    back = np.arange(S - T, S)[:, None] - np.arange(S)  # (T, S) how far the key lies before the query
    return (back >= 0) & (back < window)


def _cases():
    return (
        Case((4, 2), note="four tokens, a window of 2"),
        Case((6, 3), note="six tokens, a window of 3"),
        Case((5, 1), note="a window of 1: itself alone"),
        Case((7, 4, 7), note="S given, and equal to T"),
        Case((9, 5), note="nine tokens, a window of 5"),
        Case((4, 4), note="a window as wide as the row"),
        Case((2, 3, 6), note="two queries behind a cache of four keys", part=CACHE),
        Case((1, 2), {"S": 5}, note="one query behind a cache of four keys", part=CACHE),
        Case((4, 3, 6), note="four queries behind a cache of two keys", part=CACHE),
        Case((3, 9), note="a window wider than the row", part=CACHE),
        Case((3, 8, 5), note="a window wider than the row, with a cache", part=CACHE),
        Case((1, 1), note="a single token", part=CACHE),
    )


def _drawn(seed):
    rng = np.random.default_rng(seed)
    T, window, T2, old, window2 = (int(rng.integers(*ends)) for ends in ((5, 9), (2, 5), (2, 5), (2, 6), (2, 6)))
    return (
        Case((T, window), note="sizes drawn for you"),
        Case((T2, window2, T2 + old), note="a cache drawn for you", part=CACHE),
    )


def window_by_stages(T, window, S=None, *, keys=lambda T, S: T if S is None else S, offset=lambda T, S: S - T,
                     past=lambda i, j: j <= i, near=lambda i, j, w: j > i - w, join=lambda past, near: past & near,
                     near_offset=None, kind=lambda mask: mask, axes=lambda mask: mask):
    """Build the mask in stages that can be replaced one by one."""
    S = keys(T, S)
    i, j = np.arange(T)[:, None], np.arange(S)[None, :]
    moved = i + offset(T, S)
    return axes(kind(join(past(moved, j), near(i + near_offset(T, S) if near_offset else moved, j, window))))


# --- properties ---


def _shape_and_kind(call):
    mask = call(6, 3)
    if mask.shape != (6, 6):
        return Broken("6 tokens should get a mask of shape (6, 6)", f"got {mask.shape}")
    if mask.dtype != bool:
        return Broken("a mask should hold True and False", f"wanted bool, got {mask.dtype}")


def _sees_itself(call):
    mask = call(6, 3)
    blind = [i for i in range(6) if not mask[i, i]]
    if blind:
        return Broken("every query should see its own key", f"T = 6, window = 3: the queries {blind} do not")


def _as_many_as_the_window(call):
    for T, window in ((7, 3), (5, 1)):
        mask = call(T, window)
        for i in range(T):
            seen = [j for j in range(i + 1) if mask[i, j]]  # what comes later is another property's business
            wanted = list(range(max(0, i - window + 1), i + 1))
            if seen != wanted:
                return Broken("up to its own place, a query should see the last `window` keys, or all if there are "
                              "fewer", f"T = {T}, window = {window}: of the keys 0 to {i}, query {i} sees {seen}")


def _future_is_hidden(call):
    mask = call(6, 3)
    for i in range(6):
        ahead = [j for j in range(i + 1, 6) if mask[i, j]]
        if ahead:
            return Broken("no query should see a key that comes later",
                          f"T = 6, window = 3: query {i} sees the keys {ahead}")


def _last_rows_of_the_square(call):
    square = call(7, 3)
    for T in (2, 5):
        mask = call(T, 3, 7)
        if mask.shape != (T, 7) or not (mask == square[-T:]).all():
            return Broken("with S keys, the T queries should get the last T rows of the square mask for S tokens",
                          f"window = 3: the mask for T = {T}, S = 7 has the shape {mask.shape} and is not rows "
                          f"{7 - T} to 6 of the mask for T = 7")


def _wide_window_cuts_nothing(call):
    for T, S in ((4, None), (2, 5)):
        args = (T, 9) if S is None else (T, 9, S)
        S = S or T
        found = [int(row.sum()) for row in call(*args)]
        wanted = list(range(S - T + 1, S + 1))
        if found != wanted:
            return Broken("a window wider than the row should cut nothing off: all that came before is seen",
                          f"T = {T}, window = 9, S = {S}: the rows hold {found} times True, wanted {wanted}")


# --- wrong answers ---


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
    _mistake("returns-in-the-loop", "Only the first row is filled: the `return` stands inside the loop.",
             "Check how far your `return` is indented.", _returns_in_the_loop),
)


# --- right answers in other words ---


def _by_loops(T, window, S=None):
    if S is None:
        S = T
    mask = np.zeros((T, S), dtype=bool)
    for i in range(T):
        place = i + S - T
        for j in range(S):
            if place - window < j <= place:
                mask[i, j] = True
    return mask


def _by_triangles(T, window, S=None):
    S = S or T
    ones = np.ones((T, S), dtype=bool)
    return np.tril(ones, k=S - T) & np.triu(ones, k=S - T - window + 1)


def _by_difference(T, window, S=None):
    S = T if S is None else S
    return np.tri(T, S, S - T, dtype=bool) ^ np.tri(T, S, S - T - window, dtype=bool)


def _by_rows_of_the_square(T, window, S=None):
    S = T if S is None else S
    i = np.arange(S)
    square = (i[:, None] >= i) & (i[:, None] - i < window)
    return square[S - T:]


def _by_slices(T, window, S=None):
    S = T if S is None else S
    mask = np.full((T, S), False)
    for i, place in enumerate(range(S - T, S)):
        mask[i, max(0, place + 1 - window):place + 1] = True
    return mask


def _by_diagonals(T, window, S=None):
    S = T if S is None else S
    total = np.zeros((T, S))
    for back in range(min(window, S)):
        total += np.eye(T, S, k=S - T - back)
    return total > 0


def _by_lists(T, window, S=None):
    S = T if S is None else S
    return np.array([[i + S - T - window + 1 <= j <= i + S - T for j in range(S)] for i in range(T)])


def _by_membership(T, window, S=None):
    S = T if S is None else S
    back = np.subtract.outer(np.arange(T) + (S - T), np.arange(S))
    return np.isin(back, np.arange(window))


def _from_the_end(T, window, S=None):
    S = T if S is None else S
    i, j = np.ogrid[T:0:-1, S:0:-1]  # counted from the end, where queries and keys agree
    return np.logical_and(j >= i, j <= i + window - 1)


WINDOW = Exercise(
    name="sliding_window_mask",
    title="See through a sliding window",
    notebook="hw2_masks",
    signature="sliding_window_mask(T, window, S=None)",
    reference=sliding_window_mask,
    arrays="numpy",
    returns=(Returns("mask", "(T, S)"),),
    cases=_cases,
    drawn=_drawn,
    probes=(
        Probe("the mask is a table of True and False", _shape_and_kind),
        Probe("every query sees its own key", _sees_itself),
        Probe("a query sees the last keys, as many as the window", _as_many_as_the_window, WIDTH),
        Probe("no query sees a later key", _future_is_hidden, FUTURE),
        Probe("with a cache, the mask is the last rows of the square", _last_rows_of_the_square, CACHE),
        Probe("a window wider than the row cuts nothing off", _wide_window_cuts_nothing, CACHE),
    ),
    stages=window_by_stages,
    mistakes=MISTAKES,
    equivalents=(
        Equivalent("loops", _by_loops),
        Equivalent("two-triangles", _by_triangles),
        Equivalent("difference-of-triangles", _by_difference),
        Equivalent("rows-of-the-square", _by_rows_of_the_square),
        Equivalent("slices", _by_slices),
        Equivalent("sum-of-diagonals", _by_diagonals),
        Equivalent("nested-lists", _by_lists),
        Equivalent("distances-looked-up", _by_membership),
        Equivalent("counted-from-the-end", _from_the_end),
    ),
    hints=(
        "Number the places of the keys from 0 to S - 1. At which place stands query 0 if S = T? And if the queries are "
        "the last T of S?",
        "Make a table of distances: the query's place, as a column, minus the key's place, as a row. Which distances "
        "are seen?",
        "`S = T if S is None else S`, `back = np.arange(S - T, S)[:, None] - np.arange(S)` and "
        "`return (back >= 0) & (back < window)`",
    ),
    minutes=20,
    points=6,
    credit=(Part(TABLES, 2), Part(WIDTH, 1), Part(FUTURE, 1), Part(CACHE, 2, visible=False)),
)
