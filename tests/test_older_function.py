"""A function that its cell no longer makes is told as such: in a real kernel, with and without ids of cells."""

import os

import nbformat
import pytest
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient
from notebook_parts import ROOT

START = "from course_utils import check, start\n\nstart()"
FIRST = "import numpy as np\n\n\ndef dot(a, b):\n    return (a * b).max()"
BROKEN = FIRST.replace("return", "retrun np")
CHECK = 'print(check("dot", dot))'


def course(folder):
    """The environment of a kernel that runs in a folder of its own with this course."""
    return {"COURSE_PROGRESS": str(folder / "progress.jsonl"),
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    """A kernel that is asked as JupyterLab asks it, with the id of the cell."""
    manager = KernelManager(kernel_name="python3")
    folder = tmp_path_factory.mktemp("notebooks")
    manager.start_kernel(env={**os.environ, **course(folder)}, cwd=folder)
    client = manager.blocking_client()
    client.start_channels()
    client.wait_for_ready(timeout=60)

    def run(source, cell=None):
        content = {"code": source, "silent": False, "store_history": True, "user_expressions": {},
                   "allow_stdin": False, "stop_on_error": False}
        message = client.session.msg("execute_request", content, metadata={"cellId": cell} if cell else {})
        client.shell_channel.send(message)
        printed = []
        while True:
            reply = client.get_iopub_msg(timeout=60)
            if reply["parent_header"].get("msg_id") != message["header"]["msg_id"]:
                continue
            if reply["msg_type"] == "stream":
                printed.append(reply["content"]["text"])
            if reply["msg_type"] == "error":
                printed.append("\n".join(reply["content"]["traceback"]))
            if reply["msg_type"] == "status" and reply["content"]["execution_state"] == "idle":
                return "".join(printed)

    assert "Traceback" not in run(START, "first")
    yield run
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def test_a_cell_with_a_syntax_error_is_told(kernel):
    kernel(FIRST, "a")
    assert "older function" not in kernel(CHECK, "c")
    kernel(BROKEN, "a")
    told = kernel(CHECK, "c")
    assert "The cell that defines `dot` stopped with SyntaxError in its line 5 when it last ran" in told
    assert "older function" in told
    kernel(FIRST, "a")
    assert "older function" not in kernel(CHECK, "c")


def test_a_cell_that_stops_on_the_way_is_told(kernel):
    kernel(FIRST, "a")
    kernel("import nunpy\n" + FIRST, "a")
    assert "stopped with ModuleNotFoundError when it last ran" in kernel(CHECK, "c")
    kernel(FIRST, "a")


def test_another_cell_with_a_syntax_error_is_told(kernel):
    kernel(FIRST, "a")
    kernel(BROKEN, "another")
    assert "stopped with SyntaxError" in kernel(CHECK, "c")
    kernel(FIRST, "a")


def test_a_class_is_told_of_too(kernel):
    source = "import torch\n\n\nclass MultiHeadAttention(torch.nn.Module):\n    def __init__(self):\n        pass"
    checked = 'print(check("MultiHeadAttention", MultiHeadAttention))'
    kernel(source, "m")
    assert "older function" not in kernel(checked, "c")
    kernel(source + " pass", "m")
    assert "The cell that defines `MultiHeadAttention` stopped with SyntaxError" in kernel(checked, "c")


def test_a_renamed_function_is_told(kernel):
    kernel(FIRST, "a")
    kernel(FIRST.replace("dot", "dott").replace(".max", ".sum"), "a")
    assert "The cell that defined `dot` defines `dott` now: what is checked here is the older function." in kernel(
        CHECK, "c")
    kernel(FIRST, "a")
    kernel("def other(a):\n    return a", "b")
    assert "older function" not in kernel(CHECK, "c")


def test_an_older_function_that_is_right_is_told_too(kernel):
    right = FIRST.replace(".max", ".sum")
    kernel(right, "a")
    kernel(right.replace("dot", "dott"), "a")
    told = kernel(CHECK, "c")
    assert "passed" in told
    assert "older function" in told
    kernel(FIRST, "a")


def test_a_wrong_call_is_one_line(kernel):
    for call, words in (('check("dot")', "answer is missing"), ("check(dot)", 'check("dot", dot)'),
                        ('check("dott", dot)', "such as 'dot'"), ('check("dot", 3)', "without parentheses, got int")):
        told = kernel(call, "d")
        assert words in told
        assert len(told.strip().split("\n")) == 1, told
        assert "Traceback" not in told


@pytest.mark.parametrize("start", [START, START.replace("start()", "")], ids=["watched", "from the history"])
def test_without_ids_the_name_and_the_text_tell(tmp_path, monkeypatch, start):
    for name, value in course(tmp_path).items():
        monkeypatch.setenv(name, value)
    sources = [start, FIRST, CHECK, BROKEN, CHECK, FIRST, CHECK, FIRST.replace("dot", "dott"), CHECK,
               "def other(q, k):\n    return 1", FIRST, CHECK]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    NotebookClient(notebook, timeout=120, allow_errors=True, kernel_name="python3",
                   resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert notebook.cells[0].outputs == []
    told = ["older function" in str(cell.outputs) for cell in notebook.cells if cell.source == CHECK]
    assert told == [False, True, False, True, False]


def test_the_stub_of_another_exercise_is_another_cell(kernel):
    """Without ids, as under nbclient, cells are told apart by their text; stubs are alike but for the name."""
    stub = 'def {0}(a):\n    # hint("{0}") gives a nudge\n    raise NotImplementedError'
    kernel(stub.format("dot"))
    kernel(stub.format("cosine"))
    assert "older function" not in kernel(CHECK)
