"""Running somebody's function so that whatever it does, the caller gets an account of it."""

import contextlib
import inspect
import io
import sys
import warnings
from dataclasses import dataclass

import numpy as np

from course_utils.checks.places import Place, place_of, raised_by_stub
from course_utils.checks.time_limit import TimeUp, time_limit

__all__ = ["CALL_LIMIT", "Elsewhere", "Outcome", "Printed", "Stopped", "Trouble", "call_safely", "contained",
           "copy_arguments", "in_arrays", "is_tensor", "outcome_of"]

CALL_LIMIT = 1.2  # seconds of wall time for one call; the cases are tiny, a right answer needs milliseconds
_PRINT_LIMIT = 20_000  # characters kept of what an answer prints


@dataclass(frozen=True)
class Trouble:
    """Why there is no value: `kind` for the program, `message` for the person.

    `line` and `code` tell where in the learner's own cell it happened, if that is known; `inside` and `inside_code`
    where it went on from there, into a function of another cell.
    """

    kind: str
    message: str
    line: int | None = None
    code: str = ""
    inside: str = ""
    inside_code: str = ""


@dataclass(frozen=True)
class Outcome:
    """What one call did: its arrays (native and as NumPy) or its trouble, and its side effects."""

    native: tuple = ()
    values: tuple = ()
    trouble: Trouble | None = None
    overwritten: tuple = ()
    printed: str = ""


class Stopped(Exception):
    """Raised inside a probe when the answer gave no usable value."""

    def __init__(self, outcome):
        super().__init__(outcome.trouble.message)
        self.outcome = outcome


class Elsewhere:
    """An answer that does not run in this process: it makes its outcomes itself, within its own limits."""

    def outcome(self, args, kwargs, exercise):
        """Give the `Outcome` of one call."""
        raise NotImplementedError


class Printed(io.TextIOBase):
    """Keeps the beginning of what is printed, however much that is."""

    def __init__(self):
        self.text = ""

    def write(self, text):
        self.text = (self.text + str(text))[:_PRINT_LIMIT]
        return len(text)


def call_safely(answer, args, kwargs, exercise, limit=None, copy=True):
    """Call an answer on copies of its arguments and tell what happened.

    Parameters
    ----------
    answer : callable or Elsewhere
        The learner's function, or what `exercise.invoke` takes.
    args, kwargs : tuple, mapping
        Arguments; arrays in them are copied unless they require a gradient.
    exercise : Exercise
        Says what kind of arrays have to come back.
    limit : float, optional
        Wall time in seconds; `CALL_LIMIT` if left out.
    copy : bool
        Whether to copy the arguments.

    Returns
    -------
    Outcome
        Never an exception, except KeyboardInterrupt from the person at the keyboard.
    """
    limit = CALL_LIMIT if limit is None else limit
    if isinstance(answer, Elsewhere):
        return answer.outcome(args, kwargs, exercise)
    if copy:
        args, kwargs = copy_arguments(args), dict(zip(kwargs, copy_arguments(tuple(kwargs.values()))))
    before = copy_arguments((*args, *kwargs.values()))
    printed, trouble, result = Printed(), None, None
    try:
        with contained(printed, limit):
            result = exercise.invoke(answer, *args, **kwargs) if exercise.invoke else answer(*args, **kwargs)
    except KeyboardInterrupt:
        raise
    except TimeUp as error:
        trouble = _trouble(answer, error, "did not finish", f"it did not finish within {limit:g} seconds")
    except BaseException as error:  # SystemExit and friends too: the kernel has to live
        if isinstance(error, NotImplementedError) and raised_by_stub(answer, error):
            trouble = Trouble("not attempted", str(error))
        else:
            message = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            trouble = _trouble(answer, error, type(error).__name__, message.split("\n")[0][:300])
    overwritten = _overwritten(before, (*args, *kwargs.values()), [*exercise.parameters[:len(args)], *kwargs])
    if trouble:
        return Outcome(trouble=trouble, overwritten=overwritten, printed=printed.text)
    return outcome_of(result, exercise, overwritten, printed.text)


@contextlib.contextmanager
def contained(printed, limit):
    """Keep what is printed inside from the screen, warnings too, and stop it by an exception after so many seconds."""
    with (contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed), warnings.catch_warnings(),
          np.errstate(all="ignore"), time_limit(limit)):
        warnings.simplefilter("ignore")
        yield


def outcome_of(result, exercise, overwritten=(), printed=""):
    """Hold what an answer returned against what its exercise wants back.

    Parameters
    ----------
    result : object
        Whatever came back.
    exercise : Exercise
    overwritten, printed
        As in `Outcome`.

    Returns
    -------
    Outcome
        With trouble where the type or the number of results is wrong.
    """
    try:
        native, trouble = _arrays(result, exercise)
        values = () if trouble else tuple(_as_numpy(x) for x in native)
    except Exception as error:  # an object that pretends to be an array
        native, values = (), ()
        trouble = Trouble("wrong type", f"it returned something unreadable ({type(error).__name__})")
    return Outcome(native, values, trouble, overwritten, printed)


def copy_arguments(args):
    """Copy the arrays among the arguments; a tensor that collects a gradient stays itself."""
    return tuple(_copy(x) for x in args)


def _copy(x):
    if isinstance(x, np.ndarray):
        return x.copy(order="K")  # a view of another order in memory stays one
    if is_tensor(x):
        return x if x.requires_grad else x.clone()
    if isinstance(x, (list, tuple)):
        return type(x)(_copy(y) for y in x)
    if isinstance(x, dict):
        return {key: _copy(y) for key, y in x.items()}
    return x


def is_tensor(x):
    """Tell whether x is a PyTorch tensor, without importing PyTorch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(x, torch.Tensor)


# --- what came back ---


def _arrays(result, exercise):
    """Give the returned things as a tuple of native arrays, or the trouble with them."""
    wanted = exercise.returns
    if result is None:
        return (), Trouble("returned None", "it returned None: is the `return` missing?")
    if inspect.isgenerator(result) or inspect.iscoroutine(result):
        word = "a generator: use `return`, not `yield`" if inspect.isgenerator(result) else "a coroutine: drop `async`"
        result.close()
        return (), Trouble("wrong type", f"it returned {word}")
    if len(wanted) > 1:
        names = ", ".join(r.name for r in wanted)
        if not isinstance(result, (tuple, list)) or len(result) != len(wanted):
            got = f"{len(result)} things" if isinstance(result, (tuple, list)) else _kind(result)
            return (), Trouble("wrong number of results", f"it should return ({names}), got {got}")
    things = tuple(result) if len(wanted) > 1 else (result,)
    for thing, spec in zip(things, wanted):
        trouble = _type_trouble(thing, spec, exercise.arrays)
        if trouble:
            return (), trouble
    return tuple(np.asarray(x) if exercise.arrays == "numpy" else _tensor(x) for x in things), None


def in_arrays(result, exercise):
    """Make NumPy arrays of the lists that an answer gave."""
    things = result if len(exercise.returns) > 1 else (result,)
    arrays = tuple(np.array(x) if isinstance(x, (list, tuple)) else x for x in things)
    return arrays if len(exercise.returns) > 1 else arrays[0]


def _type_trouble(x, spec, arrays):
    unusable = getattr(type(x), "unusable", None) or _unusable(x)
    if unusable:  # of one that runs elsewhere, only this is known
        return Trouble("wrong type", f"{spec.name} should {unusable}")
    good = is_tensor(x) if arrays == "torch" else isinstance(x, (np.ndarray, np.generic))
    # A bare number is as good as an array without axes.
    if good or (spec.shape == "()" and isinstance(x, (bool, int, float, np.generic))):
        if isinstance(x, (np.ndarray, np.generic)) and x.dtype.kind in "biuf":
            return None  # the name of a dtype takes longer than all else here
        dtype = str(getattr(x, "dtype", "float")).split(".")[-1]
        if dtype.startswith(("complex", "object", "str", "void", "datetime", "<U", "S")):
            return Trouble("wrong type", f"{spec.name} should hold numbers, got {dtype}")
        return None
    wanted = "a PyTorch tensor" if arrays == "torch" else "a NumPy array"
    return Trouble("wrong type", f"{spec.name} should be {wanted}, got {_kind(x)}")


def _unusable(x):
    """Say what is the matter with a tensor that has no numbers to compare."""
    if not is_tensor(x):
        return ""
    if str(x.layout) != "torch.strided":
        return f"be dense, got a {str(x.layout).removeprefix('torch.').replace('_', ' ')} tensor"
    return "hold numbers, got a tensor on the meta device, which holds none" if x.is_meta else ""


def _kind(x):
    if x is None:
        return "None"
    if is_tensor(x):
        return "a PyTorch tensor"
    if isinstance(x, np.ndarray):
        return "a NumPy array"
    if isinstance(x, (list, tuple)):
        kinds = {"lists": (list, tuple), "arrays": np.ndarray, "numbers": (int, float, np.number)}
        inner = next((kind for kind, types in kinds.items() if any(isinstance(y, types) for y in x)), "things")
        inner = "tensors" if any(is_tensor(y) for y in x) else inner
        return f"a {type(x).__name__} of {inner if x else 'nothing'}"
    return f"an object of type {type(x).__name__}"


def _tensor(x):
    import torch

    return x if isinstance(x, torch.Tensor) else torch.tensor(x)


def _as_numpy(x):
    if is_tensor(x):
        import torch

        x = x.detach().as_subclass(torch.Tensor).cpu()
        return (x.float() if x.dtype in (torch.bfloat16, torch.float16) else x).numpy().copy()
    return np.array(x, subok=False)


def _overwritten(before, after, names):
    """The names of the arguments that no longer hold what they held, arrays in tuples, lists and dicts included."""
    return tuple(name for name, old, new in zip(names, before, after) if not _holds_still(old, new))


def _holds_still(old, new):
    if isinstance(old, (bool, int, float, str)):
        return old is new or (type(old) is type(new) and old == new)
    try:
        if isinstance(old, np.ndarray) or is_tensor(old):
            a, b = _as_numpy(old), _as_numpy(new)
            return a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
        if isinstance(old, (list, tuple)):
            return len(old) == len(new) and all(map(_holds_still, old, new))
        if isinstance(old, dict):
            return list(old) == list(new) and all(map(_holds_still, old.values(), new.values()))
    except Exception:  # something else stands there now
        return False
    return True


def _trouble(answer, error, kind, message):
    place: Place = place_of(answer, error)
    return Trouble(kind, message, place.line, place.code, place.inside, place.inside_code)
