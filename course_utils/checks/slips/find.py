"""The detectors in order: what is most surely the cause comes first."""

import builtins
import inspect
import math

import numpy as np

from course_utils.checks.sandbox import Elsewhere, is_tensor
from course_utils.checks.slips import behaviour, mending, raised, rewritten, written
from course_utils.checks.slips.slip import Sighting, Slip
from course_utils.checks.slips.source import globals_read, look_up, named_in

__all__ = ["other_slips", "picked_up", "source_of", "sure_slips", "undeniable"]


def undeniable(answer, exercise, overwritten):
    """Give the slip that is one wherever it stands, so that it comes before a mistake with the same results.

    Only an answer in whose source its signs stand is parsed for it.

    Parameters
    ----------
    answer : callable or Elsewhere
    exercise : Exercise
    overwritten : sequence of str
        Arguments that the answer writes into.

    Returns
    -------
    tuple of Slip
        None or one.
    """
    if isinstance(answer, Elsewhere) or not written.has_signs(answer, overwritten):
        return ()
    source = look_up(answer)
    if source is None:
        return ()
    sighting = Sighting(exercise, answer, source, (), (), overwritten=tuple(overwritten))
    return tuple(written.undeniable(sighting))[:1]


def sure_slips(sighting):
    """Give the slips of an answer that leave no doubt, so that they come before a mistake that explains a part.

    Parameters
    ----------
    sighting : Sighting

    Returns
    -------
    iterator of Slip
    """
    if _finished(sighting):
        yield from _given(behaviour.loop_meets_batch(sighting))
        yield from _given(behaviour.largest_row(sighting))
        yield from _given(behaviour.number_of_axes(sighting))
    if sighting.written is not None:
        yield from written.certain(sighting)


def other_slips(sighting):
    """Give the other slips, the likeliest first; one without a cause has only a next step."""
    found = _picked_up_slip(sighting)
    if found and (sighting.trouble or _of_another_shape(sighting)):
        yield found
    if _finished(sighting):
        yield from _given(behaviour.rows_and_columns(sighting))
        yield from _given(behaviour.inverted_mask(sighting))
    if sighting.written is not None:
        yield from _given(mending.mended_lengths(sighting))
        yield from _given(mending.mended_axes(sighting))
        yield from rewritten.rewritten(sighting)
    yield from _given(raised.explained(sighting))
    yield from _given(found)


def _of_another_shape(sighting):
    return sighting.failing is not None and any(
        got.shape != wanted.shape for got, wanted in zip(sighting.outcomes[sighting.failing].values,
                                                         sighting.wanted[sighting.failing].values))


def _finished(sighting):
    return sighting.failing is not None and len(sighting.outcomes) == len(sighting.exercise.known_cases)


def _given(slip):
    return () if slip is None else (slip,)


def source_of(answer):
    """Look the source of an answer up; None for one that runs elsewhere."""
    return None if isinstance(answer, Elsewhere) else look_up(answer)


def picked_up(answer):
    """Tell which data of the notebook a function uses that its own cell does not define.

    Parameters
    ----------
    answer : callable

    Returns
    -------
    str
        A sentence; empty if there is none, or no source in which to look.
    """
    function = inspect.unwrap(answer) if inspect.isfunction(answer) else None
    if function is None:
        return ""
    names = function.__globals__
    data = {name for name in named_in(function.__code__) if _is_data(name, names.get(name))}
    data = sorted(data & globals_read(function.__code__)) if data else []
    source = look_up(answer) if data else None
    found = [name for name in data if source is not None and name not in source.defined_in_cell]
    if not found:
        return ""
    name = found[0]
    more = f" (and so with {', '.join(f'`{n}`' for n in found[1:3])})" if found[1:] else ""
    return (f"It uses `{name}`, which it does not define: it found the notebook's `{name}`, "
            f"{_described(names[name])}{more}.")


def _is_data(name, value):
    known = isinstance(value, float) and value == getattr(math, name, None)  # pi, inf
    if isinstance(value, bool) or hasattr(builtins, name) or known:
        return False
    return isinstance(value, (np.ndarray, np.number, int, float, complex, list, tuple)) or is_tensor(value)


def _described(value):
    if isinstance(value, np.ndarray) or is_tensor(value):
        kind = "a tensor" if is_tensor(value) else "an array"
        return f"{kind} of shape {tuple(value.shape)}"
    if isinstance(value, (list, tuple)):
        return f"a {type(value).__name__} of {len(value)}"
    return f"{value:g}" if isinstance(value, (float, np.floating)) else str(value)


def _picked_up_slip(sighting):
    said = "" if isinstance(sighting.answer, Elsewhere) or sighting.failing is None else picked_up(sighting.answer)
    if not said:
        return None
    name = said.split("`")[1]
    return Slip("picked-up", said, f"Give `{name}` a value inside the function, from its arguments.")
