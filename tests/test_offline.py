"""Nothing of the course reaches the network: sockets are closed in tests and kernels, and that is proved here."""

import os
import socket
import subprocess
import sys
import textwrap
import urllib.request

import nbformat
import pytest
from notebook_parts import LESSONS, ROOT

AWAY = ("192.0.2.1", 80)  # an address that documentation may use and nobody has
TRIES = {
    "address": lambda: socket.create_connection(AWAY, 5),
    "name": lambda: socket.create_connection(("example.org", 80), 5),
    "name, given to connect": lambda: socket.socket().connect(("example.org", 80)),
    "address, given to connect_ex": lambda: socket.socket().connect_ex(AWAY),
    "version 6": lambda: socket.socket(socket.AF_INET6).connect(("2001:db8::1", 80)),
    "look-up": lambda: socket.getaddrinfo("example.org", 80),
    "reverse look-up": lambda: socket.gethostbyaddr("192.0.2.1"),
    "one packet": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", AWAY),
    "page": lambda: urllib.request.urlopen("http://example.org", timeout=5),
}


@pytest.fixture
def log(monkeypatch, tmp_path):
    """Where the guard notes what it refused in this test: attempts made on purpose do not fail the run."""
    path = tmp_path / "refused.log"
    monkeypatch.setenv("COURSE_OFFLINE_LOG", str(path))
    return path


@pytest.mark.parametrize("attempt", TRIES)
def test_tests_reach_nothing(attempt, log):
    with pytest.raises(OSError, match="the tests run offline"):
        TRIES[attempt]()
    assert "test_offline.py" in log.read_text(encoding="utf-8")


def test_loopback_stays_open():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        with socket.create_connection(("localhost", server.getsockname()[1]), 5) as client:
            assert client.getpeername() == server.getsockname()


def test_new_interpreters_reach_nothing(log):
    code = f"import socket\ntry: socket.create_connection({AWAY}, 5)\nexcept OSError as error: print(error)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert "the tests run offline: socket.connect '192.0.2.1' refused" in said.stdout
    assert "192.0.2.1" in log.read_text(encoding="utf-8")


def test_the_guard_lets_another_sitecustomize_run(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import builtins; builtins.other_ran = True", encoding="utf-8")
    path = os.pathsep.join([os.environ["PYTHONPATH"], str(tmp_path)])
    subprocess.run([sys.executable, "-c", "assert other_ran"], env={**os.environ, "PYTHONPATH": path}, timeout=60,
                   check=True)


# --- the same under nbval, with this repository's own settings ------------------------------------------------

CONNECT = f"""import socket
try:
    socket.create_connection({AWAY}, 60)
except OSError as error:
    print(error)"""
REFUSED = "[Errno 111] the tests run offline: socket.connect '192.0.2.1' refused\n"


@pytest.fixture
def pytest_on(tmp_path, log):
    """Runs pytest, as this repository sets it up, on notebooks made of (code, recorded output) pairs."""
    def run(*notebooks, options=()):
        folder = tmp_path / "course"
        (folder / "tests").mkdir(parents=True)
        for name in ("conftest.py", "tests/offline", "tests/sanitize.cfg"):
            (folder / name).symlink_to(ROOT / name)
        for n, cells in enumerate(notebooks):
            notebook = nbformat.v4.new_notebook()
            for i, (code, printed) in enumerate(cells):
                notebook.cells.append(nbformat.v4.new_code_cell(code, execution_count=i + 1, outputs=[
                    nbformat.v4.new_output("stream", text=printed)] if printed else []))
            nbformat.write(notebook, folder / f"{n:02}_small.ipynb")
        return subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, str(folder)],
                              capture_output=True, text=True, timeout=300, cwd=folder)
    return run


def test_kernels_reach_nothing(pytest_on, log):
    done = pytest_on([(CONNECT, REFUSED)])
    assert "1 passed" in done.stdout, done.stdout  # refused by the guard, and in its words
    assert log.read_text(encoding="utf-8").count("192.0.2.1") == 1
    # a library might have swallowed the refusal: the run fails all the same, and says who tried
    assert done.returncode == 1
    assert "refused connections" in done.stdout


def test_a_run_that_stays_at_home_passes(pytest_on, log):
    done = pytest_on([("print(1)", "1\n")])
    assert done.returncode == 0, done.stdout
    assert not log.exists()


def test_recorded_text_is_compared(pytest_on):
    done = pytest_on([("print(1)", "2\n")])
    assert done.returncode == 1
    assert "1 failed" in done.stdout


def test_what_differs_by_nature_is_not_compared(pytest_on):
    pairs = [("object at 0x7f1234567890", "object at 0x7fabcdef0123"), ("took 1.25 s", "took 2 s"), ("3 ms", "4 ms")]
    done = pytest_on([(f"print({new!r})", old + "\n") for new, old in pairs])
    assert done.returncode == 0, done.stdout


def test_numbers_are_compared(pytest_on):
    pairs = [("0.731", "0.732"), ("shape (2, 3)", "shape (3, 2)"), ("12 scores", "13 scores"), ("0.5 seen", "0.6 seen"),
             ("4 mistakes", "5 mistakes"), ("0x1", "0x2")]
    done = pytest_on([(f"print({new!r})", old + "\n") for new, old in pairs])
    assert f"{len(pairs)} failed" in done.stdout
    assert "passed" not in done.stdout


def test_each_notebook_has_a_record_of_progress_of_its_own(pytest_on, tmp_path):
    remember = textwrap.dedent("""\
        import os, pathlib
        path = pathlib.Path(os.environ["COURSE_PROGRESS"])
        print(path.exists()); written = path.write_text("passed")""")
    done = pytest_on(*[[(remember, "False\n"), ("print(path.read_text())", "passed\n")]] * 2)
    assert done.returncode == 0, done.stdout


def test_cells_of_a_notebook_stay_in_one_worker(pytest_on):
    pytest.importorskip("xdist")
    cells = [("a = 0", "")] + [("a += 1; print(a)", f"{i}\n") for i in range(1, 8)]
    done = pytest_on(cells, cells, options=("-n", "2"))
    assert done.returncode == 0, done.stdout
    assert "16 passed" in done.stdout


def test_notebooks_are_part_of_every_run(request):
    option = request.config.option
    assert option.nbval, "nbval is not installed: the notebooks would go untested"
    assert option.nbval_cell_timeout == 300
    assert ROOT / "notebooks" in [ROOT / place for place in request.config.getini("testpaths")]
    assert LESSONS


def test_tests_use_one_thread_and_no_file_of_the_learner():
    from course_utils.learner.journal import journal_path

    assert os.environ["OMP_NUM_THREADS"] == "1"
    assert not journal_path().is_relative_to(ROOT)
    assert not journal_path().exists()
