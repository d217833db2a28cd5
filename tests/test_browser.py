"""The notebooks as a learner has them: a real JupyterLab in a headless Chromium, driven by mouse and keyboard."""

import re

import pytest
from notebook_parts import LESSONS, blocks, read

from course_utils.classroom.lab.page import NotebookFailed

try:
    from axe_playwright_python.sync_playwright import Axe
except ImportError:  # the extra proofs brings it
    Axe = None

pytestmark = pytest.mark.browser

FIGURE = ".cu"  # the root of a live figure, as explorers/js/core.js makes it
# Python code that finds the live figures of a kernel in the order in which they were made.
FIGURES = """
from ipywidgets.widgets.widget import _instances as _all
from course_utils.explorers.base import Explorer as _Explorer
_figures = [w for w in _all.values() if isinstance(w, _Explorer)]
"""
LABELS = """root => [...root.querySelectorAll('input, select, button, summary, [tabindex="0"]')]
    .filter(node => node.checkVisibility() && !(node.labels?.length || node.getAttribute('aria-label')
        || node.textContent.trim()))
    .map(node => node.outerHTML.slice(0, 120))"""
# Contrast of a figure's text with its ground, as WCAG counts it.
CONTRAST = """root => {
    const rgb = text => { const c = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
        c.fillStyle = text; c.fillRect(0, 0, 1, 1); return [...c.getImageData(0, 0, 1, 1).data].slice(0, 3); };
    const light = text => { const [r, g, b] = rgb(text).map(v => v / 255)
        .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
    let ground = root;  // the nearest one that is painted
    while (getComputedStyle(ground).backgroundColor.endsWith(', 0)')) ground = ground.parentElement;
    const pair = [light(getComputedStyle(root).color), light(getComputedStyle(ground).backgroundColor)];
    return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
}"""

# Canvases whose corner is painted in another colour than the figure's ground.
STRANGE_GROUND = """root => {
    const c = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
    c.fillStyle = getComputedStyle(root).backgroundColor;
    c.fillRect(0, 0, 1, 1);
    const ground = [...c.getImageData(0, 0, 1, 1).data].join();
    return [...root.querySelectorAll('canvas')].filter(canvas => canvas.checkVisibility() && canvas.width)
        .map(canvas => [...canvas.getContext('2d').getImageData(2, 2, 1, 1).data])
        .filter(corner => corner[3] && corner.join() !== ground).map(corner => `${corner} on ${ground}`);
}"""

# What a learner may write into the first notebook's first stub: it reads the table by columns.
MISTAKEN = {"most_attended": "def most_attended(weights):\n    return weights.argmax(axis=0)"}


@pytest.fixture
def opened(lab, request):
    """Opens a notebook in the lab's one page, and closes it after the test."""
    def open_notebook(path):
        lab.errors.clear()
        lab.blocked.clear()
        try:
            lab.open(f"notebooks/{path.name}")
        except Exception:
            lab.start_afresh()  # one notebook that cannot be opened does not take the others with it
            raise
        request.addfinalizer(lab.close)
        return lab
    return open_notebook


def figures(lab):
    """Locators of the live figures in the notebook in front, once each of them has been drawn."""
    wanted = sum("application/vnd.jupyter.widget-view+json" in output.get("data", {})
                 for cell in lab.cells() for output in cell.get("outputs", []))
    drawn = f".jp-NotebookPanel:not(.lm-mod-hidden) .jp-OutputArea-output {FIGURE}[data-frames]"
    lab.page.wait_for_function("([drawn, wanted]) => document.querySelectorAll(drawn).length === wanted",
                               arg=[drawn, wanted])
    return [lab.page.locator(drawn).nth(i) for i in range(wanted)]


def nothing_went_wrong(lab):
    """No exception in the page, no figure that could not be drawn, nothing asked of the network."""
    page_errors = [error for error in lab.errors if error.startswith("exception")]
    assert page_errors == []
    for complaint in ("Error displaying widget", "Failed to load model class"):  # in a saved output it may stand hidden
        assert lab.page.get_by_text(complaint).filter(visible=True).count() == 0
    nameless = ".jp-NotebookPanel:not(.lm-mod-hidden) img:not([alt])"
    assert lab.page.locator(nameless).evaluate_all("all => all.map(image => image.outerHTML.slice(0, 120))") == []
    assert lab.blocked == []


def images_without_text(lab):
    """What axe finds in the notebook in front: pictures of any kind that have no words."""
    if Axe is None:
        return []
    rules = ["image-alt", "svg-img-alt", "role-img-alt", "input-image-alt", "object-alt", "area-alt"]
    found = Axe().run(lab.page, context=".jp-NotebookPanel:not(.lm-mod-hidden)",
                      options={"runOnly": {"type": "rule", "values": rules}}).response
    return [(one["id"], node["html"][:120]) for one in found["violations"] for node in one["nodes"]]


def stage(figure):
    """The part of a figure that is drawn, without its controls: what has to change when one of them moves."""
    whole = figure.locator(".cu-stage")
    return whole if whole.bounding_box() else figure.locator(".cu-sheet").first  # beside controls, it has no box


def both_themes(lab):
    """JupyterLab's themes, the present one first: while the caller looks at a name, the theme is on."""
    light = lab.page.evaluate("() => document.body.dataset.jpThemeLight === 'true'")
    for theme in ("light", "dark") if light else ("dark", "light"):
        lab.use_theme(theme)
        yield theme


def visible(locator):
    return [locator.nth(i) for i in range(locator.count()) if locator.nth(i).is_visible()]


def step_key(slider):
    """An arrow key that moves a range input: away from the end where it stands."""
    return "ArrowLeft" if slider.evaluate("s => Number(s.value) >= Number(s.max)") else "ArrowRight"


def drag(page, slider):
    """Drag a range input's handle by mouse from where it is to the other half."""
    box = slider.bounding_box()
    share = slider.evaluate("s => (s.value - s.min) / (s.max - s.min)")
    y, x = box["y"] + box["height"] / 2, box["x"] + 8 + share * (box["width"] - 16)
    target = box["x"] + (0.2 if share > 0.5 else 0.8) * box["width"]
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(target, y, steps=8)
    page.mouse.up()


def test_a_file_that_is_no_notebook_is_named(opened, lab, tmp_path):
    (lab.root / "notebooks" / "broken.ipynb").write_text('{"cells": [', encoding="utf-8")
    with pytest.raises(NotebookFailed, match=r"broken\.ipynb: JupyterLab says '.*(Unreadable|Error)"):
        opened(tmp_path / "broken.ipynb")
    opened(LESSONS[0])


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_an_opened_notebook_shows_its_figures_and_no_answer(opened, path):
    lab = opened(path)
    for i, cell in enumerate(lab.cells()):
        if cell["cell_type"] == "code" and "answer" in cell["metadata"].get("tags", []):
            assert lab.cell(i).locator(".jp-OutputPlaceholder").count() == 1, f"cell {i} opens unfolded"
            assert visible(lab.output(i).locator(".jp-OutputArea-output")) == [], f"cell {i} shows its answer"
            continue
        kinds = {kind for output in cell.get("outputs", []) for kind in output.get("data", {})}
        if "application/vnd.jupyter.widget-view+json" in kinds:
            lab.cell(i).scroll_into_view_if_needed()
            lab.output(i).locator(f"img, {FIGURE}").first.wait_for()
    nothing_went_wrong(lab)


def test_a_cell_run_by_hand_shows_its_answer(opened):
    lab = opened(LESSONS[0])
    answers = [i for i, cell in enumerate(lab.cells())
               if cell["cell_type"] == "code" and "answer" in cell["metadata"].get("tags", [])]
    for i in [i for i, cell in enumerate(lab.cells()) if cell["cell_type"] == "code" and i <= answers[1]]:
        lab.run(i)
    lab.output(answers[0]).locator(FIGURE).wait_for()
    assert "0.72" in lab.output(answers[1]).inner_text()
    assert lab.cell(answers[2]).locator(".jp-OutputPlaceholder").count() == 1, "the next is still folded"


def test_a_link_to_python_for_this_course_opens_it_at_its_heading(opened):
    lab = opened(LESSONS[0])
    lab.page.get_by_role("link", name="reading an error").click()
    heading = lab.page.locator(".jp-MarkdownViewer h2", has_text="Reading an error")
    heading.wait_for()
    assert lab.page.locator(".jp-MarkdownViewer h1").inner_text().startswith("Python for this course")
    lab.page.wait_for_function("h => h.closest('.jp-RenderedMarkdown').scrollTop > 0", arg=heading.element_handle())
    assert heading.bounding_box()["y"] < lab.page.viewport_size["height"] - 50
    lab.page.evaluate("() => window.jupyterapp.shell.currentWidget.close()")
    lab.open(f"notebooks/{LESSONS[0].name}")
    nothing_went_wrong(lab)


QUICK = ("00", "05", "09")  # lessons whose figures stand for all in the quick run


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem, marks=() if path.stem[:2] in QUICK else
                                               pytest.mark.slow) for path in LESSONS])
def test_every_figure_answers_and_reads_well_in_both_themes(opened, path, shots):
    lab = opened(path)
    lab.run_all()
    shown = figures(lab)
    assert shown, "every notebook of the course has a live figure"
    assert images_without_text(lab) == []
    for n, figure in enumerate(shown):
        figure.scroll_into_view_if_needed()
        assert figure.evaluate(STRANGE_GROUND) == [], "as it is first drawn"
        assert figure.evaluate(LABELS) == [], "a control has no accessible name"
        for slider in visible(figure.locator("input[type=range]")):
            before, value = lab.pixels(stage(figure)), slider.input_value()
            slider.focus()
            lab.page.keyboard.press(step_key(slider))
            assert slider.input_value() != value, "the arrow key did not reach the slider"
            lab.wait_for_new_pixels(stage(figure), before)
        before = ""
        for theme in both_themes(lab):
            figure.scroll_into_view_if_needed()
            before = lab.wait_for_new_pixels(stage(figure), before)
            assert figure.evaluate(CONTRAST) >= 4.5, theme
            assert figure.evaluate(STRANGE_GROUND) == [], theme
            figure.screenshot(path=shots / f"{path.stem}_figure{n}_{theme}.png")
    nothing_went_wrong(lab)


@pytest.fixture
def first(lab):
    """The first notebook, run; its first figure, and that figure's number among the kernel's.

    It stays open for the next test: only a new kernel, which knows no `_figures`, runs it again.
    """
    lab.open(f"notebooks/{LESSONS[0].name}")
    if "True" not in lab.python("print('_figures' in globals())"):
        lab.run_all()
        lab.python(FIGURES)
    figure = figures(lab)[0]
    figure.scroll_into_view_if_needed()
    return lab, figure, 0


def test_slider_is_dragged_by_mouse_and_python_hears_of_it(opened, shots):
    lab = opened(LESSONS[1])
    lab.run_all()
    lab.python(FIGURES)
    figure = figures(lab)[0]
    figure.scroll_into_view_if_needed()
    slider = visible(figure.locator("input[type=range]"))[0]
    before, state = lab.pixels(stage(figure)), lab.python("print(_figures[0].get_state())")
    drag(lab.page, slider)
    lab.wait_for_new_pixels(stage(figure), before)
    assert lab.python("print(_figures[0].get_state())") != state
    figure.screenshot(path=shots / "drag.png")


def test_hover_reads_the_weight_that_python_has(first, shots):
    lab, figure, n = first
    canvas, readout = figure.locator("canvas").first, figure.locator(".cu-readout")
    box = canvas.bounding_box()
    heard = set()
    for share in (0.45, 0.55, 0.65):  # down the diagonal, well inside the table
        before = readout.inner_text()
        lab.page.mouse.move(box["x"] + share * box["width"], box["y"] + share * box["height"], steps=3)
        lab.page.wait_for_function("([node, before]) => node.innerText !== before",
                                   arg=[readout.element_handle(), before])
        said = re.search(r"Query (\d+) .*key (\d+) .*weight (\d\.\d+)", readout.inner_text())
        assert said, readout.inner_text()
        i, j, weight = int(said[1]), int(said[2]), float(said[3])
        assert float(lab.python(f"print(_figures[{n}].weights[{i}, {j}])")) == pytest.approx(weight, abs=6e-4)
        heard.add((i, j))
    assert len(heard) == 3
    figure.screenshot(path=shots / "hover.png")


def test_python_moves_the_figure(first):
    lab, figure, n = first
    before = lab.pixels(stage(figure))
    lab.python(f"_figures[{n}].cell = [2, 1]")
    lab.wait_for_new_pixels(stage(figure), before)
    assert "Query 2" in figure.locator(".cu-readout").inner_text()


def test_an_exercise_is_solved_wrongly_then_rightly(opened, shots):
    path = LESSONS[0]
    block = blocks(read(path))[0]
    lab = opened(path)
    lab.run_all()
    assert f"{block.name}: Not attempted yet" in lab.output(block.check).inner_text()
    stub = read(path).cells[block.stub].source
    answers = {
        "stub": (None, "course-open", "Not attempted yet"),
        "none": (stub.replace("raise NotImplementedError", "pass"), "course-wrong", "returned None"),
        "error": (stub.replace("raise NotImplementedError", "return nothing_of_that_name"), "course-wrong",
                  "nothing_of_that_name"),
        "mistake": (MISTAKEN[block.name], "course-wrong", "Likely cause"),
        "endless": (stub.replace("raise NotImplementedError", "while True: pass"), "course-wrong", "did not finish"),
        "right": (block.solutions[0][0].rstrip(), "course-passed", f"✓ {block.name}: passed"),
    }
    for name, (answer, kind, said) in answers.items():
        if answer:
            lab.write(block.stub, answer)
            assert lab.run(block.stub) == ""
            lab.run(block.check)
        feedback = lab.output(block.check).locator(".course-feedback")
        assert kind in feedback.get_attribute("class"), feedback.inner_text()
        assert said in feedback.inner_text()
        assert len(feedback.inner_text().splitlines()) <= 24  # at most 12 lines, each a label and its text
        for theme in both_themes(lab):
            feedback.scroll_into_view_if_needed()
            assert feedback.evaluate(CONTRAST) >= 4.5, theme
            feedback.screenshot(path=shots / f"feedback_{name}_{theme}.png")
    nothing_went_wrong(lab)
    assert "passed" in lab.python("from course_utils import progress; print(progress())")
