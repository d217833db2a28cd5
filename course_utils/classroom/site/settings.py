"""How Sphinx is told to build the site: no network, no kernel, pages that open from a folder."""

from __future__ import annotations

from pathlib import Path

from course_utils.classroom.pages.export import WIDE

THEME = Path(__file__).parent / "theme"


def settings(title):
    """Give Sphinx's settings.

    Parameters
    ----------
    title : str
        The course's name, at the top of each page.

    Returns
    -------
    dict
        What a ``conf.py`` would hold.
    """
    return {
        "project": title, "author": "", "html_title": title, "html_short_title": title, "language": "en",
        "extensions": ["myst_nb", "sphinx.ext.autodoc", "numpydoc", "course_utils.classroom.site.figures"],
        "exclude_patterns": ["_figures", "_pictures"],
        # notebooks as they are stored
        "nb_execution_mode": "off", "nb_ipywidgets_js": {}, "nb_number_source_lines": False,
        "myst_enable_extensions": ["dollarmath", "amsmath"], "myst_heading_anchors": 4,
        "myst_dmath_double_inline": True,
        "html_math_renderer": "mathml",
        # the reference
        "autodoc_typehints": "none", "autodoc_member_order": "bysource", "numpydoc_show_class_members": False,
        # pages
        "html_theme": "furo", "html_static_path": [str(THEME)], "html_css_files": ["course.css"],
        "html_js_files": [(name, {"loading_method": "defer"}) for name in ("course.js", WIDE.name)],
        "pygments_style": "a11y-high-contrast-light",
        "html_copy_source": False, "html_show_sourcelink": False, "html_show_copyright": False,
        "html_show_sphinx": False, "html_use_index": False, "html_domain_indices": False,
        # from a folder a browser reads no other file: results of a search come without a piece of the page
        "html_show_search_summary": False,
    }
