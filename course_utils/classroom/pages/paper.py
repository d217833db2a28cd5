"""Decks on paper, for the unlucky: the same slides as a PDF, printed by a browser that playwright drives."""

from __future__ import annotations

import sys

__all__ = ["print_decks"]


def print_decks(decks):
    """Print each deck beside itself, a page a slide, with every answer shown.

    Parameters
    ----------
    decks : sequence of Path
        HTML files that `course_utils.classroom.pages.slides` wrote.

    Returns
    -------
    int
        0, or 1 after saying in a sentence what is missing.
    """
    try:
        from course_utils.classroom.lab.driver import chromium, new_context

        with chromium() as browser:
            page = new_context(browser, viewport={"width": 1280, "height": 720}).new_page()
            for deck in decks:
                page.goto(deck.resolve().as_uri() + "?print-pdf")
                page.wait_for_selector("html[data-deck=ready] .pdf-page", state="attached")
                page.pdf(path=deck.with_suffix(".pdf"), width="1280px", height="720px", print_background=True)
                print(f"Wrote {deck.with_suffix('.pdf')}.", flush=True)
    except ImportError:
        print('A PDF needs a browser: pip install -e ".[test]" brings playwright, which finds or fetches one.',
              file=sys.stderr)
        return 1
    return 0
