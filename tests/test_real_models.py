"""Notebook 13 with the models and without: Run All reaches the bottom, and says what is missing."""

import time

import pytest
import torch
from notebook_parts import ROOT, read

from course_utils.classroom.lab.kernels import run_notebook
from course_utils.datasets import NoModel
from course_utils.datasets.pretrained import ENCODER, WRITER
from course_utils.models import (
    CopyTest,
    LanguageModel,
    copies,
    course_index,
    load_encoder,
    load_language_model,
    random_heads,
    search,
    strongest,
)
from course_utils.models.copying import SHOWN, StoredLanguageModel

NOTEBOOK = ROOT / "notebooks" / "13_real_models.ipynb"
with_models = pytest.mark.skipif(bool(ENCODER.why_not() or WRITER.why_not()),
                                 reason=ENCODER.why_not() or WRITER.why_not() or "the models are here")


def words_of(cell):
    return "".join(output.get("text", "") or output.get("data", {}).get("text/plain", "") for output in cell.outputs)


@pytest.fixture
def absent(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_MODELS", str(tmp_path / "none"))


def test_without_the_models_every_cell_runs_and_two_lines_say_so(absent, tmp_path):
    notebook = read(NOTEBOOK)
    begin = time.monotonic()
    run_notebook(notebook, NOTEBOOK.parent, timeout=120, env={
        "COURSE_MODELS": str(tmp_path / "none"), "COURSE_PROGRESS": str(tmp_path / "progress.json")})
    print(f"Run All without the models: {time.monotonic() - begin:.0f} s")
    said = [words_of(cell) for cell in notebook.cells if cell.cell_type == "code"]
    assert any("all-MiniLM-L6-v2 is not here: `make models` gets it" in text for text in said)
    assert any("SmolLM2-135M-Instruct is not here: `make models` gets it" in text for text in said)
    assert not any("Traceback" in text for text in said)


def test_a_damaged_model_is_told_and_stored_results_stand_in(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COURSE_MODELS", str(tmp_path))
    for model in (ENCODER, WRITER):
        (tmp_path / model.name).mkdir()
        for file in model.files:
            (tmp_path / model.name / file).write_bytes(b"cut off")
    assert not load_encoder().here
    assert not load_language_model().here
    said = capsys.readouterr().out
    assert said.count("is damaged, or of another version") == 2
    assert said.count("\n") == 2


def test_stored_answers_of_the_language_model(absent, capsys):
    model = load_language_model()
    assert model.write("The capital of France is").startswith(" Paris")
    assert model.write("A text of one's own")
    assert "Other texts need the model" in capsys.readouterr().out
    test = CopyTest(model)
    table = test.heads("first")
    assert table.shape == (30, 9)
    assert test.without([])[1] == pytest.approx(copies(test.nats)[1], abs=1e-4)
    with pytest.raises(NoModel, match="make models"):
        test.without([(0, 0)])
    tokens, weights = model.look(SHOWN, [tuple(head) for head in model.about["heads"]])
    assert weights.shape == (3, len(tokens), len(tokens))


@with_models
def test_what_is_stored_is_what_the_model_gives():
    model, stored = LanguageModel(), StoredLanguageModel()
    mine, theirs = CopyTest(model), CopyTest(stored)
    assert torch.allclose(mine.nats, theirs.nats, atol=2e-3)
    sinks = mine.heads("first")
    assert torch.allclose(sinks, theirs.heads("first"), atol=1e-3)
    gone = strongest(sinks, 6)
    assert mine.without(gone) == pytest.approx(theirs.without(gone), abs=5e-3)
    assert model.write("To cook rice, you first") == stored.write("To cook rice, you first")


def test_searching_finds_and_refuses(absent, capsys):
    encoder = load_encoder()
    index = course_index(encoder)
    assert len(search("anything", encoder, index, n=200)) == len(index[0])
    with pytest.raises(ValueError, match="at least one word"):
        search("  ", encoder, index)


@with_models
def test_a_lesson_is_found_by_meaning(capsys):
    encoder = load_encoder()
    index = course_index(encoder)
    assert len(index[0]) > 60
    assert search("Why do large numbers become infinite?", encoder, index)[0].startswith("2.")


def test_random_heads_are_heads_and_no_two_the_same():
    heads = random_heads(0)
    assert len(set(heads)) == 6
    assert all(0 <= layer < 30 and 0 <= head < 9 for layer, head in heads)
