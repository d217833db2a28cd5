"""The mask painter: what it takes and tells in Python, and what mouse and keyboard do to it without a kernel."""

import json

import numpy as np
import pytest
import torch
from figure_page import next_frame, opened, pixels, set_state, state

from course_utils.attention import scaled_dot_product_attention, softmax
from course_utils.classroom.lab.driver import chromium, new_context
from course_utils.explorers import MaskPainter
from course_utils.explorers.base import browser_code
from course_utils.explorers.mask_painter import METHODS

TOKENS = ["[PAD]", "the", "dog", "sat"]
SCORES = np.random.default_rng(3).standard_normal((4, 4)).astype(np.float32) * 2
HOLES = np.array([[1, 0, 1, 0], [0, 0, 0, 0], [0, 1, 1, 0], [1, 1, 0, 1]], dtype=bool)
HOSTILE = ["<b>bold</b>", "</script><script>alert(1)</script>", "مرحبا بالعالم", "x" * 300]


def painter(**options):
    return MaskPainter(TOKENS, **{"scores": SCORES} | options)


# --- in Python ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("tokens", "arguments", "words"), [
    ("abc", {}, "tokens should be a list of strings, got 'abc'"),
    (["a", 1], {}, "tokens should be a list of strings"),
    (["a"], {"scores": [[1.0]]}, "tokens should be 2 to 12, got 1"),
    (TOKENS, {"scores": None}, "scores, or q and k, should be given"),
    (TOKENS, {"q": np.ones((4, 2))}, "scores, or q and k, should be given"),
    (TOKENS, {"scores": np.ones((4, 3))}, r"scores should have shape \(T=4, T=4\), got \(4, 3\)"),
    (TOKENS, {"scores": np.full((4, 4), np.nan)}, "scores should be finite"),
    (TOKENS, {"scores": None, "q": np.ones((4, 2)), "k": np.ones((4, 3))}, r"q and k should have one shape"),
    (TOKENS, {"mask": np.ones((4, 4))}, "mask should be boolean, got float64"),
    (TOKENS, {"mask": [[True], [True, False]]}, "mask should be a table of booleans"),
    (TOKENS, {"mask": np.ones((3, 4), bool)}, r"mask should broadcast to \(T=4, T=4\), got \(3, 4\)"),
    (TOKENS, {"polarity": "both"}, "polarity should be one of 'attend', 'hide', got 'both'"),
    (TOKENS, {"method": "-5"}, "method should be one of '-inf', "),
    (TOKENS, {"cell": [0, 4]}, r"cell should be \[query, key\], both from 0 to 3, got \[0, 4\]"),
    (TOKENS, {"attend": 3}, "attend should be a function of q, k, v and mask, got int"),
])
def test_what_does_not_fit_is_named(tokens, arguments, words):
    with pytest.raises(ValueError, match=words):
        MaskPainter(tokens, **{"scores": SCORES} | arguments)


def test_the_weights_are_those_of_the_course():
    q, k = np.random.default_rng(1).standard_normal((2, 4, 6))
    figure = MaskPainter(TOKENS, q=q, k=torch.tensor(k), mask=torch.tensor(HOLES)[None])
    want = scaled_dot_product_attention(q, k, np.eye(4), HOLES)[1]
    np.testing.assert_allclose(figure.weights, want, atol=1e-6)
    assert figure.weights[1].tolist() == [0, 0, 0, 0]


def test_each_way_of_hiding_fails_in_its_own_way():
    found = {method: painter(mask=HOLES, method=method).weights for method in METHODS}
    assert np.isnan(found["nan"][1]).all()
    np.testing.assert_array_equal(found["nan"][[0, 2, 3]], found["-inf"][[0, 2, 3]])
    np.testing.assert_allclose(found["-1e9"][1], 0.25)
    np.testing.assert_allclose(found["-1e9"][[0, 2, 3]], found["-inf"][[0, 2, 3]])
    assert 0 < found["-10"][0, 1] < 0.01 < found["score 0"][0, 1]
    np.testing.assert_allclose(found["weight 0"], softmax(SCORES.astype(float)) * HOLES)
    assert found["weight 0"][0].sum() < 0.999


def test_the_leak_is_what_lies_on_later_keys_and_on_padding():
    figure = painter()
    later = np.triu(figure.weights, 1)
    later[:, 0] = figure.weights[:, 0]
    np.testing.assert_allclose(figure.leak, later.sum(-1))
    figure.mask = np.tri(4, dtype=bool) & [False, True, True, True]
    assert figure.leak.tolist() == [0, 0, 0, 0]
    only_padding = painter(causal=False)
    np.testing.assert_allclose(only_padding.leak, only_padding.weights[:, 0])


def test_polarity_turns_the_mask_round_and_leaves_it_alone():
    figure = painter(mask=HOLES)
    figure.polarity = "hide"
    assert figure.mask == HOLES.tolist()
    assert figure.allowed.tolist() == (~HOLES).tolist()


def test_the_mask_goes_both_ways():
    figure = painter()
    figure.mask = torch.ones(4, 4, dtype=torch.bool).tril()
    assert figure.mask == np.tri(4, dtype=bool).tolist()
    assert json.loads(json.dumps(figure.get_state("mask")["mask"])) == figure.mask
    figure.set_state({"mask": HOLES.tolist()})  # as the browser sends it
    assert figure.allowed.tolist() == HOLES.tolist()


def test_the_fingerprint_tells_masks_and_ways_apart():
    figures = [painter(), painter(mask=HOLES), painter(mask=HOLES.T), painter(mask=HOLES, method="nan"),
               painter(mask=HOLES, polarity="hide")]
    assert len({figure.fingerprint() for figure in figures}) == len(figures)
    bundle, metadata = figures[3]._repr_mimebundle_()
    assert bundle["image/png"]
    assert bundle["text/plain"] == figures[3].fingerprint()
    assert "hides 9 of 16 cells" in metadata["image/png"]["alt"]
    assert "Query 0 gives" in painter().describe()


def test_a_function_is_asked_again_when_the_mask_changes():
    asked = []

    def attend(q, k, v, mask):
        asked.append(mask.tolist())
        return scaled_dot_product_attention(q, k, v, mask)

    figure = painter(attend=attend)
    figure.mask = HOLES
    figure.polarity = "hide"
    assert asked[-3:] == [np.ones((4, 4), bool).tolist(), HOLES.tolist(), (~HOLES).tolist()]
    assert figure.answer["mask"] == "".join("01"[x] for x in (~HOLES).ravel().astype(int))
    got = np.frombuffer(figure.answer["weights"]["data"], np.float32).reshape(4, 4)
    np.testing.assert_allclose(got, figure.weights, atol=1e-6)


@pytest.mark.parametrize(("attend", "words"), [
    (lambda q, k, v, mask: 1 / 0, "ZeroDivisionError"), (lambda q, k, v, mask: None, "TypeError"),
    (lambda q, k, v, mask: (v, v[:2]), "weights should have shape"),
])
def test_a_broken_function_does_not_break_the_figure(attend, words):
    assert words in painter(attend=attend).answer["trouble"]


# --- in the browser -----------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def context():
    with chromium() as browser:
        yield new_context(browser, viewport={"width": 1280, "height": 720})


def words(page):
    return page.inner_text(".cu").replace("\u2068", "").replace("\u2069", "")


def centre(page, i, j, T=4):
    """Where cell (i, j) of the mask lies on the page, found from the focused one."""
    box, (a, b) = page.locator("[role=gridcell]:visible").bounding_box(), state(page, "cell")
    return box["x"] + (j - b + 0.5) * box["width"], box["y"] + (i - a + 0.5) * box["height"]


def test_a_mask_that_does_not_fit_is_refused_without_the_insides_of_traitlets():
    figure = painter()
    with pytest.raises(ValueError, match="mask should be boolean, got float64") as caught:
        figure.mask = np.ones((4, 4))
    assert len(caught.traceback) == 2  # this line, and the setting of it
    assert np.all(figure.mask)


@pytest.mark.browser
@pytest.mark.parametrize("method", METHODS)
def test_the_browser_computes_what_python_computes(context, method):
    code = browser_code("colours.js", "heatmap.js", "painter.js").replace("export default", "window.made =")
    page = context.new_page()
    page.add_script_tag(content=code)
    figure = painter(mask=HOLES, method=method)
    got = page.evaluate("""([scores, allowed, goal, method]) => {
        const { weights, leak, empty } = painted(Float32Array.from(scores), allowed, goal, 4, method);
        return [[...weights].map(String), [...leak].map(String), empty]; }""",
                        [SCORES.ravel().tolist(), HOLES.ravel().tolist(), figure.goal.ravel().tolist(), method])
    np.testing.assert_allclose(np.array(got[0], float).reshape(4, 4), figure.weights, atol=2e-6)
    np.testing.assert_allclose(np.array(got[1], float), figure.leak, atol=2e-6)
    assert got[2] == [1]
    page.close()


@pytest.mark.browser
def test_space_paints_the_focused_cell_and_the_weights_follow(context, tmp_path):
    with opened(context, tmp_path, painter(cell=[1, 2])) as page:
        weights = ".cu-paint >> nth=2 >> canvas"
        before = pixels(page, weights)
        page.locator("[role=gridcell][tabindex='0']").focus()
        page.keyboard.press(" ")
        next_frame(page)
        assert [row.count(False) for row in state(page, "mask")] == [0, 1, 0, 0]
        assert pixels(page, weights) != before
        assert "mask False, hidden" in page.evaluate("() => document.activeElement.ariaLabel")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("r")
        next_frame(page)
        assert state(page, "mask")[2] == [False] * 4
        assert "Query 2 sees no key: it gets weights of 0, so its output is 0." in words(page)
        page.keyboard.press("c")
        next_frame(page)
        assert [row[2] for row in state(page, "mask")] == [False, True, True, False]


@pytest.mark.browser
def test_a_drag_paints_one_value_over_many_cells(context, tmp_path):
    with opened(context, tmp_path, painter(mask=HOLES)) as page:
        page.mouse.move(*centre(page, 0, 0))
        page.mouse.down()
        for j in (1, 2, 3):
            page.mouse.move(*centre(page, 0, j))
            next_frame(page)
        page.mouse.up()
        page.mouse.move(*centre(page, 3, 3))
        next_frame(page)
        assert state(page, "mask") == [[False] * 4, *HOLES[1:].tolist()]
        assert state(page, "cell") == [3, 3]


@pytest.mark.browser
def test_a_click_on_a_token_paints_its_row_or_column(context, tmp_path):
    with opened(context, tmp_path, painter()) as page:
        x, y = centre(page, 2, 0)
        page.mouse.click(x - 45, y)
        next_frame(page)
        assert state(page, "mask")[2] == [False] * 4
        x, y = centre(page, 0, 3)
        page.mouse.click(x, y - 30)
        next_frame(page)
        assert [row[3] for row in state(page, "mask")] == [False, False, True, False]


@pytest.mark.browser
def test_buttons_write_right_masks_in_either_polarity(context, tmp_path):
    causal, keys = np.tri(4, dtype=bool), np.array([[False, True, True, True]] * 4)
    goals = {"causal": causal, "padding": keys, "causal and padding": causal & keys, "clear": causal | True}
    for polarity in ("attend", "hide"):
        with opened(context, tmp_path, painter(polarity=polarity)) as page:
            for name, allowed in goals.items():
                page.get_by_role("button", name=name, exact=True).click()
                next_frame(page)
                assert state(page, "mask") == (allowed if polarity == "attend" else ~allowed).tolist(), name
                # what was spoken of the button before may stand there still
                assert ("Leak" in page.inner_text(".cu-body")) == (name != "causal and padding")


@pytest.mark.browser
def test_a_wrong_polarity_and_a_row_without_keys_are_told_at_once(context, tmp_path):
    figure = MaskPainter(["the", "dog", "sat"], scores=SCORES[:3, :3], mask=np.tri(3, dtype=bool))
    with opened(context, tmp_path, figure) as page:
        assert page.get_by_role("button", name="padding").count() == 0
        assert "Leak" not in words(page)
        page.get_by_label("the mask says").select_option("True = hidden")
        next_frame(page)
        assert state(page, "mask") == np.tri(3, dtype=bool).tolist()
        assert "Leak: queries 0 and 1 give weight" in words(page)
        assert ", replaced by −∞, weight 0.000." in words(page)
        assert "Query 2 sees no key" in words(page)
        assert page.locator('[aria-label*="undefined"]').count() == 0
        page.get_by_label("a hidden key gets").select_option("score −∞, the bare softmax")
        next_frame(page)
        assert "Query 2 sees no key: it gets NaN" in words(page)
        page.get_by_label("a hidden key gets").select_option("score −1,000,000,000")
        next_frame(page)
        assert "equal weights on keys that are all hidden" in words(page)


@pytest.mark.browser
def test_state_set_by_a_kernel_is_shown_and_the_own_function_speaks_of_its_mask_only(context, tmp_path):
    def wrong(q, k, v, mask):
        return v, scaled_dot_product_attention(q, k, v)[1]

    figure = painter(mask=HOLES, attend=wrong, made_by="your own masked_attention")
    with opened(context, tmp_path, figure) as page:
        assert "Your own masked_attention gives other weights in " in words(page)
        set_state(page, mask=np.tri(4, dtype=bool).tolist(), cell=[3, 0])
        assert "Your own masked_attention gives" not in words(page)
        assert "Query 3 “sat”, key 0 “[PAD]”; it is padding: mask True, may attend" in words(page)
        page.get_by_text("Show as a table").click()
        next_frame(page)
        cells = [float(x) for x in page.locator(".cu-table tr").last.locator("td").all_inner_texts()]
        shown = painter(mask=np.tri(4, dtype=bool))
        np.testing.assert_allclose(cells, [*shown.weights[3], 1, shown.leak[3]], atol=5e-4)


@pytest.mark.browser
def test_tokens_stay_text_and_nothing_is_wider_than_the_page(context, tmp_path):
    long = MaskPainter([f"token{n}" for n in range(12)], scores=np.zeros((12, 12)))
    with opened(context, tmp_path, MaskPainter(HOSTILE, scores=SCORES), long) as page:
        assert page.evaluate("() => document.body.scrollWidth <= window.innerWidth")
        assert page.locator(".cu-paint").count() == 6


@pytest.mark.browser
def test_the_dark_theme_repaints(context, tmp_path):
    with opened(context, tmp_path, painter(mask=HOLES)) as page:
        before = pixels(page, ".cu-paint canvas")
        page.emulate_media(color_scheme="dark")
        next_frame(page)
        assert pixels(page, ".cu-paint canvas") != before


@pytest.mark.browser
def test_controls_have_names_and_one_cell_is_in_the_order_of_tabs(context, tmp_path):
    with opened(context, tmp_path, painter()) as page:
        assert page.get_by_role("combobox").count() == 2
        assert page.get_by_role("grid", name="mask, 4 queries by 4 keys").count() == 1
        assert page.locator("[role=gridcell][tabindex='0']").count() == 1
        for control in page.locator(".cu button, .cu select, .cu summary, .cu [role=gridcell]").all():
            assert control.get_attribute("data-lm-suppress-shortcuts") == "true"
