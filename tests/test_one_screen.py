"""Control, picture and result of every live figure stand on a laptop's screen together, in a real JupyterLab."""

import nbformat
import pytest
from notebook_parts import LESSONS
from test_browser import figures, nothing_went_wrong

pytestmark = pytest.mark.browser
# Viewport, whether the file browser is open, and how tall a figure may be there, in pixels.
SCREENS = {"closed": ((1366, 630), False, 500), "open": ((1280, 720), True, 560)}
TALLER = {("heads", "closed"): 560, ("painter", "closed"): 560}
# A figure's kind, width, height, what of it is cut off, and the height of all that must be seen at once: from the
# first control to the last of the picture and the result.
MEASURE = """root => {
  const box = root.getBoundingClientRect(), seen = [...root.querySelectorAll(
    '.cu-control, .cu-bar button, .cu-stage canvas, .cu-stage svg, .cu-readout, .cu-notice, .cu-say, .cu-parts')]
    .filter(node => node.checkVisibility()).map(node => node.getBoundingClientRect()).filter(each => each.height > 0);
  return { title: root.querySelector('.cu-caption').textContent, width: box.width, height: box.height,
    kind: root.querySelector('.cu-wall') ? 'heads' : root.querySelector('.cu-paint') ? 'painter' : '',
    together: Math.max(...seen.map(each => each.bottom)) - Math.min(...seen.map(each => each.top)),
    cut: Math.max(...seen.map(each => each.right)) - box.right };
}"""


def look(lab, screen):
    """Put JupyterLab into one of the screens, and measure every figure of the notebook in front."""
    (width, height), browser, limit = SCREENS[screen]
    lab.page.set_viewport_size({"width": width, "height": height})
    if browser != lab.page.evaluate("() => !window.jupyterapp.shell.leftCollapsed"):
        lab.page.evaluate("() => window.jupyterapp.commands.execute('application:toggle-left-area').then(() => null)")
    found, before = [figure.evaluate(MEASURE) for figure in figures(lab)], None
    while found != before:  # figures are drawn anew in the frames after a new width
        lab.page.wait_for_timeout(500)
        found, before = [figure.evaluate(MEASURE) for figure in figures(lab)], found
    tall = [each for each in found if each["height"] > TALLER.get((each["kind"], screen), limit)
            or each["together"] > limit or each["cut"] > 0.5]
    return found, tall


def measure(lab, path):
    lab.open(path)
    try:
        lab.run_all()
        for screen in SCREENS:
            found, tall = look(lab, screen)
            print(path, screen, [(each["title"], round(each["width"]), round(each["height"])) for each in found])
            assert found
            assert tall == [], screen
        nothing_went_wrong(lab)
    finally:
        lab.page.evaluate("() => !window.jupyterapp.shell.leftCollapsed"
                          " && window.jupyterapp.commands.execute('application:toggle-left-area').then(() => null)")
        lab.page.set_viewport_size({"width": 1280, "height": 1100})
        lab.close()


def test_a_figure_fits_on_the_screen(lab):
    """One figure with everything: two tables, controls in a row, words in a panel."""
    sources = ["from course_utils import start; start()\nimport numpy as np\n"
               "from course_utils.datasets import minilm_head\nfrom course_utils.explorers import AttentionExplorer",
               "head = minilm_head(3, 1)\nAttentionExplorer(head.tokens, q=head.q, k=head.k, v=head.v, cell=[4, 6])",
               "AttentionExplorer(head.tokens, q=head.q, k=head.k, reference=np.full((9, 9), 1 / 9),\n"
               "                  made_by='your own')"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, lab.root / "notebooks" / "one_screen.ipynb")
    measure(lab, "notebooks/one_screen.ipynb")


@pytest.mark.slow
@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_every_figure_of_a_lesson_fits_on_the_screen(lab, path):
    measure(lab, f"notebooks/{path.name}")
