"""Slips that can be read off the source: each is a fault wherever it stands, or is shown to be one by `mending`."""

import ast
import inspect
import linecache
import re

import numpy as np

from course_utils.checks.places import is_cell, own_files
from course_utils.checks.slips.mending import Divisions, OfFractions, changes, helps
from course_utils.checks.slips.slip import CARET_FOR_POWER, CARET_FOR_TRANSPOSE, Slip
from course_utils.checks.slips.source import is_int_array, is_number

__all__ = ["certain", "has_signs", "undeniable"]

_SIGNS = re.compile(r"\*\*\s*-?1\s*/\s*[234]\b|\]\s*\*\s*[\w.()\[\]]+\s*\]\s*\*|\^")


def has_signs(answer, overwritten):
    """Tell whether the source of an answer may hold one of the slips of `undeniable`."""
    lines = [line for file in own_files(answer) if is_cell(file) for line in linecache.getlines(file)]
    return any(overwritten or _SIGNS.search(line) for line in lines)


def undeniable(sighting):
    """Give the slips that are faults wherever they stand."""
    return filter(None, (look(sighting) for look in (_second_name, _rows_that_are_one, _half_power, _caret)))


def certain(sighting):
    """Give the slips whose place in the source is enough to be sure, where the answer is wrong."""
    return filter(None, (look(sighting) for look in (
        _axis_for_something_else, _return_in_loop, _whole_numbers, _rounds_down, _tiny_step, _written_into_argument)))


def _names(nodes):
    return {node.id for node in nodes if isinstance(node, ast.Name)}


def _bound(sighting, test):
    """The names to which something is assigned that passes a test."""
    return {target.id for node in sighting.written.nodes if isinstance(node, ast.Assign) and test(node.value)
            for target in node.targets if isinstance(target, ast.Name)}


def _stored_into(sighting):
    """The names whose entries are assigned to, or that are changed by `+=` and the like."""
    targets = [t for node in sighting.written.nodes if isinstance(node, (ast.Assign, ast.AugAssign))
               for t in (node.targets if isinstance(node, ast.Assign) else [node.target])]
    found = {t.id for node in sighting.written.nodes if isinstance(node, ast.AugAssign) for t in [node.target]
             if isinstance(t, ast.Name)}
    for target in targets:
        while isinstance(target, ast.Subscript):
            target = target.value
            if isinstance(target, ast.Name):
                found.add(target.id)
    return found


def _second_name(sighting):
    """`y = x`, and then y is changed."""
    changed = set(sighting.overwritten)
    for node in sighting.written.nodes:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name) and node.value.id in changed:
            for target in node.targets:
                if isinstance(target, ast.Name) and target.id in _stored_into(sighting):
                    x, y = node.value.id, target.id
                    copy = "clone" if sighting.exercise.arrays == "torch" else "copy"
                    return Slip("second-name",
                                f"`{y} = {x}` copies nothing: it is a second name for the same array, so "
                                f"what changes `{y}` changes `{x}` too.",
                                f"Print `{x}` after the line that changes `{y}`; then try `{y} = {x}.{copy}()`.")
    return None


def _rows_that_are_one(sighting):
    """`[[0] * S] * S`, whose rows are one list."""
    def same_rows(value):
        if not (isinstance(value, ast.BinOp) and isinstance(value.op, ast.Mult)):
            return False
        outer = value.left if isinstance(value.left, ast.List) else value.right
        return isinstance(outer, ast.List) and len(outer.elts) == 1 and (
            isinstance(outer.elts[0], (ast.List, ast.ListComp))
            or (isinstance(outer.elts[0], ast.BinOp) and isinstance(outer.elts[0].left, ast.List)))

    tables = _bound(sighting, same_rows)
    for node in sighting.written.nodes:  # table[i][j] = ...
        if not (isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store)):
            continue
        row = node.value
        if isinstance(row, ast.Subscript) and isinstance(row.value, ast.Name) and row.value.id in tables:
            name = row.value.id
            return Slip("rows-that-are-one", f"In `[[0] * n] * m` all rows of `{name}` are one and the same list: "
                        "what is written into one row stands in all of them.",
                        f"Write into `{name}[0][0]` and print `{name}`; `np.zeros` makes rows of their own.")
    return None


def _half_power(sighting):
    for node in sighting.written.nodes:
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and isinstance(node.left, ast.BinOp):
            power = node.left  # y / x**1/2 and y * x**-1/2 hold it one step deeper
            if isinstance(power.op, (ast.Mult, ast.Div)) and isinstance(power.right, ast.BinOp):
                power = power.right
            if isinstance(power.op, ast.Pow) and is_number(power.right, 1) and is_number(node.right, 2, 3, 4):
                sign = "-" if isinstance(power.right, ast.UnaryOp) else ""
                part = {2: "half", 3: "a third", 4: "a quarter"}[node.right.value]
                return Slip("power-before-division", f"`x**{sign}1/{node.right.value}` takes no root: the power comes "
                            f"first, then the division, so it is {part} of `x**{sign}1`.",
                            "Compare `9**1/2` with `9**(1/2)`.")
    return None


def _caret(sighting):
    for node in sighting.written.nodes:
        if isinstance(node, (ast.BinOp, ast.AugAssign)) and isinstance(node.op, ast.BitXor):
            right, left = (node.right, node.left) if isinstance(node, ast.BinOp) else (node.value, node.target)
            first = right
            while isinstance(first, ast.BinOp):  # k^T / 2 is k ^ (T / 2)
                first = first.left
            if isinstance(first, ast.Name) and first.id in ("T", "t"):
                return CARET_FOR_TRANSPOSE
            if is_number(right) or _is_e(left):
                return CARET_FOR_POWER
    return None


def _is_e(node):
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):  # 2 * e^x is (2 * e)^x
        return _is_e(node.right)
    return getattr(node, "id", getattr(node, "attr", "")) == "e"


def _axis_for_something_else(sighting):
    """`softmax(x, temperature)`, where the second argument is the axis."""
    for node in sighting.written.nodes:
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) > 1):
            continue
        second = node.args[1]
        if is_number(second) and isinstance(getattr(second, "operand", second).value, int):
            continue
        if not isinstance(second, (ast.Name, ast.Constant, ast.BinOp)) or re.search("axis|dim", ast.unparse(second)):
            continue
        asked = _names(ast.walk(second)) & set(sighting.exercise.parameters)
        if not asked and not any(isinstance(getattr(part, "value", 0), float) for part in ast.walk(second)):
            continue
        if _second_parameter(sighting.written.names.get(node.func.id)) in ("axis", "dim"):
            return Slip("axis-for-something-else",
                        f"In `{ast.unparse(node)[:60]}` the second argument is the axis along "
                        f"which it works, not {ast.unparse(second)[:30]}.",
                        f"Look at the `def` line of `{node.func.id}`: what may stand after the first comma?")
    return None


def _second_parameter(function):
    try:
        return list(inspect.signature(getattr(function, "function", function)).parameters)[1]
    except (TypeError, ValueError, IndexError):
        return None


def _return_in_loop(sighting):
    for node in sighting.written.nodes:
        if isinstance(node, (ast.For, ast.While)) and isinstance(node.body[-1], ast.Return) and not any(
                isinstance(part, ast.Continue) for part in ast.walk(node)):
            return Slip("return-in-loop", "`return` stands inside the loop, so the function ends in the first turn.",
                        "Print something in the loop and count the lines; how far to the left should `return` stand?")
    return None


def _wants_fractions(sighting):
    if sighting.failing is None:
        return False
    wanted = sighting.wanted[sighting.failing].values[0]
    return wanted.dtype.kind == "f" and not _whole(wanted)


def _whole(x):
    return bool(np.array_equal(x, np.round(x)))


def _whole_numbers(sighting):
    names = _bound(sighting, is_int_array) & _stored_into(sighting)
    if not names or not _wants_fractions(sighting) or not changes(sighting, OfFractions()):
        return None
    name, zeros = min(names), "torch.zeros" if sighting.exercise.arrays == "torch" else "np.zeros"
    return Slip("whole-numbers-only",
                f"`{name}` is made of whole numbers, so it can hold no others: what is written into "
                "it loses what stands after the point.", f"Print `{name}.dtype`; what does `{zeros}` give?")


def _rounds_down(sighting):
    if _wants_fractions(sighting) and helps(sighting, Divisions()):
        return Slip("rounds-down", "`//` rounds down to a whole number; `/` divides.", "Compare `1 // 2` with `1 / 2`.")
    return None


def _tiny_step(sighting):
    """h = 1e-16, added and divided by."""
    tiny = {target.id: node.value.value for node in sighting.written.nodes
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            and type(node.value.value) is float and 0 < node.value.value < 1e-10
            for target in node.targets if isinstance(target, ast.Name)}
    divided = _names(node.right for node in sighting.written.nodes
                     if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div))
    added = _names(part for node in sighting.written.nodes if isinstance(getattr(node, "op", None), ast.Add)
                   for part in ((node.left, node.right) if isinstance(node, ast.BinOp) else (node.value,)))
    for name in sorted(tiny.keys() & divided & added):
        return Slip("step-lost-in-rounding",
                    f"A step of {tiny[name]:g} is so short that rounding eats the change: a number "
                    "keeps about 16 digits.", f"Print `1.0 + {tiny[name]:g} - 1.0`, and try a step of 1e-6.")
    return None


def _written_into_argument(sighting):
    for name in sighting.overwritten:
        for node in sighting.written.nodes:
            if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name) and node.target.id == name:
                sign = ast.unparse(node).removeprefix(name).split("=")[0].strip()
                return Slip("argument-changed", f"`{name} {sign}= ...` writes into the array of the caller, which is "
                            "another one the next time.",
                            f"Write `{name} = {name} {sign} ...`, which makes a new array.")
    return None
