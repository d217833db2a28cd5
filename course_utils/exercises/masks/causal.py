"""Exercise of notebook 05: the mask that hides the future."""

import math

from course_utils.attention import causal_mask
from course_utils.checks import Broken, Case, Equivalent, Exercise, Mistake, Probe, Returns
from course_utils.exercises.battery import Battery, reasons
from course_utils.exercises.families.hiding import additive_mistake


def _cases():
    return [Case((T,), note=note) for T, note in (
        (3, "three tokens"), (2, "two tokens"), (5, "five tokens"), (8, "eight tokens"))]


def causal_by_stages(T, *, size=lambda T: T, sees=lambda i, j: j <= i, kind=lambda mask: mask, axes=lambda mask: mask):
    """Build the causal mask in stages that can be replaced one by one."""
    import torch

    places = torch.arange(size(T))
    return axes(kind(sees(places[:, None], places[None, :])))


def _numbers(mask):
    return mask.float()


def _infinity_times_zero(mask):
    return (~mask).float() * -math.inf


def _three_by_three(T):
    import torch

    return torch.ones(3, 3, dtype=torch.bool).tril()


def _first_row_alone(T):
    import torch

    mask = torch.zeros(T, T, dtype=torch.bool)
    for i in range(T):
        for j in range(i + 1):
            mask[i, j] = True
        return mask


# --- properties ---


def _is_a_square_of_booleans(call):
    mask = call(4)
    if tuple(mask.shape) != (4, 4):
        return Broken("for T = 4 the mask should have a row for each query and a column for each key",
                      f"wanted the shape (4, 4), got {tuple(mask.shape)}")
    if str(mask.dtype) != "torch.bool":
        return Broken("a mask should hold True and False", f"wanted torch.bool, got {mask.dtype}",
                      "Compare with `torch.tensor([1.0, 0.0]) == 1`, or give `dtype=torch.bool`.")


def _row_grows_by_one(call):
    for T in (4, 6):
        found = [int(row.sum()) for row in call(T)]
        if found != list(range(1, T + 1)):
            return Broken("each query should see one key more than the query before it, the first a single key",
                          f"T = {T}: the numbers of True in the rows are {found}")


def _sees_itself(call):
    mask = call(5)
    for i in range(5):
        if not mask[i, i]:
            return Broken("every token should see itself", f"T = 5: mask[{i}, {i}] is {bool(mask[i, i])}")


def _future_is_hidden(call):
    mask = call(5)
    for i in range(5):
        for j in range(i + 1, 5):
            if mask[i, j]:
                return Broken("no query should see a key that comes after it",
                              f"T = 5: mask[{i}, {j}] is {mask[i, j].item()}, so query {i} sees key {j}")


def _prefix_is_the_smaller_mask(call):
    small, large = call(3), call(6)
    if tuple(small.shape) != (3, 3) or not bool((large[:3, :3] == small).all()):
        return Broken("the first 3 rows and columns of the mask for 6 tokens should be the mask for 3",
                      f"for 3: {small.int().tolist()}")


# --- right answers in other words ---


def _by_loops(T):
    import torch

    mask = torch.zeros(T, T, dtype=torch.bool)
    for i in range(T):
        for j in range(i + 1):
            mask[i, j] = True
    return mask


def _by_lists(T):
    import torch

    return torch.tensor([[j <= i for j in range(T)] for i in range(T)])


def _by_places(T):
    import torch

    return torch.arange(T) <= torch.arange(T).unsqueeze(1)


def _by_triu(T):
    import torch

    return ~torch.triu(torch.ones(T, T), diagonal=1).bool()


def _by_triu_equal_zero(T):
    import torch

    return torch.triu(torch.ones(T, T), 1) == 0


def _by_running_sum(T):
    import torch

    return torch.eye(T).cumsum(dim=0).bool()


def _by_slices(T):
    import torch

    rows = [torch.cat([torch.ones(i + 1), torch.zeros(T - i - 1)]) for i in range(T)]
    return torch.stack(rows) > 0


def _mistake(name, cause, experiment, function=None, **changes):
    return Mistake(name, cause, experiment, function, None if function else changes)


BATTERY = Battery(
    own=lambda: [("one query", Case((1,), note="one token alone")), ("many places", Case((300,), note="300 tokens"))],
    without={**dict.fromkeys(("shapes", "scores", "masks", "strided", "an earlier result"), "a single number goes in"),
             "names": reasons.PLAIN["names"], "float64": reasons.MASK_OUT, "gradients": reasons.MASK_OUT},
)

CAUSAL_MASK = Exercise(
    name="causal_mask",
    title="Write the mask that hides the future",
    notebook="05_masks",
    signature="causal_mask(T)",
    reference=causal_mask,
    arrays="torch",
    returns=(Returns("mask", "(T, T)"),),
    cases=_cases,
    probes=(
        Probe("the mask is a square of booleans", _is_a_square_of_booleans),
        Probe("no query sees a later key", _future_is_hidden),
        Probe("every token sees itself", _sees_itself),
        Probe("each row shows one key more than the row above", _row_grows_by_one),
        Probe("the beginning of a long mask is the short mask", _prefix_is_the_smaller_mask),
    ),
    battery=BATTERY,
    stages=causal_by_stages,
    mistakes=(
        _mistake("triangles-swapped", "The wrong triangle is True: each query sees itself and the future.",
                 "Read row 0 of your mask for T = 3: the first token has no past.", sees=lambda i, j: j >= i),
        _mistake("opposite-polarity", "True stands where a key is hidden; in this course True means: may attend.",
                 "Look at `mask[0, 0]`: may the first token attend to itself?", sees=lambda i, j: j > i),
        _mistake("leak-by-one", "Each query sees one key too many, the very token that comes next.",
                 "Count the True in row 0. What may the first token see?", sees=lambda i, j: j <= i + 1),
        _mistake("own-place-hidden", "The diagonal is hidden, so no token sees itself and the first sees nothing.",
                 "Count the True in row 0.", sees=lambda i, j: j < i),
        _mistake("nothing-hidden", "Everything is True, so nothing is hidden.",
                 "Print your mask for T = 3 and look for a False.", sees=lambda i, j: (i + j) >= 0),
        _mistake("itself-only", "Each query sees itself alone; the past is hidden too.",
                 "Count the True in the last row.", sees=lambda i, j: i == j),
        _mistake("mirrored", "The triangle is mirrored: it hangs on the other diagonal of the square.",
                 "Print `mask.int()` for T = 3. Does row 0 begin with a 1?",
                 sees=lambda i, j: i + j >= i.shape[0] - 1),
        _mistake("itself-and-previous", "Only the token itself and the one before it are visible.",
                 "Count the True in the last row for T = 5.", sees=lambda i, j: (j == i) | (j == i - 1)),
        _mistake("numbers", "The mask holds numbers where True and False are asked for.",
                 "Print `mask.dtype`.", kind=_numbers),
        additive_mistake(lambda kind: lambda T: causal_by_stages(T, kind=kind)),
        _mistake("infinity-times-zero", "Zero times infinity is no number, so the visible places hold NaN.",
                 "Print `torch.tensor(0.0) * -math.inf`.", kind=_infinity_times_zero),
        _mistake("extra-axes", "Axes stand in front of the square; (T, T) is asked for, and fits every batch as it is.",
                 "Print `mask.shape`.", axes=lambda mask: mask[None, None]),
        _mistake("last-row-only", "One row comes back, all True: the last row alone, or places compared with "
                 "themselves (`.T` turns nothing that has one axis).",
                 "Print `mask.shape` for T = 3, and the shapes of both sides of a comparison.",
                 axes=lambda mask: mask[-1]),
        _mistake("one-too-large", "The mask has a row and a column too many.",
                 "Print `mask.shape` for T = 3.", size=lambda T: T + 1),
        _mistake("first-row-alone", "Only the first row is filled: the loop returns too early.",
                 "Check where your `return` stands.", _first_row_alone),
        _mistake("size-fixed", "The size is fixed at 3 in place of T.",
                 "Call it with T = 5 and print the shape.", _three_by_three),
    ),
    equivalents=(
        Equivalent("loops", _by_loops),
        Equivalent("nested-lists", _by_lists),
        Equivalent("places-compared", _by_places),
        Equivalent("upper-triangle-inverted", _by_triu),
        Equivalent("upper-triangle-equal-zero", _by_triu_equal_zero),
        Equivalent("running-sum", _by_running_sum),
        Equivalent("row-after-row", _by_slices),
    ),
    hints=(
        "Write the table for T = 3 down by hand: which keys may query 0, 1 and 2 see? What do i and j have to do with "
        "each other where the answer is yes?",
        "Start from a table of ones. `.tril()` keeps the lower triangle, the diagonal included, and puts 0 (or False) "
        "above it.",
        "`return torch.ones(T, T, dtype=torch.bool).tril()`",
    ),
    minutes=5,
    points=1,
)

EXERCISES = (CAUSAL_MASK,)
