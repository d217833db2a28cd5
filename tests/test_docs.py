"""What the pages in docs/ show of Python is what Python does."""

import doctest
import re

import pytest
from notebook_parts import ROOT

PAGES = [path for path in sorted((ROOT / "docs").rglob("*.md")) if ">>>" in path.read_text(encoding="utf-8")]


def run_examples(text, name="page"):
    """Run the fenced examples of a page one after the other, in one namespace, and return how many and what failed."""
    examples = "\n".join(re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    test = doctest.DocTestParser().get_doctest(examples, {}, name, name, 0)
    found = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    runner.run(test, out=found.append)
    return len(test.examples), "".join(found)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_examples_give_what_the_page_says(page):
    count, complaints = run_examples(page.read_text(encoding="utf-8"), page.name)
    assert count
    assert not complaints, complaints


def test_a_wrong_example_is_found():
    assert "Expected" in run_examples("```python\n>>> 9 ** 1/2\n3.0\n```\n")[1]


def test_python_for_this_course_is_a_page():
    assert ROOT / "docs" / "python.md" in PAGES


def test_headings_are_found_in_jupyterlab_too():
    """GitHub's anchors are in small letters; JupyterLab keeps the heading's, so each heading has the other as well."""
    text = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert headings
    assert re.findall(r'<a id="([^"]+)"></a>\n\n## ', text) == [h.lower().replace(" ", "-") for h in headings]
