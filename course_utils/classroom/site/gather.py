"""What the site is made from: the notebooks and texts of a clone, brought into one folder that Sphinx reads.

Nothing is written a second time: each page is a file of the clone, with its links turned to pages of the site and
its outputs made ready. What the site does not carry is linked where the course has a public address, and is plain
text where it has none.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import nbformat

from course_utils.classroom.pages.export import title_of
from course_utils.classroom.site import glossary, mistakes, reference
from course_utils.classroom.site.cells import Pictures, shown

_STATE = "application/vnd.jupyter.widget-state+json"
_LINK = re.compile(r"(?P<image>!?)\[(?P<text>(?:[^\[\]]|\[[^\]]*\])*)\]\((?P<target>[^)\s]+)\)")
_CODE = re.compile(r"(^(?:```+|~~~+).*?^(?:```+|~~~+)\s*$|`[^`\n]*`)", re.DOTALL | re.MULTILINE)
_ANCHOR = re.compile(r'^<a id="[^"]+"></a>\s*\n', re.MULTILINE)  # GitHub's; here each heading has its own
_HEADING = re.compile(r"^## +(.+)$", re.MULTILINE)
ARCHIVE = "offline.zip"
# On the first page; the copy inside the archive goes without it.
_TAKE = f"""
<section class="cu-take"><h2 id="take-it-along">Take it along</h2><p><a href="{ARCHIVE}" download>The whole site as one
file</a>: unpack it anywhere and open <code>index.html</code>. It needs no connection.</p></section>

"""
TAKE = re.compile('<section class="cu-take">.*?</section>', re.DOTALL)
FRONT = ("The notebooks", "For a class", "Licences")  # README's sections on the first page; the others get their own
FIGURES = "_figures"  # beside the pages: the state of each page's live figures


@dataclass
class Tree:
    """The folder that Sphinx reads.

    Attributes
    ----------
    root : Path
        The clone.
    folder : Path
        Where the tree grows.
    address : Address
        Where the course is to be found by everybody, if anywhere.
    only : sequence of str, optional
        Stems of the files to take, where not all are.
    pages : dict of str to list of str
        Heading of the contents -> the pages under it, by the names of their files without the ending.
    """

    root: Path
    folder: Path
    address: object
    only: list | None = None
    pages: dict = field(default_factory=dict, init=False)

    def carries(self, path):
        """Say whether a file of the clone is a page of the site."""
        return path.suffix in (".md", ".ipynb") and path in self.sources()

    def sources(self):
        """Give every file of the clone that becomes a page, heading by heading."""
        return {path for paths in self.sections().values() for path in paths}

    def sections(self):
        """Give the files of the clone by the heading of the contents under which they stand."""
        notebooks, docs = self.root / "notebooks", self.root / "docs"
        python, tests = docs / "python.md", docs / "tests.md"
        teaching = sorted(docs.glob("teaching/*.md"), key=lambda path: (path.stem != "README", path))
        found = {
            "Lessons": sorted(notebooks.glob("*.ipynb")),
            "Homework": sorted((notebooks / "homework").glob("*.ipynb")),
            "Look up": [python],
            "Teaching": [*teaching[:1], *sorted({*docs.glob("*.md")} - {python, tests}), *teaching[1:]],
            "About": [tests, self.root / "data" / "README.md"],
        }
        if self.only is not None:
            found = {heading: [path for path in paths if path.stem in self.only] for heading, paths in found.items()}
        return found

    def add(self, heading, name, text):
        """Write a page of Markdown and put it into the contents."""
        self.write(name, text)
        self.pages.setdefault(heading, []).append(name)

    def write(self, name, text):
        """Write a page of Markdown that another page's contents name."""
        path = self.folder / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def linked(self, text, source):
        """Turn the links of a Markdown text that lies at `source` in the clone; code stays as it is."""
        pieces = _CODE.split(text)
        return "".join(piece if n % 2 else _LINK.sub(lambda match: self._link(match, source), piece)
                       for n, piece in enumerate(pieces))

    def _link(self, match, source):
        target, _, anchor = match["target"].partition("#")
        if not target or ":" in target:
            return match[0]
        aim = Path(os.path.normpath(source.parent / target))
        if match["image"]:
            kept = self.folder / aim.relative_to(self.root)
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(aim, kept)
            return match[0]
        if self.carries(aim):
            slug = re.sub(r"[^\w-]", "", anchor.lower().replace(" ", "-"))
            return f"[{match['text']}]({target}{'#' if anchor else ''}{slug})"
        where = self.address.file(aim.relative_to(self.root).as_posix())
        return f"[{match['text']}]({where})" if where else match["text"]


def gather(root, folder, address, only=None):
    """Bring the clone's pages into a folder.

    Parameters
    ----------
    root : Path
        The clone.
    folder : Path
        An empty folder.
    address : Address
        See `course_utils.classroom.site.address`.
    only : sequence of str, optional
        Stems of the files to take ("04_scaled_dot_product"); everything, and the reference, if left out.

    Returns
    -------
    Tree
    """
    tree = Tree(root, folder, address, only)
    notebooks = {path: nbformat.read(path, as_version=4) for path in tree.sources() if path.suffix == ".ipynb"}
    lessons = {path.stem: notebooks[path] for path in tree.sections().get("Lessons", [])}
    terms = glossary.terms_of(lessons)
    titles = {stem: title_of(notebook, stem) for stem, notebook in lessons.items()}
    _add_lookups(tree, terms, titles, lessons)  # before the cells lose what pages do not show
    pictures = Pictures(folder / "_pictures")
    for heading, paths in tree.sections().items():
        for path in paths:
            name = path.relative_to(root).with_suffix("").as_posix()
            if path.suffix == ".md":
                text = _ANCHOR.sub("", path.read_text(encoding="utf-8"))
                tree.add(heading, name, tree.linked(text, path))
            else:
                known = list(lessons)[:list(lessons).index(path.stem) + 1] if path.stem in lessons else []
                first = glossary.FirstUses(terms, known)
                _add_notebook(tree, heading, name, notebooks[path], first, pictures)
    _add_readme(tree)
    return tree


def _add_notebook(tree, heading, name, notebook, first, pictures):
    _add_ways(tree, notebook, f"{name}.ipynb")
    prefix = "../" * name.count("/") + "_pictures/"
    state = notebook.metadata.pop("widgets", {}).get(_STATE)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = first.link(tree.linked(cell.source, tree.root / f"{name}.ipynb"))
        elif cell.cell_type == "code":
            text = shown(cell, pictures, prefix)
            cell.outputs = [nbformat.v4.new_output("display_data", {"text/html": text})] if text else []
        cell.metadata = nbformat.from_dict({})
    kept = tree.folder / f"{name}.ipynb"
    kept.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, kept)
    tree.pages.setdefault(heading, []).append(name)
    if state:
        store = tree.folder / FIGURES / f"{name}.json"
        store.parent.mkdir(parents=True, exist_ok=True)
        store.write_text(json.dumps(state), encoding="utf-8")


def _add_ways(tree, notebook, path):
    """Say after a notebook's opening where it can be run, if anybody can."""
    if ways := tree.address.ways(path):
        links = " · ".join(f"[{name}]({where})" for name, where in ways.items())
        notebook.cells.insert(1, nbformat.v4.new_markdown_cell(f"**Run this notebook:** {links}"))


def _add_lookups(tree, terms, titles, lessons):
    """Write what is derived: glossary, cheat sheet, mistakes, reference."""
    if terms:
        tree.add("Look up", "glossary", glossary.page(terms, titles))
    known = {stem: (titles[stem], found) for stem, found in mistakes.by_lesson().items() if stem in titles}
    if known:
        tree.add("Look up", "mistakes/index", mistakes.index(known, lessons) + _contents(known))
        for stem, (title, exercises) in known.items():
            tree.write(f"mistakes/{stem}", mistakes.page(lessons[stem], exercises, title))
    if tree.only is None:
        tree.add("Look up", "cheat_sheet", reference.cheat_sheet(reference.letters(lessons)))
        rooms = {room or "course_utils": (room, module) for room, module in reference.rooms().items()}
        tree.add("Look up", "reference/index", reference.INDEX + _contents(rooms, hidden=False))
        for name, (room, module) in rooms.items():
            tree.write(f"reference/{name}", reference.page(room, module))


def _contents(names, caption="", hidden=True):
    options = [":hidden:"] * hidden + [f":caption: {caption}"] * bool(caption)
    return "\n" + "\n".join(["```{toctree}", *options, "", *names, "```"]) + "\n"


def sections_of(text):
    """Split a Markdown text at its second-level headings: what stands before them, then heading -> text."""
    begin, *rest = _HEADING.split(text)
    return begin, dict(zip(rest[::2], rest[1::2]))


def _add_readme(tree):
    """Make the first page of the README's beginning and some of its sections, and a page of the others."""
    source = tree.root / "README.md"
    begin, sections = sections_of(tree.linked(source.read_text(encoding="utf-8"), source))
    if missing := [heading for heading in FRONT if heading not in sections]:
        raise ValueError(f"README.md should have the headings {', '.join(FRONT)}; it lacks {', '.join(missing)}")
    own = "".join(f"## {heading}{text}" for heading, text in sections.items() if heading not in FRONT)
    if link := tree.address.hub_link("notebooks/00_start.ipynb"):
        own += f"\n## On a JupyterHub with nbgitpuller\n\nPut your hub's address in:\n\n```text\n{link}\n```\n"
    tree.add("About", "install", f"# On your own machine\n\n{own}")
    front = begin + "".join(f"## {heading}{sections[heading]}" for heading in FRONT) + _TAKE
    contents = "".join(_contents(tree.pages[heading], heading) for heading in tree.sections() if heading in tree.pages)
    (tree.folder / "index.md").write_text(front + contents, encoding="utf-8")
