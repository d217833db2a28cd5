"""Links of a written site that lead nowhere inside it."""

from __future__ import annotations

import re
import urllib.parse

from bs4 import BeautifulSoup


def broken_links(output):
    """Follow every link, picture, style sheet and script of every page that does not lead out of the site.

    Parameters
    ----------
    output : Path
        The site.

    Returns
    -------
    list of str
        "page: target" for each that leads to no file, or to a place that its page does not have.
    """
    soups = {path: BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser") for path in output.rglob("*.html")}
    ids = {path: {node["id"] for node in soup.select("[id]")} for path, soup in soups.items()}
    found = []
    for path, soup in soups.items():
        for node in soup.select("[href], [src]"):
            target = node.get("href") or node.get("src") or ""
            place, _, anchor = target.partition("#")
            if re.match("[a-z]+:", target) or not (place or anchor):
                continue
            aim = (path.parent / urllib.parse.unquote(place.partition("?")[0])).resolve() if place else path
            if not aim.is_file() or (anchor and aim in ids and urllib.parse.unquote(anchor) not in ids[aim]):
                found.append(f"{path.relative_to(output).as_posix()}: {target}")
    return sorted(found)
