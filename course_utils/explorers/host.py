"""Pages on which live figures run without a kernel and without a network."""

from __future__ import annotations

import html
import json
from functools import cache
from pathlib import Path

from ipywidgets import Widget

_HOST = Path(__file__).parent / "js" / "host.js"
_STATE = "application/vnd.jupyter.widget-state+json"
_VIEW = "application/vnd.jupyter.widget-view+json"


@cache
def host_code():
    """Give the program that a page needs to run its figures, without its comments."""
    lines = _HOST.read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if line.strip() and not line.strip().startswith("//"))


def host_script():
    """Give that program as a ``<script>`` element."""
    return f"<script>\n{host_code()}\n</script>"


def embed_json(data):
    """Write JSON that no token can break out of a ``<script>`` element with.

    Parameters
    ----------
    data : dict
        Anything JSON can hold.

    Returns
    -------
    str
        JSON text without ``<``.

    Examples
    --------
    >>> embed_json({"token": "</script>"})
    '{"token": "\\\\u003c/script>"}'
    """
    return json.dumps(data).replace("<", "\\u003c")


def page(*figures, title="Live figures"):
    """Write a page that holds figures alone, alive as soon as it is opened from a disk.

    Parameters
    ----------
    *figures : Explorer
        What to show, from top to bottom.
    title : str
        The page's title.

    Returns
    -------
    str
        A whole HTML document that asks the network for nothing.
    """
    state = Widget.get_manager_state(drop_defaults=False, widgets=list(figures))
    views = "\n".join(f'<div><script type="{_VIEW}">{embed_json({"model_id": figure.model_id})}</script></div>'
                      for figure in figures)
    return (f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>\n'
            f"<style>:root {{ color-scheme: light dark; }}</style></head><body>\n{views}\n"
            f'<script type="{_STATE}">{embed_json(state)}</script>\n{host_script()}\n</body></html>\n')
