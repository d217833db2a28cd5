"""What error messages mean for the code in which they come up, in the words of somebody who is new to them."""

import ast
import builtins
import difflib
import keyword
import re

from course_utils.checks.slips.slip import CARET_FOR_POWER, CARET_FOR_TRANSPOSE, Slip

__all__ = ["explained", "of_module"]

_MODULES = {"np": "numpy", "numpy": "numpy", "torch": "torch", "math": "math", "plt": "matplotlib.pyplot",
            "F": "torch.nn.functional", "nn": "torch.nn"}
_FUNCTIONS = ("exp", "log", "sqrt", "norm", "inf", "nan", "argmax", "mean", "zeros", "ones", "array", "tensor", "outer",
              "transpose", "arange", "matmul", "einsum")

# name, what has to be found in the message, what has to be found in the line of code, cause, next step.
# Braces are filled with what the brackets of the message's pattern hold: {0} is the first.
_TABLE = (
    (CARET_FOR_TRANSPOSE.name, r"", r"\w\)?\s*\^\s*[Tt]\b", CARET_FOR_TRANSPOSE.cause, CARET_FOR_TRANSPOSE.experiment),
    (CARET_FOR_POWER.name, r"bitwise_xor|type\(s\) for \^", r"", CARET_FOR_POWER.cause, CARET_FOR_POWER.experiment),
    ("projected-in-one-head",
     r"(?:multiplied \(\d+x(\d+) and (\d+)x|\[\d+, (\d+)\] but got: \[\d+, (\d+)\])", r"W_[qkv]",
     "A projection meets one head alone: `W_q`, `W_k` and `W_v` want all d_model features of a token.",
     "Project first, then split: print the shapes before each of the two steps."),
    ("mixed-in-one-head", r"multiplied \(\d+x(\d+) and (\d+)x|but got: \[", r"W_o",
     "`W_o` meets the heads one by one: it wants the features of all heads side by side, d_model of them.",
     "Merge the heads first, then apply `W_o`: print the shapes before each of the two steps."),
    ("mask-with-one-axis-more",
     r"must match the size of tensor|broadcast", r"mask\w*(\.unsqueeze\(|\[:, None|\[None)",
     "The mask gets an axis in a fixed place, which fits masks of one shape alone; as it is, it meets the scores "
     "from the last axis on.",
     "Print the shape of the mask of the example, and leave it as it is."),
    ("mask-as-index", r"boolean index did not match|shape of the mask .* does not match", r"",
     "A mask in square brackets has to have the very shape of the scores; here it is to be spread over them.",
     "`scores.masked_fill(...)` and `torch.where` spread a mask; or look `torch.broadcast_to` up."),
    ("whole-numbers-only", r"Cannot cast ufunc .* from dtype\('float|result type Float can't be cast", r"",
     "An array of whole numbers cannot take in numbers with a point.",
     "Print the `.dtype` of the array that you fill: what does `np.zeros` give?"),
    ("no-array-yet",
     r"should be a NumPy array or a PyTorch tensor, got list|'list' object has no attribute|"
     r"operand type\(s\) for [-+*/]+: 'list' and '|operand type\(s\) for [-+*/]+: '\w+' and 'list'|multiply sequence "
     "by non-int", r"",
     "A Python list is no array: it has no arithmetic.",
     "Put `np.array(...)` (or `torch.stack`, for tensors) round the list."),
    ("table-times-vector", r"broadcast together with shapes \((\d+),\) \(\1,(?!\1\))(\d+)\)", r"\*",
     "`*` lines shapes up from the right: the {0} numbers of the vector meet the rows of {1} of the table, entry "
     "by entry.",
     "Compare `v @ table`, a sum of products, with `v[:, None] * table`, one number for each row."),
    ("called-like-a-function", r"'(?:numpy\.)?(?:ndarray|Tensor|list)' object is not callable", r"",
     "Round brackets after an array call it like a function; an entry is taken out with square brackets.",
     "Write `a[i, j]`, not `a(i, j)`."),
    ("shape-called", r"'(?:tuple|torch\.Size)' object is not callable", r"shape\s*\(",
     "`shape` is no function: it stands without brackets.",
     "Print `a.shape`, `a.shape[0]` and `a.shape[-1]`."),
    ("sign-missing", r"'(?:int|float|numpy\.\w+)' object is not callable", r"[\d)]\s*\(",
     "A number before a bracket is called like a function: a `*` is missing.",
     "Write `2 * (x + 1)`, not `2(x + 1)`."),
    ("range-missing", r"'(?:int|numpy\.int64)' object is not iterable", r"",
     "A loop cannot run over a single number.",
     "Write `for i in range(n)`; print `list(range(3))`."),
    ("shape-in-two-arguments", r"Cannot interpret '\d+' as a data type", r"",
     "The shape is one argument: what follows after the comma is taken for the dtype.",
     "Put the sizes into brackets of their own: `np.zeros((2, 3))`."),
    ("truth-of-an-array", r"truth value of an array|Boolean value of Tensor", r"",
     "`if` and `while` want one True or False; comparing an array gives one for every entry.",
     "Print the comparison: `.any()` and `.all()` make one of many, and a single number has one only."),
    ("library-for-numbers",
     r"only (?:\S+ )?(?:0-dimensional|length-1|size-1|one element|integer scalar)", r"\bmath\.",
     "Functions of `math` take a single number, not an array.",
     "`np.exp`, `np.sqrt`, `torch.exp` work on every entry."),
    ("method-of-lists", r"'numpy\.ndarray' object has no attribute 'index'", r"",
     "`index` belongs to lists; an array has no such method.",
     "Print `np.argmax(row)`, or make a list: `row.tolist()`."),
    ("method-of-lists", r"'(?:numpy\.ndarray|Tensor)' object has no attribute '(append|extend|insert|index)'", r"",
     "`{0}` belongs to lists; an array has no such method.",
     "Collect in a list and make an array of it at the end."),
    ("method-of-tensors", r"'numpy\.ndarray' object has no attribute '(\w+)'", r"",
     "NumPy arrays have no `{0}`.",
     "Print `dir(x)`, or look in the hints for the word that NumPy has."),
    ("method-of-arrays", r"'Tensor' object has no attribute '(\w+)'", r"",
     "PyTorch tensors have no `{0}`.",
     "Print `dir(x)`, or look in the hints for the word that PyTorch has."),
    ("numbers-with-a-point-wanted", r"not implemented for '(Long|Int|Bool)'", r"",
     "PyTorch does this for numbers with a point only; these are of the kind `{0}` (whole numbers, or True and "
     "False).",
     "Print the `.dtype` of everything in that line: is it what you think it is?"),
    ("two-dtypes", r"(?:to have the same dtype|expected scalar type)", r"",
     "Two tensors of different dtypes meet.",
     "Print the `.dtype` of everything in that line."),
    ("slash-for-sizes",
     r"'float' object cannot be interpreted as an integer|must be tuple of ints|unpack the object", r"[^/]/[^/]",
     "`/` gives a number with a point, also where it comes out even, and sizes have to be whole.",
     "Compare `12 / 3` with `12 // 3`."),
    ("past-the-end", r"index (\d+) is out of bounds for (?:axis \d+|dimension \d+) with size (\d+)", r"",
     "Position {0} is asked for where there are {1}, counted from 0.",
     "Print the shape of the array, and what the loop runs over."),
    ("axis-that-is-not-there", r"Dimension out of range|axis -?\d+ is out of bounds|axes don't match array", r"",
     "An axis is asked for that the array of the example does not have.",
     "Count axes from the end, -1 and -2; print `.ndim` for the example."),
    ("number-of-axes", r"values to unpack", r"\.shape",
     "The shape has another number of sizes than there are names before the `=`.",
     "Read the sizes that you need one by one, from the end: `x.shape[-1]`, `x.shape[-2]`."),
    ("index-of-lists", r"list indices must be integers or slices, not tuple", r"",
     "A list of lists is indexed `table[i][j]`; `table[i, j]` is for arrays.",
     "Make an array of it: `np.zeros((2, 3))`."),
    ("calls-itself", r"maximum recursion depth", r"",
     "The function calls itself and never comes to an end.",
     "Look for its own name in its body."),
    ("", r"mismatch in its core dimension|not aligned|multiplied \(|but got: \[", r"",
     "",
     "in a product `a @ b` the last axis of `a` meets the last but one of `b`: print both shapes just before that "
     "line."),
    ("", r"broadcast|must match the size|shape|size|dimension", r"",
     "",
     "print the shapes just before that line. Write the two shapes under each other: which axes have to be alike?"),
)
_TABLE = tuple((name, re.compile(message), re.compile(code), *words) for name, message, code, *words in _TABLE)


def explained(sighting):
    """Give what an exception means, or None; without a cause where there is only a next step to tell."""
    trouble = sighting.trouble
    if trouble is None:  # the arguments may be wrong where only another case gives them all
        found = (_arguments(sighting, o.trouble, o.trouble.message.removeprefix("TypeError: "))
                 for o in sighting.outcomes if o.trouble and not o.trouble.line)
        return next(filter(None, found), None) if not sighting.exercise.invoke else None
    if trouble.kind == "wrong type":
        return _wrong_type(sighting, trouble)
    if not re.fullmatch(r"\w+(Error|Exception|Exit|Iteration)", trouble.kind):
        return None
    message = trouble.message.removeprefix(f"{trouble.kind}: ")
    for look in (_softmax_for_arrays, _hidden_function, _missing_name, _missing_module, _missing_forward, _arguments):
        found = look(sighting, trouble, message)
        if found:
            return found
    for name, pattern, line, cause, step in _TABLE:
        found = pattern.search(message)
        if found and line.search(trouble.code or "") and _plausible(sighting, name, found):
            groups = [group for group in found.groups() if group]
            return Slip(name, cause.format(*groups), step)
    return Slip("", "", "call your function on the example in a cell of its own, and print every value that is used in "
                "that line just before it.") if trouble.line else None


def of_module(trouble):
    """Tell whether a function stopped because a module is not imported."""
    found = re.search(r"name '(\w+)' is not defined", trouble.message)
    return bool(found) and found[1] in _MODULES


def _wrong_type(sighting, trouble):
    torch = sighting.exercise.arrays == "torch"
    if re.search(r"got a (list|tuple) of", trouble.message):
        return Slip("list-for-array", "It returns a Python list where the task asks for "
                    f"{'a tensor' if torch else 'a NumPy array'}.", "Make one of it at the end: look up "
                    f"`{'torch.stack' if torch else 'np.array'}`.")
    if "got a NumPy array" in trouble.message:
        return Slip("numpy-for-tensor", "It returns a NumPy array: somewhere on the way it leaves PyTorch.",
                    "Print the `type` of each step: which is the first that is no tensor?")
    return None


def _plausible(sighting, name, found):
    """A head's share of the features meets a matrix for all of them: the first size divides the second."""
    if name not in ("projected-in-one-head", "mixed-in-one-head"):
        return True
    if not any("H" in spec.shape.replace("(", ",").split(", ") for spec in sighting.exercise.returns):
        return False
    sizes = [int(group) for group in found.groups() if group]
    return len(sizes) < 2 or (sizes[0] != sizes[1] and max(sizes) % min(sizes) == 0)


def _softmax_for_arrays(sighting, trouble, message):
    """`own("softmax")(scores)`, or the same under another name, where scores are a tensor."""
    written = sighting.written
    if sighting.exercise.arrays != "torch" or written is None or "softmax" not in (trouble.code or ""):
        return None
    own = any(isinstance(node, ast.Call) and ast.unparse(node) == "own('softmax')" for node in written.nodes)
    kept = any(getattr(written.names.get(name), "name", None) == "softmax" and re.search(rf"\b{name}\(", trouble.code)
               for name in written.names)
    return Slip("softmax-for-arrays", "The softmax of notebook 02 was written for NumPy arrays, and this is a tensor.",
                "Call `torch.softmax(scores, dim=-1)`, which takes tensors.") if own or kept else None


def _hidden_function(sighting, trouble, message):
    """`sum = 0`, and then `sum(...)`."""
    written = sighting.written
    if "object is not callable" not in message or written is None or written.code is None:
        return None
    for name in re.findall(r"\b(\w+)\s*\(", trouble.code):
        hidden = name in written.code.co_varnames or not callable(written.names.get(name, len))
        if hasattr(builtins, name) and hidden:
            return Slip("function-hidden",
                        f"`{name}` has been given a value, and that hides Python's function `{name}`.",
                        f"Take another name for the value; if it stands in another cell, run `del {name}` once.")
    return None


def _missing_name(sighting, trouble, message):
    found = re.match(r"name '(\w+)' is not defined", message)
    later = re.match(r"cannot access (?:local|free) variable '(\w+)'", message)
    if later:
        return Slip("no-value-yet", f"`{later[1]}` is used before it gets a value in this function.",
                    f"Look for the line that gives `{later[1]}` its value: does it run, and does it run first?")
    if not found:
        return None
    name = found[1]
    near = _near(sighting, name)
    if name in _MODULES:
        module, short = _MODULES[name], f" as {name}" if _MODULES[name] != name else ""
        return Slip("not-imported", f"`{name}` is not known here: no cell that has run imports it.",
                    f"Run `import {module}{short}` in a cell above, then the cell of your function, then the check.")
    if name == "e":
        return Slip("no-e", "Python knows no number `e` by itself.",
                    "`np.exp(x)` is e to the power x; the number alone is `math.e`.")
    if near:
        return Slip("misspelt", f"There is no `{name}`, but there is `{near}`: is one of them misspelt?",
                    f"Write `{near}` in place of `{name}`, and run the cell again.")
    if re.match(rf"\s*{name}\s*\[.*\]\s*[-+*/]?=(?!=)", trouble.code or ""):
        zeros = "torch.zeros" if sighting.exercise.arrays == "torch" else "np.zeros"
        return Slip("not-made-yet", f"`{name}[...] = ...` writes into an array that nothing has made: before the loop "
                    f"there is no `{name}`.", f"Make it first, in its full shape: `{name} = {zeros}(...)`.")
    if name in _FUNCTIONS:
        return Slip("no-library", f"`{name}` belongs to a library and is not known by this name alone.",
                    f"Try `{'torch' if sighting.exercise.arrays == 'torch' else 'np'}.{name}`.")
    if name in re.findall(r"\w+", " ".join(spec.shape for spec in sighting.exercise.returns)) and len(name) < 8:
        return Slip("size-without-value",
                    f"`{name}` is a size in the text of the exercise; in your function nothing has "
                    "this name yet.", f"Give it a value first, from the `.shape` of an argument: `{name} = ...`.")
    return Slip("not-defined", f"No cell that has run since the kernel started defines `{name}`, or it is spelled "
                "otherwise there.",
                f"Run the cell that defines `{name}`, then the cell of your function, then the check.")


def _near(sighting, name):
    written = sighting.written
    if written is None or written.code is None:
        return None
    own = [n for n in {*written.code.co_varnames, *written.arguments} if n != name and len(n) > 2]
    for known, cutoff in ((own, 0.75), (keyword.kwlist, 0.8), (dir(builtins), 0.8)):
        near = difflib.get_close_matches(name, known, n=1, cutoff=cutoff)
        if near and len(name) > 2:
            return near[0]
    return None


def _missing_module(sighting, trouble, message):
    found = re.match(r"No module named '([\w.]+)'", message)
    if not found:
        return None
    near = difflib.get_close_matches(found[1].split(".")[0], ["numpy", "torch", "math", "itertools", "functools"], n=1)
    return Slip("no-such-module", f"There is no module `{found[1]}` in this environment.",
                f"Is `{near[0]}` meant?" if near else "Look at the spelling; the exercises need NumPy, PyTorch and "
                "`math` "
                "only.")


def _missing_forward(sighting, trouble, message):
    if 'missing the required "forward" function' not in message:
        return None
    methods = [name for name in vars(sighting.answer) if not name.startswith("__")] if hasattr(
        sighting.answer, "__dict__") else []
    near = difflib.get_close_matches("forward", methods, n=1, cutoff=0.6)
    there = f"; it has `{near[0]}`: is that misspelt?" if near else " yet: calling a module runs it."
    return Slip("no-forward", f"The class has no method `forward`{there}",
                "Write `def forward(self, ...):` with the arguments of the text below `__init__`, as far to the right.")


def _arguments(sighting, trouble, message):
    found = re.match(r"(?:\w+\.)?(\w+|<lambda>)\(\) (takes|missing|got an unexpected|got multiple)", message)
    if not found or trouble.kind != "TypeError":
        return None
    name, signature = found[1], sighting.exercise.signature
    own = not trouble.line or name == sighting.exercise.name
    if own and name not in ("forward", "__init__") and name not in vars(builtins):
        return Slip("other-arguments",
                    f"The `def` line names other arguments than the task: it is called as `{signature}`.",
                    f"Begin with `def {signature}:`.")
    if own:
        return Slip("other-arguments", f"The `def` line of `{name}` names other arguments than the task.",
                    "Compare it with the text of the exercise, word by word; the first argument is `self`.")
    return Slip("called-with-other-arguments", f"`{name}` is called with other arguments than its `def` line names.",
                f"Compare the call with the line that begins with `def {name}`.")
