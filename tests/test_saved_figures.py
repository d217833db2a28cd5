"""The next day, where people start with `lab`: run, save, close, stop, start, open, and every figure is alive."""

import shutil

import pytest
from notebook_parts import LESSONS, ROOT, read

from course_utils.classroom.lab.driver import chromium, driven_lab, lab_server, new_context
from course_utils.classroom.lab.places import layout_folder

pytestmark = pytest.mark.browser
LARGEST = 2_000_000  # bytes of a notebook that a learner has run and saved
WIDGET = "application/vnd.jupyter.widget-view+json"
FIGURES = """() => [...document.querySelectorAll('.jp-NotebookPanel:not(.lm-mod-hidden) .jp-OutputArea .cu')].map(
    figure => [...figure.querySelectorAll('canvas, svg')].some(drawn => {
        const box = drawn.getBoundingClientRect();
        return box.width > 20 && box.height > 20;
    }))"""


def saved(lab):
    lab.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save').then(() => null)")


def check(paths, tmp_path):
    """Run, save, close; in a new server open what was saved, and look at each figure, the kernel idle."""
    for path in paths:
        shutil.copy(path, tmp_path)
    figures = {}
    with driven_lab(tmp_path, private=tmp_path / "private") as lab:
        for path in paths:
            lab.open(path.name)
            lab.run_all()
            saved(lab)
            lab.close()
            size = (tmp_path / path.name).stat().st_size
            assert size < LARGEST, f"{path.name} is saved with {size} bytes"
    with driven_lab(tmp_path, private=tmp_path / "private") as lab:
        for path in paths:
            lab.open(path.name)
            wanted = sum(WIDGET in output.get("data", {}) for cell in read(tmp_path / path.name).cells
                         for output in cell.get("outputs", []))
            lab.page.wait_for_function(f"wanted => ({FIGURES})().filter(Boolean).length === wanted", arg=wanted)
            lab.page.wait_for_timeout(2500)  # JupyterLab looks for a missing model for two seconds before it complains
            figures[path.stem] = lab.page.evaluate(FIGURES)
            assert figures[path.stem] == [True] * wanted
            assert lab.page.get_by_text("Error displaying widget").count() == 0
            assert lab.python("print('_ih' in globals() and len(_ih))") in ("1\n", "2\n"), "nothing was run"
            lab.page.evaluate("() => { window.jupyterapp.shell.currentWidget.context.model.dirty = false; }")
            lab.close()
    assert all(figures.values())
    return figures


def test_figures_of_a_lesson_are_alive_the_next_day(tmp_path):
    check([ROOT / "notebooks" / "02_softmax.ipynb"], tmp_path)


@pytest.mark.slow
def test_figures_of_all_lessons_are_alive_the_next_day(tmp_path):
    check(LESSONS, tmp_path)


def test_the_notebook_has_the_whole_screen_and_the_files_come_by_a_key(tmp_path):
    shutil.copy(ROOT / "notebooks" / "02_softmax.ipynb", tmp_path)
    private = tmp_path / "private"
    (private / "workspaces").mkdir(parents=True)
    layout_folder(private / "workspaces")
    with lab_server(tmp_path, private=private) as server, chromium() as browser:
        context = new_context(browser, viewport={"width": 1280, "height": 720})
        page = context.new_page()
        page.goto(f"{server.url}/lab/tree/02_softmax.ipynb?token={server.token}", wait_until="domcontentloaded")
        notebook, files = page.locator(".jp-NotebookPanel .jp-Notebook"), page.locator("#filebrowser")
        page.wait_for_selector(".jp-NotebookPanel .jp-CodeCell", timeout=120_000)
        page.wait_for_function("() => window.jupyterapp?.restored.then(() => true)")
        assert notebook.bounding_box()["width"] > 1180
        assert not files.is_visible()
        page.keyboard.press("Control+Shift+F")
        files.wait_for(state="visible", timeout=20_000)
        assert notebook.bounding_box()["width"] < 1000
        context.close()
