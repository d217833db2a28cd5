"""Fixtures for the tests that look at a real JupyterLab in a real browser."""

import os
import shutil
from pathlib import Path

import pytest
from notebook_parts import ROOT

from course_utils.classroom.lab.driver import driven_lab


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """One JupyterLab and one browser page for all tests of a run, on a copy of the notebooks."""
    root = tmp_path_factory.mktemp("lab")
    shutil.copytree(ROOT / "notebooks", root / "notebooks", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    shutil.copytree(ROOT / "docs", root / "docs")
    with driven_lab(root) as lab:
        lab.root = root
        yield lab


@pytest.fixture(scope="session")
def shots(tmp_path_factory):
    """Folder for screenshots; the environment variable COURSE_SHOTS names one to keep."""
    folder = Path(os.environ.get("COURSE_SHOTS") or tmp_path_factory.mktemp("shots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
