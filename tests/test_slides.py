"""Decks of slides: what is on them, that it fits, that figures live, and that nothing is fetched."""

import hashlib
import re
from contextlib import contextmanager

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course_utils.classroom import cli, pace
from course_utils.classroom.lab.driver import chromium, new_context
from course_utils.classroom.pages import slides, teaching
from course_utils.classroom.pages.steps import steps

LESSONS = slides.lessons()
NAMES = [path.stem for path in LESSONS]
QUICK = "02_softmax"
DECKS = [pytest.param(path, id=path.stem, marks=() if path.stem == QUICK else pytest.mark.slow) for path in LESSONS]

MEASURE = """() => Reveal.getSlides().map(slide => {
    const past = [slide, ...(slide.parentElement.matches(".stack") ? [slide.parentElement] : [])];
    const shown = past.map(node => [node.style.display, node.hidden]);
    for (const node of past) { node.style.display = "block"; node.hidden = false; }
    const sheet = slide.querySelector(".sheet"), scale = Reveal.getScale(), box = sheet.getBoundingClientRect();
    const wide = [...sheet.querySelectorAll("pre, table, img, canvas, p, li")].filter(node => node.offsetWidth);
    const result = {
        part: slide.dataset.part,
        height: box.height / scale,
        top: (box.top - document.querySelector(".slides").getBoundingClientRect().top) / scale,
        right: Math.max(0, ...wide.map(node => (node.getBoundingClientRect().right - box.left) / scale)),
        code: [...sheet.querySelectorAll(".jp-InputArea-editor pre, .jp-RenderedMarkdown pre")].map(
            node => parseFloat(getComputedStyle(node).fontSize) * (node.currentCSSZoom ?? 1)) };
    past.forEach((node, k) => { [node.style.display, node.hidden] = shown[k]; });
    return result;
})"""


def lesson(*cells):
    """A small lesson, its cells given as (kind, source, slide type, tags)."""
    notebook = new_notebook()
    for n, (kind, source, slide, tags) in enumerate(cells):
        cell = (new_markdown_cell if kind == "text" else new_code_cell)(source, id=f"c{n}")
        cell.metadata.update({"slideshow": {"slide_type": slide}, "tags": list(tags)})
        notebook.cells.append(cell)
    return notebook


def shown(notebook, text=""):
    """(kind, first line) of every step that is seen."""
    return [(cell.metadata.step["kind"], cell.source.split("\n")[0]) for cell in steps(notebook, text).cells
            if cell.metadata.step["kind"] != "notes"]


def spoken(notebook, text=""):
    return [cell.source for cell in steps(notebook, text).cells if cell.metadata.step["kind"] == "notes"]


# --- what becomes a step ---
def test_what_a_learner_does_alone_is_left_out():
    given = lesson(("text", "# Title", "slide", ()), ("code", "from course_utils import start", "skip", ["setup"]),
                   ("text", "## Exercise 2.1 Write softmax", "slide", ()),
                   ("code", "def softmax(x):", "subslide", ["exercise"]),
                   ("code", 'check("softmax", softmax)', "-", ["check"]), ("text", "Terms", "skip", ()))
    assert shown(given) == [("slide", "# Title"), ("slide", "## Exercise 2.1 Write softmax")]


def test_a_prediction_and_its_answer_are_two_steps():
    given = lesson(("text", "**Predict.** More or less?", "slide", ()), ("code", "print(1)", "fragment", ["answer"]),
                   ("text", "<details>\n<summary>Compare with your prediction</summary>\n\nLess.\n\n</details>",
                    "fragment", ["answer"]))
    given.cells[1].metadata.jupyter = {"outputs_hidden": True}
    given.cells[1].outputs = [new_output("stream", text="the course's softmax (yours takes its place)\n1\n")]
    found = [cell for cell in steps(given).cells if cell.metadata.step["kind"] != "notes"]
    assert [(cell.metadata.step["kind"], cell.metadata.step["answer"]) for cell in found] == [
        ("slide", False), ("fragment", True), ("fragment", False)]
    assert found[1].outputs[0].text == "1\n"
    assert "jupyter" not in found[1].metadata
    assert found[2].source == "Less."


def test_hints_stay_folded_away_and_the_solution_gets_a_slide():
    given = lesson(("text", "<details>\n<summary>Hint 1</summary>\n\nTry.\n\n</details>\n\n<details>\n<summary>Solution"
                            "</summary>\n\n```python\nx\n```\n\n</details>", "skip", ()))
    assert shown(given) == [("slide", "### A solution")]


def test_a_question_shows_its_choices_first_and_then_the_right_one():
    given = lesson(("text", "**Why?**\n\n<details>\n<summary>A. This.</summary>\n\n**No.** Wrong.\n\n</details>\n\n"
                            "<details>\n<summary>B. That.</summary>\n\n**Right.** So it is.\n\n</details>",
                    "skip", ["why"]))
    question, answer = (cell for cell in steps(given).cells if cell.metadata.step["kind"] != "notes")
    assert question.source == "**Why?**\n\n**A.** This.\n\n**B.** That."
    assert answer.source == "**B.** **Right.** So it is."
    assert answer.metadata.step["kind"] == "fragment"
    assert "A. **No.** Wrong." in spoken(given)[-1]


def test_the_speaker_hears_minutes_questions_notes_and_what_goes_wrong():
    given = lesson(("text", "## Exercise 2.1 Write softmax\n\n**Predict.** Which is larger?", "slide", ()),
                   ("code", 'check("softmax", softmax)', "-", ["check"]))
    text = ("## Cuts\n\n| part | minutes | 50 | 90 |\n|-|-|-|-|\n| Exercise 2.1 | 12 | x | x |\n\n"
            "## Exercise 2.1 W\n\nAsk twice.\n")
    said = spoken(given, text)[0]
    assert said.startswith("**Exercise 2.1: 12 minutes.**")
    assert "Ask: Predict. Which is larger?" in said
    assert "Ask twice." in said
    assert said.count("Expect *") == 3


def test_every_lesson_has_cuts_of_parts_that_are_there():
    for path in LESSONS:
        text = (teaching.NOTES / f"{path.stem}.md").read_text(encoding="utf-8")
        cells = nbformat.read(path, as_version=4).cells
        parts = {part.label for part in pace.parts(cells)}
        assert set(teaching.cuts(text)) == {50, 90}
        for chosen in teaching.cuts(text).values():
            assert chosen
            assert set(chosen) <= parts, path.stem


# --- the command ---
def test_a_notebook_that_was_not_run_is_refused(tmp_path, capsys):
    path = tmp_path / "bare.ipynb"
    nbformat.write(lesson(("code", "print(1)", "-", ())), path)
    assert cli.main(["slides", str(tmp_path / "out"), str(path)]) == 1
    assert "run it and save it first" in capsys.readouterr().err


def test_a_file_that_is_no_notebook_is_named(tmp_path, capsys):
    path = tmp_path / "broken.ipynb"
    path.write_text("{")
    assert cli.main(["slides", str(tmp_path / "out"), str(path)]) == 1
    assert "broken.ipynb" in capsys.readouterr().err


def test_what_others_made_is_as_they_made_it():
    folder = slides.TEMPLATES.parent / "vendor"
    said = dict(re.findall(r"\| (reveal/\S+) \| ([0-9a-f]{64}) \|", (folder / "README.md").read_text(encoding="utf-8")))
    assert said == {f"reveal/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest()
                    for path in (folder / "reveal").iterdir()}


@pytest.fixture(scope="module")
def decks(tmp_path_factory):
    """A folder with spaces and letters in its name, as a USB stick may have, into which decks are written once."""
    return tmp_path_factory.mktemp("my slides é")


def deck_of(decks, path):
    deck = decks / f"{path.stem}.html"
    if not deck.exists():
        slides.write(path, decks)
    return deck


def test_the_contents_lead_to_every_deck_and_cut(decks):
    page = slides.contents(LESSONS)
    links = re.findall(r'href="([^"]+)"', page)
    assert links == [f"{name}.html{cut}" for name in NAMES for cut in ("", "?cut=50", "?cut=90")]


# --- in a browser, from a disk ---
@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@contextmanager
def projected(browser, deck, query="", size=(1280, 720)):
    """A deck on a screen; afterwards, that it asked for nothing and complained of nothing."""
    context = new_context(browser, viewport={"width": size[0], "height": size[1]})
    page, asked, said = context.new_page(), [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(deck.as_uri() + query)
    page.wait_for_function("document.documentElement.dataset.deck === 'ready'")
    yield page
    context.close()
    assert [url for url in asked if not url.startswith(("file:", "blob:", "data:"))] == []
    assert said == []


@pytest.mark.browser
@pytest.mark.parametrize("path", DECKS)
@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080)], ids=["1280x720", "1920x1080"])
def test_every_slide_fits_and_its_code_can_be_read(browser, decks, path, size):
    with projected(browser, deck_of(decks, path), size=size) as page:
        found = page.evaluate(MEASURE)
        assert len(found) > 10
        for n, slide in enumerate(found, start=1):
            assert slide["top"] + slide["height"] <= 721, f"slide {n} ({slide['part']}) is too tall: {slide}"
            assert slide["right"] <= 1161, f"slide {n} ({slide['part']}) is too wide: {slide}"
            assert min(slide["code"], default=18) >= 18, f"slide {n} ({slide['part']}): {slide}"


MOVE = """figure => {
    const slider = figure.querySelector("input[type=range]");
    if (slider) {
        slider.value = slider.valueAsNumber === Number(slider.max) ? slider.min : slider.max;
        slider.dispatchEvent(new Event("input", { bubbles: true }));
        return "slider";
    }
    const choice = [...figure.querySelectorAll("select")].find(each => each.offsetParent && each.options.length > 1);
    if (choice) {
        choice.selectedIndex = [...choice.options].findLastIndex(option => !option.disabled);
        choice.dispatchEvent(new Event("change", { bubbles: true }));
        return "choice";
    }
    return "";
}"""


@pytest.mark.browser
@pytest.mark.parametrize("path", DECKS)
def test_figures_live_on_their_slides(browser, decks, path):
    with projected(browser, deck_of(decks, path)) as page:
        places = page.evaluate("""() => Reveal.getSlides().filter(slide => slide.querySelector(".cu")).map(slide => {
            const at = Reveal.getIndices(slide); return [at.h, at.v]; })""")
        assert places
        for h, v in places:
            page.evaluate("([h, v]) => Reveal.slide(h, v, 99)", [h, v])
            for figure in page.locator(".slides section.present:not(.stack) .cu").all():
                before = figure.screenshot()
                if not figure.evaluate(MOVE):
                    cell = figure.locator("[role=gridcell][tabindex='0']").first
                    cell.focus()
                    page.keyboard.press("ArrowDown")
                    page.keyboard.press("ArrowRight")
                page.wait_for_timeout(100)
                assert figure.screenshot() != before, (h, v)
                assert page.evaluate("Reveal.getIndices().h") == h  # its arrows did not turn the page


@pytest.mark.browser
def test_a_cut_shows_its_parts_alone(browser, decks):
    path = next(path for path in LESSONS if path.stem == QUICK)
    text = (teaching.NOTES / f"{QUICK}.md").read_text(encoding="utf-8")
    for cut, wanted in teaching.cuts(text).items():
        with projected(browser, deck_of(decks, path), f"?cut={cut}") as page:
            parts = page.evaluate("() => Reveal.getSlides().map(slide => slide.dataset.part)")
            assert list(dict.fromkeys(parts)) == wanted


@pytest.mark.browser
def test_keys_lead_through_a_deck_and_an_answer_waits(browser, decks):
    path = next(path for path in LESSONS if path.stem == QUICK)
    with projected(browser, deck_of(decks, path)) as page:
        steps_taken, first = 0, page.evaluate("() => JSON.stringify(Reveal.getState())")
        hidden = page.locator(".fragment:not(.visible)").count()
        while not page.evaluate("() => Reveal.isLastSlide() && !Reveal.availableFragments().next"):
            page.keyboard.press("PageDown")
            steps_taken += 1
            assert steps_taken < 300
        assert hidden > 10
        assert page.locator(".fragment:not(.visible)").count() == 0
        assert steps_taken > page.evaluate("() => Reveal.getTotalSlides()")
        assert page.evaluate("() => JSON.stringify(Reveal.getState())") != first


@pytest.mark.browser
def test_the_speakers_window_has_the_notes(browser, decks):
    path = next(path for path in LESSONS if path.stem == QUICK)
    with projected(browser, deck_of(decks, path)) as page:
        with page.expect_popup() as opening:
            page.keyboard.press("s")
        window = opening.value
        window.wait_for_function(
            "document.querySelector('.speaker-controls-notes .value')?.textContent.includes('minute')")


@pytest.mark.slow
@pytest.mark.browser
def test_a_deck_on_paper_has_a_page_for_each_slide(browser, tmp_path):
    path = next(path for path in LESSONS if path.stem == QUICK)
    assert cli.main(["slides", str(tmp_path), str(path), "--pdf"]) == 0
    with projected(browser, tmp_path / f"{QUICK}.html") as page:
        wanted = page.evaluate("() => Reveal.getTotalSlides()")
    printed = (tmp_path / f"{QUICK}.pdf").read_bytes()
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == wanted
    assert set(re.findall(rb"/MediaBox\s*\[([^\]]*)\]", printed)) == {b"0 0 960 540"}  # points: 1280 x 720 pixels


@pytest.mark.browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser, decks, theme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    path = next(path for path in LESSONS if path.stem == QUICK)
    with projected(browser, deck_of(decks, path), f"?theme={theme}") as page:
        for h in range(page.evaluate("() => Reveal.getHorizontalSlides().length")):
            page.evaluate("h => Reveal.slide(h, 0, 99)", h)
            answer = axe.run(page, options={"preload": False}).response
            found = [(one["id"], one["nodes"][0]["html"][:200]) for one in answer["violations"]
                     if one["impact"] in ("serious", "critical")]
            assert found == [], f"slide {h}: {found}"
