"""What a whole submission may use, what the judge believes of a child, and what is said of odd answers."""

import dataclasses
import json
import sys
from pathlib import Path

import pytest
from grading_parts import ASSIGNMENT, RIGHT, notebook, points
from hostile_answers import WRITES

from course_utils.classroom.grading.child import wire
from course_utils.classroom.grading.forks import Gone, Limits, Zygote
from course_utils.classroom.grading.marking import mark
from course_utils.classroom.grading.pages import feedback_page
from course_utils.classroom.grading.words import printable

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="children are forked on Linux")
BLIND = """import sys
wire = sys.modules["wire"]
wire.pack_back = {what}
wire.holds_still = lambda *anything: True
"""


@pytest.fixture(scope="module")
def zygote():
    with Zygote(Limits(call=1, cpu=4, wall=4.0, run=2), how="fork") as zygote:
        yield zygote


@pytest.mark.parametrize("what", ["lambda *anything: None", "lambda value, sent, body: dict(sent)",
                                  "lambda value, sent, body: {'a': ['<f8', [0], 0]}"])
def test_an_answer_cannot_blind_the_watch_on_its_arguments(zygote, what):
    seen = mark(notebook({"softmax": WRITES}), ASSIGNMENT, "eve", zygote)
    assert points(seen) == [0, 4, 2]
    blind = mark(notebook({"softmax": BLIND.replace("{what}", what) + WRITES}), ASSIGNMENT, "eve", zygote)
    assert points(blind) == [0, 4, 2]
    assert any("it changes its argument x" in part["why_not"] for part in seen["exercises"][0]["parts"])


def test_waiting_in_every_call_has_an_end_that_is_told(zygote, monkeypatch):
    monkeypatch.setattr(zygote, "limits", dataclasses.replace(zygote.limits, whole=5.0))
    waits = RIGHT["softmax"].replace("    e =", "    import select; select.select([], [], [], 1.3)\n    e =")
    record = mark(notebook({"softmax": waits}), ASSIGNMENT, "eve", zygote)
    words = "ll calls of this notebook together took more than 5 seconds by the clock"
    assert record["notes"] == [f"A{words}. What was to come then was not run."]
    assert f"a{words}" in json.dumps(record["exercises"])
    assert f"A{words}" in feedback_page(record)
    assert record["state"] == "stopped"
    assert mark(notebook(), ASSIGNMENT, "ada", zygote)["notes"] == []  # the next one begins anew


def test_large_results_are_not_kept_without_end(zygote, monkeypatch):
    monkeypatch.setattr(zygote, "limits", dataclasses.replace(zygote.limits, results=20 << 20))
    large = RIGHT["softmax"] + "\nslow = softmax\ndef softmax(x, axis=-1): return np.zeros(1 << 20)"
    record = mark(notebook({"softmax": large}), ASSIGNMENT, "eve", zygote)
    assert record["notes"] == ["All results of this notebook together were larger than 20 MiB. What was to come then "
                               "was not run."]
    assert zygote.received <= (20 << 20) + wire.MAX_FRAME


def test_json_that_would_fill_the_judges_memory_is_refused(zygote):
    wide = ("import os, struct\ndef softmax(x, axis=-1):\n"
            "    reply = b'{\"result\": [' + b'[],' * (3 << 20) + b'[]]}'\n"
            "    os.write(3, struct.pack('>II', len(reply), 0))\n    os.write(3, reply)")
    child = zygote.child()
    request = {"do": "load", "wanted": "softmax", "answer": wide, "given": (), "others": ()}
    assert child.ask(request)[0]["defined"]
    body = bytearray()
    call = {"do": "call", "target": 0, "number": 0, "args": wire.pack((1.0,), body), "kwargs": wire.pack({}, body)}
    with pytest.raises(Gone) as told:
        child.ask(call, body)
    assert told.value.kind == "garbled"


# --- what is said ---


ODD = {
    "sparse": ("return (weights @ v).to_sparse(), weights", "be dense, got a sparse coo tensor"),
    "meta": ("return (weights @ v).to('meta'), weights",
             "hold numbers, got a tensor on the meta device, which holds none"),
    "complex": ("return (weights @ v) * 1j, weights", "hold numbers, got complex"),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_tensors_are_called_what_they_are_here_and_there(zygote, name):
    import torch

    from course_utils.checks import diagnose

    line, words = ODD[name]
    source = RIGHT["scaled_dot_product_attention"].replace("return weights @ v, weights", line)
    result = mark(notebook({"scaled_dot_product_attention": source}), ASSIGNMENT, "ada", zygote)["exercises"][1]
    assert result["status"] == "wrong"
    assert words in dict((row[0], row[1]) for row in result["rows"])["What happened"]
    space = {"torch": torch}
    exec(source, space)
    here = diagnose(ASSIGNMENT.exercises[1], space["scaled_dot_product_attention"])
    assert words in here.trouble.message


def test_an_array_of_complex_numbers_is_called_one(zygote):
    source = RIGHT["softmax"].replace("return e", "return 1j * e")
    rows = mark(notebook({"softmax": source}), ASSIGNMENT, "ada", zygote)["exercises"][0]["rows"]
    assert "should hold numbers, got complex128" in rows[0][1]


AS_IN_THE_NOTEBOOK = {
    "scripted": "@torch.jit.script\n",
    "compiled": "@torch.compile(backend='eager')\n",
    "threads": "torch.set_num_threads(4)\ntorch.ones(300, 300) @ torch.ones(300, 300)\n",
}


@pytest.mark.parametrize("name", AS_IN_THE_NOTEBOOK)
def test_what_pytorch_does_in_a_notebook_is_done_here(zygote, name):
    source = AS_IN_THE_NOTEBOOK[name] + RIGHT["scaled_dot_product_attention"]
    assert points(mark(notebook({"scaled_dot_product_attention": source}), ASSIGNMENT, "ada", zygote)) == [4, 4, 2]


def test_a_cell_without_text_is_an_empty_one(zygote):
    odd = json.loads(notebook())
    odd["cells"].insert(1, {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None})
    record = mark(json.dumps(odd).encode(), ASSIGNMENT, "ada", zygote)
    assert (points(record), record["state"]) == ([4, 4, 2], "graded")
    assert "no text at all" in record["notes"][0]


def test_who_misses_an_earlier_answer_is_told_so(zygote):
    colon = RIGHT["softmax"].replace("):", ")", 1)
    dot = "def dot(a, b):\n    softmax(np.ones(3))\n    return sum(x * y for x, y in zip(a, b))"
    record = mark(notebook({"softmax": colon, "dot": dot}), ASSIGNMENT, "ada", zygote)
    assert points(record) == [0, 4, 0]
    assert any("`softmax` is what the cell of softmax is to define" in note for note in record["exercises"][2]["notes"])


def test_a_part_says_what_does_not_hold(zygote):
    source = RIGHT["softmax"] + "\nsharp = softmax\ndef softmax(x, axis=-1): return sharp(2 * x, axis)"
    record = mark(notebook({"softmax": source}), ASSIGNMENT, "ada", zygote)
    told = [part["why_not"] for part in record["exercises"][0]["parts"]]
    properties = [probe.name for probe in ASSIGNMENT.exercises[0].probes]
    assert told
    assert not set(told) & set(properties)


def test_no_path_of_this_machine_is_in_a_record(zygote):
    source = ("import os, sys\ndef softmax(x, axis=-1):\n    raise ValueError(f'{sys.prefix}/lib/x.py {np.__file__} '\n"
              "        f'{os.path.expanduser(\"~\")} {os.getcwd()}/secret/x')")
    dot = "def dot(a, b): return 0\nopen(np.__file__ + 'x/y')"
    record = mark(notebook({"softmax": source, "dot": dot}), ASSIGNMENT, "ada", zygote)
    told = json.dumps([{**result, "source": ""} for result in record["exercises"]]) + feedback_page(record)
    assert sys.prefix not in told
    assert "site-packages" not in told
    assert "…/lib/x.py" in feedback_page(record)  # as far as the student wrote it


def test_names_reach_the_terminal_as_text(tmp_path, capsys):
    from course_utils.classroom.cli import main

    [source] = (Path(__file__).parents[1] / "docs" / "teaching" / "homework").glob("hw1_*.ipynb")
    (tmp_path / "a\x1b[2Jda.ipynb").write_bytes(b"{}")
    (tmp_path / "b\x9b2Job.ipynb").write_bytes(b"{}")
    main(["homework", "grade", str(source), str(tmp_path), str(tmp_path / "out"), "--dry-run"])
    said = capsys.readouterr()
    assert "2 submissions" in said.out
    assert not {"\x1b", "\x9b"} & set(said.out + said.err)
    assert printable("\udcff می\u200cخواهم 王") == "\\udcff می\u200cخواهم 王"
