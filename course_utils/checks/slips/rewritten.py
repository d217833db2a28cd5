"""Slips of loops, sums and axes that are shown by mending them, in any exercise."""

import ast
import math

from course_utils.checks.slips.mending import helps
from course_utils.checks.slips.slip import Slip
from course_utils.checks.slips.source import is_number

__all__ = ["rewritten"]


class _FromZero(ast.NodeTransformer):
    """`range(1, n)` begins at 0; one that runs to n ends before n, but for a stop that another loop counts."""

    def __init__(self, counted=None):
        self.counted, self.done = counted, False

    def visit_Call(self, node):
        self.generic_visit(node)
        if getattr(node.func, "id", "") == "range" and len(node.args) == 2 and is_number(node.args[0], 1):
            self.done = True
            node.args[0] = ast.Constant(0)
            stop = node.args[1]
            if self.counted is not None and isinstance(stop, ast.BinOp) and isinstance(stop.op, ast.Add) and is_number(
                    stop.right, 1) and getattr(stop.left, "id", "") not in self.counted:
                node.args[1] = stop.left
        return node


class _SumOfRows(ast.NodeTransformer):
    """`sum(e)` becomes a sum along the last axis."""

    def __init__(self, options):
        self.options, self.done = options, False

    def visit_Call(self, node):
        self.generic_visit(node)
        if getattr(node.func, "id", "") == "sum" and len(node.args) == 1 and not node.keywords and not isinstance(
                node.args[0], (ast.GeneratorExp, ast.ListComp)):
            self.done = True
            return ast.parse(f"({ast.unparse(node.args[0])}).sum({self.options})", mode="eval").body
        return node


class _LastAxis(ast.NodeTransformer):
    """A softmax along axis 0 or 1 runs along the last one."""

    done, number = False, None

    def visit_Call(self, node):
        self.generic_visit(node)
        if getattr(node.func, "attr", getattr(node.func, "id", "")) == "softmax":
            given = [k.value for k in node.keywords if k.arg in ("axis", "dim")] or node.args[-1:]
            for value in given:
                if isinstance(value, ast.Constant) and type(value.value) is int:
                    self.done, self.number, value.value = True, value.value, -1
        return node


class _ExactE(ast.NodeTransformer):
    """2.718 becomes e."""

    done, typed = False, None

    def visit_Constant(self, node):
        if type(node.value) is float and node.value != math.e and abs(node.value - math.e) < 0.02:
            self.done, self.typed = True, node.value
            return ast.Constant(math.e)
        return node


class _Inverted(ast.NodeTransformer):
    """`~mask` becomes `mask`."""

    done = False

    def visit_UnaryOp(self, node):
        self.generic_visit(node)
        if isinstance(node.op, ast.Invert):
            self.done = True
            return node.operand
        return node


def rewritten(sighting):
    """Give the slips with which the first case that went wrong comes out right, once they are mended.

    Parameters
    ----------
    sighting : Sighting

    Returns
    -------
    iterator of Slip
    """
    return filter(None, (look(sighting) for look in (
        _from_one, _built_in_sum, _first_axis, _rounded_e, _mask_inverted)))


def _from_one(sighting):
    counted = {node.target.id for node in sighting.written.nodes
               if isinstance(node, (ast.For, ast.comprehension)) and isinstance(node.target, ast.Name)}
    step = "Print every number that your loop visits; then try `range(3)` beside `range(1, 3)`."
    if helps(sighting, _FromZero()):
        return Slip("loop-from-one", "A loop begins at 1, so place 0 is never looked at: Python counts from 0.", step)
    if helps(sighting, _FromZero(counted)):
        return Slip("loop-from-one", "A loop runs from 1 to n, but n places are counted from 0 to n - 1 in Python.",
                    step)
    return None


def _built_in_sum(sighting):
    torch = sighting.exercise.arrays == "torch"
    options = "dim=-1, keepdim=True" if torch else "axis=-1, keepdims=True"
    if "sum" in sighting.written.names or not helps(sighting, _SumOfRows(options)):
        return None
    return Slip("built-in-sum", "Python's `sum(e)` adds the rows of a table up, which gives one sum for each column; "
                "here each row needs a sum of its own.",
                f"Print `sum(e)` and `e.sum({options})` for a table of two rows.")


def _first_axis(sighting):
    change = _LastAxis()
    if not helps(sighting, change):
        return None
    return Slip("softmax-along-another-axis", f"The softmax runs along axis {change.number}; the numbers that share "
                "out 1 stand along the last axis, -1, with and without a batch.",
                "Sum the weights along each axis: along which one is every sum 1?")


def _rounded_e(sighting):
    change = _ExactE()
    if not helps(sighting, change):
        return None
    return Slip("e-rounded", f"{change.typed:g} stands in for e, which has more digits: the weights are nearly right.",
                "Print `np.e` (or `math.e`); `np.exp(x)` and `torch.exp(x)` know all of its digits.")


def _mask_inverted(sighting):
    if not helps(sighting, _Inverted()):
        return None
    return Slip("mask-turned-round", "The mask is read the wrong way round: without the `~` the example comes out "
                "right. True means that a query may attend.",
                "Print `mask` and `~mask` for the example: where does your line need a True?")
