"""What every test of the course runs under: no network, no learner's files, one thread, strict notebooks.

It stands beside pyproject.toml and not in tests/, so that `pytest notebooks/00_start.ipynb` gets it too.
"""

import importlib.util
import os
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent
OFFLINE = ROOT / "tests" / "offline"
collect_ignore = ["tests/offline"]

_private = tempfile.TemporaryDirectory(prefix="course-tests-")
_place = Path(_private.name)
# A worker of pytest-xdist writes to the log of the process that started it, which reads it at the end.
_refusals = Path(os.environ.setdefault("COURSE_OFFLINE_LOG", str(_place / "refused.log")))
os.environ.update(
    OMP_NUM_THREADS="1",
    COURSE_PROGRESS=str(_place / "progress.json"),
    IPYTHONDIR=str(_place / "ipython"),
    JUPYTER_CONFIG_DIR=str(_place / "jupyter"),
    PYTHONPATH=os.pathsep.join([str(OFFLINE), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
)

_spec = importlib.util.spec_from_file_location("offline_guard", OFFLINE / "sitecustomize.py")
_guard = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_guard)


def pytest_configure(config):
    """Compare the notebooks strictly; no option on the command line is needed, and none is overridden."""
    option = config.option
    if not hasattr(option, "nbval"):
        return  # tests/test_offline.py fails then: notebooks would go untested without a word
    if not option.nbval_lax:
        option.nbval = True
    if not option.nbval_kernel_name:
        option.nbval_current_env = True
    option.nbval_sanitize_with = option.nbval_sanitize_with or str(ROOT / "tests" / "sanitize.cfg")
    if option.nbval_cell_timeout == 2000:
        option.nbval_cell_timeout = 300.0
    if option.nbval_kernel_startup_timeout == 60:
        option.nbval_kernel_startup_timeout = 180.0


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Send all cells of a notebook to one worker: xdist's default would spread them over kernels.

    An option in addopts (--dist loadfile) would make xdist obligatory; this hook does not.
    """
    from xdist.scheduler import LoadFileScheduling

    return LoadFileScheduling(config, log)


REAL_MODELS = "13_real_models"


def _missing_models():
    """Why the pretrained models cannot be used; empty where they are here."""
    from course_utils.datasets.pretrained import MODELS

    return next(filter(None, (model.why_not() for model in MODELS)), "")


def pytest_collection_modifyitems(items):
    """Without the pretrained models their notebook shows stored results: it is run, but not compared."""
    theirs = [item for item in items if item.path.stem == REAL_MODELS and hasattr(item, "options")]
    if theirs and _missing_models():
        for item in theirs:
            item.options["check"] = False


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Give each notebook's kernel, and each test, a record of passed exercises of its own."""
    notebook = item.path.suffix == ".ipynb"
    name = item.path.stem if notebook else "test"
    path = _place / f"{name}.progress.json"
    if not notebook:
        for left in _place.glob(f"{path.stem}.*"):  # the answers that passed lie beside the record
            left.unlink()
    os.environ["COURSE_PROGRESS"] = str(path)


def pytest_sessionfinish(session, exitstatus):
    """Fail the run when anything tried to reach the network, even if a library swallowed the refusal."""
    if not hasattr(session.config, "workerinput") and _refusals.is_file() and _refusals.stat().st_size:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter):
    """Say what was not compared, and who tried to reach the network."""
    if why := _missing_models():
        terminalreporter.line(f"notebooks/{REAL_MODELS}.ipynb is run and not compared: {why}")
    if _refusals.is_file() and (lines := _refusals.read_text(encoding="utf-8").splitlines()):
        terminalreporter.section("refused connections", red=True)
        for line in lines:
            terminalreporter.line(line)


def pytest_unconfigure():
    """Remove the private folder."""
    _private.cleanup()
