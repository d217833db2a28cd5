"""Formulas without a network: LaTeX in a notebook's prose becomes MathML, which browsers show by themselves."""

from __future__ import annotations

import html
import re
import warnings

from math_core import LatexError, LatexToMathML
from nbconvert.filters.markdown_mistune import IPythonRenderer

# What stays as it is: code, and tags with what is written inside them.
_KEPT = re.compile(r"(<(?:code|pre|script|style|math)\b.*?</(?:code|pre|script|style|math)>|<[^>]*>)", re.S | re.I)
_FORMULA = re.compile(r"\$\$(?P<block>.+?)\$\$|(?<![\\$\w])\$(?P<inline>[^\s$](?:[^$\n]*[^\s$])?)\$(?!\d)", re.S)


_CONVERTER = LatexToMathML(fancy_error=False)


def mathml(latex, display="inline"):
    """Turn one formula into MathML.

    Parameters
    ----------
    latex : str
        The formula without dollar signs.
    display : {"inline", "block"}
        In the line, or on lines of its own.

    Returns
    -------
    str
        A ``<math>`` element whose LaTeX stays readable as its alternative text. LaTeX that the converter
        does not know is given back as code, and a warning names it.

    Examples
    --------
    >>> mathml("d_k")
    '<math alttext="d_k"><msub><mi>d</mi><mi>k</mi></msub></math>'
    """
    latex = latex.strip()
    try:
        element = _CONVERTER.convert_with_local_state(latex, displaystyle=display == "block")
    except LatexError as error:
        warnings.warn(f"formula left as LaTeX: {latex!r} ({str(error).splitlines()[0]})", stacklevel=2)
        return f'<code class="cu-latex">{html.escape(latex)}</code>'
    return element.replace("<math", f'<math alttext="{html.escape(latex)}"', 1)


def formulas(text):
    """Turn every ``$...$`` and ``$$...$$`` of an HTML text into MathML; code and tags stay as they are.

    Parameters
    ----------
    text : str
        HTML.

    Returns
    -------
    str
        HTML without LaTeX.

    Examples
    --------
    >>> formulas("<code>$x$</code> costs 5$, or $6")
    '<code>$x$</code> costs 5$, or $6'
    """
    pieces = _KEPT.split(text)
    return "".join(piece if n % 2 else _FORMULA.sub(_convert, piece) for n, piece in enumerate(pieces))


def _convert(match):
    display = "block" if match["block"] else "inline"
    return mathml(html.unescape(match[display]), display)


class FormulaRenderer(IPythonRenderer):
    """Markdown to HTML as nbconvert does it, with formulas as MathML."""

    def block_math(self, body):
        return mathml(body, "block")

    def inline_math(self, body):
        return mathml(body)

    def latex_environment(self, name, body):
        return mathml(f"\\begin{{{name}}}{body}\\end{{{name}}}", "block")

    def block_html(self, html):
        return formulas(super().block_html(html))

    def inline_html(self, html):
        return formulas(super().inline_html(html))

    def _html_embed_images(self, html):
        # nbconvert parses every piece of HTML for images. A fold comes in two pieces, its begin and its end, with
        # Markdown between them: parsed alone, the first would be closed, and what it folds would stand open.
        return super()._html_embed_images(html) if "<img" in html.lower() else html
