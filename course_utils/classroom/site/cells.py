"""Cells of a notebook as the site shows them: one piece of HTML for all that a cell put out, pictures as files."""

from __future__ import annotations

import base64
import hashlib
import html
import re
import struct

from course_utils.explorers.host import embed_json

_VIEW = "application/vnd.jupyter.widget-view+json"
_EMBEDDED = re.compile(r'src="data:image/png;base64,([^"]+)"')
_STILL = re.compile(r'<style>[^<]*data-live[^<]*</style>\s*(?=<img data-still)')
FOLD = "Compare with your prediction: the output"


class Pictures:
    """The pictures that pages show, each once, named by what it holds.

    Parameters
    ----------
    folder : Path
        Where they are written.
    """

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def keep(self, encoded):
        """Write a picture in base64 and give its name and its size (width, height) in pixels."""
        data = base64.b64decode(encoded)
        name = f"{hashlib.sha256(data).hexdigest()[:16]}.png"
        (self.folder / name).write_bytes(data)
        return name, struct.unpack(">II", data[16:24])


def shown(cell, pictures, prefix):
    """Give the HTML of all that a code cell put out.

    A live figure's place is marked as in a saved page, for the host script; the picture that a notebook keeps
    after it is there for browsers that run no scripts.

    Parameters
    ----------
    cell : NotebookNode
        An executed code cell.
    pictures : Pictures
        Takes the pictures.
    prefix : str
        The way from the page to the folder of pictures, with a slash at its end.

    Returns
    -------
    str
        HTML without an empty line, so that Markdown would leave it alone too; empty where nothing was put out.
    """
    pieces, live = [], False
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        if _VIEW in data:
            pieces.append(f'<div class="cu-live"><script type="{_VIEW}">{embed_json(data[_VIEW])}</script></div>')
        elif "text/html" in data:
            piece = _as_files(data["text/html"], pictures, prefix)
            pieces.append(f"<noscript>{_STILL.sub('', piece)}</noscript>" if live and "data-still" in piece else piece)
        elif "image/png" in data:
            alt = output.get("metadata", {}).get("image/png", {}).get("alt", "")
            embedded = f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{data["image/png"]}">'
            pieces.append(_as_files(embedded, pictures, prefix))
        else:
            text = output.get("text") or data.get("text/plain") or "\n".join(output.get("traceback", []))
            pieces.append(f'<pre class="cu-text">{html.escape(text.rstrip())}</pre>')
        live = _VIEW in data
    whole = "\n".join(pieces)
    if whole and cell.metadata.get("jupyter", {}).get("outputs_hidden"):
        whole = f'<details class="cu-answer"><summary>{FOLD}</summary>\n{whole}\n</details>'
    return whole


def _as_files(text, pictures, prefix):
    def place(match):
        name, (width, height) = pictures.keep(match[1].replace("\n", ""))
        return f'src="{prefix}{name}" width="{width}" height="{height}" decoding="async"'

    return _EMBEDDED.sub(place, text)
