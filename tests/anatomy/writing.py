"""Rules about the words of a notebook: how many, which, and that its numbers are true."""

import re

from notebook_parts import folds, prose, tags, texts, unfenced, unfolded, without_headings, words

from anatomy.lesson import rule

FILLERS = re.compile(r"\b(simply|obviously|clearly|of course|trivial(?:ly)?"
                     r"|just(?! (?:as|before|after|above|below|under|over)\b))\b", re.IGNORECASE)
NUMBER = re.compile(r"\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
DECIMAL = re.compile(r"(?<![\w.])\d+\.\d+(?![\w]|\.\d)")
LABELLED = re.compile(r"(?:Exercise|Sections?|Notebook|Figure|Equation|Chapter|version|PyTorch|Python|NumPy)"
                      r" +\d+\.\d+", re.IGNORECASE)
_AWAY = r"""["']?(?:https?:)?//"""
REMOTE = re.compile(rf"""
    !\[[^\]]*\]\(\s*{_AWAY}
    | <(?:img|source|video|audio|iframe|embed|script)\b[^>]*\bsrc\s*=\s*{_AWAY}
    | <link\b | @import\b | \burl\(\s*{_AWAY} | \bimport\(\s*{_AWAY}
""", re.IGNORECASE | re.VERBOSE)
ACTIVE = re.compile(r"<(?:script|iframe|embed|object)\b", re.IGNORECASE)
MARKDOWN_IMAGE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)[^)]*\)")
TABLE_HEAD = re.compile(r"^(\|.*\|)[ \t]*\n\|[-:| ]+\|[ \t]*$", re.MULTILINE)
HTML_IMAGE = re.compile(r"<img\b[^>]*>", re.IGNORECASE)


@rule
def prose_cells(lesson):
    """Prose comes in small pieces too: 120 words visible, 120 in each fold."""
    for i, cell in lesson.markdown:
        for count in (words(unfolded(cell.source)), *(words(body) for _, body in folds(cell.source))):
            if count > 120:
                yield f"cell {i}: {count} words in one piece, at most 120"


@rule
def fillers(lesson):
    """No word that tells readers it should be easy for them."""
    for i, cell in lesson.markdown:
        for match in FILLERS.finditer(prose(cell.source)):
            yield f"cell {i}: {match[0]!r}"


@rule
def numbers(lesson):
    """A decimal number in the visible prose stands in some code or printed text as well, to its digits."""
    known = set()
    for _, cell in lesson.code:
        shown = [text for output in cell.outputs for text in texts(output)]
        known |= {abs(float(n)) for text in (cell.source, *shown) for n in NUMBER.findall(text)}
    for i, cell in lesson.markdown:
        if "why" in tags(cell):
            continue
        text = LABELLED.sub("", prose(without_headings(unfolded(cell.source))))
        for stated in DECIMAL.findall(text):
            digits = len(stated.partition(".")[2])
            if not any(abs(n - float(stated)) <= 0.5 * 10**-digits * (1 + 1e-9) for n in known):
                yield f"cell {i}: no code or output has the number {stated}"


@rule
def images(lesson):
    """Images lie in the repository and have alternative text; nothing is fetched and no script runs."""
    for i, cell in enumerate(lesson.cells):
        shown = cell.source if cell.cell_type == "markdown" else "\n".join(
            text for output in cell.outputs for text in texts(output))
        if REMOTE.search(shown):
            yield f"cell {i} fetches from the network: {REMOTE.search(shown)[0]!r}"
        if ACTIVE.search(prose_source(shown)):
            yield f"cell {i} has an element {ACTIVE.search(prose_source(shown))[0]!r}"
        if cell.get("attachments"):
            yield f"cell {i} has an attachment; put the image into notebooks/images"
        for alt, _ in MARKDOWN_IMAGE.findall(shown):
            if words(alt) < 3:
                yield f"cell {i}: alternative text of an image should have at least 3 words, got {alt!r}"
        for tag in HTML_IMAGE.findall(shown):
            alt = re.search(r"""\balt\s*=\s*["']([^"']*)""", tag)
            if not alt or words(alt[1]) < 3:
                yield f"cell {i}: an <img> needs alternative text of at least 3 words"


@rule
def table_headers(lesson):
    """Each column of a table has a name: a screen reader says it with every cell."""
    for i, cell in lesson.markdown:
        for head in TABLE_HEAD.findall(unfenced(cell.source)):
            if not all(name.strip() for name in head.strip().strip("|").split("|")):
                yield f"cell {i}: a column without a name in {head.strip()!r}"


def prose_source(text):
    """A text without fenced and inline code, in which markup is shown and not run."""
    return re.sub(r"`[^`\n]+`", "", unfenced(text))
