"""Lessons as slides: a folder that opens from a disk, figures alive, and asks the network for nothing."""

from __future__ import annotations

import html
import shutil
import sys
from pathlib import Path

import nbformat

from course_utils.classroom.pace import core_minutes, parts, rounded
from course_utils.classroom.pages import teaching
from course_utils.classroom.pages.export import TEMPLATES, PageExporter, needs_run, title_of
from course_utils.classroom.pages.steps import steps

__all__ = ["DeckExporter", "add_arguments", "deck_of", "lessons", "run", "write"]

_STATIC = TEMPLATES / "slides" / "static"
_REVEAL = TEMPLATES.parent / "vendor" / "reveal"
_NOTEBOOKS = Path(__file__).resolve().parents[3] / "notebooks"


class DeckExporter(PageExporter):
    """A page whose cells are the steps of a lecture; the page itself deals them out on slides."""

    folder = "slides"

    def _init_resources(self, resources):
        return super()._init_resources(resources) | {
            "deck_css": (_STATIC / "deck.css").read_text(encoding="utf-8"),
            "deck_script": (_STATIC / "deck.js").read_text(encoding="utf-8")}


def deck_of(notebook, text="", *, folder=".", name="notebook"):
    """Turn an executed lesson into a deck of slides.

    Parameters
    ----------
    notebook : NotebookNode
        The lesson with its outputs and the state of its figures.
    text : str
        Its notes for teachers, in Markdown: what the speaker's notes and the cuts are taken from.
    folder : path
        Where the pictures that its prose names lie.
    name : str
        The deck's title.

    Returns
    -------
    str
        A whole HTML document that needs the folder `reveal` beside it.
    """
    resources = {"metadata": {"name": name, "path": str(folder)}, "cuts": teaching.cuts(text)}
    exporter = DeckExporter(theme="light", exclude_input_prompt=True, exclude_output_prompt=True)
    return exporter.from_notebook_node(steps(notebook, text), resources)[0]


def lessons(folder=_NOTEBOOKS):
    """List the course's lessons in reading order."""
    return sorted(folder.glob("[0-9][0-9]_*.ipynb"))


def write(path, out):
    """Write the deck of one lesson into a folder.

    Parameters
    ----------
    path : Path
        The notebook, recorded.
    out : Path
        The folder; it is made, and gets the program that shows slides.

    Returns
    -------
    Path
        The deck.

    Raises
    ------
    ValueError
        If the notebook was not run, or shows figures whose state is not saved with it.
    """
    notebook = nbformat.read(path, as_version=4)
    if needs_run(notebook):
        raise ValueError(f"{path} shows figures whose state is not saved in it: run it and save it first")
    page = teaching.NOTES / f"{path.stem}.md"
    text = page.read_text(encoding="utf-8") if page.is_file() else ""
    shutil.copytree(_REVEAL, out / "reveal", dirs_exist_ok=True)
    deck = out / f"{path.stem}.html"
    deck.write_text(deck_of(notebook, text, folder=path.resolve().parent, name=title_of(notebook, path.stem)),
                    encoding="utf-8")
    return deck


def contents(paths):
    """Write the page that lists the decks.

    Parameters
    ----------
    paths : sequence of Path
        The notebooks whose decks lie beside the page.

    Returns
    -------
    str
        A whole HTML document.
    """
    rows = []
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        title, minutes = html.escape(title_of(notebook, path.stem)), rounded(core_minutes(parts(notebook.cells)))
        cut = " ".join(f'<a href="{path.stem}.html?cut={cut}" aria-label="{title}, {cut} minutes">{cut} minutes</a>'
                       for cut in teaching.CUTS)
        rows.append(f'<tr><th scope="row"><a href="{path.stem}.html">{title}</a></th><td>{minutes}</td>'
                    f"<td>{cut}</td></tr>")
    page = (_STATIC / "contents.html").read_text(encoding="utf-8")
    return page.replace("<!-- rows -->", "\n".join(rows))


def add_arguments(parser):
    """Declare the command's arguments."""
    parser.add_argument("out", type=Path, metavar="OUT", help="the folder to write; it is made if it is not there")
    parser.add_argument("notebooks", nargs="*", type=Path, metavar="NOTEBOOK", help="default: all lessons")
    parser.add_argument("--pdf", action="store_true", help="write each deck as a PDF too (needs playwright)")


def run(args):
    """Write the decks; returns 0, or 1 after saying in a sentence what is wrong."""
    paths = args.notebooks or lessons()
    args.out.mkdir(parents=True, exist_ok=True)
    decks = []
    for path in paths:
        try:
            decks.append(write(path, args.out))
        except (OSError, ValueError, nbformat.reader.NotJSONError, nbformat.ValidationError) as error:
            print(f"{path}: {error}", file=sys.stderr)
            return 1
        print(f"Wrote {decks[-1]} ({decks[-1].stat().st_size / 2**20:.1f} MiB).", flush=True)
    (args.out / "index.html").write_text(contents(paths), encoding="utf-8")
    if args.pdf:
        from course_utils.classroom.pages.paper import print_decks

        return print_decks(decks)
    print(f"Open {args.out / 'index.html'} in a browser.")
    return 0
