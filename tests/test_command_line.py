"""The one command line, and the JupyterLab it starts: on loopback, at the right notebook, silent."""

import importlib
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from course_utils.classroom import cli
from course_utils.classroom.lab import start

ROOT = Path(__file__).resolve().parents[1]


def python(*arguments):
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120)


# --- the commands

@pytest.mark.parametrize("name", cli.COMMANDS)
def test_each_command_explains_itself(name, capsys):
    with pytest.raises(SystemExit) as left:
        cli.main([name, "--help"])
    assert left.value.code == 0
    said = capsys.readouterr().out
    assert f"attention-course {name}" in said
    assert cli.COMMANDS[name][1][1:] in " ".join(said.split())


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_each_module_offers_what_the_command_line_calls(name):
    module = importlib.import_module(cli.COMMANDS[name][0])
    assert callable(module.add_arguments)
    assert callable(module.run)


def test_the_list_of_commands(capsys):
    assert cli.main([]) == 2
    said = capsys.readouterr().out
    for name, (_, what) in cli.COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(what)}$", said, re.MULTILINE)


def test_an_unknown_command(capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(["lba"])
    assert left.value.code == 2
    assert "invalid choice: 'lba'" in capsys.readouterr().err


def test_a_missing_package_sends_to_the_doctor(tmp_path, monkeypatch, capsys):
    (tmp_path / "needs_more.py").write_text("import a_package_nobody_has.part")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(cli.COMMANDS, "lab", ("needs_more", "fail"))
    assert cli.main(["lab"]) == 1
    said = capsys.readouterr().err
    assert "`lab` needs a_package_nobody_has" in said
    assert "python -m course_utils doctor" in said


@pytest.mark.parametrize(("result", "code"), [(0, 0), (1, 1), (None, 0)])
def test_the_exit_code_is_the_commands(monkeypatch, result, code):
    monkeypatch.setattr(start, "run", lambda args: result)
    assert cli.main(["lab"]) == code


def test_stopping_by_hand_is_no_crash(monkeypatch, capsys):
    def stopped(args):
        raise KeyboardInterrupt

    monkeypatch.setattr(start, "run", stopped)
    assert cli.main(["lab"]) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_the_lab_and_the_doctor_import_nothing_that_may_be_missing():
    done = python("-c", "import sys\nfrom course_utils.classroom import cli\n"
                  "from course_utils.classroom.lab import doctor, start\n"
                  "print([name for name in ('numpy', 'torch', 'matplotlib', 'ipywidgets', 'jupyterlab')"
                  " if name in sys.modules])")
    assert done.stdout.strip() == "[]", done.stderr


def test_it_runs_as_a_module_and_is_installed_as_a_command():
    import tomllib

    done = python("-m", "course_utils", "doctor", "--help")
    assert done.stdout.startswith("usage: attention-course doctor")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    module, function = project["scripts"]["attention-course"].split(":")
    assert getattr(importlib.import_module(module), function) is cli.main


# --- which notebook

@pytest.fixture
def folder(tmp_path):
    (tmp_path / "notebooks").mkdir()
    for name in ("00_start", "01_dot_products", "03_weighted_sums", "04_scaled_dot_product"):
        (tmp_path / "notebooks" / f"{name}.ipynb").write_text("{}")
    return tmp_path


@pytest.mark.parametrize(("name", "found"), [
    ("00", "00_start"), ("start", "00_start"), ("04", "04_scaled_dot_product"),
    ("01_dot_products", "01_dot_products"), ("03_weighted_sums.ipynb", "03_weighted_sums"),
    ("notebooks/00_start.ipynb", "00_start")])
def test_a_notebook_by_number_or_name(folder, name, found):
    assert start.find_notebook(folder, name) == Path("notebooks", f"{found}.ipynb")


@pytest.mark.parametrize(("name", "problem"), [
    ("dot", "notebook 'dot' fits more than one notebook: 01_dot_products, 04_scaled_dot_product"),
    ("17", "notebook '17' is not the name of a notebook; there are: 00_start, 01_dot_products, 03")])
def test_a_notebook_that_is_not_there(folder, name, problem):
    with pytest.raises(ValueError, match=re.escape(problem)):
        start.find_notebook(folder, name)


def test_a_students_homework_by_its_name(folder):
    (folder / "my_notebooks" / "homework" / ".ipynb_checkpoints").mkdir(parents=True)
    for name in ("hw1_weights.ipynb", ".ipynb_checkpoints/hw1_weights-checkpoint.ipynb"):
        (folder / "my_notebooks" / "homework" / name).write_text("{}")
    assert start.find_notebook(folder, "hw1") == Path("my_notebooks", "homework", "hw1_weights.ipynb")
    assert start.find_notebook(folder, "00") == Path("notebooks", "00_start.ipynb")


def test_homework_opens_as_a_copy_that_is_laid_once(folder):
    given, mine = folder / "notebooks" / "homework" / "hw1_weights.ipynb", folder / "my_notebooks" / "homework"
    given.parent.mkdir()
    given.write_text("{}")
    found = start.find_notebook(folder, "hw1")
    assert found == Path("notebooks", "homework", "hw1_weights.ipynb")
    assert start._learners(folder, found) == Path("my_notebooks", "homework", "hw1_weights.ipynb")
    (mine / "hw1_weights.ipynb").write_text('{"answers": 1}')
    given.write_text('{"new": 1}')
    assert start._learners(folder, found) == Path("my_notebooks", "homework", "hw1_weights.ipynb")
    assert [path.read_text() for path in mine.glob("hw*")] == ['{"answers": 1}']
    assert start.find_notebook(folder, "hw1") == Path("my_notebooks", "homework", "hw1_weights.ipynb")


# --- which port

@pytest.fixture
def taken():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_a_taken_port_is_passed_over(taken):
    assert not start.port_is_free(taken)
    assert start.free_port(taken) > taken


@pytest.fixture
def started(folder, monkeypatch):
    """The command that would start JupyterLab."""
    started = []
    monkeypatch.setattr(start, "course_folder", lambda: folder)
    monkeypatch.setattr(start, "_become", lambda command, environment: started.extend(command) or 0)
    return started


def test_a_taken_port_that_was_asked_for_is_said(started, taken, capsys):
    assert cli.main(["lab", "--port", str(taken)]) == 1
    said = capsys.readouterr().err
    assert f"Port {taken} is taken" in said
    assert re.search(r"use another port: --port \d+", said)
    assert started == []


@pytest.mark.parametrize("port", ["-1", "70000"])
def test_a_port_that_is_none(started, port, capsys):
    assert cli.main(["lab", f"--port={port}"]) == 1
    assert f"--port should be from 1 to 65535, got {port}" in capsys.readouterr().err


def test_without_a_choice_the_next_free_port_is_taken(started, taken, monkeypatch, capsys):
    monkeypatch.setattr(start, "DEFAULT_PORT", taken)
    monkeypatch.setattr(start, "free_port", lambda: 9321)
    assert cli.main(["lab"]) == 0
    assert "--ServerApp.port=9321" in started
    assert "port 9321" in capsys.readouterr().out


def test_no_notebooks_here(monkeypatch, capsys):
    monkeypatch.setattr(start, "course_folder", lambda: None)
    assert cli.main(["lab"]) == 1
    assert "no folder notebooks/" in capsys.readouterr().err


def test_no_jupyterlab(started, monkeypatch, capsys):
    monkeypatch.setattr(start.importlib.util, "find_spec", lambda name: None)
    assert cli.main(["lab"]) == 1
    assert "JupyterLab is not installed" in capsys.readouterr().err
    assert started == []


# --- how JupyterLab is started

@pytest.mark.parametrize("uid", [0, 1000])
def test_root_is_allowed_only_when_it_is_root(folder, monkeypatch, uid):
    monkeypatch.setattr(os, "geteuid", lambda: uid, raising=False)
    command = start.server_command(folder, Path("notebooks/00_start.ipynb"), 9000, browser=True)
    assert ("--ServerApp.allow_root=True" in command) is (uid == 0)


def test_a_browser_only_where_it_is_wanted(started):
    cli.main(["lab", "--no-browser"])
    assert "--ServerApp.open_browser=False" in started
    started.clear()
    cli.main(["lab"])
    assert "--ServerApp.open_browser=True" in started


def test_a_learners_own_jupyter_settings_stay(monkeypatch):
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "/mine")
    paths = start.server_environment()["JUPYTER_CONFIG_PATH"].split(os.pathsep)
    assert paths[2:] == ["/mine"]
    assert (Path(paths[0]) / "labconfig" / "default_setting_overrides.json").is_file()
    assert (Path(paths[1]) / "labconfig" / "page_config.json").is_file()


def test_the_learners_copy_opens_and_the_original_for_those_who_ask(started, folder):
    assert cli.main(["lab", "01"]) == 0
    assert "--LabApp.default_url=/lab/tree/my_notebooks/01_dot_products.ipynb" in started
    assert (folder / "my_notebooks" / "00_start.ipynb").read_text() == "{}"
    started.clear()
    assert cli.main(["lab", "01", "--originals"]) == 0
    assert "--LabApp.default_url=/lab/tree/notebooks/01_dot_products.ipynb" in started


def test_where_no_copy_can_be_made_the_original_opens(started, folder, capsys):
    (folder / "my_notebooks").write_text("a file in the folder's place")
    assert cli.main(["lab"]) == 0
    assert "--LabApp.default_url=/lab/tree/notebooks/00_start.ipynb" in started
    assert "Your own copies of the notebooks could not be made" in capsys.readouterr().err


def test_nbgraders_buttons_are_for_those_who_ask(started, monkeypatch):
    environments = []
    monkeypatch.setattr(start, "_become", lambda command, environment: environments.append(environment) or 0)
    assert cli.main(["lab"]) == cli.main(["lab", "--nbgrader"]) == 0
    learner, teacher = (environment["JUPYTER_CONFIG_PATH"] for environment in environments)
    assert "jupyter_config_learner" in learner
    assert "jupyter_config_learner" not in teacher


def test_jupyterlab_answers_on_loopback_at_the_notebook_and_asks_for_no_news(folder, tmp_path):
    port = start.free_port(9400)
    command = start.server_command(folder, Path("notebooks/00_start.ipynb"), port, browser=False)
    names = "JUPYTER_RUNTIME_DIR JUPYTER_DATA_DIR JUPYTERLAB_SETTINGS_DIR JUPYTERLAB_WORKSPACES_DIR".split()
    private = {name: str(tmp_path / name) for name in names}
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen([*command, "--IdentityProvider.token=t"], stdout=log, stderr=log,
                                  env={**start.server_environment(), **private})
    try:
        def get(path):
            address = f"http://127.0.0.1:{port}{path}?token=t"
            return urllib.request.urlopen(address, timeout=10).read().decode()

        for _ in range(600):
            try:
                page = get("/")  # sends on to the notebook
                break
            except urllib.error.URLError:
                assert server.poll() is None, (tmp_path / "log").read_text()
                time.sleep(0.1)
        config = re.search(r'id="jupyter-config-data"[^>]*>(.*?)</script>', page, re.DOTALL)[1]
        config = json.loads(config)
        assert config["treePath"] == "notebooks/00_start.ipynb"
        assert config["news"] == {"disabled": True}
        assert "@jupyter/nbgrader" in config["disabledExtensions"]
        settings = json.loads(get("/lab/api/settings/@jupyterlab/apputils-extension:notification"))
        defaults = {name: about["default"] for name, about in settings["schema"]["properties"].items()}
        assert (defaults["fetchNews"], defaults["checkForUpdates"]) == ("false", False)
        widgets = json.loads(get("/lab/api/settings/@jupyter-widgets/jupyterlab-manager:plugin"))
        assert widgets["schema"]["properties"]["saveState"]["default"] is True, "figures would be dead the next day"
        addresses = re.findall(r"https?://([^:/]+)", (tmp_path / "log").read_text())
        assert set(addresses) <= {"127.0.0.1", "localhost"}
    finally:
        server.terminate()
        server.wait(20)
