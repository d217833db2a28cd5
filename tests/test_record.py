"""Recording a notebook: the same bytes each time, the figures' state kept, nothing bad stored."""

import json

import nbformat
import pytest
import record
from notebook_parts import LESSONS, read

from course_utils import explorers

FIGURE = """import ipywidgets
slider = ipywidgets.IntSlider(3, description="size")
box = ipywidgets.VBox([slider])
box"""


def write(path, *sources, tags=None):
    """Write an unrecorded notebook, as an editor would: random cell ids, metadata of its own."""
    notebook = nbformat.v4.new_notebook(metadata={"jupytext": {"formats": "ipynb,py"}})
    for source in sources:
        notebook.cells.append(nbformat.v4.new_code_cell(source, metadata={"editable": True, "tags": tags or []}))
    nbformat.write(notebook, path)
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "00_small.ipynb"


def run(path, *options):
    """Run the command line on a notebook."""
    return record.main([str(path), *options])


def test_recording_again_gives_the_same_bytes(path, capsys):
    sources = ("print('a', flush=True); print('b')", FIGURE, "import os; print(len(os.getcwd()) > 0)")
    assert run(write(path, *sources)) == 0
    first = path.read_bytes()
    assert run(path) == 0
    assert path.read_bytes() == first
    assert "unchanged" in capsys.readouterr().out
    # other random ids to begin with, same bytes
    assert run(write(path, *sources)) == 0
    assert path.read_bytes() == first


def test_the_state_of_figures_is_kept_under_names_that_stay(path):
    run(write(path, FIGURE))
    notebook = json.loads(path.read_text(encoding="utf-8"))
    state = notebook["metadata"]["widgets"][record.WIDGETS]["state"]
    [output] = notebook["cells"][0]["outputs"]
    shown = output["data"]["application/vnd.jupyter.widget-view+json"]["model_id"]
    assert state[shown]["model_name"] == "VBoxModel"
    [child] = state[shown]["state"]["children"]
    assert state[child.removeprefix("IPY_MODEL_")]["state"]["description"] == "size"


def test_only_what_depends_on_the_cells_is_stored(path):
    run(write(path, "print(1)", tags=["setup"]))
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert notebook["metadata"] == record.METADATA
    assert notebook["cells"][0]["metadata"] == {"tags": ["setup"]}
    assert notebook["cells"][0]["execution_count"] == 1


def test_a_new_cell_leaves_the_names_of_others_alone(path, tmp_path):
    run(write(path, "print(1)", "print(2)"))
    run(write(tmp_path / "other.ipynb", "print(0)", "print(1)", "print(2)"))
    before, after = ([cell.id for cell in nbformat.read(p, 4).cells] for p in (path, tmp_path / "other.ipynb"))
    assert after[1:] == before


def test_homework_keeps_its_marks_and_the_names_of_its_cells(path):
    marked = {"nbgrader": {"grade": False, "grade_id": "dot", "locked": False, "schema_version": 3, "solution": True,
                           "task": False}}
    notebook = nbformat.v4.new_notebook(metadata={"homework": {"allows": []}})
    notebook.cells.append(nbformat.v4.new_code_cell("print(1)", metadata=marked, id="answer"))
    nbformat.write(notebook, path)
    assert run(path) == 0
    kept = json.loads(path.read_text(encoding="utf-8"))
    assert kept["metadata"]["homework"] == {"allows": []}
    assert (kept["cells"][0]["metadata"], kept["cells"][0]["id"]) == (marked, "answer")


@pytest.mark.parametrize(("source", "words"), [
    ("1 / 0", "ZeroDivisionError"),
    ("import warnings; warnings.warn('old')", "printed to stderr"),
    ("import sys; print(sys.prefix + '/lib')", "path of this machine"),
    ("print(object())", "object's address"),
    ("import socket; socket.create_connection(('192.0.2.1', 80))", "refused"),
])
def test_what_must_not_be_stored_is_not(path, source, words, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_OFFLINE_LOG", str(tmp_path / "refused.log"))  # an attempt made on purpose
    before = write(path, "print(1)", source).read_bytes()
    assert run(path) == 1
    assert words in capsys.readouterr().err
    assert path.read_bytes() == before


def test_check_writes_nothing_and_names_the_cells(path, capsys):
    run(write(path, "print(1)", "print(2)"))
    assert run(path, "--check") == 0
    stale = path.read_text(encoding="utf-8").replace('"2\\n"', '"3\\n"')
    path.write_text(stale, encoding="utf-8")
    assert run(path, "--check") == 1
    assert "cell 1: outputs" in capsys.readouterr().out
    assert path.read_text(encoding="utf-8") == stale


def test_the_learners_progress_is_not_touched(path, monkeypatch, tmp_path):
    mine = tmp_path / "mine.jsonl"
    monkeypatch.setenv("COURSE_PROGRESS", str(mine))
    run(write(path, "import os, pathlib\nwritten = pathlib.Path(os.environ['COURSE_PROGRESS']).write_text('x')"))
    assert not mine.exists()


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_recorded_figures_have_the_present_code(path):
    """A saved page runs the code that was recorded, and nbval does not compare it: record again when it differs."""
    classes = [getattr(explorers, name) for name in explorers.__all__]
    present = {kind: {getattr(each, kind, None) for each in classes} for kind in ("_esm", "_css")}
    models = read(path).metadata.get("widgets", {}).get(record.WIDGETS, {}).get("state", {}).values()
    recorded = [(kind, model["state"][kind]) for model in models for kind in present if kind in model["state"]]
    assert recorded, "no live figure is recorded"
    stale = sum(code not in present[kind] for kind, code in recorded)
    assert not stale, f"{stale} of {len(recorded)} codes and styles are older than explorers/js: run tools/record.py"
