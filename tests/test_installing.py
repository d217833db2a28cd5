"""What `make lab` and `make test` install, when, and what they say where that is impossible."""

import os
import shutil
import signal
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from stand_ins import POSIX, program

ROOT = Path(__file__).resolve().parents[1]
CUDA_WHEEL = "  Downloading torch-2.13.0-cp311-cp311-manylinux_2_28_x86_64.whl (526.6 MB)"
CPU_WHEEL = "  Downloading torch-2.13.0%2Bcpu-cp311-cp311-manylinux_2_28_x86_64.whl (190.1 MB)"
LOCAL_WHEEL = "Processing /some where/torch-2.13.0-cp311-cp311-manylinux_2_28_x86_64.whl"


@pytest.fixture
def setup(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    import setup

    return setup


@pytest.fixture
def installing(setup, tmp_path, monkeypatch):
    """tools/installing.py, at work in an empty copy of the course."""
    import installing

    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    venv = tmp_path / ".venv"
    for name, value in {"ROOT": tmp_path, "VENV": venv, "LOG": venv / "setup.log",
                        "STAMP": venv / "course-stamp.json", "PYTHON": str(venv / "bin" / "python")}.items():
        monkeypatch.setattr(installing, name, value)
    return installing


# --- is anything to be done?

def stamped(installing, extras=("lab",)):
    installing.VENV.mkdir(exist_ok=True)
    installing.write_stamp(list(extras))


@POSIX
def test_the_stamp_knows_what_was_installed_from_what(installing, tmp_path):
    program(Path(installing.PYTHON), "echo 3 11 True")
    assert not installing.is_installed(["lab"])
    stamped(installing, ["lab"])
    assert installing.is_installed(["lab"])
    assert not installing.is_installed(["lab", "test"])
    stamped(installing, ["lab", "test"])
    assert installing.is_installed(["lab"])
    for name in ("constraints.txt", "pyproject.toml"):
        text = (tmp_path / name).read_text()
        (tmp_path / name).write_text(text + "# another\n")
        assert not installing.is_installed(["lab"]), name
        (tmp_path / name).write_text(text)
    assert installing.is_installed(["lab"])


@POSIX
def test_a_course_that_was_moved_is_installed_anew(installing, monkeypatch, tmp_path):
    program(Path(installing.PYTHON), "echo 3 11 True")
    stamped(installing)
    moved = shutil.copytree(tmp_path, tmp_path.with_name(tmp_path.name + "-moved"))
    monkeypatch.setattr(installing, "ROOT", moved)
    assert not installing.is_installed(["lab"])


@POSIX
def test_a_torn_stamp_counts_as_none(installing):
    program(Path(installing.PYTHON), "echo 3 11 True")
    stamped(installing)
    installing.STAMP.write_text(installing.STAMP.read_text()[:20])
    assert not installing.is_installed(["lab"])


@pytest.fixture
def steps(installing, monkeypatch):
    """The steps that were taken, instead of taking them; the doctor answers with the codes it is given."""
    steps = SimpleNamespace(taken=[], doctor=[0])

    def doctor(*options):
        code = steps.doctor.pop(0) if len(steps.doctor) > 1 else steps.doctor[0]
        return SimpleNamespace(returncode=code, stdout="  STOP  something\n")

    monkeypatch.setattr(installing, "doctor", doctor)
    monkeypatch.setattr(installing, "make_venv", lambda: installing.VENV.mkdir(exist_ok=True))
    monkeypatch.setattr(installing, "install_torch", lambda: steps.taken.append("torch"))
    monkeypatch.setattr(installing, "run", lambda command: steps.taken.append(" ".join(command[3:])))
    monkeypatch.setattr(installing, "fits", lambda python: True)
    return steps


def test_torch_comes_first_then_the_course_within_the_tested_versions(installing, steps):
    installing.prepare(["lab", "test"])
    assert steps.taken == ["torch", "install -c constraints.txt -e .[lab,test]"]


def test_the_second_time_nothing_is_installed(installing, steps):
    installing.prepare(["lab"])
    steps.taken.clear()
    installing.prepare(["lab"])
    assert steps.taken == []


def test_what_broke_since_is_repaired(installing, steps):
    installing.prepare(["lab"])
    steps.taken.clear()
    steps.doctor = [1, 0]
    installing.prepare(["lab"])
    assert steps.taken[0] == "torch"


def test_an_installation_that_does_not_work_is_not_called_one(setup, installing, steps):
    steps.doctor = [1]
    with pytest.raises(setup.Problem, match="cannot start"):
        installing.prepare_lesson()


def test_an_interrupted_installation_leaves_no_stamp(installing, steps, monkeypatch):
    installing.prepare(["lab"])
    steps.doctor = [1]

    def interrupted(command):
        raise KeyboardInterrupt

    monkeypatch.setattr(installing, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        installing.prepare(["lab"])
    assert not installing.is_installed(["lab"])


# --- torch without CUDA

@pytest.fixture
def machine(installing, monkeypatch):
    """A Linux machine without a card, whose .venv is a stand-in that writes down what it is asked."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(installing, "has_gpu", lambda: False)
    monkeypatch.setattr(installing, "check_disk", lambda kind: asked.append(f"disk {kind}"))
    asked = []

    def prepare(wheel, uv="exit 0"):
        program(Path(installing.PYTHON), f"""
            echo "$*" >> "{installing.VENV}/asked"
            case "$*" in
                *"pip show"*) exit 1;;
                *"install --dry-run --no-deps --progress-bar"*)
                    trap 'echo tidied >> "{installing.VENV}/asked"; exit 1' INT
                    echo "Collecting torch"; echo '{wheel}'
                    for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.5; done;;
                *uv*--dry-run*) {uv};;
            esac""")

        def install():
            installing.install_torch()
            return (installing.VENV / "asked").read_text().splitlines() + asked

        return install

    return prepare


PLAIN = "-m pip install -c constraints.txt torch"


@POSIX
@pytest.mark.parametrize("wheel", [LOCAL_WHEEL, CPU_WHEEL])
def test_a_wheel_that_needs_no_cuda_is_taken(machine, wheel):
    done = machine(wheel)()
    assert PLAIN in done
    assert not any(" uv " in line for line in done)
    assert "disk cpu" in done


@POSIX
@pytest.mark.parametrize("interrupts", [signal.default_int_handler, signal.SIG_IGN])
def test_asking_pip_does_not_wait_for_the_download(installing, machine, interrupts):
    machine(CUDA_WHEEL)
    begin = time.monotonic()
    before = signal.signal(signal.SIGINT, interrupts)  # ignored, where a script was put into the background
    try:
        assert installing.torch_offered() == ("2.13.0", False)
    finally:
        signal.signal(signal.SIGINT, before)
    assert time.monotonic() - begin < 3
    assert "tidied" in (installing.VENV / "asked").read_text()


@POSIX
def test_instead_of_cuda_uv_gets_the_cpu_build(machine):
    done = machine(CUDA_WHEEL)()
    ours = [line for line in done if "--torch-backend cpu torch==2.13.0" in line]
    assert len(ours) == 2  # asked first, then fetched
    assert "--no-deps" in ours[1]
    assert "--dry-run" not in ours[1]
    assert "-m pip uninstall -y uv" in done
    assert "disk cuda" not in done


@POSIX
def test_where_the_cpu_build_is_out_of_reach_the_size_is_said_first(machine, capsys):
    done = machine(CUDA_WHEEL, uv="echo no address; exit 2")()
    assert PLAIN in done
    assert "disk cuda" in done
    assert sum("--torch-backend cpu" in line for line in done) == 1
    assert "about 3 GB to download" in capsys.readouterr().out


@POSIX
@pytest.mark.parametrize(("platform", "gpu", "disk"), [("linux", True, "cuda"), ("darwin", False, "cpu"),
                                                       ("win32", False, "cpu")])
def test_elsewhere_pip_is_simply_let(installing, machine, monkeypatch, platform, gpu, disk):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(installing.platform, "machine", lambda: "arm64")
    monkeypatch.setattr(installing, "has_gpu", lambda: gpu)
    done = machine(CUDA_WHEEL)()
    assert done == ["-m pip show -q torch", PLAIN, f"disk {disk}"]


@POSIX
def test_an_intel_mac_is_sent_to_conda(setup, installing, machine, monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(installing.platform, "machine", lambda: "x86_64")
    with pytest.raises(setup.Problem, match="no pip build for Intel Macs"):
        machine(CUDA_WHEEL)()


# --- what is said when it cannot be done

@pytest.mark.parametrize(("said", "told"), [
    ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "is full"),
    ("WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError(...: Failed to "
     "establish a new connection: [Errno -3] Temporary failure in name resolution')': /simple/torch/\n"
     "ERROR: Could not find a version that satisfies the requirement torch\n"
     "ERROR: No matching distribution found for torch", "Are you online"),
    ("ERROR: Could not find a version that satisfies the requirement torch (from versions: none)\n"
     "ERROR: No matching distribution found for torch", "No torch was found for Python 3"),
    ("ERROR: Could not install packages: [Errno 13] Permission denied: 'x'", "could not be written"),
    ("error: something new", "error: something new")])
def test_an_installers_words_are_explained(installing, said, told):
    assert told in "\n".join(installing.explain(said.splitlines()))


@POSIX
def test_a_failed_installer_is_told_and_logged(setup, installing):
    program(Path(installing.PYTHON), "echo No space left on device; exit 1")
    with pytest.raises(setup.Problem, match="disk is full"):
        installing.run(installing.pip("install", "x"))
    assert "No space left on device" in installing.LOG.read_text()
    assert "pip install x" in installing.LOG.read_text()


def test_large_downloads_are_said(installing, monkeypatch, capsys):
    installing.VENV.mkdir()
    lines = [CUDA_WHEEL, "  Downloading six-1.17.0-py2.py3-none-any.whl (11 kB)",
             "Downloading numpy-2.4.6-cp311-cp311-manylinux_2_28_x86_64.whl (9.9 MB)"]
    installing.run([sys.executable, "-c", f"print({chr(10).join(lines)!r})"])
    assert capsys.readouterr().out == "  downloading torch (526.6 MB)\n"


def test_a_folder_that_cannot_be_written_to(setup, installing, monkeypatch):
    def touch(path):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "touch", touch)
    with pytest.raises(setup.Problem, match=r"cannot be written to \(Read-only file system\)"):
        installing.install(["lab"])


def test_too_little_disk(setup, installing, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=700 * 2**20))
    with pytest.raises(setup.Problem, match="about 1500 MiB of disk; 700 MiB are free"):
        installing.check_disk("cpu")


def test_somebody_elses_venv_folder_is_left_alone(setup, installing):
    (installing.VENV / "work").mkdir(parents=True)
    with pytest.raises(setup.Problem, match="not a Python environment"):
        installing.make_venv()
    assert (installing.VENV / "work").is_dir()


@POSIX
def test_debians_missing_package_is_named(setup, installing, tmp_path, monkeypatch):
    python = program(tmp_path / "python3", "echo ensurepip is not available; exit 1")
    monkeypatch.setattr(sys, "executable", python)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(setup.Problem, match=r"sudo apt-get install python3\.\d+-venv"):
        installing.make_venv()


def test_settings_that_would_send_pip_elsewhere_are_dropped(installing, monkeypatch):
    for name in ("PIP_TARGET", "PIP_PREFIX", "PYTHONPATH", "VIRTUAL_ENV"):
        monkeypatch.setenv(name, "/elsewhere")
    monkeypatch.setenv("PIP_USER", "1")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy")
    ours = installing.environment()
    assert "/elsewhere" not in ours.values()
    assert ours["PIP_USER"] == "0"
    assert ours["HTTPS_PROXY"] == "http://proxy"


# --- the commands

@pytest.fixture
def became(installing, steps, monkeypatch):
    """The command that the set-up went on as."""
    became = []
    monkeypatch.setattr(installing, "become", lambda command, environment=None: became.extend(command) or 0)
    monkeypatch.setattr(installing.subprocess, "run", lambda command, **more: SimpleNamespace(returncode=0))
    return became


def test_lab_passes_its_options_on(installing, became):
    installing.go("lab", ["--no-browser"])
    assert became[1:] == ["-m", "course_utils", "lab", "--no-browser"]


def test_doctor_installs_nothing(installing, became, steps):
    installing.go("doctor", [])
    assert steps.taken == []
    assert became[1:] == ["-m", "course_utils", "doctor"]


def test_test_runs_pytest_on_the_cores_there_are(installing, became, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    installing.go("test", ["-k", "x"])
    assert became[1:] == ["-m", "pytest", "-n", "4", "-k", "x"]
    became.clear()
    installing.go("test", ["-n0"])
    assert became[1:] == ["-m", "pytest", "-n0"]


def test_no_browser_to_be_had_stops_the_tests_unless_they_need_none(setup, installing, became, monkeypatch):
    monkeypatch.setattr(installing.subprocess, "run", lambda command, **more: SimpleNamespace(returncode=1))
    with pytest.raises(setup.Problem, match="no Chromium or Chrome could be had"):
        installing.go("test", [])
    assert became == []
    installing.go("test", ["-m", "not browser"])
    assert became[-2:] == ["-m", "not browser"]
