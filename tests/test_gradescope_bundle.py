"""Gradescope's bundle on images of all kinds: which Python it takes, and what it says where there is none.

The scripts run as they are packed, in a folder laid out as Gradescope's, with a real Python 3.10 as the image's.
Package managers and uv are stand-ins: what they do elsewhere takes a network.
"""

import json
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from notebook_parts import ROOT

from course_utils.classroom.grading import gradescope

pytestmark = pytest.mark.skipif(os.name == "nt", reason="a bundle runs on Gradescope's Linux")
TOOLS = ("bash", "cat", "chmod", "env", "ln", "mkdir", "printf", "rm", "sed", "sh", "tee", "tr")
SOURCE = next(iter(sorted((ROOT / "docs" / "teaching" / "homework").glob("hw4*.ipynb"))), None)

# A Python that says of itself that it is a candidate, as Ubuntu 22.04's python3.11 does.
CANDIDATE = """import collections, sys
Version = collections.namedtuple("Version", "major minor micro releaselevel serial")
sys.version_info = Version(3, 11, 0, "candidate", 1)
exec(sys.argv[2])
"""
APT_GET = """#!/bin/bash
echo "apt-get $*" >> "$LOG"
for word; do
    [ -f "$APT/$word" ] && { ln -sf "$APT/$word" "$BIN/$word"; found=yes; }
done
[ "$1" = update ] || [ -n "${found:-}" ]
"""
UV = r"""#!/bin/bash
echo "uv $*" >> "$LOG"
case "$1 $2" in
    "python install") [ "$3" = "$UV_HAS" ] ;;
    "pip install") [ -z "$UV_NO_PACKAGES" ] ;;
    venv*) mkdir -p "$4/bin" && printf '#!/bin/sh\nexec "%s" "$@"\n' "$PYTHON" > "$4/bin/python" &&
           chmod +x "$4/bin/python" ;;
esac
"""


def python_3_10():
    """A real Python 3.10 of this machine, or None."""
    places = [os.environ.get("COURSE_PYTHON_3_10"), shutil.which("python3.10"),
              *map(str, sorted(Path.home().glob(".pyenv/versions/3.10*/bin/python3.10")))]
    ask = "import sys, ensurepip; print(sys.version_info[:2] == (3, 10))"
    for place in filter(None, places):
        done = subprocess.run([place, "-c", ask], capture_output=True, text=True, check=False)
        if done.stdout.strip() == "True":
            return place
    return None


def executable(path, text):
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture
def image(tmp_path):
    """An image with the bundle unpacked, Python 3.10, and nothing else on its path than a few tools."""
    old = python_3_10()
    if old is None:
        pytest.skip("there is no Python 3.10 here; COURSE_PYTHON_3_10 may name one")
    root, path, apt, wheels = (tmp_path / name for name in ("autograder", "bin", "apt", "wheels"))
    for folder in (path, apt, wheels, root / "submission"):
        folder.mkdir(parents=True)
    for tool in TOOLS:
        if shutil.which(tool):
            (path / tool).symlink_to(shutil.which(tool))
    executable(path / "python3", f'#!/bin/sh\nexec "{old}" "$@"\n')
    (tmp_path / "autograder.zip").write_bytes(gradescope.bundle(SOURCE))
    with zipfile.ZipFile(tmp_path / "autograder.zip") as archive:
        archive.extractall(root / "source")
    return Image(tmp_path, root, path, apt, wheels)


class Image:
    """What a test puts on it, and what runs there."""

    def __init__(self, folder, root, path, apt, wheels):
        self.folder, self.root, self.path, self.apt, self.wheels = folder, root, path, apt, wheels
        self.log = folder / "log"
        self.log.touch()

    def with_apt(self, **packages):
        """A package manager with these packages: name and what the program does."""
        executable(self.path / "apt-get", APT_GET)
        for name, text in packages.items():
            executable(self.apt / name.replace("_", "."), text)

    def with_pypi(self):
        """A place from which pip gets a stand-in for uv."""
        with zipfile.ZipFile(self.wheels / "uv-1.0-py3-none-any.whl", "w") as wheel:
            program = zipfile.ZipInfo("uv-1.0.data/scripts/uv")
            program.external_attr = 0o100755 << 16
            wheel.writestr(program, UV)
            wheel.writestr("uv-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: uv\nVersion: 1.0\n")
            wheel.writestr("uv-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\n"
                                                     "Tag: py3-none-any\n")
            wheel.writestr("uv-1.0.dist-info/RECORD", "")

    def run(self, script, **more):
        done = subprocess.run([self.path / "bash", self.root / "source" / script], check=False, capture_output=True,
                              text=True, timeout=300, cwd=self.root, env={
                                  "PATH": str(self.path), "AUTOGRADER_ROOT": str(self.root), "LOG": str(self.log),
                                  "APT": str(self.apt), "BIN": str(self.path), "PYTHON": sys.executable,
                                  "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.wheels), "UV_HAS": "",
                                  "UV_NO_PACKAGES": "", "OMP_NUM_THREADS": "1", **more})
        assert done.returncode == 0, done.stderr
        return done.stdout

    def results(self):
        (self.root / "submission" / "My homework.ipynb").write_bytes(SOURCE.read_bytes())
        self.run("run_autograder")
        return json.loads((self.root / "results" / "results.json").read_text(encoding="utf-8"))

    def said(self, start):
        return [line for line in self.log.read_text(encoding="utf-8").splitlines() if line.startswith(start)]


SUPPORTED = f'#!/bin/sh\nexec "{sys.executable}" "$@"\n'


def test_a_python_of_the_package_manager_is_taken(image):
    image.with_apt(python3_12=SUPPORTED)
    image.with_pypi()
    image.run("setup.sh")
    assert image.said("apt-get install")[-1].endswith(" python3.12")
    assert image.said("uv python") == []
    [made] = image.said("uv venv")
    assert f"--python {image.path / 'python3.12'} " in made
    assert not (image.root / "source" / "why-not.txt").exists()
    assert all(not path.stat().st_mode & 0o077 for path in (image.root / "source").rglob("*"))


def test_a_candidate_is_no_release_and_uv_brings_one(image):
    fake = image.folder / "candidate.py"
    fake.write_text(CANDIDATE, encoding="utf-8")
    image.with_apt(python3_11=f'#!/bin/sh\nexec "{sys.executable}" "{fake}" "$@"\n')
    image.with_pypi()
    image.run("setup.sh", UV_HAS="3.12")
    assert [line.split()[-1] for line in image.said("apt-get install")] == ["python3.13", "python3.12", "python3.11"]
    assert (image.path / "python3.11").exists()
    assert image.said("uv python") == ["uv python install 3.13", "uv python install 3.12"]
    assert image.said("uv venv")[0].startswith("uv venv --python 3.12 ")
    results = image.results()
    assert len(results["tests"]) > 4
    assert [test for test in results["tests"] if test["score"] != test["max_score"]] == []


def test_where_both_fail_every_submission_says_so_in_one_sentence(image):
    image.with_apt()
    image.with_pypi()
    said = image.run("setup.sh")
    assert image.said("uv venv") == []
    for _ in range(2):
        results = image.results()
        assert results["score"] == 0
        assert results["output"] in said
        assert results["output"].startswith(
            "Nothing was graded, and the 0 is no grade: the autograder needs Python 3.11 to 3.13, its image has "
            "Python 3.10.")
        assert results["output"].endswith("neither the package manager nor uv could install another one.")
        assert set(results) == {"score", "output", "output_format", "visibility", "stdout_visibility"}


def test_no_uv_and_no_packages_are_said_too(image):
    no_pip = f'#!/bin/sh\n[ "$1" = -m ] && exit 1\nexec "{sys.executable}" "$@"\n'
    executable(image.path / "python3", no_pip)
    image.run("setup.sh")
    assert "could not install uv" in image.results()["output"]
    executable(image.path / "python3", SUPPORTED)
    image.with_pypi()
    image.run("setup.sh", UV_NO_PACKAGES="yes")
    assert "could not install its packages" in image.results()["output"]


def test_an_image_with_a_python_that_is_supported_needs_none(image):
    executable(image.path / "python3", SUPPORTED)
    image.with_apt()
    image.with_pypi()
    image.run("setup.sh")
    assert image.said("apt-get") == []
    assert image.said("uv python") == []


def test_a_run_that_fails_says_so_and_leaves_no_older_results(image):
    (image.root / "results").mkdir()
    (image.root / "results" / "results.json").write_text('{"score": 23}', encoding="utf-8")
    (image.root / "submission" / "hw.ipynb").write_text("{}")
    executable(image.path / "broken", "#!/bin/sh\nexit 3\n")
    image.run("run_autograder", AUTOGRADER_PYTHON=str(image.path / "broken"))
    results = json.loads((image.root / "results" / "results.json").read_text(encoding="utf-8"))
    assert results["score"] == 0
    assert "the autograder itself failed" in results["output"]


def test_the_bundle_asks_for_what_the_course_asks_for(image):
    text = (image.root / "source" / "setup.sh").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [line for line in project["dependencies"] if line.startswith(("numpy", "torch", "matplotlib"))]
    assert all(f"'{line}'" in text for line in wanted)
    assert "__" not in text + (image.root / "source" / "run_autograder").read_text(encoding="utf-8")
