"""A notebook as one HTML file that works from a disk: figures alive, formulas shown, nothing fetched."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import nbformat
from jinja2 import pass_context
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import MarkdownWithMath

from course_utils.classroom.pages.formulas import FormulaRenderer, formulas
from course_utils.explorers.host import host_script

TEMPLATES = Path(__file__).parent / "templates"
WIDE = Path(__file__).parent / "wide.js"
_STOP = re.compile(r'(<div class="jp-[^>]*) tabindex="0"')  # nbconvert's, on cells and outputs that do nothing
_VIEW = "application/vnd.jupyter.widget-view+json"


class PageExporter(HTMLExporter):
    """nbconvert's HTML with nothing that reaches for the network."""

    folder = "page"  # of its template

    def __init__(self, **options):
        super().__init__(template_name=self.folder, extra_template_basedirs=[str(TEMPLATES)],
                         extra_template_paths=[str(TEMPLATES)], embed_images=True,
                         **options)

    def default_filters(self):
        """Name the filters the template uses."""
        yield from super().default_filters()
        yield "markdown2html", self.markdown2html
        yield "formulas", formulas

    @pass_context
    def markdown2html(self, context, source):
        """Turn a cell's Markdown into HTML with formulas as MathML."""
        renderer = FormulaRenderer(
            escape=False, attachments=context.get("cell", {}).get("attachments", {}), embed_images=True,
            path=context.get("resources", {}).get("metadata", {}).get("path", ""), exclude_anchor_links=True)
        return MarkdownWithMath(renderer=renderer).render(source)

    def _init_resources(self, resources):
        return super()._init_resources(resources) | {
            "host_script": host_script(), "wide_script": f"<script>\n{WIDE.read_text(encoding='utf-8')}</script>"}


def needs_run(notebook):
    """Say whether a notebook shows live figures whose state was not saved with it.

    Parameters
    ----------
    notebook : NotebookNode
        A notebook.

    Returns
    -------
    bool
        True when it has to be executed to show them.
    """
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    wanted = {output["data"][_VIEW]["model_id"] for output in outputs if _VIEW in output.get("data", {})}
    saved = notebook.metadata.get("widgets", {}).get("application/vnd.jupyter.widget-state+json", {}).get("state", {})
    return not wanted <= set(saved) or not any(cell.get("outputs") for cell in notebook.cells)


def execute(notebook, folder, timeout=600):
    """Run a notebook so that its outputs and the state of its figures are there.

    Parameters
    ----------
    notebook : NotebookNode
        Changed in place.
    folder : Path
        Where its cells run.
    timeout : float, default 600
        Seconds a cell may take.
    """
    from nbclient import NotebookClient

    NotebookClient(notebook, timeout=timeout, resources={"metadata": {"path": str(folder)}}).execute()


def page_of(notebook, *, theme="light", folder=".", name="notebook"):
    """Turn an executed notebook into a page.

    Parameters
    ----------
    notebook : NotebookNode
        With its outputs and the state of its figures.
    theme : {"light", "dark"}
        JupyterLab's colours.
    folder : path
        Where the pictures that its prose names lie.
    name : str
        The page's title.

    Returns
    -------
    str
        A whole HTML document.
    """
    resources = {"metadata": {"name": name, "path": str(folder)}}
    text = PageExporter(theme=theme).from_notebook_node(notebook, resources)[0]
    return _STOP.sub(r"\1", text)


def title_of(notebook, otherwise):
    """Give the notebook's first heading as plain text, or what stands in for it where there is none."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and (found := re.search(r"^# +(.+)$", cell.source, re.MULTILINE)):
            return re.sub(r"[*`]", "", found[1]).strip()
    return otherwise


def add_arguments(parser):
    """Declare the command's arguments."""
    parser.add_argument("notebook", type=Path, help="the notebook")
    parser.add_argument("output", type=Path, nargs="?", help="the file to write; beside the notebook when left out")
    parser.add_argument("--to", choices=["html"], default="html", help="the form (html)")
    parser.add_argument("--theme", choices=["light", "dark"], default="light", help="the colours (light)")
    parser.add_argument("--execute", action="store_true",
                        help="run the notebook first even when its figures' state is saved in it")


def run(args):
    """Write the page; returns 0, or 1 after saying in a sentence what is wrong."""
    output = args.output or args.notebook.with_suffix(".html")
    try:
        notebook = nbformat.read(args.notebook, as_version=4)
    except (OSError, nbformat.reader.NotJSONError, nbformat.ValidationError) as error:
        print(f"{args.notebook} cannot be read as a notebook: {error}", file=sys.stderr)
        return 1
    folder = args.notebook.resolve().parent
    if args.execute or needs_run(notebook):
        print(f"Running {args.notebook} ...", flush=True)
        execute(notebook, folder)
    output.parent.mkdir(parents=True, exist_ok=True)
    page = page_of(notebook, theme=args.theme, folder=folder, name=title_of(notebook, args.notebook.stem))
    output.write_text(page, encoding="utf-8")
    print(f"Wrote {output} ({output.stat().st_size / 2**20:.1f} MiB).")
    return 0
