"""Slips that show when an answer is run: where it is right, and on which other inputs it would be."""

import ast
import itertools
import re

import numpy as np

from course_utils.checks.compare import same_values
from course_utils.checks.sandbox import call_safely, is_tensor
from course_utils.checks.slips.slip import Slip

__all__ = ["inverted_mask", "largest_row", "loop_meets_batch", "number_of_axes", "number_of_axes_in",
           "only_few_axes", "rows_and_columns"]

_WORDS = ("no", "one", "two", "three", "four", "five")


def _is_array(x):
    return isinstance(x, np.ndarray) or is_tensor(x)


def _inputs(case):
    return [x for x in (*case.args, *case.kwargs.values()) if _is_array(x)]


def number_of_axes_in(case):
    """The largest number of axes among the arrays of a case."""
    return max((x.ndim for x in _inputs(case)), default=0)


def number_of_axes(sighting):
    """Right on every case with as many axes, wrong on every other: how a loop over a table meets a batch."""
    groups = {}
    for case, right in zip(sighting.exercise.known_cases, sighting.right):
        groups.setdefault(number_of_axes_in(case), []).append(right)
    good = [n for n, verdicts in groups.items() if all(verdicts)]
    bad = [n for n, verdicts in groups.items() if not any(verdicts)]
    # One case alone may be wrong for another reason.
    if len(good) + len(bad) < len(groups) or sum(len(groups[n]) for n in bad) < 2 or sum(
            len(groups[n]) for n in good) < 2:
        return None
    example = next(x for x in _inputs(sighting.case) if x.ndim == number_of_axes_in(sighting.case))
    shape = tuple(example.shape)
    here = f"the example has {_WORDS[len(shape)]}, {shape}"
    if max(good) < min(bad):
        batch = ": a batch of tables" if max(good) == 2 and len(shape) == 3 else ""
        kind = _what_it_is(sighting)
        upto = f"{_WORDS[max(good)]} {'axis' if max(good) == 1 else 'axes'}"
        return Slip("axes-of-one-table", f"{kind} is right for up to {upto}; {here}{batch}.",
                    "Count axes from the end: -1 and -2 are the same with and without a batch. A loop over `len(x)` "
                    f"runs over the first axis: print `len(x)` for the shape {shape}.")
    words = " or ".join(_WORDS[n] for n in sorted(good))
    return Slip("axes-counted-from-the-front", f"It is right for {words} axes and for no other number; {here}.",
                "Count axes from the end, -1 and -2: these are the last two however many stand before them.")


def only_few_axes(number):
    """What is said beside a mistake of an answer that stops on every array of more axes."""
    return Slip("axes-of-one-table", f"It stops wherever the arrays have more than {_WORDS[number]} axes.",
                "Try it on a batch, arrays with one more axis in front; count axes from the end, -1 and -2.")


_AMBIGUOUS = re.compile(r"truth value of an array|Boolean value of Tensor")


def loop_meets_batch(sighting):
    """`if mask[i, j]`, where two axes are a table and more a batch."""
    trouble = sighting.trouble
    entry = trouble and _AMBIGUOUS.search(trouble.message) and re.search(r"(\w+)\[\w+, *\w+\]", trouble.code or "")
    tables = [outcome.trouble for case, outcome in zip(sighting.exercise.known_cases, sighting.outcomes)
              if number_of_axes_in(case) < 3]
    if not entry or number_of_axes_in(sighting.case) < 3 or all(tables) or any(
            stop and _AMBIGUOUS.search(stop.message) for stop in tables):
        return None
    shapes = [f"`{name}` has {_WORDS[len(x.shape)]} axes, {tuple(x.shape)}" for name, x in zip(
        sighting.exercise.parameters, sighting.case.args) if name == entry[1] and _is_array(x)]
    return Slip("axes-of-one-table", f"The loop is made for a table, with two axes. The example is a batch: "
                f"{shapes[0] if shapes else 'it has more axes'}, and `{entry[0]}` is more than one entry there.",
                f"Count axes from the end: `{entry[1]}[..., i, j]` is the entry in every table of a batch, so look for "
                "a way without `if`, for all of them at once.")


def largest_row(sighting):
    """`max(x)` of Python, which compares whole rows."""
    trouble = sighting.trouble
    name = trouble and _AMBIGUOUS.search(trouble.message) and re.search(r"(?<![\w.])(max|min|sorted)\((\w+)\)",
                                                                       trouble.code or "")
    if not name:
        return None
    along = "amax(dim=-1" if sighting.exercise.arrays == "torch" else "max(axis=-1"
    return Slip("built-in-max", f"Python's `{name[0]}` compares the entries of the first axis with each other: in a "
                "table these are whole rows, and no row is larger than another.",
                f"Print `x.{along})` for a table of two rows.")


def _what_it_is(sighting):
    loops = sighting.written is not None and any(isinstance(node, (ast.For, ast.comprehension))
                                                 for node in sighting.written.nodes)
    return "Your loop" if loops else "It"


# --- conventions ---


def _turned(x):
    return x.mT.contiguous() if is_tensor(x) else np.ascontiguousarray(x.T)


def rows_and_columns(sighting):
    """An answer that would be right if vectors stood in columns."""
    exercise = sighting.exercise
    if exercise.invoke:
        return None
    plain = [i for i, case in enumerate(exercise.known_cases)
             if not case.kwargs and _inputs(case) and all(x.ndim == 2 for x in _inputs(case))]
    if sum(not sighting.right[i] for i in plain) < 2:
        return None
    case = exercise.known_cases[plain[0]]
    places = [i for i, x in enumerate(case.args) if _is_array(x) and _is_of_numbers(x)]
    outputs = [i for i, value in enumerate(sighting.wanted[plain[0]].values) if value.ndim == 2]
    flips = [(ins, outs) for a in range(len(places) + 1) for b in range(len(outputs) + 1) if a + b
             for ins in itertools.combinations(places, a) for outs in itertools.combinations(outputs, b)]
    for ins, outs in sorted(flips, key=lambda flip: len(flip[0]) + len(flip[1])):
        if all(_right_when_turned(sighting, i, ins, outs) for i in plain):
            return _convention(exercise, ins, outs)
    return None


def _is_of_numbers(x):
    return "bool" not in str(x.dtype)


def _right_when_turned(sighting, index, ins, outs):
    case, exercise = sighting.exercise.known_cases[index], sighting.exercise
    if ins:
        args = tuple(_turned(x) if i in ins else x for i, x in enumerate(case.args))
        outcome = call_safely(sighting.answer, args, {}, exercise)
    else:
        outcome = sighting.outcomes[index]
    if outcome.trouble:
        return False
    values = tuple(v.T if i in outs and v.ndim == 2 else v for i, v in enumerate(outcome.values))
    return same_values(values, sighting.wanted[index].values, exercise.tolerance)


def _convention(exercise, ins, outs):
    names = [f"`{exercise.parameters[i]}`" for i in ins]
    results = [f"`{exercise.returns[i].name}`" for i in outs]
    said = []
    if names:
        said.append(f"it takes the vectors of {_and(names)} to be columns")
    if results:
        said.append(f"it gives {_and(results)} on {'its side' if len(results) == 1 else 'their sides'}, rows and "
                    "columns exchanged")
    return Slip("columns-for-rows",
                f"All is right but the convention: {' and '.join(said)}. Here every vector is a row.",
                "Write the shapes that the task states beside the shapes in your code, step by step.")


def _and(words):
    return ", ".join(words[:-1]) + " and " + words[-1] if len(words) > 1 else words[0]


# --- masks ---


def inverted_mask(sighting):
    """An answer that is right when its mask is turned round."""
    exercise, tried = sighting.exercise, 0
    for index, case in enumerate(exercise.known_cases):
        turned = [_turned_round(x) for x in case.args]
        named = {name: _turned_round(x) for name, x in case.kwargs.items()}
        given = [*case.args, *case.kwargs.values()]
        masks = [x for x in given if _is_array(x) and not _is_of_numbers(x)]
        if len(masks) != 1 or not (masks[0].any(-1).all() and (~masks[0]).any(-1).all()) or masks[0].ndim < 1:
            continue
        outcome = call_safely(sighting.answer, tuple(turned), named, exercise)
        if sighting.right[index] or outcome.trouble or not same_values(
                outcome.values, sighting.wanted[index].values, max(exercise.tolerance, 1e-4)):
            return None
        tried += 1
    if not tried:
        return None
    return Slip("mask-turned-round",
                "The mask is read the wrong way round: with `~mask` in place of `mask` the results "
                "are right. True means that a query may attend.",
                "`masked_fill(m, x)` writes x where m is True. Where does your mask have to be True for that?")


def _turned_round(x):
    return ~x if _is_array(x) and not _is_of_numbers(x) else x
