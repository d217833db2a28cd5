"""A Sphinx extension: live figures by the course's own host, formulas as MathML, raw HTML's formulas too."""

from __future__ import annotations

import json
import re
import shutil

from docutils import nodes

from course_utils.classroom.pages.export import WIDE
from course_utils.classroom.pages.formulas import formulas, mathml
from course_utils.classroom.site.gather import FIGURES
from course_utils.explorers.host import embed_json, host_code

_STATE = "application/vnd.jupyter.widget-state+json"
HOST = "figures.js"


def _inline(writer, node):
    writer.body.append(mathml(node.astext()))
    raise nodes.SkipNode


def _block(writer, node):
    writer.body.append(f'<div class="math">{mathml(node.astext(), "block")}</div>')
    raise nodes.SkipNode


def _formulas_in_html(app, document):
    """Turn formulas in HTML that stands in prose; what a cell put out stays as it is."""
    for raw in document.findall(nodes.raw):
        parent = raw.parent
        while parent is not None and "cell_output" not in parent.get("classes", ()):
            parent = parent.parent
        if parent is None and "$" in raw.astext():
            raw.children = [nodes.Text(formulas(raw.astext()))]


def _add_figures(app, pagename, templatename, context, doctree):
    """Put the state of a page's figures at its end, and the program that runs them into its head."""
    store = app.srcdir / FIGURES / f"{pagename}.json"
    if store.is_file():
        state = json.loads(store.read_text(encoding="utf-8"))
        context["body"] += f'\n<script type="{_STATE}">{embed_json(state)}</script>\n'
        app.add_js_file(HOST, loading_method="defer")


def _begin(app):
    app.config.pygments_dark_style = "a11y-high-contrast-dark"  # the theme declares it too late for the settings
    folder = app.outdir / "_static"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / HOST).write_text(host_code(), encoding="utf-8")
    shutil.copyfile(WIDE, folder / WIDE.name)


# What the theme leaves out for those who hear a page: levels and names of its parts.
_NAMES = (('role="heading"><span class="caption-text"', 'role="heading" aria-level="2"><span class="caption-text"'),
          ('<aside class="sidebar-drawer"', '<aside class="sidebar-drawer" aria-label="All pages"'),
          ('<aside class="toc-drawer', '<aside aria-label="On this page" class="toc-drawer'),
          ('<div id="search-results">', '<h1>Search</h1><div id="search-results">'))


def _finish(app, exception):
    """Name the parts of pages, and take out what no reader needs."""
    for path in app.outdir.glob("**/*.html"):
        text = path.read_text(encoding="utf-8")
        for theirs, ours in _NAMES:
            text = text.replace(theirs, ours)
        path.write_text(text, encoding="utf-8")
    for path in [*app.outdir.glob("_static/**/*.map"), app.outdir / ".buildinfo", app.outdir / "objects.inv"]:
        path.unlink(missing_ok=True)
    sources = app.outdir / "_sources"  # Sphinx makes it and, as it was told, puts nothing in
    if sources.is_dir() and not any(sources.iterdir()):
        sources.rmdir()
    for path in app.outdir.glob("_static/**/*.js"):
        text = path.read_text(encoding="utf-8")
        path.write_text(re.sub(r"^//# sourceMappingURL=.*$", "", text, flags=re.MULTILINE), encoding="utf-8")


def setup(app):
    """Declare the extension to Sphinx."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    app.connect("doctree-read", _formulas_in_html)
    app.connect("html-page-context", _add_figures)
    app.connect("builder-inited", _begin)
    app.connect("build-finished", _finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
