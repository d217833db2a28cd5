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

from course_utils.classroom.site.cells import Pictures, shown

_STATE = "application/vnd.jupyter.widget-state+json"
_LINK = re.compile(r"(?P<image>!?)\[(?P<text>(?:[^\[\]]|\[[^\]]*\])*)\]\((?P<target>[^)\s]+)\)")
_CODE = re.compile(r"(^(?:```+|~~~+).*?^(?:```+|~~~+)\s*$|`[^`\n]*`)", re.DOTALL | re.MULTILINE)
_ANCHOR = re.compile(r'^<a id="[^"]+"></a>\s*\n', re.MULTILINE)  # GitHub's; here each heading has its own
_HEADING = re.compile(r"^## +(.+)$", re.MULTILINE)
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
    pages : dict of str to list of str
        Heading of the contents -> the pages under it, by the names of their files without the ending.
    """

    root: Path
    folder: Path
    address: object
    pages: dict = field(default_factory=dict)

    def carries(self, path):
        """Say whether a file of the clone is a page of the site."""
        return path.suffix in (".md", ".ipynb") and path in self.sources()

    def sources(self):
        """Give every file of the clone that becomes a page, heading by heading."""
        return {path for paths in self.sections().values() for path in paths}

    def sections(self):
        """Give the files of the clone by the heading of the contents under which they stand."""
        notebooks, docs = self.root / "notebooks", self.root / "docs"
        teaching = docs / "teaching"
        return {
            "Lessons": sorted(notebooks.glob("*.ipynb")),
            "Homework": sorted((notebooks / "homework").glob("*.ipynb")),
            "Look up": [docs / "python.md"],
            "Teaching": [docs / "homework.md", *sorted(teaching.glob("*.md"))],
            "About": [docs / "tests.md", self.root / "data" / "README.md"],
        }

    def add(self, heading, name, text):
        """Write a page of Markdown and put it into the contents."""
        path = self.folder / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        self.pages.setdefault(heading, []).append(name)

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
        Stems of the files to take ("04_scaled_dot_product"); everything if left out.

    Returns
    -------
    Tree
    """
    tree = Tree(root, folder, address)
    sections = tree.sections()
    if only:
        kept = {heading: [path for path in paths if path.stem in only] for heading, paths in sections.items()}
        sections = {heading: paths for heading, paths in kept.items() if paths}
        tree.sections = lambda: sections
    pictures = Pictures(folder / "_pictures")
    for heading, paths in sections.items():
        for path in paths:
            name = path.relative_to(root).with_suffix("").as_posix()
            if path.suffix == ".md":
                text = _ANCHOR.sub("", path.read_text(encoding="utf-8"))
                tree.add(heading, name, tree.linked(text, path))
            else:
                _add_notebook(tree, heading, name, path, pictures)
    _add_readme(tree)
    return tree


def _add_notebook(tree, heading, name, path, pictures):
    notebook = nbformat.read(path, as_version=4)
    prefix = "../" * name.count("/") + "_pictures/"
    state = notebook.metadata.pop("widgets", {}).get(_STATE)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = tree.linked(cell.source, path)
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
    tree.add("About", "install", f"# On your own machine\n\n{own}")
    front = begin + "".join(f"## {heading}{sections[heading]}" for heading in FRONT)
    contents = "".join(f"\n```{{toctree}}\n:hidden:\n:caption: {heading}\n\n" + "\n".join(names) + "\n```\n"
                       for heading, names in tree.pages.items())
    (tree.folder / "index.md").write_text(front + contents, encoding="utf-8")
