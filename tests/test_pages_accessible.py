"""The pages that students and teachers get: no serious finding of axe, nothing cut off at twice the size."""

import nbformat
import pytest
from grading_parts import ASSIGNMENT, RIGHT, notebook
from notebook_parts import ROOT

from course_utils.classroom.grading.class_report import class_report
from course_utils.classroom.grading.forks import Zygote
from course_utils.classroom.grading.marking import mark
from course_utils.classroom.grading.pages import document, feedback_page
from course_utils.classroom.lab.driver import chromium
from course_utils.classroom.pages.export import page_of

Axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="the extra proofs brings axe").Axe
pytestmark = pytest.mark.browser
LESSON = ROOT / "notebooks" / "04_scaled_dot_product.ipynb"
ANSWERS = {
    "right": {},
    "wrong": {"softmax": RIGHT["softmax"].replace(" - x.max(axis=axis, keepdims=True)", "")},
    "stopped": {"dot": "def dot(a, b):\n    while True:\n        pass"},
    "raises": {"dot": f"def dot(a, b):\n    {'very_' * 60}long = 1\n    return a + undefined",
               "softmax": "def softmax(x, axis=-1):\n    raise NotImplementedError"},
}


@pytest.fixture(scope="module")
def pages():
    """A page of each kind: name -> HTML."""
    with Zygote() as zygote:
        records = [{**mark(notebook(answers), ASSIGNMENT, student, zygote), "file": "", "late_days": 2}
                   for student, answers in ANSWERS.items()]
    made = {record["student"]: feedback_page(record) for record in records}
    made["early"] = feedback_page(records[1], show_all=False)
    made["class"] = class_report(records)
    lesson = nbformat.read(LESSON, as_version=4)
    made |= {f"lesson, {theme}": page_of(lesson, theme=theme, name="4 Scaled dot-product attention")
             for theme in ("light", "dark")}
    return made


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


def findings(browser, text, scheme):
    """What axe calls serious or critical, and by how much a page is wider than half of 1280 pixels: 200% zoom."""
    context = browser.new_context(color_scheme=scheme, viewport={"width": 640, "height": 360}, bypass_csp=True)
    page = context.new_page()
    page.set_content(text)
    found = Axe().run(page).response["violations"]
    wider = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    context.close()
    return [(f["id"], f["nodes"][0]["html"]) for f in found if f["impact"] in ("serious", "critical")], wider


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", [*ANSWERS, "early", "class"])
def test_a_page_can_be_read_by_everybody(pages, browser, name, scheme):
    assert findings(browser, pages[name], scheme) == ([], 0)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_an_exported_lesson_can_be_read_by_everybody(pages, browser, theme):
    """Colours of code and prompts, links that are underlined, no stop that does nothing, a link to skip."""
    assert findings(browser, pages[f"lesson, {theme}"], theme) == ([], 0)
    page = browser.new_page()
    page.set_content(pages[f"lesson, {theme}"])
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the text"
    idle = page.locator("[tabindex='0']").evaluate_all(
        "all => all.filter(node => !node.closest('.cu') && !node.dataset.scrolls).length")
    assert idle == 0
    page.close()


@pytest.mark.parametrize("name", [*ANSWERS, "early"])
def test_a_feedback_page_fits_a_page_of_320_pixels(pages, browser, name):
    context = browser.new_context(viewport={"width": 320, "height": 640})
    page = context.new_page()
    page.set_content(pages[name])
    page.locator("tbody th").first.evaluate("cell => { cell.textContent = 'grouped_query_attention_with_cache'; }")
    page.locator("details").evaluate_all("all => all.forEach(each => { each.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    context.close()


def test_every_row_of_the_class_report_has_a_header(pages, browser):
    page = browser.new_page()
    page.set_content(pages["class"])
    rows = page.locator("tbody tr")
    assert rows.count() > 5
    assert rows.evaluate_all("all => all.filter(row => row.cells[0].scope !== 'row').length") == 0
    page.close()


def test_what_is_hard_to_read_is_found(browser):
    faint = document("Faint", '<h1>Page</h1><p style="color:#ccc;background:#fff">words</p><img src="">')
    serious, _ = findings(browser, faint, "light")
    assert {"color-contrast", "image-alt"} <= {name for name, _ in serious}
    assert findings(browser, document("Wide", f"<h1>{'x' * 400}</h1><pre style='white-space:pre'>{'x' * 400}</pre>"),
                    "light")[1] > 0
