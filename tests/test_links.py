"""Links and images that point into the repository lead somewhere; those that point out are written out in full."""

import re
import urllib.parse

import pytest
from notebook_parts import NOTEBOOKS, ROOT, read, unfenced

PAGES = [path for path in [*ROOT.glob("*.md"), *ROOT.glob("data/*.md"), *ROOT.glob("docs/**/*.md")] if path.is_file()]
LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
HTML = re.compile(r"""<(?:a|img|source)\b[^>]*\b(?:href|src)\s*=\s*["']([^"']+)["']""", re.IGNORECASE)
SCHEME = re.compile(r"^[a-zA-Z][a-zA-Z0-9+.-]*:")


def markdown(path):
    """All Markdown of a page or a notebook."""
    if path.suffix == ".ipynb":
        return "\n\n".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown")
    return path.read_text(encoding="utf-8")


def slugs(text):
    """The anchors of a text's headings, as GitHub makes them; JupyterLab keeps case and puts dashes for spaces."""
    headings = re.findall(r"^#+ +(.+?)\s*#*$", unfenced(text), re.MULTILINE)
    github = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return github | {heading.replace(" ", "-") for heading in headings}


def broken_links(path, text):
    """Complaints about the links in a text that lies at a path."""
    text = re.sub(r"`[^`\n]*`", "", unfenced(text))
    for target in LINK.findall(text) + HTML.findall(text):
        if SCHEME.match(target):
            parts = urllib.parse.urlsplit(target)
            if parts.scheme not in ("https", "mailto", "data") or (parts.scheme == "https" and "." not in parts.netloc):
                yield f"{target}: an address begins with https:// and names a host"
            continue
        place, _, anchor = urllib.parse.unquote(target).partition("#")
        aim = (path.parent / place).resolve() if place else path
        if not aim.exists():
            yield f"{target}: there is no {place}"
        elif not aim.is_relative_to(ROOT) and path.is_relative_to(ROOT):
            yield f"{target}: leads out of the repository"
        elif anchor and aim.suffix in (".md", ".ipynb") and anchor not in slugs(text if aim == path else markdown(aim)):
            yield f"{target}: no heading has the anchor {anchor}"


@pytest.mark.parametrize("path", [*PAGES, *NOTEBOOKS], ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path):
    found = list(broken_links(path, markdown(path)))
    assert not found, "\n".join(found)


def test_there_are_pages_to_look_at():
    assert ROOT / "README.md" in PAGES
    assert NOTEBOOKS


@pytest.mark.parametrize(("text", "complaint"), [
    ("[next](nowhere.ipynb)", "there is no nowhere.ipynb"),
    ("![a table](images/none.png)", "there is no images/none.png"),
    ('<img src="none.png">', "there is no none.png"),
    ("# A heading\n\n[here](#another-heading)", "no heading has the anchor"),
    ("[page](http://example.org)", "begins with https://"),
    ("[page](https://example)", "names a host"),
    ("[up](../../outside)", "there is no"),
])
def test_a_broken_link_is_noticed(tmp_path, text, complaint):
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")
    [found] = broken_links(page, text)
    assert complaint in found


@pytest.mark.parametrize("text", [
    "# A heading: of two words\n\n[here](#a-heading-of-two-words)", "[itself](page.md)", "`[code](nowhere)`",
    "```\n[code](nowhere)\n```", "[page](https://example.org/a_(b))", "[x](page.md#one) \n\n# One",
])
def test_a_good_link_is_left_alone(tmp_path, text):
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")
    assert list(broken_links(page, text)) == []
