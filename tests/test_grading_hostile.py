"""Hostile and broken submissions: each gets its fair score and state, costs nobody else, and leaves nothing behind."""

import contextlib
import ctypes
import json
import os
import select
import socket
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from grading_parts import ASSIGNMENT, GIVEN, NAMES, cell, notebook, older_kernel, points
from hostile_answers import GOOD, HOSTILE, PATCHED, ZERO, first

from course_utils.classroom.grading import forks
from course_utils.classroom.grading.child import wire
from course_utils.classroom.grading.forks import Limits, Nursery, Zygote
from course_utils.classroom.grading.marking import mark
from course_utils.classroom.grading.notebooks import Unreadable, read_bytes

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="children are fenced in on Linux")
ALL, NONE, REST = [4, 4, 2], [0, 4, 2], [4, 2]  # points of softmax, attention, dot

# Honest and odd: name -> (answer to softmax, points of softmax, state of the submission)
ODD = {
    "prints a lot": (first("print('x' * 100_000)"), 4, "graded"),
    "warns": (first("import warnings; warnings.warn('old'); np.log(np.zeros(1))"), 4, "graded"),
    "writes to stderr": (first("import sys; print('careful', file=sys.stderr)"), 4, "graded"),
    "uses magics": ("%matplotlib inline\n!ls\n" + GOOD + "\n%timeit softmax(np.ones(3))", 4, "graded"),
    "plots": ("import matplotlib.pyplot as plt\n" + GOOD + "\nplt.plot(softmax(np.arange(3.0)))\nplt.show()",
              4, "graded"),
    "own test fails below": (GOOD + "\nassert False", 4, "graded"),
    "calls the notebook's check": (GOOD + "\nfrom course_utils import check\ncheck('softmax', softmax)", 4, "graded"),
    "SyntaxError": ("def softmax(x, axis=-1)\n    return x", 0, "graded"),
    "not attempted": ("def softmax(x, axis=-1):\n    raise NotImplementedError", 0, "graded"),
    "tab after spaces": ("def softmax(x, axis=-1):\n        y = x\n\treturn y", 0, "graded"),
    "null bytes": (GOOD + "\0", 0, "graded"),
    "returns nothing": ("def softmax(x, axis=-1): pass", 0, "graded"),
    "returns itself": ("def softmax(x, axis=-1): return softmax", 0, "graded"),
    "nested list": ("def softmax(x, axis=-1):\n    y = []\n    y.append(y)\n    return y", 0, "graded"),
    "name deleted": (GOOD + "\ndel softmax", 0, "graded"),
    "not a function": ("softmax = 3", 0, "graded"),
    "nan payloads": ("def softmax(x, axis=-1):\n    return np.full(x.shape, np.frombuffer("
                     "b'\\x01\\x00\\x00\\x00\\x00\\x00\\xf8\\x7f'))", 0, "graded"),
    "object array": (first("", "    e = np.exp(x - x.max(axis, keepdims=True))\n"
                               "    return (e / e.sum(axis, keepdims=True)).astype(object)"), 0, "graded"),
    "complex": (GOOD.replace("return e", "return 1j * e"), 0, "graded"),
    "tensor in place of an array": (GOOD.replace("return e", "return torch.from_numpy(e)").replace(
        "e.sum(axis=axis, keepdims=True)", "1"), 0, "graded"),
    "single precision": (GOOD + "\nslow = softmax\ndef softmax(x, axis=-1):\n"
                                "    return slow(x, axis).astype('>f4')", 4, "graded"),
    "subclassed array that is right": ("class Mine(np.ndarray): pass\n" + GOOD.replace(
        "return e / e.sum(axis=axis, keepdims=True)",
        "return (e / e.sum(axis=axis, keepdims=True)).view(Mine)"), 4, "graded"),
    "generator": ("def softmax(x, axis=-1): yield x", 0, "graded"),
    "only one axis": ("def softmax(x, axis=-1):\n    e = np.exp(x - x.max(-1, keepdims=True))\n"
                      "    return e / e.sum(-1, keepdims=True)", 3, "graded"),
}


LIMITS = Limits(call=1, cpu=4, wall=3.0, run=2)


@pytest.fixture(scope="module")
def zygote():
    with Zygote(LIMITS) as zygote:
        yield zygote


@pytest.fixture(scope="module")
def old_zygote(tmp_path_factory):
    """One whose children have the fences of Linux 5.15 only."""
    with contextlib.ExitStack() as stack:
        with older_kernel(tmp_path_factory.mktemp("older")):
            zygote = stack.enter_context(Zygote(LIMITS, how="fork"))
        yield zygote


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    """A folder that everybody may read and write, as far as rights go."""
    folder = tmp_path_factory.mktemp("outside")
    for place in (folder, *folder.parents):
        if place.stat().st_uid == os.getuid() and place != Path("/"):
            place.chmod(0o777 if place == folder else place.stat().st_mode | 0o055)
    (folder / "canary").write_text("alive", encoding="utf-8")
    (folder / "canary").chmod(0o666)
    return folder


@pytest.fixture(scope="module")
def listener():
    """A server on this machine that nobody may call."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


def processes(marker):
    """Processes on this machine whose parent is the zygote or whose command line holds a marker."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
                if parent == marker or b"sleep\x0060" in (entry / "cmdline").read_bytes():
                    found.append(entry.name)
            except (OSError, ValueError):
                pass
    return sorted(found)


# A dozen of each kind; the others run with `make test-all`.
QUICK = {"endless loop that swallows", "memory bit by bit", "segmentation fault", "kills the judge", "forks and forks",
         "writes outside", "connects", "patched allclose", "walks the frames", "forged results", "lies about its size",
         "reads the reference"}
QUICK_OLD = {"signals through a pipe", "makes its zygote idle", "kills the judge", "reads the judge's files"}


def some_quick(names, quick):
    """Mark all names slow but for a few."""
    assert quick <= set(names)
    return [pytest.param(name, marks=() if name in quick else pytest.mark.slow) for name in names]


@linux
@pytest.mark.parametrize("name", ODD)
def test_honest_and_odd_answers(name, zygote, outside, listener):
    is_fair(ODD[name], zygote, outside, listener)


@linux
@pytest.mark.parametrize("name", some_quick(HOSTILE, QUICK))
def test_hostile_answers(name, zygote, outside, listener):
    is_fair(HOSTILE[name], zygote, outside, listener)


@linux
@pytest.mark.parametrize("name", some_quick(HOSTILE, QUICK_OLD))
def test_hostile_answers_with_the_fences_of_linux_5_15(name, old_zygote, outside, listener):
    nursery = old_zygote.nursery
    is_fair(HOSTILE[name], old_zygote, outside, listener)
    assert old_zygote.nursery is nursery  # a new one would have this kernel's fences


def test_enough_is_tried():
    assert len({source for source, _, _ in HOSTILE.values()}) >= 100


def is_fair(answer, zygote, outside, listener):
    """Grade one of them, look at its points, and at what is left of it."""
    if not {"system calls", "files"} <= set(zygote.fences):
        pytest.skip(f"this system fences children in by {', '.join(zygote.fences)} only")
    source, fair, state = answer
    course = Path(__file__).parents[1]
    for word, value in {"{outside}": str(outside), "{port}": str(listener.getsockname()[1]),
                        "{course!r}": repr(str(course)),
                        "{path!r}": repr(str(course / "course_utils" / "attention.py"))}.items():
        source = source.replace(word, value)
    began, there_before = time.monotonic(), processes(zygote.nursery.process.pid)
    record = mark(notebook({"softmax": source}), ASSIGNMENT, "ada", zygote)
    assert points(record) == [fair, *REST], json.dumps(record["exercises"][0], indent=1)
    assert record["state"] in ([state] if isinstance(state, str) else state)
    assert time.monotonic() - began < 90
    # Nothing is left: no process, no file, no connection, and the next one is graded as ever.
    assert processes(zygote.nursery.process.pid) == there_before
    assert os.listdir(outside) == ["canary"]
    assert (outside / "canary").read_text(encoding="utf-8") == "alive"
    assert not os.path.exists("/dev/shm/left")
    with pytest.raises(BlockingIOError):
        listener.accept()
    assert str(outside) not in json.dumps(record["exercises"][1:])
    assert zygote.nursery.process.poll() is None


HELPED = "def softmax(x, axis=-1):\n    return ratio(np.exp(x - x.max(axis, keepdims=True)), axis)"
HELPERS = [cell("import functools\ndef ratio(e, axis):\n    return e / total(e, axis)"),
           cell("total = lambda e, axis: e.sum(axis, keepdims=True)")]
FILES = {
    # name -> (bytes, points, state)
    "stray cells": (notebook(before=[cell("while True: pass"), cell("softmax = 3"), cell("1 / 0")]),
                    ALL, "graded"),
    "helper in a cell of its own": (notebook({"softmax": HELPED}, before=HELPERS), ALL, "graded"),
    "endless cells, one after another": (notebook(before=[cell("while True: pass")] * 8), ALL, "graded"),
    "a cell that takes check's place": (notebook({"softmax": ZERO}, before=[cell(
        "import course_utils\ncheck = course_utils.check = lambda *a: True")]), NONE, "graded"),
    "a cell that answers through the kernel": (notebook({"softmax": ZERO}, before=[cell(
        "get_ipython().namespace['softmax'] = own('softmax')")]), NONE, "graded"),
    "a cell that patches the line": (notebook({"softmax": ZERO}, before=[cell(
        "import sys\nsys.modules['wire'].pack = lambda *a: {'passed': True, 'points': 99}")]), [0, 0, 0], "graded"),
    "a cell that ends the kernel": (notebook(before=[cell("import ctypes\nctypes.string_at(0)")]), [0, 0, 0],
                                    "stopped"),
    "a cell that kills the judge": (notebook(before=[cell("import os\nfor p in (os.getppid(), -1): os.kill(p, 9)")]),
                                    ALL, "graded"),
    "a cell that reads the judge's files": (notebook({"softmax": ZERO}, before=[cell(
        f"exec(open({forks.__file__!r}).read())")]), NONE, "graded"),
    "helper below the check": (notebook({"softmax": HELPED}, after=HELPERS), NONE, "graded"),
    # What was shown when all cells had run is what counts.
    "given names rebound": (notebook(before=[cell("np = torch = None\nprint(undefined)")]), [0, 0, 2], "graded"),
    "test cell deleted": (notebook().replace(b"assert softmax", b""), ALL, "graded"),
    "test cell changed": (notebook().replace(b"assert softmax", b"softmax = 3"), ALL, "graded"),
    "answer cell twice": (notebook(after=[cell("def softmax(x, axis=-1):\n    raise NotImplementedError", "softmax")]),
                          ALL, "graded"),
    "answer cell twice, a wrong one first": (notebook(before=[cell("def softmax(x, axis=-1): return x", "softmax")]),
                                             ALL, "graded"),
    "answer cell twice, a wrong one below the check": (
        notebook(after=[cell("def softmax(x, axis=-1): return x", "softmax")]), ALL, "graded"),
    "answer cell missing": (notebook({"softmax": None}), NONE, "graded"),
    "all answer cells missing": (notebook(dict.fromkeys(NAMES)), [0, 0, 0], "missing"),
    "answer in another cell": (notebook({"softmax": None}, before=[cell(GOOD)]), ALL, "graded"),
    "id with a hyphen": (notebook().replace(b'"scaled_dot_product_attention"', b'"scaled-dot-product-attention"'),
                         ALL, "graded"),
    "wrong kernel": (notebook(metadata={"kernelspec": {"name": "ir", "language": "R"}}), ALL, "graded"),
    "no metadata": (notebook().replace(b'"metadata": {"kernelspec"', b'"metadata": {"x"'), ALL, "graded"),
    "not UTF-8": (notebook({"softmax": "# M\N{LATIN SMALL LETTER U WITH DIAERESIS}ller\n" + GOOD}).replace(
        b"\\u00fc", b"\xfc"), ALL, "graded"),
    "byte order mark": (b"\xef\xbb\xbf" + notebook(), ALL, "graded"),
    "UTF-16": (notebook().decode().encode("utf-16"), ALL, "graded"),
    "Windows lines": (notebook().replace(b"\\n", b"\\r\\n"), ALL, "graded"),
    "100 MB of output": (notebook(after=[{**cell("1"), "outputs": [
        {"output_type": "stream", "name": "stdout", "text": ["x" * 999 + "\n"] * 100_000}]}]), ALL, "graded"),
    "empty file": (b"", [0, 0, 0], "unreadable"),
    "cut off": (notebook()[:300], [0, 0, 0], "unreadable"),
    "a PDF": (b"%PDF-1.7\n\xff\xfe", [0, 0, 0], "unreadable"),
    "JSON, no notebook": (b'{"cells": 3}', [0, 0, 0], "unreadable"),
    "JSON list": (b"[1]", [0, 0, 0], "unreadable"),
    "deep JSON": (b"[" * 200_000, [0, 0, 0], "unreadable"),
    "wide JSON": (b"[" + b"[]," * (6 << 20) + b"[]]", [0, 0, 0], "unreadable"),
    "cells that are none": (b'{"nbformat": 4, "metadata": {}, "cells": [3, null]}', [0, 0, 0], "unreadable"),
}


SLOW_FILES = {"endless cells, one after another", "a cell that ends the kernel", "a cell that kills the judge"}


@linux
@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow if name in SLOW_FILES else ())
                                  for name in FILES])
def test_broken_files(name, zygote):
    data, fair, state = FILES[name]
    record = mark(data, ASSIGNMENT, "ada", zygote)
    assert points(record) == fair, json.dumps(record, indent=1)[:3000]
    assert record["state"] == state
    assert state in ("graded", "missing", "stopped") or record["notes"]


@linux
def test_old_formats_are_graded(zygote):
    nbformat = pytest.importorskip("nbformat")
    old = nbformat.convert(nbformat.from_dict(json.loads(notebook())), 3)
    record = mark(json.dumps(old).encode(), ASSIGNMENT, "ada", zygote)
    assert points(record) == ALL
    assert "old format 3" in record["notes"][0]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs links and pipes")
def test_links_pipes_and_folders_are_told(tmp_path):
    (tmp_path / "real.ipynb").write_bytes(notebook())
    (tmp_path / "link.ipynb").symlink_to(tmp_path / "real.ipynb")
    os.mkfifo(tmp_path / "pipe.ipynb")
    (tmp_path / "folder.ipynb").mkdir()
    assert read_bytes(tmp_path / "real.ipynb") == notebook()
    for name, words in (("link", "a link to another place"), ("pipe", "not a file"), ("folder", "not a file"),
                        ("none", "cannot be opened")):
        with pytest.raises(Unreadable, match=words):
            read_bytes(tmp_path / f"{name}.ipynb")


@linux
def test_same_submission_same_record(zygote):
    wrong = notebook({"softmax": ODD["only one axis"][0], "dot": "def dot(a, b): return np.random.rand()"})
    record = mark(wrong, ASSIGNMENT, "ada", zygote)
    mark(notebook({"softmax": PATCHED}), ASSIGNMENT, "eve", zygote)
    assert mark(wrong, ASSIGNMENT, "ada", zygote) == record
    with Zygote(zygote.limits) as another:
        assert mark(wrong, ASSIGNMENT, "ada", another) == record


def both_ways(test):
    """Try a test with bubblewrap and without."""
    ways = ["fork", pytest.param("bubblewrap", marks=pytest.mark.skipif(
        forks.isolation() != "bubblewrap", reason="bubblewrap is not installed, or does not work here"))]
    return linux(pytest.mark.parametrize("how", ways)(test))


@linux
def test_zygotes_of_one_nursery_give_the_same_records_and_end_apart(zygote):
    wrong = notebook({"softmax": ODD["only one axis"][0]})
    wanted = mark(wrong, ASSIGNMENT, "ada", zygote)
    with Nursery(3) as nursery:
        one, two = (Zygote(zygote.limits, nursery=nursery) for _ in range(2))  # the third is not wanted
        assert mark(wrong, ASSIGNMENT, "ada", one) == mark(wrong, ASSIGNMENT, "ada", two) == wanted
        one.close()
        assert mark(wrong, ASSIGNMENT, "ada", two) == wanted
        assert nursery.process.poll() is None
        two.close()
    assert nursery.process.poll() == 0
    assert processes(nursery.process.pid) == []


@both_ways
def test_what_an_assignment_allows_is_there_and_no_more_of_the_course(how):
    source = f"""import importlib
from course_utils.shapes import check_shape
def softmax(x):
    said = [check_shape.__name__]
    for attempt in (lambda: importlib.import_module("course_utils.attention"), lambda: open({forks.__file__!r})):
        try:
            attempt()
        except Exception as error:
            said.append(type(error).__name__)
    raise ValueError(said)"""
    with Zygote(allowed=["course_utils.shapes"], how=how) as zygote:
        if "files" not in zygote.fences:
            pytest.skip("this kernel keeps no process from reading files")
        rows = mark(notebook({"softmax": source}), ASSIGNMENT, "ada", zygote)["exercises"][0]["rows"]
    said = "ValueError: ['check_shape', 'Refused', 'PermissionError']"
    assert ["What happened", said] in [row[:2] for row in rows]


@both_ways
def test_a_nursery_that_nobody_needs_ends_with_all_that_it_started(how):
    with Nursery(2, how) as nursery:
        words = os.dup(nursery.process.stderr.fileno())
    assert nursery.process.poll() is not None
    assert select.select([words], [], [], 5)[0]  # nobody is left who could say anything
    assert os.read(words, 1) == b""
    os.close(words)


@linux
def test_a_zygote_that_does_not_come_up_says_why(monkeypatch, tmp_path):
    broken = tmp_path / "zygote.py"
    broken.write_text("raise OSError('there is no room')", encoding="utf-8")
    monkeypatch.setattr(forks, "_ZYGOTE", broken)
    with pytest.raises(RuntimeError, match=r"no process to grade in could be started \(fork\): .*there is no room"):
        Zygote(how="fork")


@linux
def test_matplotlib_is_there_for_whoever_needs_it_and_changes_no_record():
    """It takes long to import, so a zygote does it when the first answer needs it, wherever that is written."""
    helper = cell("import matplotlib.pyplot as plt\ndef show(x):\n    plt.plot(x)")
    look = "raise ValueError(('matplotlib' in sys.modules, 'plt' in globals()))"
    sources = {"plain": f"import sys\ndef softmax(x):\n    {look}",
               "far": f"import sys\ndef softmax(x):\n    show(x)\n    {look}",
               "inside": f"import sys\ndef softmax(x):\n    from matplotlib import pyplot\n    {look}"}
    files = {name: notebook({"softmax": source}, before=[helper]) for name, source in sources.items()}
    for order in (("plain", "far", "inside"), ("inside", "far", "plain")):
        with Zygote() as zygote:
            records = {name: mark(files[name], ASSIGNMENT, "ada", zygote) for name in order}
            if order[0] == "plain":
                first = records
            assert not zygote.can_import_plotting
        for name in ("far", "inside"):
            assert ["What happened", "ValueError: (True, True)"] in [
                row[:2] for row in records[name]["exercises"][0]["rows"]]
            assert records[name] == first[name]


@linux
def test_the_zygote_has_never_seen_a_test(zygote):
    source = ("import sys\ndef softmax(x, axis=-1):\n    raise ValueError(sorted(m for m in sys.modules "
              "if 'course' in m or 'exercises' in m or 'grading' in m or 'checks' in m))")
    record = mark(notebook({"softmax": source}), ASSIGNMENT, "ada", zygote)
    assert ["What happened", "ValueError: ['course_utils']"] in record["exercises"][0]["rows"]  # the stand-in


@linux
def test_all_fences_that_this_kernel_offers_stand(zygote):
    assert "limits" in zygote.fences
    assert ("system calls" in zygote.fences) == os.path.exists("/proc/sys/kernel/seccomp")
    offered = ctypes.CDLL(None).syscall(444, None, 0, 1) > 0  # which version of Landlock
    assert ("files" in zygote.fences) == offered


def test_a_spawned_worker_gives_the_same_records():
    with Zygote(Limits(call=2, cpu=8, wall=60.0), how="spawn") as zygote:
        record = mark(notebook({"softmax": ODD["only one axis"][0]}), ASSIGNMENT, "ada", zygote)
        assert points(record) == [3, 4, 2]
        assert record["state"] == "graded"
        record = mark(notebook({"dot": "def dot(a, b):\n    import ctypes\n    ctypes.string_at(0)"}), ASSIGNMENT,
                      "ada", zygote)
        assert (points(record), record["state"]) == ([4, 4, 0], "stopped")


@pytest.mark.parametrize("thing", [
    {"a": ["<f8", [2], -8]}, {"a": ["<f8", [-1], 0]}, {"a": ["O", [1], 0]}, {"a": ["<f8", [1 << 62], 0]},
    {"a": ["<f8,<f8", [1], 0]}, {"a": [["<f8"], [1], 0]}, {"a": 3}, {"t": ["<M8[s]", [1], 0]}, {"a": ["<f16", [1], 0]},
    {"l": [{"v": {}}]}, {"v": []}, {}, [], None, {"z": 1}, {"d": [[[], {"v": 1}]]}, {"h": 0}, {"u": "abc"},
    {"a": ["<f8", [True], 0]}, {"a": ["<f8", ["2"], 0]}, {"a": ["<f8", [2, 2], 0], "o": [0, 0]},
    {"a": ["<f8", [2, 2], 0], "o": [1]}, {"a": ["<f8", [2, 2], 0], "o": [False, True]},
    {"a": ["<f8", [2, 2], 0], "o": 1}, {"t": ["<f8", [2, 2], 0], "o": [0, {}]}])
def test_what_is_not_in_the_format_is_refused(thing):
    with pytest.raises(wire.Bad):
        wire.unpack(thing, b"\0" * 64)


@pytest.mark.parametrize("axes", [(0, 1, 2), (0, 2, 1), (2, 0, 1), (1, 2, 0)])
def test_an_array_travels_in_its_order_in_memory(axes):
    torch = pytest.importorskip("torch")
    array = np.arange(24.0).reshape(2, 3, 4).transpose(axes)
    for value in (array, torch.arange(24.0).reshape(2, 3, 4).permute(axes)):
        body = bytearray(b"before")
        received = wire.unpack(wire.pack(value, body), bytes(body))
        assert (value == received).all()
        assert (value.strides == received.strides if value is array else value.stride() == received.stride())


def test_a_forged_boolean_is_true_or_false():
    assert wire.unpack({"a": ["|b1", [3], 0]}, b"\x00\x01\x07").tobytes() == b"\x00\x01\x01"


@pytest.mark.parametrize("change", [
    lambda x: x.fill(7), lambda x: x.__setitem__((0, 0), -0.0), lambda x: setattr(x, "shape", (6,)),
    lambda x: x.sort(axis=1)])
def test_an_argument_that_was_written_into_is_seen(change):
    body = bytearray(b"before")
    sent = wire.pack(np.array([[0.0, 5.0, 2.0], [3.0, 1.0, 4.0]]), body)
    received = wire.unpack(sent, bytes(body))
    out = bytearray(b"the result comes first")
    assert wire.holds_still(sent, body, wire.pack_back(received, sent, out), out)
    change(received)
    assert not wire.holds_still(sent, body, wire.pack_back(received, sent, out), out)
    for forged in (None, {}, {"a": 3}, {"a": [sent["a"][0], sent["a"][1], "0"]}, {"t": sent["a"]}, {"v": 1}, []):
        assert not wire.holds_still(sent, body, forged, out)


def test_a_tensor_that_was_written_into_is_seen():
    torch = pytest.importorskip("torch")
    for change in (torch.Tensor.zero_, lambda x: x.transpose_(0, 1), lambda x: setattr(x, "data", x.data.double())):
        body = bytearray()
        sent = wire.pack(torch.arange(6.0).reshape(2, 3), body)
        received = wire.unpack(sent, bytes(body))
        out = bytearray()
        assert wire.holds_still(sent, body, wire.pack_back(received, sent, out), out)
        change(received)
        assert not wire.holds_still(sent, body, wire.pack_back(received, sent, out), out)


def test_what_lists_tuples_and_dicts_hold_is_watched_too():
    def state():
        return np.array([-np.inf, 2.0]), [3, 0.5, "x", None], {"o": np.zeros((2, 1)), "n": 1}

    def changed(change):
        body, out, received = bytearray(), bytearray(), state()
        sent = wire.pack(received, body)
        change(received)
        return not wire.holds_still(sent, body, wire.pack_back(received, sent, out), out)

    assert not changed(lambda s: None)
    for change in (lambda s: s[0].fill(1), lambda s: s[1].append(4), lambda s: s[1].__setitem__(0, 3.0),
                   lambda s: s[1].__setitem__(3, [None]), lambda s: s[2]["o"].fill(1), lambda s: s[2].update(n=2),
                   lambda s: s[2].pop("n"), lambda s: s[2].update(o=1), lambda s: s[1].__setitem__(0, np.ones(1))):
        assert changed(change)
    body = bytearray()
    sent = wire.pack(state(), body)
    for forged in (None, {}, {"u": 3}, {"u": [1, 2, 3]}, {"u": [None] * 3}, {"u": [{"a": None}, {}, {"d": [[]]}]}, []):
        assert not wire.holds_still(sent, body, forged, b"")


def test_given_cells_are_what_the_assignment_says():
    assert GIVEN == ASSIGNMENT.given
