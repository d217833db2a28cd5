"""The search: at which expression does an answer leave every right path?

The rule: a place is shown only where one value of a right answer, put in the place of the expression's own, makes the
rest of the answer come out right, on the smallest failing case and on two more if there are any; and where all that
goes into its statement lies on right paths. Beside right values stand the whole numbers next to a whole number, 0 and
1, and what another operation gives on the same two sides.
"""

import contextlib
from dataclasses import dataclass

from course_utils.checks.compare import same_values
from course_utils.checks.own_functions import known_outcome
from course_utils.checks.place.evidence import Evidence
from course_utils.checks.place.exchange import otherwise, stands_inside, uniform
from course_utils.checks.place.recording import Enough, Stack

__all__ = ["Departure", "find_departure"]

_VIEWS = {"T", "mT", "transpose", "swapaxes", "reshape", "view", "unsqueeze", "permute", "expand", "contiguous",
          "clone", "copy", "float", "double", "to", "astype", "[]", "squeeze", "movedim", "moveaxis", "asarray",
          "array", "tensor", "as_tensor", "flatten", "expand_dims"}
_MADE = {"zeros", "ones", "empty", "full", "eye", "zeros_like", "ones_like", "empty_like", "full_like", "arange"}
_FILLED = {"zeros", "ones", "empty", "full", "zeros_like", "ones_like", "empty_like", "full_like", "new_zeros"}


@dataclass(frozen=True)
class Departure:
    """An expression and what stands there.

    Attributes
    ----------
    node : Node
    kind : {"value", "number", "operation", "condition", "around", "further", "dropped", "returned"}
        "further" where its value lies on right paths, which go on from it before it is used; "around" where one of
        several numbers in it may be meant.
    got, right : Stack
        Its value, and the one that makes the answer come out right.
    """

    node: object
    kind: str
    got: Stack
    right: Stack


class _Search(Evidence):
    def off_path(self, begin):
        """All array nodes above these that lie on no right path, in order, and those on one that they end at."""
        off, on, todo, seen = [], [], list(begin), set()
        while todo:
            each = todo.pop(0)
            if each in seen:
                continue
            seen.add(each)
            if not self.array(each) or self.book[each].kind == "Constant":
                continue
            if self.on_path(each):
                on.append(each)
            if self.on_path(each, shape=True):
                continue
            off.append(each)  # or the same numbers, in a shape that no right path has
            todo += self.parents(each)
        return sorted(off, key=self.order.get), sorted(on, key=self.order.get)

    def search(self):
        begin, last = self.roots()
        off, on = self.off_path(begin)
        place = next((each for each in off if self.book[each].word not in _FILLED and self.repair(each)), None)
        if place is not None and self._is_default(self.book[place]) and not self.run.inputs(place):
            return Departure(self.book[place], "value", self.stacks[place], self.repair(place))
        # What stands in the statement, or leads to it as a number.
        target = place if place is not None else last
        near = [target] if target is not None else begin
        region = self._region(near, off)
        number = self._number([*region, *off, *([] if last is None else [last])])
        operation = self._operation([*off, *sorted(self._compared(), key=self.order.get)])
        if number and operation and not self._is_default(number.node) and (
                number.node is operation.node or stands_inside(number.node, operation.node)):
            return operation
        found = number or operation or self._condition()
        if found:
            return found
        if place is None and last is None:
            return self._further(on)
        if place is None:
            return self._further(on) or self._returned(last)
        if not self._sure(place, off) or self._by_chance(place):
            return None
        node = self.book[place]
        if node.kind == "Put" and node.controls:
            return None
        ends = [each for each in on if any(each in self.parents(r) for r in region)]
        further = self._further(ends)
        if further or any(self.repair(each) for each in ends if not self._is_given(each)):
            return further  # where it may be by chance that all is right so far, nothing is said
        return Departure(self.book[place], "value", self.stacks[place], self.repair(place))

    def _returned(self, last):
        """One of several results in whose place another value of a right answer belongs."""
        for part in self.book[last].parts:
            for each in self.book[part].parts if self.book[part].kind == "Tuple" else ():
                if each in self.stacks and self.book[each].kind == "Name" and self.on_path(each) and self.repair(each):
                    return Departure(self.book[each], "returned", self.stacks[each], self.repair(each))
        return None

    def _compared(self):
        """The comparisons that decide what is done."""
        return {number for node in self.book for number in node.controls
                if number in self.stacks and self.book[number].kind == "Compare"}

    def _is_default(self, node):
        return node.kind == "Name" and node.word in node.source.defaults

    def _operation(self, off):
        """An operation that comes out right as another one, on the values that it has."""
        for number in off:
            node = self.book[number]
            sides = [self.stacks.get(part) for part in node.parts]
            if (node.kind, len(sides)) not in (("BinOp", 2), ("Compare", 2), ("UnaryOp", 1)) or None in sides or not (
                    self._sure(number, off)):
                continue
            own = self.stacks[number]
            if {len(side.values) for side in sides} != {len(own.values)}:
                continue
            for which, made in enumerate(otherwise(*sides, truths=own.boolean)):
                if made is not None and not self.right.same(made, own) and self._comes_out(
                        self.case, number, own, made) and self._operation_elsewhere(number, which):
                    return Departure(node, "operation", own, made)
        return None

    def _operation_elsewhere(self, number, which):
        for case in self.others:
            stacks, sides = self._recorded(case), self.book[number].parts
            if stacks is None or not {number, *sides} <= stacks.keys():
                continue
            made = list(otherwise(*(stacks[side] for side in sides), truths=stacks[number].boolean))[which]
            if made is None or not self._comes_out(case, number, stacks[number], made):
                return False
        return True

    def _sure(self, number, off):
        """Whether all on no right path that goes into a node stands in its own statement."""
        return all(self.book[each].statement == self.book[number].statement
                   and self.book[each].source is self.book[number].source for each in self._region([number], off))

    def _region(self, near, off):
        """The nodes on no right path from which these got their values, and themselves."""
        found, todo = [], list(near)
        while todo:
            each = todo.pop()
            if each not in found:
                found.append(each)
                todo += [up for up in self.parents(each) if up in off]
        return found

    def _condition(self):
        """A condition that is the wrong way round: turned, the answer comes out right where it holds and where not."""
        tests = {number for node in self.book for number in node.controls}
        tests |= {node.parts[0] for node in self.book if node.kind == "IfExp" and node.parts}
        for number in sorted(tests & self.stacks.keys(), key=self.order.get):
            met = {case: stacks[number] for case, stacks in ((self.case, self.stacks), *(
                (case, self._recorded(case) or {}) for case in self.others)) if number in stacks}
            both = len({bool(n) for stack in met.values() for n in stack.flat}) == 2
            if both and self.stacks[number].plain is bool and all(self._turned(case, number) for case in met):
                return Departure(self.book[number], "condition", self.stacks[number], self.stacks[number])
        return None

    def _turned(self, case, number):
        outcome = self.run.swap(case, number, lambda k, x: not x)
        return outcome is not None and not outcome.trouble and same_values(
            outcome.values, known_outcome(self.exercise, (), case).values, self.exercise.tolerance)

    def _number(self, region):
        """A whole number or constant in the region, or one that leads to it, with which the answer comes out right."""
        seen, todo = set(), []
        for each in region:
            todo += self._ingredients(each)
        found = []
        while todo:
            each = todo.pop(0)
            if each in seen:
                continue
            seen.add(each)
            node = self.book[each]
            if each in self.stacks and (node.kind == "Constant" or not self.array(each)):
                found.append(each)
                todo += self._ingredients(each)
            elif node.kind in ("Name",) or (each in self.stacks and self.stacks[each].plain is float):
                todo += self._ingredients(each)
            elif each not in self.stacks:
                todo += self._ingredients(each)
        found = [each for each in sorted(found, key=self.order.get) if self._may_be_wrong(each) and self.repair(each)]
        return self._smallest(found) if found else None

    def _may_be_wrong(self, number):
        """Whether a number is written there, or computed from what is right: no argument, and no count of a loop."""
        node, given = self.book[number], self.run.inputs(number)
        if self.stacks[number].plain is bool and node.kind != "Constant":
            return False  # comparisons are looked at as operations
        if node.kind == "Name":
            return not given and node.word in node.source.defaults and not self.right.is_argument(self.stacks[number])
        return all(self.book[each].kind != "Put" for each in self._all_above(number)) and all(
            self.on_path(each) for each in self.parents(number) if self.array(each))

    def _smallest(self, found):
        """The number itself; where several would do, or it is a side of an operation, what is around them."""
        first = self.book[found[0]]
        above = {up for each in found for up in self._all_above(each)}
        rest = [self.book[each] for each in found if each not in above]
        alone = len(rest) == 1
        around = [node for node in self.book if node.number in self.order and node.source is first.source
                  and node.kind not in ("Return", "Put") and all(stands_inside(each, node) for each in rest)
                  and (node.kind == "BinOp" or not alone)]
        if alone and not any(rest[0].number in node.parts for node in around):
            first = rest[0]
            return Departure(first, "number", self.stacks[first.number], self.repair(first.number))
        if not around:
            return None
        node = min(around, key=lambda node: (node.span[2] - node.span[0], node.span[3] - node.span[1]))
        stack = self.stacks.get(node.number)
        return Departure(node, "number" if stack else "around", stack, self.repair(first.number))

    def _all_above(self, number):
        found, todo = set(), [number]
        while todo:
            for each in self._ingredients(todo.pop()):
                if each not in found:
                    found.add(each)
                    todo.append(each)
        return found - {number}

    def _ingredients(self, number):
        node = self.book[number]
        return [each for each in (*self.run.inputs(number), *node.controls) if each in self.order]

    def _further(self, on):
        """A value on right paths that right answers change before they use it as this answer does."""
        for each in sorted(on, key=self.order.get):
            node = self.book[each]
            if node.kind in ("Constant",) or self._is_given(each):
                continue
            right = self.repair(each)
            if right is not None and self._sure_so_far(each):
                dropped = self._dropped(right)
                return dropped or Departure(node, "further", self.stacks[each], right)
        return None

    def _by_chance(self, number):
        """Whether something computed before has the same number throughout, which may lie on a right path by chance."""
        node = self.book[number]
        for each in self.parents(number):
            other = self.book[each]
            if self.array(each) and other.statement != node.statement and other.word not in _MADE and not (
                    self._is_given(each)) and uniform(self.stacks[each]):
                return True
        return False

    def _sure_so_far(self, number):
        """Whether a value on right paths is there for a reason: not by chance, as where all numbers are the same."""
        if self.right.is_argument(self.stacks[number]):
            return False
        above = [each for each in (number, *self._all_above(number)) if self.array(each) and not self._is_given(each)]
        return all(self.on_path(each) and (not uniform(self.stacks[each]) or self.book[each].word in _MADE)
                   for each in above)

    def _is_given(self, number):
        """Whether a value is an argument, or one in another arrangement."""
        node = self.book[number]
        if node.kind in ("Name", "Attribute") and node.word not in _VIEWS:
            ups = self.run.inputs(number) - {number}
            return all(map(self._is_given, ups)) if ups else True
        if node.word in _VIEWS:
            return all(self._is_given(each) for each in self.run.inputs(number) if self.array(each))
        return node.kind == "Constant"

    def _dropped(self, right):
        for node in self.book:
            if node.dropped and node.number in self.stacks and self.right.same(self.stacks[node.number], right):
                return Departure(node, "dropped", self.stacks[node.number], right)
        return None


def find_departure(followed, exercise, case, plain, others=(), without=()):
    """Find the expression at which an answer leaves the right paths on a case.

    Parameters
    ----------
    followed : Followed
        The answer.
    exercise : Exercise
    case : Case
        The smallest on which it goes wrong.
    plain : Outcome
        What the answer did there when it was not followed.
    others : sequence of Case
        Further ones on which it goes wrong.
    without : collection of str
        Equivalents that are left off the right paths.

    Returns
    -------
    Departure or None
    """
    with contextlib.suppress(Enough):
        search = _Search(followed, exercise, case, others, without, plain)
        return search.search() if search.does_the_same else None
    return None
