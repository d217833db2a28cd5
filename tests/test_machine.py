"""What a machine may put in the way: another backend, a closed home, files that hide packages, a plain ASCII locale."""

import os
import subprocess
import sys

import nbformat
import pytest
from notebook_parts import ROOT

from course_utils.classroom.lab import doctor, places, start
from course_utils.classroom.lab.kernels import run_notebook
from course_utils.learner import machine

CLOSED = "/dev/null/home"  # no folder can be made there, not even by root
PICTURE = """import matplotlib.pyplot as plt
fig, ax = plt.subplots()
lines = ax.plot([1, 2])"""


def outputs(folder, *cells, env=None):
    """The outputs of cells that run in a new kernel after the set-up."""
    sources = ("from course_utils import start; start()", *cells)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    run_notebook(notebook, folder, env=env)
    return [output for cell in notebook.cells for output in cell.outputs]


@pytest.mark.parametrize("backend", ["agg", "TkAgg", "QtAgg", "no_such_backend", ""])
def test_pictures_are_there_whatever_mplbackend_says(backend, tmp_path):
    [output] = outputs(tmp_path, PICTURE, env={"MPLBACKEND": backend})
    assert "image/png" in output.data


def test_a_backend_that_was_made_for_notebooks_stays(monkeypatch):
    code = ("import sys, types; from course_utils.learner import machine\n"
            "sys.modules['IPython'] = types.SimpleNamespace(get_ipython=lambda: types.SimpleNamespace(kernel=1))\n"
            "machine.prepare_matplotlib(); import os; print(os.environ['MPLBACKEND'])")
    for given, wanted in (("module://ipympl.backend_nbagg", "module://ipympl.backend_nbagg"),
                          ("agg", "module://matplotlib_inline.backend_inline")):
        done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "MPLBACKEND": given},
                              capture_output=True, text=True, check=True)
        assert done.stdout.strip() == wanted


def test_a_home_that_cannot_be_written_costs_no_picture_and_no_warning(tmp_path, monkeypatch):
    monkeypatch.delenv("MPLCONFIGDIR", raising=False)
    [output] = outputs(tmp_path, PICTURE, env={"HOME": CLOSED, "USERPROFILE": CLOSED, "XDG_CONFIG_HOME": ""})
    assert "image/png" in output.data


def test_lab_finds_other_places_where_home_is_closed(tmp_path, monkeypatch):
    names = "JUPYTER_CONFIG_DIR JUPYTER_DATA_DIR JUPYTER_RUNTIME_DIR IPYTHONDIR MPLCONFIGDIR JUPYTERLAB_WORKSPACES_DIR"
    for name in (*names.split(), "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert list(places.places(tmp_path / "mine")) == ["JUPYTERLAB_WORKSPACES_DIR"]
    monkeypatch.setenv("HOME", CLOSED)
    found = places.places(tmp_path / "mine")
    assert set(found) == set(names.split())
    assert all(machine.writable(path) and str(tmp_path) in path for path in found.values())
    monkeypatch.setenv("IPYTHONDIR", "/chosen")
    assert "IPYTHONDIR" not in places.places(tmp_path / "mine")


def test_the_first_layout_gives_the_notebook_the_screen_and_a_learners_stays(tmp_path):
    places.layout_folder(tmp_path)
    [layout] = tmp_path.iterdir()
    assert '"collapsed": true' in layout.read_text()
    layout.write_text("mine")
    places.layout_folder(tmp_path)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]


def test_the_course_beside_a_notebook_hides_nothing():
    assert machine.hiding_files(ROOT) == []


@pytest.mark.parametrize("name", ["numpy.py", "torch.py", "matplotlib.py", "secrets.py", "torch/__init__.py"])
def test_a_file_that_hides_a_package_is_named(name, tmp_path):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("raise RuntimeError('the wrong one')")
    with pytest.raises(Exception, match="hides") as raised:
        outputs(tmp_path)
    first = name.split("/")[0]
    assert f"{first} beside this notebook hides {first.removesuffix('.py')}" in str(raised.value)
    assert "Rename it, then restart the kernel" in str(raised.value)


def test_other_files_beside_a_notebook_do_no_harm(tmp_path):
    (tmp_path / "helpers.py").write_text("x = 1")
    (tmp_path / "random.py").write_text("1 / 0")  # the kernel has the real one long since
    assert outputs(tmp_path, "import helpers") == []
    assert [path.name for path in machine.hiding_files(tmp_path)] == ["random.py"]


def test_the_doctor_tells_of_both(tmp_path, monkeypatch):
    monkeypatch.setattr(start, "course_folder", lambda: tmp_path)
    (tmp_path / "my_notebooks").mkdir()
    assert [finding.check for finding in doctor.check_machine()] == []
    (tmp_path / "my_notebooks" / "torch.py").write_text("")
    monkeypatch.setenv("HOME", CLOSED)
    hidden, home = doctor.check_machine()
    assert (hidden.level, home.level) == ("stop", "note")
    assert "my_notebooks/torch.py hides torch" in hidden.found


@pytest.mark.parametrize("utf8", [{}, {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}], ids=["usual", "strict"])
def test_nbval_is_green_in_a_plain_ascii_locale(tmp_path, utf8):
    path = tmp_path / "02_softmax.ipynb"
    cell = nbformat.v4.new_code_cell('print("x₁ → ½, 3 µs")', execution_count=1,
                                     outputs=[nbformat.v4.new_output("stream", text="x₁ → ½, 3 µs\n")])
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    plain = {key: value for key, value in os.environ.items() if not key.startswith(("LC_", "LANG", "PYTHONUTF8"))}
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbval",
                           "--nbval-current-env", "--nbval-sanitize-with", str(ROOT / "tests" / "sanitize.cfg"),
                           str(path)], cwd=tmp_path, env={**plain, "LC_ALL": "C", **utf8}, capture_output=True)
    assert done.returncode == 0, done.stdout.decode(errors="replace")
