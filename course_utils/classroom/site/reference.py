"""The reference, a page for each room of the package, and the cheat sheet: both from the docstrings."""

from __future__ import annotations

import inspect
import pkgutil
import re
from importlib import import_module

import course_utils

# What no learner imports; `learner` gives the same names as the package itself.
WORKSHOPS = ("checks", "classroom", "exercises", "lazy", "learner", "moved")
# The rooms whose functions stand on the cheat sheet, with the shapes of what goes in and comes out.
SHEET = ("attention", "multihead", "explorers", "plotting")
INDEX = """# Reference

What you can import, room by room. The same text shows in a notebook: put the cursor into a name and press Shift + Tab.

"""
_ROW = re.compile(r"^\|(.+)\|$", re.MULTILINE)
_NAMED = re.compile(r"shape (?P<shape>\([^()]*\))")


def rooms():
    """Give the modules that a learner or a teacher imports from: name -> module, the package itself first."""
    names = [found.name for found in pkgutil.iter_modules(course_utils.__path__) if found.name not in WORKSHOPS]
    modules = {name: import_module(f"course_utils.{name}") for name in names}
    return {"": course_utils} | {name: module for name, module in modules.items() if getattr(module, "__all__", None)}


def module_name(room):
    """Give the name by which a room is imported."""
    return f"course_utils.{room}" if room else "course_utils"


def page(room, module):
    """Write the page of a room: every public name with its docstring, as autodoc reads it.

    Parameters
    ----------
    room : str
        Its name, empty for the package itself.
    module : module
        With ``__all__``.

    Returns
    -------
    str
        Markdown.
    """
    first, _, more = inspect.getdoc(module).partition("\n\n")
    parts = [f"# {module_name(room)}\n\n{first}\n\n{more}\n"]
    for name in module.__all__:
        item = getattr(module, name)
        kind = "class" if inspect.isclass(item) else "function" if callable(item) else "data"
        options = "\n   :members:" if kind == "class" else "\n   :no-value:" if kind == "data" else ""
        parts.append(f"## {name}\n\n```{{eval-rst}}\n.. auto{kind}:: {module_name(room)}.{name}{options}\n```\n")
    return "\n".join(parts)


def letters(lessons):
    """Read the names of arrays from the lessons' own tables, each once, as the first of them tells it.

    Parameters
    ----------
    lessons : dict of str to NotebookNode
        In course order.

    Returns
    -------
    list of (str, str, str)
        Name, shape and meaning, as Markdown.
    """
    found = {}
    for notebook in lessons.values():
        for cell in notebook.cells:
            if cell.cell_type == "markdown" and "**Shapes**" in cell.source:
                table = cell.source.split("**Shapes**")[1].split("\n\n")[1]
                rows = [[part.strip() for part in row.split("|")] for row in _ROW.findall(table)[2:]]
                for row in rows:
                    if len(row) == 3:
                        found.setdefault(row[0], tuple(row))
    return list(found.values())


def cheat_sheet(letters):
    """Write one page of all that is used most: what the letters count, what is called and how.

    Parameters
    ----------
    letters : list of (str, str, str)
        Name, shape and meaning of the arrays, from the lessons.

    Returns
    -------
    str
        Markdown with tables.
    """
    lines = ["# Cheat sheet", "", "Made from the [reference](reference/index.md) and from the lessons' own tables.", "",
             "## Arrays", "", "| name | shape | what it holds |", "|---|---|---|"]
    lines += [f"| {' | '.join(row)} |" for row in letters]
    for room in ("", *SHEET):
        module = rooms()[room]
        where = f"reference/{room or 'course_utils'}.md"
        shaped = room in SHEET[:2]
        lines += ["", f"## [{module_name(room)}]({where})", "",
                  "| call | what it does |" + (" shapes |" if shaped else ""), "|---|---|" + ("---|" if shaped else "")]
        for name in module.__all__:
            item = getattr(module, name)
            if callable(item):
                call = f"{name}{_signature(item)}" if shaped or not room else name
                cells = [f"`{call}`", _first_line(item)] + ([_shapes(item)] if shaped else [])
                lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def _first_line(item):
    return inspect.getdoc(item).splitlines()[0]


def _signature(item):
    try:
        found = inspect.signature(item)
    except ValueError:
        return "(...)"
    plain = [p.replace(annotation=inspect.Parameter.empty) for p in found.parameters.values()]
    return str(found.replace(parameters=plain, return_annotation=inspect.Signature.empty)).replace("Ellipsis", "...")


def _shapes(item):
    """Give the shapes that a docstring states: what goes in, an arrow, what comes out."""
    from numpydoc.docscrape import NumpyDocString

    doc = NumpyDocString(inspect.getdoc(item))
    sides = []
    for section in ("Parameters", "Returns"):
        found = [(entry.name, _NAMED.search(entry.type)) for entry in doc[section]]
        sides.append(", ".join(f"`{name or 'result'}` `{shape['shape']}`" for name, shape in found if shape))
    return " → ".join(side for side in sides if side)
