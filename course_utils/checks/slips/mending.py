"""Slips that are shown by mending them: the answer is run once more, with one change in its source."""

import ast

from course_utils.checks.compare import same_values
from course_utils.checks.sandbox import call_safely
from course_utils.checks.slips.slip import Slip
from course_utils.checks.slips.source import is_int_array, is_number, mended

__all__ = ["Divisions", "OfFractions", "changes", "helps", "mended_axes", "mended_lengths"]


class _Lengths(ast.NodeTransformer):
    """`abs(a)` becomes the length of a, in one of three ways."""

    def __init__(self, options):
        self.options, self.done = options, False

    def visit_Call(self, node):
        self.generic_visit(node)
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if name in ("abs", "absolute", "fabs") and len(node.args) == 1:
            self.done = True
            return ast.parse(f"__import__('numpy').linalg.norm({ast.unparse(node.args[0])}{self.options})",
                             mode="eval").body
        return node


class _KeptAxes(ast.NodeTransformer):
    """Sums and maxima along an axis keep it."""

    def __init__(self, word):
        self.word, self.done = word, False

    def visit_Call(self, node):
        self.generic_visit(node)
        name = getattr(node.func, "attr", "")
        given = {k.arg for k in node.keywords}
        along = given & {"axis", "dim"} or any(is_number(a) for a in node.args)
        if name in ("sum", "max", "min", "mean", "amax", "norm") and along and not given & {"keepdims", "keepdim"}:
            self.done = True
            node.keywords.append(ast.keyword(self.word, ast.Constant(True)))
        return node


class OfFractions(ast.NodeTransformer):
    """Arrays of whole numbers become arrays of numbers with a point."""

    done = False

    def visit_Call(self, node):
        self.generic_visit(node)
        if is_int_array(node):
            self.done = True
            return ast.parse(f"({ast.unparse(node)} * 1.0)", mode="eval").body
        return node


class Divisions(ast.NodeTransformer):
    """`//` becomes `/`."""

    done = False

    def visit_FloorDiv(self, node):
        self.done = True
        return ast.Div()


def _with(sighting, change):
    """What the answer does in the first case that went wrong, with a change; None if it cannot be changed."""
    if sighting.failing is None or sighting.exercise.invoke:
        return None
    answer = mended(sighting.written, change)
    return answer and call_safely(answer, sighting.case.args, sighting.case.kwargs, sighting.exercise)


def helps(sighting, change):
    """Whether the first case that went wrong comes out right with a change."""
    outcome = _with(sighting, change)
    return outcome is not None and not outcome.trouble and same_values(
        outcome.values, sighting.wanted[sighting.failing].values, sighting.exercise.tolerance)


def changes(sighting, change):
    """Whether there are other numbers with a change, or some where there were none."""
    outcome = _with(sighting, change)
    return outcome is not None and not outcome.trouble and not same_values(
        outcome.values, sighting.outcomes[sighting.failing].values, sighting.exercise.tolerance)


def mended_lengths(sighting):
    """`abs(a)` where the length of a was meant."""
    if not any(isinstance(n, ast.Call) and getattr(n.func, "attr", getattr(n.func, "id", "")) in ("abs", "absolute")
               for n in sighting.written.nodes):
        return None
    if any(helps(sighting, _Lengths(options)) for options in ("", ", axis=-1", ", axis=-1, keepdims=True")):
        return Slip("abs-for-length",
                    "`abs(a)` takes the size of each number of `a`, one by one; the length of a vector "
                    "is the root of the sum of its squares.", "Print `abs(np.array([3.0, -4.0]))`: is it 5?")
    return None


def mended_axes(sighting):
    """A sum or maximum that lost its axis."""
    word = "keepdim" if sighting.exercise.arrays == "torch" else "keepdims"
    if helps(sighting, _KeptAxes(word)):
        return Slip("axis-lost", f"A sum or maximum has lost its axis (`{word}=True` keeps it), so it lines up with "
                    f"the "
                    "wrong axis or with none.", "Print the shapes on both sides of the division or the minus.")
    return None
