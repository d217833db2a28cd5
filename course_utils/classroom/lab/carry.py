"""``python -m course_utils carry``: take answers over from a kept lesson into its new version, cell by cell.

Nothing is merged: an answer stands in the new lesson as it stood in the old one, and the old one stays, under
another name.
"""

import ast
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

from course_utils.classroom.lab.start import course_folder
from course_utils.learner import working_copies

__all__ = ["Carried", "add_arguments", "carry", "run", "take_over"]


@dataclass
class Carried:
    """What became of the learner's cells: names of exercises, and the first words of cells that stay behind."""

    answers: list = field(default_factory=list)
    changed_stubs: list = field(default_factory=list)
    added: int = 0
    left: list = field(default_factory=list)


def take_over(old, new, laid, given=None):
    """Put the learner's answers and added cells into a new version.

    Parameters
    ----------
    old, new : dict
        Notebooks in format 4. `new` is changed.
    laid, given : list of (id, kind, source) or None
        The cells of `old` and of `new` as they were laid; None where that is not known. An answer that stands in
        `new` already stays there.

    Returns
    -------
    Carried
    """
    was, fresh = ({id_: source for id_, _, source in cells or ()} for cells in (laid, given))
    told, by_id = Carried(), {cell.get("id"): cell for cell in new["cells"]}
    stubs, names = _exercises(new), {id(cell): name for name, cell in _exercises(old).items()}
    after = None  # the cell of `new` that what comes next stands after
    for cell in old["cells"]:
        source, name, here = _text(cell), names.get(id(cell)), by_id.get(cell.get("id"))
        if name is not None:
            here = stubs.get(name) or here
            if here is not None and source not in (_text(here), was.get(cell.get("id"))):
                _answer(new, here, source, name, was.get(cell.get("id")), fresh.get(here.get("id")), told)
            elif here is None:
                told.left.append(name)
        elif laid and cell.get("id") and cell["id"] not in was:
            if source.strip() and cell["id"] not in by_id:
                here = dict(cell) if cell["cell_type"] != "code" else {**cell, "outputs": [], "execution_count": None}
                new["cells"].insert(_place(new["cells"], after) + 1, here)
                told.added += 1
        elif laid and source != was.get(cell.get("id"), source):
            told.left.append(" ".join(source.split())[:50])
        after = here or after
    return told


def _answer(new, here, source, name, was, fresh, told):
    """Put one answer into its cell of the new version, unless the learner has written another one there."""
    if fresh is not None and _text(here) != fresh:
        told.left.append(f"{name}, which has an answer in the new one")
        return
    if was is not None and _text(here) != was:
        told.changed_stubs.append(name)
    here["source"] = source
    told.answers.append(name)
    # What the new lesson shows below this cell and its check belongs to the empty stub.
    first = _place(new["cells"], here)
    for cell in new["cells"][first:first + 2]:
        if cell["cell_type"] == "code":
            cell.update(outputs=[], execution_count=None)


def _place(cells, cell):
    return next((n for n, other in enumerate(cells) if other is cell), -1)


def _exercises(notebook):
    """The exercise cells by the name in the check after them, else by the function that they define."""
    found, cells = {}, notebook["cells"]
    for cell, following in zip(cells, [*cells[1:], None]):
        if "exercise" in cell.get("metadata", {}).get("tags", []):
            found[_checked(following) or _defined(cell) or cell.get("id")] = cell
    return found


def _checked(cell):
    for call in _walk(cell):
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "check" and call.args:
            return getattr(call.args[0], "value", None)
    return None


def _defined(cell):
    return next((node.name for node in _walk(cell) if isinstance(node, (ast.FunctionDef, ast.ClassDef))), None)


def _walk(cell):
    try:
        return list(ast.walk(ast.parse(_text(cell)))) if cell and cell["cell_type"] == "code" else []
    except SyntaxError:
        return []


def _text(cell):
    return "".join(cell["source"])


def carry(pair):
    """Take the answers over for one lesson, and let the new version have its name.

    Parameters
    ----------
    pair : Beside
        The learner's copy stays, as ``NN_name.old.ipynb``.

    Returns
    -------
    list of str
        What was done, for the learner.

    Raises
    ------
    ValueError
        If one of the two is no notebook that can be read.
    OSError
        If it cannot be written. Both files are as they were then.
    """
    mine, new = pair.mine, pair.new
    laid, given = (working_copies.remembered(path).get("cells") for path in (mine, new))
    try:
        old, lesson = (json.loads(path.read_bytes()) for path in (mine, new))
        told = take_over(old, lesson, laid, given)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{mine.name} or {new.name} is not a notebook that can be read ({error}); "
                         "nothing was changed") from None
    content = (json.dumps(lesson, indent=1, ensure_ascii=False) + "\n").encode()
    draft = working_copies.free_name(mine, "carried")
    working_copies.copy_new(draft, content)  # all is on the disk before a name changes
    before = working_copies.move(mine, working_copies.free_name(mine, "old"))
    working_copies.set_aside(working_copies.move(new, mine))
    draft.rename(mine)
    lines = [f"{mine.name} is the new version, with your answers: {', '.join(told.answers) or 'none yet'}. "
             f"The one before is kept as {before.name}."]
    if told.changed_stubs:
        lines.append(f"Their cells begin otherwise in the new version, compare: {', '.join(told.changed_stubs)}.")
    if told.added:
        lines.append(f"Cells that you had added: {told.added}, taken over.")
    if told.left:
        lines.append(f"Only in {before.name}: {'; '.join(told.left)}.")
    lines.append(f"If {mine.name} is open, close it and open it again (or File, Reload Notebook from Disk); "
                 "then run it.")
    return lines


def add_arguments(parser):
    """Add the options of ``python -m course_utils carry``."""
    parser.add_argument("notebook", nargs="*", help="its number or name; every lesson with a new version if left out")


def run(args):
    """Carry the answers of the lessons named."""
    course = course_folder()
    folders = [Path.cwd()] + ([course / working_copies.FOLDER] if course else [])
    waiting = next((found for folder in folders if (found := working_copies.beside(folder))), [])
    wanted = [pair for pair in waiting
              if not args.notebook or any(pair.mine.name.startswith(Path(name).name) for name in args.notebook)]
    if not wanted:
        names = ", ".join(pair.mine.stem for pair in waiting)
        print(f"Lessons with a new version: {names}." if waiting else "No lesson has a new version beside yours.")
        return int(bool(args.notebook))
    code = 0
    for pair in wanted:
        try:
            print(*carry(pair), sep="\n")
        except (ValueError, OSError) as error:
            print(f"{pair.mine.name}: {error}", file=sys.stderr)
            code = 1
    return code
