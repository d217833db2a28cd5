"""The right paths through one case: every value that the reference and the other right answers have there."""

import numpy as np

from course_utils.checks.own_functions import remember
from course_utils.checks.place.following import Followed, NotFollowed
from course_utils.checks.place.recording import Enough, Run, Stack, numbers_of
from course_utils.checks.sandbox import is_tensor

__all__ = ["RightValue", "RightValues", "right_values"]

MOST_VALUES = 400  # different ones kept of one case


class RightValue:
    """One value, with every expression of a right answer that has it.

    Attributes
    ----------
    stack : Stack
    origins : list of (int, int)
        Number of the path, number of the node in its book.
    """

    def __init__(self, stack, origin):
        self.stack, self.origins = stack, [origin]


class RightValues:
    """The values of all right paths on one case.

    Parameters
    ----------
    case : Case
    paths : sequence of Run
        Each is recorded on the case; one that is too long there is left out.
    tolerance : float
        Within which two values are the same.
    """

    def __init__(self, case, paths, tolerance):
        self.case, self.tolerance, self.paths = case, tolerance, paths
        self.all, self._known, self._rows = [], {}, {}
        self.recorded = {}
        for x in _flatten((*case.args, *case.kwargs.values())):
            value = numbers_of(x)
            if value is not None:
                self._add(Stack([value], type(x) if isinstance(x, (bool, int, float)) else None), (-1, -1))
        for number, run in enumerate(paths):
            try:
                run.record(case)
            except Enough:
                continue
            if run.outcome is None or run.outcome.trouble:
                continue
            self.recorded[number] = run.stacks
            for node, stack in run.stacks.items():
                self._add(stack, (number, node))

    def _add(self, stack, origin):
        if stack.flat.size == 0:
            return
        with np.errstate(all="ignore"):
            key = (stack.boolean, stack.plain, stack.shape, np.round(stack.flat, 9).tobytes())
        if key in self._known:
            self._known[key].origins.append(origin)
        elif len(self.all) < MOST_VALUES:
            self._known[key] = RightValue(stack, origin)
            self.all.append(self._known[key])
            self._rows.setdefault((stack.flat.size, stack.boolean), []).append(stack.flat)

    def holds(self, stack, shape=False):
        """Tell whether a right path has these numbers, in this order or with rows and columns exchanged.

        With `shape`, it has to have them in the same shape as well.
        """
        if stack.flat.size == 0:
            return True
        if shape:
            return any(each.stack.shape == stack.shape and self.same(each.stack, stack) for each in self.all)
        rows = self._rows.get((stack.flat.size, stack.boolean))
        if rows is None:
            return False
        if isinstance(rows, list):
            rows = self._rows[stack.flat.size, stack.boolean] = np.stack(rows)
        return any(bool(near(rows, flat, self.tolerance).all(1).any()) for flat in _turned(stack))

    def same(self, a, b):
        """Whether two stacks hold the same numbers in the same order."""
        return (a.boolean == b.boolean and a.flat.size == b.flat.size
                and bool(near(a.flat, b.flat, self.tolerance).all()))

    def nearly(self, a, b):
        """Whether two stacks differ by so little that it may be rounding."""
        return a.boolean == b.boolean and a.shape == b.shape and bool(near(a.flat, b.flat, 30 * self.tolerance).all())

    def is_argument(self, stack):
        """Whether these are the numbers of an argument."""
        return any((-1, -1) in each.origins and self.same(each.stack, stack) for each in self.all)

    def candidates(self, stack, computed=True):
        """The right values that could stand in the place of a stack, those of its own shape first.

        Parameters
        ----------
        stack : Stack
            Of one node of the learner's.
        computed : bool
            Whether a whole number may become a fraction, as a number that was computed may.

        Returns
        -------
        list of RightValue
        """
        found = []
        if stack.plain is not None and len(stack.values) > 1 and (stack.flat == stack.flat[0]).all():
            stack = Stack(stack.values[:1], stack.plain)  # one number, looked at again and again
        for each in self.all:
            right = each.stack
            if (right.plain is None) != (stack.plain is None) and len(stack.values) == 1:
                continue
            if stack.plain is not None and len(stack.values) == 1 and not (
                    right.plain is stack.plain or (stack.plain is float and right.plain is int)
                    or (computed and stack.plain is int and right.plain is float)):
                continue
            if stack.plain in (int, bool) and len(stack.values) > 1 and (
                    right.plain is not stack.plain and not (stack.plain is bool and right.boolean)):
                continue
            if right.shape is None and len(stack.values) == 1:
                continue
            if len(stack.values) > 1 and right.flat.size != stack.flat.size:
                continue
            if right.shape == stack.shape and self.same(right, stack):
                continue
            rank = 0 if right.shape == stack.shape else 1 if right.flat.size == stack.flat.size else 2
            if right.boolean != stack.boolean:
                rank = 3
            found.append((rank, each))
        return [each for _, each in sorted(found, key=lambda pair: pair[0])]


def near(a, b, tolerance):
    """Which numbers are the same, two NaN among them."""
    absolute = tolerance if np.size(a) > 1 else 1e-9  # a number by itself may be a tiny one
    with np.errstate(all="ignore"):
        return (np.abs(a - b) <= absolute + tolerance * np.abs(b)) | (a == b) | (np.isnan(a) & np.isnan(b))


def _turned(stack):
    """The numbers with the axes in other orders: two neighbours exchanged, or the axis of the rounds further inside."""
    yield stack.flat
    shape = stack.shape and tuple(n for n in stack.shape if n > 1)
    if shape and len(shape) >= 2:
        table = stack.flat.reshape(shape)
        for axis in range(len(shape) - 1):
            yield table.swapaxes(axis, axis + 1).ravel()
            if axis:
                yield np.moveaxis(table, 0, axis + 1).ravel()


def _flatten(things):
    for thing in things:
        if isinstance(thing, (list, tuple)):
            yield from _flatten(thing)
        elif isinstance(thing, dict):
            yield from _flatten(thing.values())
        else:
            yield thing


def right_values(exercise, case, without=()):
    """Give the right values of a case, recorded once.

    Parameters
    ----------
    exercise : Exercise
    case : Case
    without : collection of str
        Names of equivalents that are left out.
    """
    key = frozenset(without)
    paths = remember(exercise.memory, ("place, paths", key), lambda: _paths(exercise, key))
    return remember(exercise.memory, ("place, values", key, case),
                    lambda: RightValues(case, paths, exercise.tolerance))


def _paths(exercise, without):
    answers = {"the reference": exercise.reference, "stages": exercise.stages,
               **{each.name: each.function for each in exercise.equivalents}}
    found = []
    for name, answer in answers.items():
        if answer is not None and name not in without:
            try:
                found.append(Run(Followed(answer, _of_the_course), exercise))
            except NotFollowed:
                continue
    return found


def _of_the_course(function):
    """Whether a function of the course is one that answers compute with, and none of the checker's own."""
    home, *inner = (function.__module__ or "").split(".")
    return home == "course_utils" and inner[:1] not in (["checks"], ["learner"])


def native(value, like, arrays):
    """Make a right value into what stands beside the learner's own: tensor or array, of the same kind."""
    if isinstance(like, (bool, int, float)) and not hasattr(like, "dtype"):
        return np.asarray(value).item() if np.ndim(value) == 0 else value
    if is_tensor(like) or arrays == "torch":
        import torch

        made = torch.from_numpy(np.array(value))
        fractions = is_tensor(like) and like.is_floating_point() and made.is_floating_point()
        return made.to(like.dtype) if fractions else made
    fractions = hasattr(like, "dtype") and like.dtype.kind == "f" == np.asarray(value).dtype.kind
    return np.array(value, dtype=like.dtype if fractions else None)
