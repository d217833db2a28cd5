"""Homework: the mask of a sliding window, with and without a cache of earlier keys."""

from functools import partial

import numpy as np

from course_utils.checks import Broken, Case, Equivalent, Exercise, Part, Probe, Returns
from course_utils.exercises.battery import Battery, earlier_result_stays, reasons
from course_utils.exercises.homework.masks._window_mistakes import MISTAKES, window_by_stages
from course_utils.exercises.homework.masks.tables import sliding_window_mask

TABLES, WIDTH, FUTURE, CACHE = "right tables", "the width of the window", "the future is hidden", "other sizes"


def _cases():
    return (
        Case((4, 2), note="four tokens, a window of 2"),
        Case((6, 3), note="six tokens, a window of 3"),
        Case((5, 1), note="a window of 1: itself alone"),
        Case((7, 4, 7), note="S given, and equal to T"),
        Case((9, 5), note="nine tokens, a window of 5"),
        Case((4, 4), note="a window as wide as the row"),
        Case((2, 3, 6), note="two queries after a cache of four keys", part=CACHE),
        Case((1, 2), {"S": 5}, note="one query after a cache of four keys", part=CACHE),
        Case((4, 3, 6), note="four queries after a cache of two keys", part=CACHE),
        Case((3, 9), note="a window wider than the row", part=CACHE),
        Case((3, 8, 5), note="a window wider than the row, with a cache", part=CACHE),
        Case((1, 1), note="a single token", part=CACHE),
    )


def _drawn(seed):
    rng = np.random.default_rng(seed)

    def sizes():
        return int(rng.integers(10, 17)), int(rng.integers(3, 7))

    T, old = int(rng.integers(3, 5)), int(rng.integers(5, 9))
    window = old + int(rng.integers(2, T))  # wider than T, reaching back into the cache and beyond it
    wide = int(rng.integers(4, 10))
    return (
        Case(sizes(), note="drawn sizes"),
        Probe("a query sees the last keys, for drawn sizes", partial(_as_many_as_the_window, sizes=[sizes()]), WIDTH),
        Probe("no query sees a later key, for drawn sizes", partial(_future_is_hidden, T=sizes()[0], window=sizes()[1]),
              FUTURE),
        Case((T, window, T + old), note="a drawn cache", part=CACHE),
        Case((2, 4, old + 4), note="a drawn cache, a narrow window", part=CACHE),
        Case((wide, wide + int(rng.integers(3, 20))), note="a drawn window wider than the row", part=CACHE),
    )


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


def _as_many_as_the_window(call, sizes=((7, 3), (5, 1))):
    for T, window in sizes:
        mask = call(T, window)
        for i in range(T):
            seen = [j for j in range(i + 1) if mask[i, j]]  # what comes later is another property's business
            wanted = list(range(max(0, i - window + 1), i + 1))
            if seen != wanted:
                return Broken("up to its own place, a query should see the last `window` keys, or all if there are "
                              "fewer", f"T = {T}, window = {window}: of the keys 0 to {i}, query {i} sees {seen}")


def _future_is_hidden(call, T=6, window=3):
    mask = call(T, window)
    for i in range(T):
        ahead = [j for j in range(i + 1, T) if mask[i, j]]
        if ahead:
            return Broken("no query should see a key that comes later",
                          f"T = {T}, window = {window}: query {i} sees the keys {ahead}")
        if i and not mask[i].any():  # where nothing is seen, the future is not what is hidden
            return Broken("every query should see a key", f"T = {T}, window = {window}: query {i} sees none")


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


BATTERY = Battery(
    own=lambda: [("one query", Case((1, 3), note="one token alone")),
                 ("T < S", Case((2, 3, 7), note="two queries after a cache of five keys")),
                 ("arguments by name", Case((3,), {"window": 2, "S": 3}, "window and S by name", WIDTH)),
                 ("many places", Case((270, 140), note="270 tokens, a window of 140")),
                 ("many places", Case((2, 140, 300), note="two queries after a cache of 298 keys"))],
    probes_of={"an earlier result": earlier_result_stays(lambda: Case((5, 2)), lambda: Case((5, 4)))},
    without={**dict.fromkeys(("shapes", "scores", "masks", "strided"), "three single numbers go in"), **reasons.NUMPY},
    part=CACHE,
)

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
    battery=BATTERY,
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
    credit=(Part(TABLES, 1), Part(WIDTH, 1), Part(FUTURE, 2), Part(CACHE, 2, visible=False)),
)
