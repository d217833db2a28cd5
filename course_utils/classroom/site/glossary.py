"""The terms that the lessons list, each once, and a link from where a lesson first uses one."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_ROW = re.compile(r"^\| *([^|]+?) *\| *([^|]+?) *\|$", re.MULTILINE)
_ITEM = re.compile(r"^- \*([^*]+)\*: (.+)$", re.MULTILINE)
# What is no running text: fences, code, formulas, links and pictures, tags, headings, labels, rows of tables.
_APART = re.compile(r"(^(?:```+|~~~+).*?^(?:```+|~~~+)\s*$|`[^`\n]*`|\$\$.*?\$\$|\$[^$\n]+\$|!?\[[^\]]*\]\([^)]*\)"
                    r"|<summary>.*?</summary>|<[^>]+>|^#+ [^\n]*|^\*\*Shapes\*\*|^\|[^\n]*)", re.DOTALL | re.MULTILINE)


@dataclass
class Term:
    """A term and what the lessons say it means.

    Attributes
    ----------
    name : str
        As the first lesson writes it.
    meanings : dict of str to str
        Stem of a lesson -> what it says there.
    """

    name: str
    meanings: dict = field(default_factory=dict)


def listed(source):
    """Read the terms that a lesson's cell lists: pairs of a term and its meaning.

    Examples
    --------
    >>> listed("**Terms**\\n\\n- *block*: attention and a step")
    [('block', 'attention and a step')]
    """
    if "**Terms**" not in source:
        return []
    block = re.split(r"^\*\*(?!Terms)", source.split("**Terms**")[1], flags=re.MULTILINE)[0]
    rows = [pair for pair in _ROW.findall(block) if pair[0] != "term" and not re.fullmatch("[- :]+", pair[0])]
    found = []
    for marked, meaning in rows + _ITEM.findall(block):
        term = marked.strip("*")
        names, says = term.split(", "), meaning.split(", ")
        # "encoder, decoder | the part that reads, the part that writes" are two terms with a meaning each
        found += list(zip(names, says)) if len(names) == len(says) > 1 else [(term, meaning)]
    return found


def terms_of(lessons):
    """Collect the terms of all lessons.

    Parameters
    ----------
    lessons : dict of str to NotebookNode
        By stem, in course order.

    Returns
    -------
    dict of str to Term
        By the term in small letters, in the order of the course.
    """
    terms = {}
    for stem, notebook in lessons.items():
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                for name, meaning in listed(cell.source):
                    terms.setdefault(name.lower(), Term(name)).meanings.setdefault(stem, meaning)
    return terms


def page(terms, titles):
    """Write the glossary.

    Parameters
    ----------
    terms : dict of str to Term
    titles : dict of str to str
        Stem of a lesson -> its heading.

    Returns
    -------
    str
        Markdown.
    """
    entries = []
    for term in sorted(terms.values(), key=lambda term: term.name.lower()):
        says = [f"{meaning}. ({{doc}}`{titles[stem]} <notebooks/{stem}>`)"
                for stem, meaning in term.meanings.items()]
        entries.append(f"{term.name}\n  " + "\n\n  ".join(says) + "\n")
    return ("# Glossary\n\nEach term once, in the words of the lessons that introduce it. In a lesson, a term's first "
            "use leads here.\n\n````{glossary}\n" + "\n".join(entries) + "````\n")


class FirstUses:
    """Links from a lesson's text to the glossary, the first time that each term known by then is used.

    Parameters
    ----------
    terms : dict of str to Term
        All terms.
    stems : sequence of str
        The lessons up to this one: a term that comes later is not linked.
    """

    def __init__(self, terms, stems):
        self.left = {key: term for key, term in terms.items() if set(term.meanings) & set(stems)}
        self.linked = []

    def link(self, text):
        """Link the first uses in a Markdown text; what an earlier text of the lesson used is done."""
        if "**Terms**" in text:
            return text
        pieces = _APART.split(text)
        return "".join(piece if n % 2 else self._in_prose(piece) for n, piece in enumerate(pieces))

    def _in_prose(self, text):
        marks = []
        for key in sorted(self.left, key=len, reverse=True):  # "attention weight" before "weight"
            stem = re.escape(key[:-1]) + "(?:y|ies)" if key.endswith("y") else re.escape(key) + "(?:s|es)?"
            found = re.search(rf"(?<![\w\0-])(?<!\byour ){stem}(?![\w\0-])", text, re.IGNORECASE)
            if found:
                term = self.left.pop(key)
                self.linked.append(key)
                marks.append(f"{{term}}`{found[0]} <{term.name}>`")
                text = f"{text[:found.start()]}\0{len(marks) - 1}\0{text[found.end():]}"
        return re.sub("\0(\\d+)\0", lambda match: marks[int(match[1])], text)
