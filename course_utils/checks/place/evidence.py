"""What can be asked about one expression: whether it lies on right paths, what repairs it, what its value came from."""

import numpy as np

from course_utils.checks.compare import same_values
from course_utils.checks.own_functions import known_outcome
from course_utils.checks.place.exchange import changed_likewise, close_by, values_for
from course_utils.checks.place.paths import near, right_values
from course_utils.checks.place.recording import Budget, Enough, Run

__all__ = ["Evidence"]

MOST_TOLD = 60_000  # values told in all runs of one search
MOST_RUNS = 300
_REDUCTIONS = {"sum", "max", "min", "amax", "amin", "mean", "norm", "any", "all", "logsumexp", "var", "std", "prod",
               "argmax", "argmin"}


class Evidence:
    """An answer recorded on the case on which it goes wrong, and what comes of other values in it.

    Parameters are those of `find_departure`.
    """

    def __init__(self, followed, exercise, case, others, without, plain):
        self.exercise, self.case, self.others, self.without = exercise, case, others, without
        self.budget = Budget(MOST_TOLD, MOST_RUNS)
        self.run = Run(followed, exercise, self.budget)
        self.run.record(case)
        self.book, self.stacks, self.order = followed.book, self.run.stacks, self.run.order
        self.right = right_values(exercise, case, without)
        self.wanted = {}
        self.does_the_same = _same(self.run, plain)
        self._repairs, self._on = {}, {}

    # --- asking one node ---

    def on_path(self, number, shape=False):
        """Whether the numbers of a node lie on a right path, on the other failing cases too."""
        key = number, shape
        if key not in self._on:
            self._on[key] = all(right.holds(stacks[number], shape and len(stacks[number].values) == 1)
                                for right, stacks in self._views() if number in stacks)
        return self._on[key]

    def _views(self):
        yield self.right, self.stacks
        for case in self.others:
            stacks = self._recorded(case)
            if stacks is not None:
                yield right_values(self.exercise, case, self.without), stacks

    def repair(self, number):
        """The right value with which, in the place of this node's, the answer comes out right, or None."""
        if number not in self._repairs:
            self._repairs[number] = self._repair(number)
        return self._repairs[number]

    def _repair(self, number):
        stack = self.stacks[number]
        node = self.book[number]
        fraction = node.kind == "BinOp" or (node.kind == "Name" and not node.sources)
        for each in (*self.right.candidates(stack, fraction), *close_by(stack)):
            if each.stack.shape != stack.shape and (node.kind == "Put" or (each.stack.flat.size != stack.flat.size
                                                    and node.word not in _REDUCTIONS and self.run.error is None)):
                continue
            if self.right.nearly(each.stack, stack):
                continue
            if self._comes_out(self.case, number, stack, each.stack) and self._elsewhere(number, each):
                return each.stack
        return None

    def _could_be(self, right, stack, node):
        """Whether a right value of another shape may stand there: the same numbers, or one axis less."""
        if self.run.error is not None or len(stack.values) > 1 or stack.plain is not None:
            return True
        if right.flat.size != stack.flat.size:
            return node.word in _REDUCTIONS
        return bool(near(np.sort(right.flat), np.sort(stack.flat), self.exercise.tolerance).all())

    def _comes_out(self, case, number, stack, right):
        values = values_for(stack, right, self.book[number], self.exercise.arrays)
        if values is None:
            return False
        outcome = self.run.swap(case, number, values)
        if outcome is None or outcome.trouble:
            return False
        return same_values(outcome.values, known_outcome(self.exercise, (), case).values, self.exercise.tolerance)

    def _elsewhere(self, number, value):
        """Whether the same expression of a right answer repairs the other failing cases too."""
        for case in self.others:
            stacks = self._recorded(case)
            if stacks is None or number not in stacks:
                continue
            right, stack = right_values(self.exercise, case, self.without), stacks[number]
            if value.origins == [None]:  # a number close by
                found = [changed_likewise(value.stack, self.stacks[number], stack)]
            else:
                found = [right.recorded[path][node] for path, node in value.origins
                         if node in right.recorded.get(path, ())]
                found = [other for i, other in enumerate(found) if not any(
                    right.same(other, each) and other.shape == each.shape for each in found[:i])]
            if found and not any(self._comes_out(case, number, stack, other) for other in found[:4]):
                return False
        return True

    def _recorded(self, case):
        """The stacks of the answer on another case."""
        if case not in self.wanted:
            other = Run(self.run.followed, self.exercise, self.budget)
            try:
                self.wanted[case] = other.record(case).stacks
            except Enough:
                self.wanted[case] = None
        return self.wanted[case]

    # --- walking back ---

    def array(self, number):
        stack = self.stacks.get(number)
        return stack is not None and stack.plain not in (int, bool)

    def parents(self, number):
        """The nodes with a value from which a node got its own: through names, and through lists."""
        found, stack, seen = [], list(self.run.inputs(number)), {number}
        while stack:
            each = stack.pop()
            if each in seen:
                continue
            seen.add(each)
            node = self.book[each]
            behind = self.run.inputs(each)
            if node.kind == "Name" and behind and self._of_values(behind):
                stack += behind
            elif self.array(each):
                found.append(each)
            else:
                stack += behind
        return sorted(found, key=self.order.get, reverse=True)

    def _of_values(self, numbers):
        return any(each in self.stacks or self.run.inputs(each) for each in numbers)

    def roots(self):
        """The nodes at which the walk begins: what is returned, or what stands in the line that stopped."""
        if self.run.error is None:
            return [] if self.run.last is None else self.parents(self.run.last), self.run.last
        trace, found = self.run.error.__traceback__, []
        while trace is not None:
            name = trace.tb_frame.f_code.co_filename
            if name.startswith("<place "):
                line = trace.tb_lineno
                inner = [n for n in self.order if f"<place {self.book[n].source.name}>" == name
                         and self.book[n].statement[0] <= line <= self.book[n].statement[1]]
                found = inner or found
            trace = trace.tb_next
        through = [each for n in found for each in ([n] if n in self.stacks and self.book[n].kind != "Name"
                                                    else self.parents(n) or [n] * (n in self.stacks))]
        return sorted(set(through), key=self.order.get, reverse=True), None


def _same(run, plain):
    """Whether the recorded run did what the answer did before: the same values, or trouble of the same kind."""
    if run.outcome is None:
        return plain.trouble is not None and plain.trouble.kind == type(run.error).__name__
    if run.outcome.trouble or plain.trouble:
        return bool(run.outcome.trouble and plain.trouble and run.outcome.trouble.kind == plain.trouble.kind)
    return same_values(run.outcome.values, plain.values, 1e-9)
