"""The lessons in a real JupyterLab without a mouse and without eyes: keys, speech, texts of pictures."""

import nbformat
import pytest
from test_browser import Axe, figures, images_without_text, nothing_went_wrong

pytestmark = pytest.mark.browser
SMALL = [
    ("code", "from course_utils import check, start; start()\n"
             "from course_utils.explorers import AttentionExplorer, DotProductExplorer"),
    ("code", "def most_attended(weights):\n    return weights.argmax(axis=0)"),
    ("code", 'check("most_attended", most_attended)'),
    ("markdown", "<details>\n<summary>Hint 1</summary>\n\nRows.\n\n</details>\n\n"
                 "<details>\n<summary>Hint 2</summary>\n\nAn axis.\n\n</details>"),
    ("code", "DotProductExplorer((3, 1), (1, 2))"),
    ("code", "AttentionExplorer(['it', 'sat'], weights=[[0.9, 0.1], [0.5, 0.5]])"),
    ("code", "import matplotlib.pyplot as plt\nplt.plot([1, 2, 3])\nplt.show()"),
]
SAID = "() => document.getElementById('course-says')?.textContent ?? ''"


@pytest.fixture
def small(lab):
    """A small notebook, all of it run."""
    make = {"code": nbformat.v4.new_code_cell, "markdown": nbformat.v4.new_markdown_cell}
    notebook = nbformat.v4.new_notebook(cells=[make[kind](source) for kind, source in SMALL])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, lab.root / "notebooks" / "for_all.ipynb")
    lab.errors.clear()
    lab.open("notebooks/for_all.ipynb")
    # The page is that of all tests: what was said in it before does not count.
    lab.page.evaluate("() => { const said = document.getElementById('course-says'); if (said) said.textContent = ''; }")
    lab.run_all()
    yield lab
    lab.close()


def said(lab):
    """What the page's live region holds after the pause."""
    lab.page.wait_for_timeout(1200)
    return lab.page.evaluate(SAID)


def test_feedback_is_spoken_where_it_was_asked_for_and_found_as_a_heading(small):
    lab = small
    assert said(lab) == "", "Run All asked for no speech"
    lab.run(2)
    assert said(lab).startswith("most_attended: not right yet. What broke: ")
    lab.run(1)
    assert said(lab).startswith("most_attended"), "nothing new"
    lab.write(1, "def most_attended(weights):\n    return weights.argmax(axis=1)")
    lab.run(1)
    lab.run(2)
    assert said(lab).startswith("most_attended: passed. Agrees: with the reference")
    assert lab.output(2).get_by_role("heading", name="most_attended: passed", level=3).count() == 1
    assert lab.output(2).get_by_role("status").count() == 0
    assert lab.page.locator("[role=status]#course-says").count() == 1
    lab.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save').then(() => null)")
    lab.page.evaluate("() => { document.getElementById('course-says').textContent = ''; }")
    lab.close()
    lab.open("notebooks/for_all.ipynb")
    lab.output(2).get_by_text("most_attended: passed").wait_for()
    assert said(lab) == "", "a notebook that is opened says nothing"
    nothing_went_wrong(lab)


def test_hints_are_tall_enough_to_be_hit(small):
    tall = small.cell(3).locator("summary").evaluate_all("all => all.map(each => each.getBoundingClientRect().height)")
    assert len(tall) == 2
    assert min(tall) >= 24


@pytest.mark.skipif(Axe is None, reason="the extra proofs brings axe")
def test_axe_sees_a_picture_without_text(small):
    lab = small
    assert images_without_text(lab) == []
    picture = lab.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-OutputArea-output img").filter(visible=True)
    assert len(picture.get_attribute("alt")) > 20
    picture.evaluate("image => image.removeAttribute('alt')")
    [(rule, node)] = images_without_text(lab)
    assert rule == "image-alt"
    assert node.startswith("<img")


# Whether the page itself took the keys for saving: where it does not, the browser opens its own dialog.
TAKEN = """() => { window.courseTook = null; window.addEventListener('keydown', event => {
    if (event.key === 's') setTimeout(() => { window.courseTook = event.defaultPrevented; }); },
    { capture: true }); }"""
HOLDS = """() => window.jupyterapp.shell.currentWidget.content.widgets.findIndex(
    cell => cell.node === document.activeElement)"""
MODEL = "window.jupyterapp.shell.currentWidget.context.model"


def test_keys_in_a_figure_are_the_figures_and_saving_is_the_pages(small):
    lab = small
    cells, active = len(lab.cells()), "() => window.jupyterapp.shell.currentWidget.content.activeCellIndex"
    for figure, held in zip(figures(lab), (".cu-grip", "[role=gridcell][tabindex='0']")):
        figure.locator(held).first.focus()
        before, words = lab.page.evaluate(active), figure.inner_text()
        for key in ("b", "a", "d", "d", "x", "Shift+Enter"):
            lab.page.keyboard.press(key)
        assert len(lab.cells()) == cells
        assert lab.page.evaluate(active) == before
        assert lab.page.evaluate("() => Boolean(document.activeElement.closest('.cu'))"), "the focus stays"
        lab.page.keyboard.press("ArrowRight")
        lab.page.wait_for_timeout(100)
        assert figure.inner_text() != words
        lab.page.evaluate(TAKEN)
        lab.page.evaluate(f"() => {{ {MODEL}.dirty = true; }}")
        lab.page.keyboard.press("Control+s")
        lab.page.wait_for_function(f"() => !{MODEL}.dirty", timeout=10_000)
        assert lab.page.evaluate("() => window.courseTook")
        assert lab.page.evaluate("() => Boolean(document.activeElement.closest('.cu'))")
        lab.page.keyboard.press("Escape")
        assert lab.page.evaluate(HOLDS) == lab.page.evaluate(active) == before, "Esc leaves for the figure's cell"
        lab.page.keyboard.press("ArrowDown")
        assert lab.page.evaluate(active) == before + 1, "and from there one goes on"
        figure.locator(held).first.focus()
        lab.page.keyboard.press("Shift+Tab")
        assert lab.page.evaluate("() => document.activeElement !== document.body"), "and no trap"
    nothing_went_wrong(lab)


@pytest.fixture
def at_200(small):
    """The small notebook as a screen of 1280 x 720 shows it at 200 %."""
    small.page.set_viewport_size({"width": 640, "height": 360})
    small.page.wait_for_timeout(500)
    yield small
    small.page.set_viewport_size({"width": 1280, "height": 1100})


def test_at_200_per_cent_a_cause_is_brought_to_the_screen_and_long_lines_wrap(at_200):
    lab = at_200
    lab.run(2)
    said(lab)
    place = lab.output(2).locator("dt", has_text="Likely cause").locator("+ dd").bounding_box()
    area = lab.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-WindowedPanel-outer").bounding_box()
    assert place["y"] >= area["y"]
    assert place["y"] + place["height"] <= area["y"] + area["height"] + 1
    lab.write(1, "x = '" + "long line " * 7 + "'  # of 79")
    wide = lab.cell(1).locator(".cm-scroller").evaluate("node => [node.scrollWidth, node.clientWidth]")
    assert wide[0] <= wide[1] + 1


def test_at_200_per_cent_a_figure_knows_how_low_the_page_is(at_200):
    lab = at_200
    figure = figures(lab)[1]
    assert "cu-low" in figure.get_attribute("class").split()
    figure.locator("[role=gridcell][tabindex='0']").focus()
    lab.page.keyboard.press("ArrowRight")
    lab.page.wait_for_timeout(300)
    area = lab.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-WindowedPanel-outer").bounding_box()
    for part in (".cu-map canvas", ".cu-readout"):
        box = figure.locator(part).filter(visible=True).first.bounding_box()
        assert box["y"] >= area["y"] - 1, part
        assert box["y"] + box["height"] <= area["y"] + area["height"] + 1, part
