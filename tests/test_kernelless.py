"""Live figures without a kernel and without a network, in headless Chromium: mouse, keyboard, words, themes, files."""

import base64
import re
from pathlib import Path

import numpy as np
import pytest
from figure_page import TINY, next_frame, opened, pixels, set_state, state

from course_utils.attention import softmax
from course_utils.classroom.lab.driver import chromium, new_context
from course_utils.explorers import AttentionExplorer, Film, ScaleExplorer

pytestmark = pytest.mark.browser
HOSTILE = ["<b>bold</b>", "<img src=x onerror=alert(1)>", "</script><script>alert(1)</script>", "👩‍👩‍👧",
           "مرحبا بالعالم", "x" * 500, "", "two\nlines"]
RNG = np.random.default_rng(0)
Q, K, V = RNG.standard_normal((3, 3, 4))


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def context(browser):
    return new_context(browser, viewport={"width": 1280, "height": 720})


def sentence(**options):
    return AttentionExplorer(TINY, q=Q, k=K, v=V, title="Attention over a sentence", **options)


def readout(page):
    return page.locator(".cu-readout").inner_text().replace("\u2068", "").replace("\u2069", "")


def open_table(page):
    page.get_by_text("Show as a table").click()
    # The fold tells of its opening in a task of its own, after the click.
    page.wait_for_function("() => document.querySelector('.cu-table').textContent")


# --- mouse and keyboard -------------------------------------------------------------------------------------------
def test_hovering_lights_a_cell_and_reads_its_weight(context, tmp_path):
    figure = sentence()
    with opened(context, tmp_path, figure) as page:
        before = pixels(page)
        cell = page.get_by_role("grid").locator("[role=gridcell]:visible")
        box = cell.bounding_box()  # of cell 0, 0
        page.mouse.move(box["x"] + 1.5 * box["width"], box["y"] + 2.5 * box["height"])
        next_frame(page)
        assert state(page, "cell") == [2, 1]
        assert readout(page) == f"Query 2 “down”, key 1 “sat”: weight {figure.weights[2, 1]:.3f}."
        assert pixels(page) != before
        page.mouse.move(5, 5)
        next_frame(page)
        assert state(page, "cell") == [2, 1]


def test_a_click_holds_the_cell_until_the_next(context, tmp_path):
    with opened(context, tmp_path, sentence()) as page:
        box = page.locator("[role=gridcell]:visible").bounding_box()

        def at(i, j):
            return box["x"] + (j + 0.5) * box["width"], box["y"] + (i + 0.5) * box["height"]

        page.mouse.click(*at(1, 1))
        page.mouse.move(*at(2, 2))
        next_frame(page)
        assert state(page, "cell") == [1, 1]
        assert "Held" in readout(page)
        page.mouse.click(*at(2, 2))
        next_frame(page)
        assert (state(page, "cell"), "Held" in readout(page)) == ([2, 2], False)


@pytest.mark.parametrize(("keys", "cell"), [
    (["ArrowDown"], [2, 1]), (["ArrowUp"], [0, 1]), (["ArrowLeft"], [1, 0]), (["ArrowRight"], [1, 2]),
    (["Home"], [1, 0]), (["End"], [1, 2]), (["PageUp"], [0, 1]), (["PageDown"], [2, 1]),
    (["ArrowLeft"] * 5, [1, 0]), (["ArrowDown"] * 5, [2, 1]),
])
def test_keys_move_through_the_grid(context, tmp_path, keys, cell):
    figure = sentence(cell=[1, 1])
    with opened(context, tmp_path, figure) as page:
        page.locator("[role=gridcell][tabindex='0']").focus()
        for key in keys:
            page.keyboard.press(key)
            next_frame(page)
        assert state(page, "cell") == cell
        focused = page.evaluate("() => [document.activeElement.role, document.activeElement.ariaLabel]")
        i, j = cell
        assert focused[0] == "gridcell"
        assert f"weight {figure.weights[i, j]:.3f}" in focused[1]


def test_only_one_cell_is_in_the_order_of_tabs(context, tmp_path):
    with opened(context, tmp_path, sentence()) as page:
        assert page.locator("[role=gridcell]:visible").count() == 1
        assert page.locator("[role=gridcell][tabindex='0']").count() == 1


def test_a_slider_moved_by_keys_repaints(context, tmp_path):
    with opened(context, tmp_path, sentence()) as page:
        before = pixels(page)
        slider = page.get_by_role("slider", name="temperature")
        slider.focus()
        page.keyboard.press("ArrowRight")
        next_frame(page)
        assert state(page, "temperature") == 1.1
        assert slider.get_attribute("aria-valuetext") == "1.10"
        assert pixels(page) != before


def test_every_control_changes_the_state_and_the_picture(context, tmp_path):
    figure = AttentionExplorer(TINY, q=RNG.standard_normal((2, 3, 4)), k=RNG.standard_normal((2, 3, 4)))
    with opened(context, tmp_path, figure) as page:
        def changed(act):
            before = pixels(page)
            act()
            next_frame(page)
            return pixels(page) != before

        assert changed(lambda: page.get_by_label("divide by √d_k").uncheck())
        assert changed(lambda: page.get_by_label("causal mask").check())
        assert changed(lambda: page.get_by_role("combobox", name="head").select_option("head 1"))
        assert state(page, "heads") == [False, True]
        assert changed(lambda: page.get_by_role("checkbox", name="head 0").check())
        assert state(page, "heads") == [True, True]
        page.get_by_role("checkbox", name="head 0").uncheck()
        page.get_by_role("checkbox", name="head 1").click()  # the last one stays on
        next_frame(page)
        assert (state(page, "scaled"), state(page, "causal"), state(page, "heads")) == (False, True, [False, True])


def test_the_causal_mask_is_offered_only_where_it_is_known(context, tmp_path):
    with opened(context, tmp_path, sentence(causal_offered=False)) as page:
        assert page.get_by_label("divide by √d_k").count() == 1
        assert page.get_by_label("causal mask").count() == 0


def test_what_is_one_query_and_what_is_a_mean_is_said(context, tmp_path):
    figure = ScaleExplorer(widths=(1, 64), d_k=1)
    with opened(context, tmp_path, figure) as page:
        spread = figure.measures[0, 0, 1]
        assert f"mean of 256 queries: weight spread over {spread:.1f} of 12 keys" in page.inner_text(".cu")
        assert page.locator("svg text", has_text="weight, one query").count() == 2


def test_state_set_from_outside_is_shown(context, tmp_path):
    """A kernel sets traits on the same model: controls, picture and words follow."""
    figure = sentence()
    with opened(context, tmp_path, figure) as page:
        set_state(page, temperature=2.5, causal=True, cell=[1, 2])
        assert page.get_by_role("slider", name="temperature").get_attribute("aria-valuetext") == "2.50"
        assert page.get_by_label("causal mask").is_checked()
        assert readout(page) == "Query 1 “sat”, key 2 “down”: hidden by the mask."
        set_state(page, cell=[2, 0])
        figure.set_trait("temperature", 2.5)
        figure.causal = True
        assert f"weight {figure.weights[2, 0]:.3f}" in readout(page)


def test_a_kernel_hears_of_every_change_once(context, tmp_path):
    with opened(context, tmp_path, sentence()) as page:
        page.evaluate("""() => { const model = [...liveFigures.values()].find(m => m.get('kind')); window.heard = [];
            model.save_changes = () => heard.push(model.get('temperature')); }""")
        set_state(page, temperature=3.0)  # from the kernel: it need not be told
        slider = page.get_by_role("slider", name="temperature")
        slider.evaluate("""input => { for (const value of ['3', '4', '5']) {
            input.value = value; input.dispatchEvent(new Event('input', { bubbles: true })); } }""")
        next_frame(page)
        assert page.evaluate("() => heard") == [0.5]


# Moves the slider at every frame; what it costs the page, and what the kernel hears while it lasts and after it.
_DRAG = """async ([root, frames]) => {
  const model = [...liveFigures.values()].find(m => m.get('kind')), heard = [];
  model.save_changes = () => heard.push(model.get('temperature'));
  const input = root.querySelector('input[type=range]'), start = performance.now();
  for (let n = 0; n < frames; n++) {
    input.value = n % (Number(input.max) + 1);
    input.dispatchEvent(new Event('input', { bubbles: true }));
    await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
  }
  const during = heard.length, seconds = (performance.now() - start) / 1000;
  await new Promise(done => setTimeout(done, 400));
  return { during, seconds, last: heard.at(-1), shown: model.get('temperature') };
}"""


def test_a_drag_is_told_to_the_kernel_four_times_a_second_and_at_its_end(context, tmp_path):
    with opened(context, tmp_path, sentence()) as page:
        found = page.evaluate(_DRAG, [page.locator(".cu").element_handle(), 60])
        assert found["during"] <= 2 + 4 * found["seconds"]
        assert found["last"] == found["shown"]


def test_a_figure_that_goes_tells_what_it_has_not_told(context, tmp_path):
    with opened(context, tmp_path, sentence()) as page:
        heard = page.evaluate("""async () => { const heard = [];
            const model = [...liveFigures.values()].find(m => m.get('kind'));
            model.save_changes = () => heard.push(model.get('temperature'));
            const url = URL.createObjectURL(new Blob([model.get('_esm')], { type: 'text/javascript' }));
            const { default: figure } = await import(url), el = document.createElement('div');
            document.body.append(el);
            const leave = figure.render({ model, el }), input = el.querySelector('input[type=range]');
            for (const value of ['3', '5']) {
              input.value = value; input.dispatchEvent(new Event('input', { bubbles: true }));
              await new Promise(done => requestAnimationFrame(() => setTimeout(done, 30))); }
            leave();
            return [heard.at(-1), model.get('temperature')]; }""")
        assert heard[0] == heard[1]


def test_a_frame_of_a_drag_has_the_page_work_out_styles_once(context, tmp_path):
    """Counted, not timed: styles and layout are what a frame of a drag costs most in JupyterLab."""
    with opened(context, tmp_path, sentence()) as page:
        devtools, frames = page.context.new_cdp_session(page), 60
        devtools.send("Performance.enable")

        def counted():
            found = {each["name"]: each["value"] for each in devtools.send("Performance.getMetrics")["metrics"]}
            return found["RecalcStyleCount"], found["LayoutCount"]

        before = counted()
        page.evaluate(_DRAG, [page.locator(".cu").element_handle(), frames])
        styles, layouts = ((now - then) / frames for now, then in zip(counted(), before, strict=True))
        print(f"{styles:.2f} times styles and {layouts:.2f} times layout a frame")
        assert styles < 1.5
        assert layouts < 1.5


def test_the_last_picture_is_the_first_again(context, tmp_path):
    with opened(context, tmp_path, sentence()) as page:
        before = pixels(page)
        set_state(page, temperature=5.0)
        assert pixels(page) != before
        set_state(page, temperature=1.0)
        assert pixels(page) == before


def test_of_two_changes_in_one_frame_the_last_is_shown(context, tmp_path):
    with opened(context, tmp_path, sentence()) as page:
        set_state(page, temperature=5.0)
        wanted = pixels(page)
        set_state(page, temperature=1.0)
        page.evaluate("""async () => { const model = [...liveFigures.values()].find(m => m.get('kind'));
            model.set('temperature', 2); await null; await null; model.set('temperature', 5); }""")
        next_frame(page)
        assert pixels(page) == wanted


def test_presets_need_no_kernel(context, tmp_path):
    figure = AttentionExplorer(TINY, weights=softmax(RNG.standard_normal((3, 3))), cell=[2, 2], presets={
        "two heads": {"tokens": ["a", "b"], "q": RNG.standard_normal((2, 2, 4)), "k": RNG.standard_normal((2, 2, 4))}})
    with opened(context, tmp_path, figure) as page:
        assert page.get_by_role("slider", name="temperature").count() == 0
        page.get_by_role("combobox", name="show").select_option("two heads")
        next_frame(page)
        assert page.get_by_role("slider", name="temperature").count() == 1
        assert page.get_by_role("combobox", name="head").count() == 1
        assert "Query 1 “b”, key 1 “b”" in readout(page)


def test_a_film_is_stepped_in_the_browser(context, tmp_path):
    frames = softmax(RNG.standard_normal((4, 3, 3)))
    figure = AttentionExplorer(TINY, film=Film(frames, [1, 2, 4, 8], label="width", made_by="your own attention"))
    with opened(context, tmp_path, figure) as page:
        assert page.get_by_text("Made by your own attention.").is_visible()
        slider = page.get_by_role("slider", name="width")
        slider.focus()
        page.keyboard.press("End")
        next_frame(page)
        assert slider.get_attribute("aria-valuetext") == "8"
        assert f"weight {frames[3, 0, 0]:.3f}" in readout(page)


def test_d_k_is_stepped_in_the_browser(context, tmp_path):
    figure = ScaleExplorer(d_k=1)
    with opened(context, tmp_path, figure) as page:
        bars = page.locator(".cu-half rect.cu-tone")
        before = bars.evaluate_all("bars => bars.map(bar => bar.getAttribute('height'))")
        page.get_by_role("slider", name="d_k").focus()
        page.keyboard.press("End")
        next_frame(page)
        assert state(page, "d_k") == 1024
        assert bars.evaluate_all("bars => bars.map(bar => bar.getAttribute('height'))") != before
        variance = figure.measures[-1, :, 2]
        assert f"variance {variance[0]:.1f} without the scale, {variance[1]:.1f} with it" in readout(page)
        page.get_by_label("curve").select_option("keys in use")
        next_frame(page)
        assert page.locator(".cu-title", has_text="Keys in use").is_visible()


# --- words --------------------------------------------------------------------------------------------------------
def test_the_parts_of_a_weight_are_written_out(context, tmp_path):
    figure = sentence(cell=[2, 1], temperature=2.0)
    with opened(context, tmp_path, figure) as page:
        table = page.locator(".cu-vectors tr").evaluate_all(
            "rows => rows.map(row => [...row.cells].map(cell => cell.textContent.replace('−', '-')))")
        for name, vector, row in zip(("q", "k", "q × k"), (Q[2], K[1], Q[2] * K[1]), table, strict=True):
            assert row[0] == name
            np.testing.assert_allclose([float(cell) for cell in row[1:]], vector, atol=0.0051)
        steps = [step.replace("−", "-") for step in page.locator(".cu-parts li").all_inner_texts()]
        score = float(Q[2] @ K[1])
        assert steps[0] == f"Score: the 4 products sum to {score:.3f}."
        assert steps[1] == f"Scaled score: {score:.3f} ÷ √4 = {score / 2:.3f}."
        assert steps[2] == f"Divided by the temperature 2.00: {score / 4:.3f}."
        term, total, weight = map(float, re.search(r"([\d.]+) ÷ ([\d.]+), .* = ([\d.]+)\.", steps[4]).groups())
        assert weight == pytest.approx(term / total, abs=1e-3) == pytest.approx(figure.weights[2, 1], abs=1e-3)
        assert steps[5].startswith(f"Contribution to the output: {figure.weights[2, 1]:.3f} × v = [")


def test_parts_tell_when_the_picture_shows_something_else(context, tmp_path):
    figure = AttentionExplorer(TINY, q=Q, k=K, weights=softmax(Q @ K.T, axis=0))
    with opened(context, tmp_path, figure) as page:
        assert "not what these steps give" in page.locator(".cu-parts li").last.inner_text()


def test_the_summary_is_spoken_once_after_a_pause(context, tmp_path):
    with opened(context, tmp_path, sentence()) as page:
        status = page.get_by_role("status")
        page.evaluate("""() => { window.spoken = []; const status = document.querySelector('[role=status]');
            new MutationObserver(() => spoken.push(status.textContent)).observe(status, { childList: true }); }""")
        page.get_by_role("slider", name="temperature").focus()
        for _ in range(6):
            page.keyboard.press("ArrowRight")
            next_frame(page)
        page.wait_for_function("() => spoken.length > 0")
        page.wait_for_timeout(700)  # longer than the pause: what else was going to be said has been said
        assert page.evaluate("() => spoken.length") == 1
        assert "Its largest weights: " in status.inner_text()


def test_a_real_table_stands_behind_a_fold(context, tmp_path):
    figure = sentence(causal=True)
    with opened(context, tmp_path, figure) as page:
        assert page.locator("table:visible").count() == 1  # the vectors of the parts
        open_table(page)
        table = page.locator(".cu-table table")
        assert table.locator("thead th").all_inner_texts() == ["query \\ key", *TINY]
        rows = table.locator("tbody tr").evaluate_all("rows => rows.map(row => [...row.cells].map(c => c.textContent))")
        for i, row in enumerate(rows):
            assert row[0] == TINY[i]
            for j, text in enumerate(row[1:]):
                assert text == ("hidden" if j > i else f"{figure.weights[i, j]:.3f}")
        set_state(page, causal=False)
        assert table.get_by_text("hidden").count() == 0


def test_64_tokens_have_a_table_and_65_a_sentence(context, tmp_path):
    for n, count in ((64, 64), (65, 0)):
        figure = AttentionExplorer(["t"] * n, scores=np.zeros((n, n)))
        with opened(context, tmp_path, figure) as page:
            open_table(page)
            assert page.locator(".cu-table tbody tr").count() == count
            assert page.get_by_text("helps nobody").count() == (count == 0)


def test_weights_that_are_none_are_named(context, tmp_path):
    weights = softmax(RNG.standard_normal((3, 3)))
    weights[0, 1], weights[2, 2], weights[1, 0] = np.nan, np.inf, 1.5
    with opened(context, tmp_path, AttentionExplorer(TINY, weights=weights, cell=[0, 1])) as page:
        assert page.locator(".cu-notice").inner_text() == (
            "2 of 9 weights are not finite; the first, at query 0, key 1, is not a number. "
            "1 of 9 weights lie outside 0 to 1; the first, at query 1, key 0, is 1.500.")
        assert readout(page) == "Query 0 “it”, key 1 “sat”: weight not a number."
        shades = page.locator(".cu-map canvas").first.evaluate("""canvas => { const { data } = canvas.getContext('2d')
            .getImageData(0, 0, canvas.width, canvas.height), mark = [194, 24, 91]; let count = 0;
            for (let n = 0; n < data.length; n += 4) count += mark.every((c, k) => data[n + k] === c);
            return count; }""")
        assert shades > 2 * 40 * 40  # two cells in a colour that no weight has


def test_yours_stands_beside_the_reference(context, tmp_path):
    theirs = softmax(RNG.standard_normal((3, 3)))
    mine = theirs.copy()
    mine[1] = theirs[1][::-1]
    figure = AttentionExplorer(TINY, weights=mine, reference=theirs, cell=[1, 0])
    with opened(context, tmp_path, figure) as page:
        assert page.locator(".cu-map canvas:visible").count() == 2
        assert page.locator(".cu-notice").inner_text() == "2 of 9 weights differ from the reference; they are marked."
        assert f"weight {mine[1, 0]:.3f}; the reference has {theirs[1, 0]:.3f}" in readout(page)
        before = pixels(page)
        page.get_by_label("mark differences").uncheck()
        next_frame(page)
        assert pixels(page) != before


# --- hostile, empty, huge -------------------------------------------------------------------------------------------
def test_hostile_tokens_are_text(context, tmp_path):
    n = len(HOSTILE)
    figure = AttentionExplorer(
        HOSTILE, scores=RNG.standard_normal((n, n)), title="<img src=x onerror=alert(2)>",
        made_by="<script>alert(3)</script>", presets={"<b>": {"tokens": HOSTILE, "weights": np.eye(n)}})
    with opened(context, tmp_path, figure) as page:
        open_table(page)
        page.locator("[role=gridcell][tabindex='0']").focus()
        for _ in range(n):
            page.keyboard.press("ArrowDown")
            next_frame(page)
        assert page.locator(".cu img, .cu b, .cu script").count() == 0
        assert page.locator(".cu-caption").inner_text() == "<img src=x onerror=alert(2)>"
        titles = page.locator(".cu-table thead th[title]").evaluate_all("cells => cells.map(cell => cell.title)")
        assert titles == HOSTILE
        shown = page.locator(".cu-table thead th").all_text_contents()[1:]
        assert max(map(len, shown)) <= 30
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


def test_the_whole_of_a_long_token_is_in_its_tooltip(context, tmp_path):
    with opened(context, tmp_path, AttentionExplorer(["y" * 500, "b"], weights=np.eye(2))) as page:
        box = page.locator("[role=gridcell]:visible").bounding_box()
        page.mouse.move(box["x"] - 20, box["y"] + box["height"] / 2)
        assert page.locator(".cu-tip").inner_text() == "y" * 500
        page.mouse.move(box["x"] + 20, box["y"] + box["height"] / 2)
        assert page.locator(".cu-tip").is_hidden()


def test_no_tokens_are_told_in_words(context, tmp_path):
    with opened(context, tmp_path, AttentionExplorer([], weights=np.zeros((0, 0)))) as page:
        assert page.get_by_text("There are no tokens to show.").is_visible()
        assert page.locator("canvas:visible, button:visible").count() == 0


def test_one_token_is_enough(context, tmp_path):
    with opened(context, tmp_path, AttentionExplorer(["alone"], q=[[1.0]], k=[[2.0]])) as page:
        page.locator("[role=gridcell][tabindex='0']").focus()
        for key in ("ArrowDown", "ArrowRight", "End", "PageUp"):
            page.keyboard.press(key)
        assert "weight 1.000" in readout(page)


def test_512_tokens_paint_fast_and_stay_small(context, tmp_path):
    q = RNG.standard_normal((512, 64))
    figure = AttentionExplorer([f"token{i}" for i in range(512)], q=q, k=q, causal=True)
    with opened(context, tmp_path, figure) as page:
        assert page.locator(".cu, .cu *").count() < 500
        shades = page.locator(".cu-map canvas").first.evaluate("""canvas => new Set(canvas.getContext('2d')
            .getImageData(0, 0, canvas.width, canvas.height).data).size""")
        assert shades > 20
        painted = []
        for _ in range(3):  # the best of three: other programs run here too
            page.reload()
            page.wait_for_selector("html[data-figures=ready]", state="attached")
            painted.append(page.wait_for_function(
                "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime").json_value())
        assert min(painted) < 1000
        set_state(page, cell=[511, 500])
        assert "Query 511 “token511”, key 500 “token500”" in readout(page)


@pytest.mark.parametrize("T", [8, 40, 128])
def test_the_page_stays_light(context, tmp_path, T):
    q, k = RNG.standard_normal((2, T, 8))
    figure = AttentionExplorer([f"t{i}" for i in range(T)], q=q, k=k)
    with opened(context, tmp_path, figure) as page:
        assert page.locator(".cu, .cu *").count() < 500


# --- access -------------------------------------------------------------------------------------------------------
def every_figure():
    theirs = softmax(RNG.standard_normal((2, 3, 3)))
    q, k = RNG.standard_normal((2, 2, 3, 4))
    yield AttentionExplorer(TINY, q=q, k=k, made_by="you", causal=True, presets={
        "other": {"tokens": TINY, "weights": theirs, "reference": theirs[::-1]}})
    yield ScaleExplorer(made_by="you")


def test_every_control_has_a_name_and_keeps_its_keys(context, tmp_path):
    with opened(context, tmp_path, *every_figure()) as page:
        for nameless in ("input", "select", "button", "summary", "[role=gridcell]"):
            assert page.locator(f".cu {nameless}").count() > 0
        wrong = page.evaluate("""() =>
            [...document.querySelectorAll('.cu :is(input, select, button, summary, [tabindex="0"])')]
            .filter(node => !(node.labels?.length || node.ariaLabel || node.textContent.trim())
                            || node.dataset.lmSuppressShortcuts !== 'true').map(node => node.outerHTML)""")
        assert wrong == []
        assert page.get_by_role("group", name="Attention weights").count() == 1
        page.get_by_role("slider", name="temperature").focus()
        assert page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle") == "auto" or page.evaluate(
            "() => parseFloat(getComputedStyle(document.activeElement).outlineWidth)") >= 2


CONTRAST = """() => {
  const parse = colour => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
    .map(c => (c <= 0.04 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, n) => sum + c * [0.2126, 0.7152, 0.0722][n], 0);
  const behind = node => { for (let each = node; each; each = each.parentElement) {
    const colour = parse(getComputedStyle(each).backgroundColor);
    if (colour[3] !== 0) return colour; } return [255, 255, 255]; };
  const low = [];
  for (const node of document.querySelectorAll('.cu *')) {
    const text = [...node.childNodes].some(child => child.nodeType === 3 && child.textContent.trim());
    if (!text || !node.checkVisibility() || node.closest('.cu-tip, title, option')) continue;
    const style = getComputedStyle(node), colour = parse(node instanceof SVGElement ? style.fill : style.color);
    const [a, b] = [light(colour), light(behind(node))].sort((x, y) => y - x), ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) low.push(`${node.textContent.slice(0, 30)}: ${ratio.toFixed(2)}`);
  }
  return low;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_in_both_themes(browser, tmp_path, scheme):
    context = new_context(browser, color_scheme=scheme)
    with opened(context, tmp_path, *every_figure()) as page:
        for picture in (0, 1):
            set_state(page, preset=picture)
            assert page.evaluate(CONTRAST) == []
        background = page.locator(".cu").first.evaluate("node => getComputedStyle(node).backgroundColor")
        assert (background == "rgb(255, 255, 255)") == (scheme == "light")
    context.close()


def test_the_canvas_follows_the_theme(context, tmp_path):
    with opened(context, tmp_path, sentence()) as page:
        corner = "canvas => [...canvas.getContext('2d').getImageData(2, 2, 1, 1).data].slice(0, 3)"
        assert page.locator(".cu-map canvas").first.evaluate(corner) == [255, 255, 255]
        page.evaluate("() => { document.body.dataset.jpThemeLight = 'false'; }")
        next_frame(page)
        next_frame(page)
        assert max(page.locator(".cu-map canvas").first.evaluate(corner)) < 40


@pytest.mark.parametrize("where", ["not on the page", "on a slide that is not shown"])
def test_a_figure_made_out_of_sight_is_drawn_when_it_comes_into_view(context, tmp_path, where):
    with opened(context, tmp_path, sentence()) as page:
        page.evaluate("""async apart => {
            const model = [...liveFigures.values()].find(m => m.get('kind'));
            const el = Object.assign(document.createElement('div'), { id: 'late' });
            if (!apart) { el.style.display = 'none'; document.body.append(el); }
            const blob = URL.createObjectURL(new Blob([model.get('_esm')], { type: 'text/javascript' }));
            (await import(blob)).default.render({ model, el });
            window.late = el;
        }""", where == "not on the page")
        page.evaluate("() => { late.style.display = ''; document.body.append(late); }")
        next_frame(page)
        next_frame(page)
        assert pixels(page, "#late .cu-map canvas") == pixels(page)
        lines = "lines => lines.map(line => line.getAttribute('d'))"
        assert page.locator("#late .cu-line").evaluate_all(lines) == page.locator(".cu-line").evaluate_all(lines)[:3]


def test_hidden_cells_are_not_dark(context, tmp_path):
    figure = AttentionExplorer(TINY, scores=np.zeros((3, 3)), causal=True, cell=[2, 0])
    with opened(context, tmp_path, figure) as page:
        box = page.locator("[role=gridcell]:visible").bounding_box()
        canvas = page.locator(".cu-map canvas").first
        frame = canvas.bounding_box()
        x, y = box["x"] - frame["x"] + 2.2 * box["width"], box["y"] - frame["y"] - 1.8 * box["height"]  # of cell 0, 2
        data = canvas.evaluate("(canvas, [x, y]) => [...canvas.getContext('2d').getImageData(x, y, 24, 24).data]",
                               [x, y])
        grey = np.array(data).reshape(-1, 4)[:, :3].mean(axis=1)
        assert grey.mean() > 180
        assert grey.std() > 10  # the lines of the hatch


# --- files --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("figure", "buttons"), [
    (sentence(), ["PNG"]), (ScaleExplorer(widths=(1, 64)), ["PNG", "SVG"])])
def test_a_click_saves_the_figure(context, tmp_path, figure, buttons):
    with opened(context, tmp_path, figure) as page:
        for kind in buttons:
            with page.expect_download() as waiting:
                page.get_by_role("button", name=f"Save {kind}").click()
            data = Path(waiting.value.path()).read_bytes()
            assert waiting.value.suggested_filename.endswith(kind.lower())
            if kind == "PNG":
                assert data[:8] == b"\x89PNG\r\n\x1a\n"
                size = page.evaluate("""async data => { const image = new Image();
                    image.src = 'data:image/png;base64,' + data; await image.decode();
                    return [image.width, image.height]; }""", base64.b64encode(data).decode())
                assert min(size) > 200
            else:
                assert data.count(b"<rect") >= 24
                assert b"var(--" not in re.sub(rb'style="[^"]*stroke: var[^"]*"', b"", data)


def test_leaving_takes_every_listener_along(context, tmp_path):
    with opened(context, tmp_path, sentence()) as page:
        left = page.evaluate("""async () => {
            const model = [...liveFigures.values()].find(m => m.get('kind'));
            const before = [...model.listeners.values()].flat().length;
            const el = document.createElement('div'); document.body.append(el);
            const blob = URL.createObjectURL(new Blob([model.get('_esm')], { type: 'text/javascript' }));
            const leave = await (await import(blob)).default.render({ model, el });
            const during = [...model.listeners.values()].flat().length;
            leave(); el.remove();
            return [before, during, [...model.listeners.values()].flat().length];
        }""")
        assert left[0] == left[2] < left[1]
