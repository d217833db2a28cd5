"""Running an answer that tells its values: once to keep them, or again with other values put in the place of some.

Kept are the values of each `Node`, in the order in which it told them; a node in a loop has many, a *stack*. All is
bounded by counts, so that every machine keeps the same.
"""

import numpy as np

from course_utils.checks.sandbox import copy_arguments, is_tensor, outcome_of
from course_utils.checks.time_limit import TimeUp

__all__ = ["Budget", "Enough", "Run", "Stack", "numbers_of"]

MOST_TOLD = 6_000  # values told in one run
MOST_BYTES = 4_000_000  # kept of one run
_PLAIN = (bool, int, float)


class Enough(BaseException):
    """Raised inside an answer when a count has run out."""


class Budget:
    """What a search may still spend, in values told and in runs."""

    def __init__(self, told, runs):
        self.told, self.runs = told, runs


class Stack:
    """All values that one node had in a run.

    Attributes
    ----------
    values : list of ndarray
        Copies, tensors as arrays.
    plain : type or None
        bool, int or float where they were Python's own numbers.
    """

    __slots__ = ("_flat", "plain", "values")

    def __init__(self, values, plain=None):
        self.values, self.plain, self._flat = values, plain, None

    @property
    def flat(self):
        """All numbers in a row, as float64; a huge negative one, as masks are filled with, counts as minus infinity."""
        if self._flat is None:
            flat = np.concatenate([value.ravel() for value in self.values]).astype(float)
            with np.errstate(all="ignore"):
                self._flat = np.where(flat < -1e4, -np.inf, flat) if not self.boolean else flat
        return self._flat

    @property
    def boolean(self):
        return self.values[0].dtype == bool

    @property
    def shape(self):
        """The shape of the value; with an axis for the rounds where there are several. None where they differ."""
        shapes = {value.shape for value in self.values}
        if len(shapes) > 1:
            return None
        return self.values[0].shape if len(self.values) == 1 else (len(self.values), *self.values[0].shape)

    @property
    def table(self):
        """The values in one array, or in a row where their shapes differ."""
        if len(self.values) == 1:
            return self.values[0]
        return np.stack(self.values) if self.shape else np.concatenate([value.ravel() for value in self.values])


def numbers_of(x):
    """Give a copy of an array, a tensor or a number as a NumPy array; None for anything else."""
    if isinstance(x, (np.ndarray, np.generic)):
        return np.array(x, subok=False) if x.dtype.kind in "biuf" else None
    if isinstance(x, _PLAIN):
        return np.array(x)
    if is_tensor(x) and str(x.layout) == "torch.strided" and not x.is_meta and not x.is_complex():
        x = x.detach()
        return (x.float() if x.element_size() == 2 and x.is_floating_point() else x).numpy().copy()
    return None


class Run:
    """Calls of one followed answer.

    Parameters
    ----------
    followed : Followed
    exercise : Exercise
    budget : Budget, optional
    """

    def __init__(self, followed, exercise, budget=None):
        self.followed, self.exercise, self.book = followed, exercise, followed.book
        self.budget = budget
        self._watched = self.swapping = None
        followed.tell, followed.put = self._tell, self._put

    def record(self, case):
        """Run the answer on a case and keep what it tells: in `stacks`, `edges`, `order` and `outcome`."""
        self.stacks, self.edges, self.order, self.last = {}, {}, {}, None
        self._producer, self._kept, self._bytes, self._told = {}, [], 0, 0
        self.swapping = None
        try:
            self.outcome = self._call(case)
        finally:
            self._producer, self._kept = {}, []
        return self

    def writes(self, case):
        """Give the number of the first node after which an argument no longer holds what it held; None if all do."""
        self._watched, self.written = [], None
        try:
            self.record(case)
        finally:
            self._watched = None
        return self.written

    def swap(self, case, number, values):
        """Run the answer on a case with other values told by one node, and give the outcome.

        Parameters
        ----------
        case : Case
        number : int
            Of the node.
        values : callable
            ``values(k, x)`` gives what takes the place of `x`, the node's k-th value.
        """
        self.budget.runs -= 1
        if self.budget.runs < 0:
            raise Enough
        self.swapping, self._values, self._round, self._told = number, values, 0, 0
        try:
            return self._call(case)
        except Enough:  # with this value, it runs on and on
            return None
        finally:
            self.budget.told -= self._told
            if self.budget.told < 0:
                raise Enough

    def _call(self, case):
        exercise, answer = self.exercise, self.followed.answer
        args, kwargs = copy_arguments(case.args), dict(zip(case.kwargs, copy_arguments(tuple(case.kwargs.values()))))
        if self._watched is not None:
            self._watched = [(x, numbers_of(x)) for x in (*args, *kwargs.values()) if numbers_of(x) is not None]
        self.error = None
        self.followed.tell, self.followed.put = self._tell, self._put
        try:
            result = exercise.invoke(answer, *args, **kwargs) if exercise.invoke else answer(*args, **kwargs)
        except (Enough, TimeUp, KeyboardInterrupt):
            raise
        except BaseException as error:  # SystemExit too
            self.error = error
            return None
        return outcome_of(result, exercise)

    # --- what the rewritten source calls ---

    def _tell(self, number, x):
        self._told += 1
        if self._told > MOST_TOLD:
            raise Enough
        if self.swapping is not None:
            if number == self.swapping:
                x = self._values(self._round, x)
                self._round += 1
            return x
        self.order.setdefault(number, len(self.order))
        node = self.book[number]
        self._look_at_arguments(number)
        if node.kind == "Return":
            self.last = number
        value = None if node.kind == "Return" else numbers_of(x)
        if value is None:
            if isinstance(x, (list, tuple)):
                self._contents(number, x, 2)
            return x
        self._keep(number, value, type(x) if isinstance(x, _PLAIN) else None)
        self._link(node, x)
        return x

    def _look_at_arguments(self, number):
        if self._watched and self.written is None and any(
                not np.array_equal(numbers_of(x), held, equal_nan=held.dtype.kind == "f") for x, held in self._watched):
            self.written = number

    def _put(self, number, x):
        self._told += 1
        if self._told > MOST_TOLD:
            raise Enough
        if self.swapping is not None:
            if number == self.swapping:
                x = self._into(x, self._values(self._round, x))
                self._round += 1
            return x
        self._look_at_arguments(number)
        value = numbers_of(x)
        if value is None:
            return x
        node = self.book[number]
        before = self._producer.get(id(x))
        if node.word == "touched":
            stack = self.stacks.get(before)
            if stack is None or np.array_equal(stack.values[-1], value, equal_nan=value.dtype != bool):
                return x
        self.order.setdefault(number, len(self.order))
        plain = type(x) if isinstance(x, _PLAIN) else None
        if node.word == "again" and value.ndim == 0:
            self._keep(number, value, plain)
        else:
            self.stacks[number] = Stack([value])  # of an array that is filled place by place, only the last counts
            self._bytes += value.nbytes
            self._hold(0)
        if before is not None and before != number:
            self._edge(number, before)
        if not isinstance(x, (bool, int)):
            self._producer[id(x)] = number
            self._kept.append(x)
        return x

    def _into(self, x, new):
        """Write new numbers into an array that is filled in place; a plain number is given back instead."""
        if new is x:
            return x
        if isinstance(x, np.ndarray):
            x[...] = new
        elif is_tensor(x):
            x.data.copy_(new)
        else:
            return new
        return x

    # --- what feeds what ---

    def _keep(self, number, value, plain):
        if number in self.stacks:
            self.stacks[number].values.append(value)
        else:
            self.stacks[number] = Stack([value], plain)
        self._hold(value.nbytes + 100)

    def _hold(self, more):
        self._bytes += more
        if self._bytes > MOST_BYTES:
            raise Enough

    def _edge(self, number, other):
        self.edges.setdefault(number, set()).add(other)

    def _link(self, node, x):
        if isinstance(x, (bool, int)):  # there is one 3, wherever it comes from
            return
        made_by = self._producer.get(id(x))
        if made_by is not None and node.kind in ("Name", "Attribute"):
            self._edge(node.number, made_by)
            return
        if made_by is not None and node.kind in ("Call", "IfExp", "BoolOp", "Subscript"):
            near = {made for part in node.parts for made in (part, *self.edges.get(part, ()))}
            if made_by not in near:  # it came out of a function that is followed too
                self._edge(node.number, made_by)
        self._producer[id(x)] = node.number
        self._kept.append(x)

    def _contents(self, number, things, depth):
        for thing in things[:64]:
            if isinstance(thing, (list, tuple)) and depth:
                self._contents(number, thing, depth - 1)
            elif not isinstance(thing, (bool, int)) and id(thing) in self._producer:
                self._edge(number, self._producer[id(thing)])

    def inputs(self, number):
        """The nodes from which a node got its value in the recorded run."""
        node = self.book[number]
        found = set(self.edges.get(number, ()))
        if node.kind == "Call" and any(self.book[each].source is not node.source for each in found):
            return found  # out of another function: its arguments feed that one's parameters
        if node.kind == "Name" and (not found or number not in self.stacks):
            found.update(node.sources)
        found.update(node.parts)
        return {each for each in found if each in self.order}
