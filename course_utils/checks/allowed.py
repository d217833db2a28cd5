"""What of the course an answer to homework may use: `check`, preflight and grader hold answers to the same list."""

import dis
import functools
import inspect
import types

from course_utils.moved import now

__all__ = ["first_not_allowed", "words"]

_QUIET = {"start", "check", "hint", "show", "progress", "reset_progress"}  # they give an answer nothing
_MANY = 1000  # things in a list or a dict that are looked at; larger ones hold data


def words(name, allowed):
    """Say what may be used.

    Examples
    --------
    >>> words("course_utils.attention", ["course_utils.shapes"])
    'an answer may not use course_utils.attention; this homework allows course_utils.shapes'
    """
    return f"an answer may not use {name}; this homework allows {', '.join(allowed) or 'nothing of the course'}"


def first_not_allowed(answer, allowed):
    """Find what of the course an answer uses, by itself or through functions of the notebook.

    Parameters
    ----------
    answer : callable
    allowed : collection of str
        Modules of the course.

    Returns
    -------
    str
        Name of a module, or "own"; empty where there is nothing to object to.
    """
    seen, todo = set(), [answer]
    while todo:
        thing = todo.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        found = _part_of_course(thing)
        if found and found != "quiet" and not _covered(found, allowed):
            return found
        if found:
            continue  # what the course's own functions use is theirs
        if isinstance(thing, (dict, list, tuple)) and len(thing) <= _MANY:
            todo += thing.values() if isinstance(thing, dict) else thing
        if isinstance(thing, functools.partial):
            todo.append(thing.func)
        if isinstance(thing, type):
            todo += [value for value in vars(thing).values() if callable(value)]
        thing = inspect.unwrap(thing) if callable(thing) else thing
        if isinstance(thing, types.FunctionType):
            for how, name in _names(thing.__code__):
                if how == "IMPORT_NAME" and name.startswith("course_utils.") and not _covered(name, allowed):
                    return name
                if (how, name) == ("IMPORT_FROM", "own"):
                    return name
                if how.startswith("LOAD") and name in thing.__globals__:
                    todo.append(thing.__globals__[name])
            todo += [cell.cell_contents for cell in thing.__closure__ or () if _is_filled(cell)]
    return ""


def _covered(name, allowed):
    """Whether a module, or the package that it lies in, is on a list; both may bear older names."""
    return any(f"{now(name)}.".startswith(f"{now(other)}.") for other in allowed)


def _part_of_course(thing):
    """The module of the course that something comes from; "own" for that function and what it gives, or "quiet"."""
    home = thing.__name__ if isinstance(thing, types.ModuleType) else getattr(thing, "__module__", None)
    if not isinstance(home, str) or home.split(".")[0] != "course_utils":
        return ""
    name = getattr(thing, "__name__", type(thing).__name__)
    if name in ("own", "Own"):
        return "own"
    return "quiet" if name in _QUIET else home


def _names(code):
    """Names that code looks up or imports, and how, inner functions included; no attributes."""
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME", "IMPORT_NAME", "IMPORT_FROM"):
            yield step.opname, step.argval
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            yield from _names(inner)


def _is_filled(cell):
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False
