"""A notebook that was run, saved, closed and opened again shows its figures, or their pictures: never an error."""

import json

import nbformat
import pytest

from course_utils.classroom.lab.driver import driven_lab

pytestmark = pytest.mark.browser
SOURCES = ("from course_utils import start; start()\n"
           "from course_utils.explorers import AttentionExplorer, DotProductExplorer",
           "AttentionExplorer(['it', 'sat'], weights=[[0.9, 0.1], [0.5, 0.5]])",
           "print('words before it')\nDotProductExplorer((3, 1), (1, 2))",
           "import matplotlib.pyplot as plt\nplt.plot([1, 2, 3])\nplt.show()")
OUTPUTS = """() => [...document.querySelectorAll(
    '.jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell-outputArea')].slice(1).map(area => ({
    live: [...area.querySelectorAll('.cu')].filter(each => each.checkVisibility()).length,
    pictures: [...area.querySelectorAll('img')].filter(each => each.checkVisibility() && each.naturalWidth > 100)
        .map(each => each.alt),
    nameless: [...area.querySelectorAll('img')].filter(each => !each.alt).length,
    words: [...area.querySelectorAll('.jp-OutputArea-output')].filter(each => each.checkVisibility()
        && !each.querySelector('.cu')).map(each => each.innerText.trim()).join(' ').trim(),
}))"""
ALIVE = [{"live": 1, "pictures": [], "nameless": 0, "words": ""},
         {"live": 1, "pictures": [], "nameless": 0, "words": "words before it"}]
STILL = [{"live": 0, "nameless": 0, "words": ""}, {"live": 0, "nameless": 0, "words": "words before it"}]


def outputs(lab, wanted):
    """What the notebook's outputs show, once as many figures or pictures are there as wanted."""
    lab.page.wait_for_function(
        f"wanted => ({OUTPUTS})().reduce((sum, each) => sum + each.live + each.pictures.length, 0) === wanted",
        arg=wanted)
    lab.page.wait_for_timeout(2500)  # JupyterLab looks for a missing model for two seconds before it complains
    return lab.page.evaluate(OUTPUTS)


def trust(lab):
    lab.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:trust'); }")
    lab.page.locator(".jp-Dialog .jp-mod-accept").click()


def stand(found):
    """The two live figures' outputs without the words of their pictures, each of which has one."""
    assert [len(each["pictures"]) for each in found[:2]] == [1, 1]
    assert all(len(each["pictures"][0]) > 40 for each in found[:2])
    return [{name: value for name, value in each.items() if name != "pictures"} for each in found[:2]]


def test_figures_are_pictures_where_no_model_is_left(tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in SOURCES])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = tmp_path / "lesson.ipynb"
    nbformat.write(notebook, path)
    with driven_lab(tmp_path) as lab:
        lab.open(path.name)
        lab.run_all()
        found = outputs(lab, 3)
        assert found[:2] == ALIVE
        assert found[2]["pictures"] == ["a line rises from 1.00 at 0 to 3.00 at 2."]
        lab.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save').then(() => null)")
    stored = json.loads(path.read_text(encoding="utf-8"))
    assert stored["metadata"].pop("widgets")["application/vnd.jupyter.widget-state+json"]["state"]
    path.write_text(json.dumps(stored), encoding="utf-8")  # as VS Code, a hub or Notebook 7 leaves it
    with driven_lab(tmp_path) as lab:
        lab.open(path.name)
        assert stand(outputs(lab, 3)) == STILL, "a file that nobody trusts"
        trust(lab)
        assert stand(outputs(lab, 3)) == STILL, "a file that is trusted, and widgets without their models"
        lab.run_all()
        assert outputs(lab, 3)[:2] == ALIVE
