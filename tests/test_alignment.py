"""The alignment figure: what is typed is translated in the kernel; what cannot be is told, and nothing runs it."""

import re

import nbformat
import numpy as np
import pytest
from figure_page import next_frame, opened, pixels, set_state, state

from course_utils.explorers import AlignmentExplorer
from course_utils.models.translation import DATES

HOSTILE = "<img src=x onerror=alert(1)>"


def backwards(text):
    """Stands for a model: it writes a text backwards and looks at the character that it writes."""
    return text[::-1], np.eye(len(text))[::-1]


def figure(text="abc", **options):
    return AlignmentExplorer(backwards, text, ["no", HOSTILE], label="your own", **options)


def shown(page):
    return page.locator(".cu-said").inner_text().replace("\u2068", "").replace("\u2069", "")


def test_a_text_is_translated_when_it_is_set():
    alignment = figure(cell=[2, 0])
    assert (alignment.text, alignment.written, alignment.kind, alignment.answers) == ("abc", "cba", "alignment", 0)
    assert alignment.cell == [2, 0]
    alignment.text = "hello"
    assert (alignment.written, alignment.problem, alignment.answers) == ("olleh", "", 1)
    assert alignment.weights.tolist() == np.eye(5)[::-1].tolist()
    assert alignment.cell == [0, 4]
    assert [picture["name"] for picture in alignment.pictures] == ["your own", "no", HOSTILE]


def test_a_text_that_is_typed_takes_the_place_of_an_example():
    alignment = figure(preset=1)
    assert alignment.written == "on"
    alignment.text = "xyz"
    assert (alignment.preset, alignment.written) == (0, "zyx")


@pytest.mark.parametrize(("write", "words"), [
    (lambda text: text, r"write should give \(written, weights\), got 'b'"),
    (lambda text: (text, None), "write should give attention weights, got None: the model has no attention"),
    (lambda text: (text, [[1.0, 0.0]]), r"weights should have shape \(T=1, S=1\)"),
    (lambda text: 1 / 0, "ZeroDivisionError: division by zero"),
    (lambda text: DATES.translate(None, text + "#"), "texts should hold only the characters"),
])
def test_what_goes_wrong_in_a_model_is_told_and_the_picture_stays(write, words):
    alignment = AlignmentExplorer(lambda text: backwards(text) if text == "a" else write(text), "a")
    alignment.text = "b"
    assert re.search(words, alignment.problem)
    assert len(alignment.problem) <= 240
    assert (alignment.written, alignment.answers) == ("a", 1)
    alignment.text = "a"
    assert alignment.problem == ""


@pytest.mark.parametrize(("arguments", "words"), [
    ((backwards, ""), "text should be a text of 1 to 60 characters, got ''"),
    ((backwards, "x" * 61), "text should be a text of 1 to 60 characters"),
    ((backwards, "abc", [3]), "text should be a text of 1 to 60 characters, got 3"),
    ((None, "abc"), "write should be a function of a text, got NoneType"),
    ((lambda text: text, "abc"), r"write should give \(written, weights\), got 'abc'"),
])
def test_bad_arguments_are_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        AlignmentExplorer(*arguments)


def test_the_three_forms_tell_what_is_read_and_written():
    bundle, metadata = figure()._repr_mimebundle_()
    assert "reads: 'abc'\n  writes: 'cba'" in bundle["text/plain"]
    assert set(bundle) >= {"application/vnd.jupyter.widget-view+json", "image/png", "text/plain"}
    assert metadata["image/png"]["alt"].startswith("'abc' becomes 'cba'. Alignment.")
    other = figure("abd")
    assert other.fingerprint() != figure().fingerprint()


# --- in a browser ---


@pytest.fixture(scope="module")
def context():
    from course_utils.classroom.lab.driver import chromium, new_context

    with chromium() as browser:
        yield new_context(browser, viewport={"width": 1280, "height": 720})


def submit(page, text):
    page.locator(".cu-form input").fill(text)
    page.keyboard.press("Enter")
    next_frame(page)


@pytest.mark.browser
def test_examples_need_no_kernel_and_markup_stays_text(context, tmp_path):
    with opened(context, tmp_path, figure()) as page:
        assert shown(page) == "abc → cba"
        before = pixels(page)
        page.get_by_label("show").select_option("2")
        next_frame(page)
        assert shown(page) == f"{HOSTILE} → {HOSTILE[::-1]}"
        assert pixels(page) != before
        assert page.locator(".cu img").count() == 0


@pytest.mark.browser
def test_a_text_is_asked_for_and_its_answer_is_shown(context, tmp_path):
    alignment = figure()
    with opened(context, tmp_path, alignment) as page:
        before = pixels(page)
        submit(page, "  abcd ")
        assert state(page, "text") == "abcd"
        assert shown(page) == "…"
        alignment.text = "abcd"  # what a kernel would do; its weights travel as bytes
        picture = alignment.pictures[0]
        weights = picture["weights"] | {"data": list(picture["weights"]["data"])}
        page.evaluate("""picture => { const model = [...liveFigures.values()].find(each => each.get('kind'));
            picture.weights.data = new DataView(new Uint8Array(picture.weights.data).buffer);
            model.set('pictures', [picture, ...model.get('pictures').slice(1)]);
            model.set('answers', 1); }""", picture | {"weights": weights})
        next_frame(page)
        assert shown(page) == "abcd → dcba"
        assert pixels(page) != before
        assert page.locator("[role=grid]").get_attribute("aria-colcount") == "4"
        set_state(page, problem=f"no such character: {HOSTILE}", answers=2)
        assert shown(page) == f"Not translated: no such character: {HOSTILE}"
        assert page.locator(".cu img").count() == 0


@pytest.mark.browser
def test_without_a_kernel_the_figure_says_so(context, tmp_path):
    with opened(context, tmp_path, figure()) as page:
        submit(page, "")
        assert shown(page) == "Type a text first."
        submit(page, "abc")  # what stands there already is not asked for
        assert shown(page) == "abc → cba"
        submit(page, "abcd")
        page.wait_for_function("() => document.querySelector('.cu-said').textContent.startsWith('No answer yet')")
        page.get_by_label("show").select_option("1")
        next_frame(page)
        assert shown(page) == "no → on"


@pytest.mark.browser
def test_a_typed_date_is_translated_in_jupyterlab(lab, shots):
    source = ("from course_utils.explorers import AlignmentExplorer\nfrom course_utils.models import DATES\n"
              "model = DATES.stored_model()\n"
              "figure = AlignmentExplorer(lambda text: DATES.translate(model, text.lower()), '3. märz 2021')\nfigure")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, lab.root / "notebooks" / "alignment.ipynb")
    lab.open("notebooks/alignment.ipynb")
    try:
        lab.run_all()
        box = lab.page.locator(".cu-form input")
        lab.page.locator(".cu-said", has_text="2021-03-03").wait_for()
        before = lab.pixels(lab.page.locator(".cu-stage"))
        box.fill("")
        box.press_sequentially("Wednesday, 14 July 1999")  # letters that are shortcuts elsewhere in JupyterLab
        box.press("Enter")
        lab.page.locator(".cu-said", has_text="1999-07-14").wait_for()
        lab.wait_for_new_pixels(lab.page.locator(".cu-stage"), before)
        assert lab.python("print(figure.written)").strip() == "1999-07-14"
        box.fill("3/3#2021")
        lab.page.get_by_role("button", name="Translate").click()
        lab.page.locator(".cu-said", has_text="texts should hold only the characters").wait_for()
        lab.page.locator(".cu").screenshot(path=shots / "alignment_typed.png")
    finally:
        lab.close()
