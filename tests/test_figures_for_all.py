"""Live figures without a mouse, without eyes, in colours that the system chooses, on a small page."""

import json
import re

import nbformat
import numpy as np
import pytest
from figure_page import next_frame, opened, set_state, state
from notebook_parts import LESSONS
from scene_page import ALL as SCENES
from test_pictures import PATTERNS, TOKENS

from course_utils.attention import softmax
from course_utils.classroom.lab.driver import chromium, new_context
from course_utils.datasets import minilm_attention
from course_utils.explorers import (
    AttentionExplorer,
    DotProductExplorer,
    HeadsExplorer,
    HullExplorer,
    MaskPainter,
    ScaleExplorer,
    SoftmaxExplorer,
)
from course_utils.explorers.base import browser_code
from course_utils.plotting.alt_text import pattern

RNG = np.random.default_rng(3)
WORDS = "the brown dog found a bone .".split()
Q = RNG.standard_normal((7, 8))
MADE = {
    "heatmap": lambda: AttentionExplorer(WORDS, q=Q, k=Q, v=Q, cell=[3, 2]),
    "heads": lambda: HeadsExplorer(WORDS, softmax(RNG.standard_normal((3, 4, 7, 7)) * 3), layer=1, head=2),
    "painter": lambda: MaskPainter(WORDS, q=Q, k=Q),
    "scale": lambda: ScaleExplorer(arrays="numpy"),
    "arrows": lambda: DotProductExplorer((3, 1), (1, 2)),
    "bars": lambda: SoftmaxExplorer([2.0, 1.0, 0.0]),
    "hull": lambda: HullExplorer([(0, 0), (4, 0), (0, 4)], keys=[(1, 0), (0, 1), (-1, 0)], query=(1, 1)),
}
browser_tests = pytest.mark.browser


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def context(browser):
    return new_context(browser, viewport={"width": 1280, "height": 720})


def spoken(page):
    """What is said after the pause, once."""
    page.wait_for_timeout(800)
    return page.locator(".cu > [role=status]").inner_text().replace("\u2068", "").replace("\u2069", "")


def press(page, *keys):
    for key in keys:
        page.keyboard.press(key)
        next_frame(page)


# --- colours ------------------------------------------------------------------------------------------------------
# Every word of a drawing, and the ink of the canvases, against the ground; and how many pixels of a canvas are ink.
_FORCED = """root => {
  const rgb = text => text.match(/[\\d.]+/g).slice(0, 3).map(Number);
  const light = c => { const [r, g, b] = c.map(v => v / 255)
      .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const probe = document.createElement('span');
  document.body.append(probe);
  const system = name => { probe.style.cssText = `color: ${name}; forced-color-adjust: none`;
    return rgb(getComputedStyle(probe).color); };
  const ground = system('Canvas'), ink = system('CanvasText');
  const contrast = c => (Math.max(light(c), light(ground)) + 0.05) / (Math.min(light(c), light(ground)) + 0.05);
  const words = [...root.querySelectorAll('svg text')].filter(each => each.checkVisibility() && each.textContent.trim())
    .map(each => [each.textContent, contrast(rgb(getComputedStyle(each).fill))]);
  const inked = [...root.querySelectorAll('canvas')].filter(each => each.checkVisibility()).map(canvas => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let count = 0, corner = [...data.slice(0, 3)];
    for (let n = 0; n < data.length; n += 4) count += ink.every((v, k) => Math.abs(v - data[n + k]) < 40);
    return [count, corner.join() === ground.join()];
  });
  return { faint: words.filter(each => each[1] < 4.5), words: words.length, inked };
}"""


@browser_tests
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", MADE)
def test_forced_colours_leave_every_word_to_be_read(browser, tmp_path, name, scheme):
    context = new_context(browser, forced_colors="active", color_scheme=scheme)
    with opened(context, tmp_path, MADE[name]()) as page:
        found = page.locator(".cu").evaluate(_FORCED)
        assert found["faint"] == []
        assert found["words"] or found["inked"]
        assert all(count > 40 and ground for count, ground in found["inked"]), found["inked"]
    context.close()


# --- small pages --------------------------------------------------------------------------------------------------
# What lies beyond the figure's right side and cannot be scrolled to.
_LOST = """root => {
  const edge = root.getBoundingClientRect().right;
  const reached = node => { for (let at = node; at !== root; at = at.parentElement)
    if (/auto|scroll/.test(getComputedStyle(at).overflowX) && at.getBoundingClientRect().right <= edge + 1) return true;
    return false; };
  return [...root.querySelectorAll('*')].filter(node => node.checkVisibility() && !node.closest('.cu-hidden')
    && node.getBoundingClientRect().right > edge + 1 && !reached(node)).map(node => node.outerHTML.slice(0, 90));
}"""


@browser_tests
@pytest.mark.parametrize("width", [640, 320])
@pytest.mark.parametrize("name", MADE)
def test_nothing_is_cut_off_on_a_narrow_page(context, tmp_path, name, width):
    with opened(context, tmp_path, MADE[name](), viewport={"width": width, "height": 500}) as page:
        page.get_by_text("Show as a table").first.click()
        next_frame(page)
        assert page.locator(".cu").evaluate(_LOST) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@browser_tests
@pytest.mark.parametrize("name", ["heatmap", "painter", "heads"])
def test_the_focused_cell_is_on_the_screen_and_its_result_beside_it(context, tmp_path, name):
    with opened(context, tmp_path, MADE[name](), viewport={"width": 640, "height": 300}) as page:
        page.locator(".cu-map [role=gridcell][tabindex='0']").focus()
        for keys in (("PageDown", "End"), ("PageUp", "Home"), ("PageDown",)):
            press(page, *keys)
            page.wait_for_timeout(100)  # whether the result is seen is known a frame later
            press(page, "ArrowRight", "ArrowLeft")
            box = page.evaluate("() => document.activeElement.getBoundingClientRect().toJSON()")
            assert box["top"] >= -1, keys
            assert box["bottom"] <= 301, keys
            shown = page.evaluate("""() => { const seen = node => { const box = node.getBoundingClientRect();
                return node.checkVisibility() && box.top >= 0 && box.top < innerHeight; };
                return [...document.querySelectorAll('.cu-readout, .cu-tip')].some(seen); }""")
            assert shown, f"the result is not seen after {keys}"


# What the focus, the bubble and the result have to do with each other, in pixels of the screen.
_BUBBLE = """() => {
  const root = document.querySelector('.cu'), tip = root.querySelector('.cu-tip');
  const box = node => node.getBoundingClientRect(), at = box(document.activeElement), here = box(tip);
  const over = other => here.top < other.bottom - 1 && other.top < here.bottom - 1;
  const bars = [...root.querySelectorAll('.cu-bar')].filter(each => each.checkVisibility()).map(box);
  return { shown: !tip.hidden, row: over(at), bars: bars.some(over), text: tip.textContent,
    within: here.top >= 0 && here.bottom <= innerHeight && here.right <= innerWidth };
}"""


@browser_tests
@pytest.mark.parametrize("size", [(562, 239), (420, 300), (330, 420)])
@pytest.mark.parametrize("name", ["heatmap", "painter", "heads"])
def test_the_bubble_covers_neither_the_row_nor_the_controls_and_goes_with_the_focus(context, tmp_path, name, size):
    with opened(context, tmp_path, MADE[name](), viewport=dict(zip(("width", "height"), size, strict=True))) as page:
        page.evaluate("() => { document.body.style.paddingBottom = '500px'; }")
        page.locator(".cu-map [role=gridcell][tabindex='0']").focus()
        seen = 0
        for key in ["PageUp", *["ArrowDown"] * 6, "ArrowRight", *["ArrowUp"] * 3]:
            press(page, key)
            page.wait_for_timeout(60)  # whether the result is seen is known a frame later
            found = page.evaluate(_BUBBLE)
            seen += found["shown"]
            assert not (found["shown"] and (found["row"] or found["bars"] or not found["within"])), (key, found)
        assert seen or size != (420, 300), "the case is not made"
        page.locator(".cu button").last.focus()
        assert page.locator(".cu-tip").is_hidden()


@browser_tests
def test_a_tokens_bubble_goes_with_the_pointer_and_with_the_next_key(context, tmp_path):
    tokens = ["antidisestablishmentarianism", "is", "long"]
    with opened(context, tmp_path, AttentionExplorer(tokens, weights=np.eye(3))) as page:
        canvas, tip = page.locator(".cu-map canvas").first, page.locator(".cu-tip")
        for leave in (lambda: page.mouse.move(5, 600), lambda: page.keyboard.press("ArrowDown")):
            canvas.hover(position={"x": 60, "y": 150})
            assert tip.is_visible()
            page.locator(".cu-map [role=gridcell][tabindex='0']").focus()
            canvas.hover(position={"x": 62, "y": 150})
            assert tip.is_visible()
            leave()
            assert tip.is_hidden()


# --- one screen by keys -------------------------------------------------------------------------------------------
# What must be seen at once after a key: the control is what has the focus.
TOGETHER = {
    "heads": (".cu-wall [tabindex='0']", ".cu-wall canvas, .cu-map canvas, .cu-readout"),
    "heatmap": (".cu-map [role=gridcell][tabindex='0']", ".cu-map canvas, .cu-readout"),
    "painter": (".cu-map [role=gridcell][tabindex='0']", ".cu-map canvas, .cu-notice"),
    "scale": (".cu input[type=range]", ".cu input[type=range], .cu-readout, .cu-half svg:not(.cu-sample)"),
}
LOW = {"heads": TOGETHER["heads"], "heatmap": TOGETHER["heatmap"],
       "painter": (TOGETHER["painter"][0], ".cu-map canvas, .cu-tip"),
       "scale": (TOGETHER["scale"][0], ".cu input[type=range], .cu-readout")}
_OFF = """parts => [...document.querySelectorAll(parts)]
  .filter(node => node.checkVisibility() && node.offsetHeight !== 0)
  .filter(node => { const box = node.getBoundingClientRect(); return box.top < -1 || box.bottom > innerHeight + 1; })
  .map(node => node.className || node.tagName)"""


@browser_tests
@pytest.mark.parametrize("size", [(850, 598), (562, 239)], ids=["laptop", "at 200 %"])
@pytest.mark.parametrize("name", TOGETHER)
def test_who_comes_by_keys_sees_control_and_result_together(context, tmp_path, name, size):
    control, parts = (TOGETHER if size[1] > 500 else LOW)[name]
    tokens = minilm_attention().tokens
    made = {**MADE, "heatmap": lambda: AttentionExplorer(tokens, weights=minilm_attention().head(3, 1)),
            "heads": lambda: HeadsExplorer(tokens, minilm_attention().weights)}[name]()
    with opened(context, tmp_path, made, viewport=dict(zip(("width", "height"), size, strict=True))) as page:
        page.evaluate("() => { document.body.style.padding = '900px 0'; }")
        page.locator(control).first.evaluate("node => { const first = document.createElement('button');"
                                             " document.body.prepend(first); first.focus(); }")
        for _ in range(12):  # as a reader comes to it: from above, key by key
            page.keyboard.press("Tab")
            if page.locator(control).first.evaluate("node => node === document.activeElement"):
                break
        for key in ("ArrowRight", "ArrowRight", "ArrowLeft"):
            press(page, key)
            page.wait_for_timeout(60)
            assert page.evaluate(_OFF, parts) == [], key


@browser_tests
def test_the_painters_keys_are_told_before_its_table(context, tmp_path):
    with opened(context, tmp_path, MADE["painter"]()) as page:
        help, grid = page.locator(".cu-help"), page.locator(".cu-grid")
        assert help.bounding_box()["y"] < grid.bounding_box()["y"]
        assert help.evaluate("node => Boolean(node.compareDocumentPosition(document.querySelector('.cu-grid'))"
                             " & Node.DOCUMENT_POSITION_FOLLOWING)")


# --- what lessons say of the mouse --------------------------------------------------------------------------------
def test_who_is_told_of_the_mouse_is_told_of_the_keys():
    told = 0
    for path in LESSONS:
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "markdown" and re.search(r"\b(mouse|[Cc]lick)\b", cell.source):
                told += 1
                assert re.search(r"\bkey(s|board)\b", cell.source), (path.name, cell.source[:200])
    assert told >= 3


def test_that_a_figure_takes_the_keys_is_told_where_one_enters_the_first():
    cells = nbformat.read(LESSONS[0], as_version=4).cells
    prose = next(cell.source for cell in cells if "the table is framed" in cell.source)
    assert "JupyterLab's own keys rest until Esc" in prose


# --- words --------------------------------------------------------------------------------------------------------
@browser_tests
def test_the_browser_finds_the_patterns_that_python_finds(context, tmp_path):
    code = browser_code("colours.js", "attention.js", "panels.js", "heatmap.js", "attention_figure.js")
    run = ("([T, S, keys, table]) => new Function(" + json.dumps(code.split("export default")[0]) +
           " + 'return sayPattern')()({ T, S, tokens_k: keys }, Float32Array.from(table.map(v => v ?? NaN)))")
    tables = [weights for weights, _ in PATTERNS.values()]
    tables += [softmax(RNG.standard_normal((4, 4)) * size) for size in (0.001, 3, 10) for _ in range(20)]
    tables += [softmax(4 * np.eye(4, k=shift) + RNG.standard_normal((4, 4))) for shift in (-1, 0, 1) for _ in range(20)]
    with opened(context, tmp_path, MADE["heatmap"]()) as page:
        found = 0
        for table in tables:
            given = [None if np.isnan(v) else float(v) for v in np.float32(table).ravel()]
            said = page.evaluate(run, [*table.shape, TOKENS, given])
            assert said == pattern(np.float32(table), TOKENS)
            found += bool(said)
        assert found > 50


@browser_tests
@pytest.mark.parametrize("name", MADE)
def test_nothing_is_said_that_no_one_asked_for(context, tmp_path, name):
    with opened(context, tmp_path, MADE[name]()) as page:
        assert spoken(page) == ""
        page.evaluate("() => document.body.setAttribute('data-jp-theme-light', 'false')")
        set_state(page, made_by="")
        assert spoken(page) == ""


@browser_tests
def test_a_cell_is_told_by_the_focus_and_its_row_once(context, tmp_path):
    with opened(context, tmp_path, MADE["heatmap"]()) as page:
        page.locator("[role=gridcell][tabindex='0']").focus()
        press(page, "ArrowDown")
        assert spoken(page).startswith("Its largest weights: ")
        page.evaluate("() => { document.querySelector('[role=status]').textContent = ''; }")
        press(page, "ArrowRight")
        assert spoken(page) == "", "the row is the same, and the focus has told the cell"


@browser_tests
def test_verdicts_heads_and_patterns_are_spoken(context, tmp_path):
    theirs = softmax(5 * np.eye(4) + RNG.standard_normal((2, 4, 4)))
    mine = theirs.copy()
    mine[1, 0] = softmax(np.array([2.0, 1.0, 0.0, 0.0]))
    figure = AttentionExplorer(TOKENS, weights=mine, reference=theirs, head_names=["first", "second"])
    with opened(context, tmp_path, figure) as page:
        page.get_by_role("checkbox", name="second").check()
        said = spoken(page)
        assert "Shown: averaged over all 2 heads." in said
        assert "weights differ from the reference; they are marked." in said
        assert "queries give most to themselves" in said
        page.get_by_role("checkbox", name="second").uncheck()
        assert "Every weight agrees with the reference." in spoken(page)
        page.get_by_text("Show as a table").click()
        assert "of first" in page.locator("caption").inner_text()


@browser_tests
def test_moving_a_control_is_not_called_a_difference(context, tmp_path):
    figure = AttentionExplorer(WORDS, q=Q, k=Q, reference=softmax(Q @ Q.T / np.sqrt(8)))
    with opened(context, tmp_path, figure) as page:
        assert page.locator(".cu-map:visible").count() == 1, "no twin that is the same by construction"
        page.get_by_label("divide by √d_k").uncheck()
        next_frame(page)
        notice = page.locator(".cu-notice").inner_text()
        assert notice.startswith("Without the scale, ")
        assert "differ" not in notice
        assert page.locator(".cu-map:visible").count() == 1


@browser_tests
def test_the_painter_tells_what_changed_and_the_verdict(context, tmp_path):
    with opened(context, tmp_path, MADE["painter"]()) as page:
        page.get_by_role("button", name="causal").click()
        said = spoken(page)
        assert "21 cells changed; 21 of 49 are hidden now." in said
        assert "No leak, and nothing is hidden without need." in said
        page.locator("[role=gridcell][tabindex='0']").focus()
        press(page, "ArrowDown")
        assert "leak" not in spoken(page).lower().replace(said.lower(), ""), "an unchanged verdict is not repeated"
        press(page, "r")
        assert "7 cells changed" in spoken(page)
        assert page.locator("[aria-selected]").count() == 0


@browser_tests
def test_the_curve_over_d_k_is_told_and_listed(context, tmp_path):
    figure = MADE["scale"]()
    with opened(context, tmp_path, figure) as page:
        page.get_by_role("combobox", name="curve").select_option("variance of the scores")
        assert f"{figure.measures[-1, 0, 2]:.1f} without the scale" in spoken(page)
        page.get_by_text("Show the curve as a table").click()
        next_frame(page)
        assert page.locator("table:visible tbody tr").count() == len(figure.widths)
        assert page.locator(".cu h5").count() == 0


@browser_tests
def test_the_last_head_stays_and_a_message_says_why(context, tmp_path):
    with opened(context, tmp_path, AttentionExplorer(TOKENS, weights=softmax(RNG.standard_normal((2, 4, 4))))) as page:
        ticked = page.locator(".cu-tick input:checked")
        assert ticked.count() == 1
        ticked.click()
        assert ticked.count() == 1
        assert ticked.evaluate("box => box.validationMessage").startswith("One head has to stay.")


@browser_tests
@pytest.mark.parametrize(("name", "words"), [("heatmap", "arrow keys, Home, End, Page Up, Page Down"),
                                             ("painter", "Space paints the cell, R turns its whole row over")])
def test_keys_are_told_to_those_who_see_too(context, tmp_path, name, words):
    with opened(context, tmp_path, MADE[name]()) as page:
        assert page.get_by_text(words).filter(visible=True).count() == 1


@browser_tests
@pytest.mark.parametrize("name", [*MADE, *SCENES])
def test_the_title_is_said_once_as_the_groups_name(context, tmp_path, name):
    with opened(context, tmp_path, (MADE | SCENES)[name]()) as page:
        title = page.locator(".cu-caption").inner_text()
        assert page.get_by_role("group", name=title, exact=True).count() == 1
        assert page.locator(".cu").aria_snapshot().count(title) == 1


# How often, from the left to the right, a cell's colour is followed by the ground and that at once by the mark.
_EDGES = """(canvas, [ground, mark]) => {
  const { width, height } = canvas, { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
  const is = (n, colour) => colour.every((v, k) => Math.abs(v - data[n + k]) < 12);
  const vivid = n => Math.max(...data.slice(n, n + 3)) - Math.min(...data.slice(n, n + 3)) > 60;
  let count = 0;
  for (let n = 48; n < data.length - 12; n += 4)
    count += is(n, ground) && (is(n + 4, mark) || is(n + 8, mark))
      && [12, 16].some(m => vivid(n - m) && !is(n - m, mark));
  return count;
}"""


@browser_tests
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_leaks_corner_has_an_edge_that_is_seen_on_every_colour(browser, tmp_path, scheme):
    context = new_context(browser, color_scheme=scheme)
    with opened(context, tmp_path, MADE["painter"]()) as page:
        ground, mark = (page.locator(".cu").evaluate(
            "(root, name) => { const probe = root.querySelector('.cu-probe'); probe.style.color = `var(--cu-${name})`;"
            " return getComputedStyle(probe).color.match(/\\d+/g).map(Number); }", name) for name in ("bg", "mark"))
        edges = [canvas.evaluate(_EDGES, [ground, mark]) for canvas in page.locator(".cu canvas").all()]
        assert max(edges) > 100, edges  # without an edge about 70: smoothed pixels
    context.close()


@browser_tests
def test_the_painters_tables_hold_weights_scores_and_what_is_hidden(context, tmp_path):
    with opened(context, tmp_path, MADE["painter"]()) as page:
        page.get_by_role("button", name="causal").click()
        for fold in page.locator(".cu summary").all():
            fold.click()
        next_frame(page)
        weights, scores = (page.locator("table:visible").nth(n).inner_text() for n in range(2))
        assert weights.count("hidden") == 21
        assert scores.count(", True") == 28
        assert scores.count(", False") == 21


# Everything that a figure says, in any form, tables included.
_SAID = """root => [...root.querySelectorAll('*')].flatMap(node => [
    ...[...node.childNodes].filter(each => each.nodeType === 3).map(each => each.data),
    ...['aria-label', 'aria-valuetext', 'aria-description', 'title'].map(name => node.getAttribute(name) ?? '')])
    .filter(text => text.trim())"""


@browser_tests
@pytest.mark.parametrize("name", [*MADE, *SCENES])
def test_a_negative_number_has_a_minus_sign_which_speech_does_not_pass_over(context, tmp_path, name):
    with opened(context, tmp_path, (MADE | SCENES)[name]()) as page:
        for fold in page.locator("summary").all():
            fold.click()
        movable = page.locator(".cu [role=gridcell][tabindex='0'], .cu [role=slider], .cu input[type=range]")
        for one in movable.all()[:3]:
            one.focus()
            press(page, "ArrowRight", "ArrowDown")
        said = page.locator(".cu").evaluate(_SAID)
        assert any(re.search(r"\d", text) for text in said)
        assert [text for text in said if re.search(r"(?<![\w.])-[\d.∞]", text)] == []
        numbers = page.locator(".cu [aria-valuenow]").evaluate_all("all => all.map(each => each.ariaValueNow)")
        assert all(float(number) < 99 for number in numbers), "what a machine reads keeps its hyphen"


# --- all tables of a model ----------------------------------------------------------------------------------------
@browser_tests
def test_the_small_pictures_are_walked_by_keys_and_named(context, tmp_path):
    figure = MADE["heads"]()
    with opened(context, tmp_path, figure) as page:
        thumb = page.locator(".cu-thumb[tabindex='0']")
        assert thumb.count() == 1
        thumb.focus()
        press(page, "ArrowRight", "ArrowDown", "ArrowDown")
        assert state(page, "frame") == 2 * 4 + 3
        assert page.evaluate("() => document.activeElement.ariaLabel").startswith("layer 2, head 3.")
        assert "Layer 2, head 3." in spoken(page)
        figure.frame = 11
        assert (figure.layer, figure.head) == (2, 3)
        assert f"weight {figure.weights[0, 0]:.3f}" in page.locator(".cu-readout").inner_text()[:99]
        page.locator(".cu-thumb").nth(1).click()
        next_frame(page)
        assert state(page, "frame") == 1
        assert page.locator("[aria-selected=true]").count() == 1


@pytest.mark.parametrize(("weights", "options", "words"), [
    (np.ones((3, 4, 7, 6)), {}, r"weights should have shape \(L, H, T=7, T=7\), got \(3, 4, 7, 6\)"),
    (np.ones((7, 7)), {}, "weights should have shape"),
    (np.ones((3, 4, 7, 7)), {"layer": 3}, "layer should lie between 0 and 2, got 3"),
    (np.ones((3, 4, 7, 7)), {"head": -1}, "head should lie between 0 and 3, got -1"),
])
def test_tables_that_do_not_fit_are_named(weights, options, words):
    with pytest.raises(ValueError, match=words):
        HeadsExplorer(WORDS, weights, **options)


def test_all_tables_have_a_picture_and_words():
    figure = MADE["heads"]()
    assert figure.describe().startswith("All attention tables: small pictures, 3 rows of layers by 4 columns of heads. "
                                        "Enlarged, layer 1, head 2. Heatmap of attention weights, 7 queries by 7 keys.")
    assert len(figure.draw_static().axes) == 3
    before = figure.fingerprint()
    figure.frame = 0
    assert figure.fingerprint() != before
