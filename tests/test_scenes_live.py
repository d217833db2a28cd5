"""Scene figures without a kernel: the browser's numbers are Python's, and every way to move them works."""

import json

import numpy as np
import pytest
from scene_page import (
    ALL,
    SQUARE,
    Shown,
    make_bars,
    make_hull,
    make_lookup,
    make_nudge,
    make_pair,
    make_path,
    make_search,
)

from course_utils import attention
from course_utils.classroom.lab.driver import chromium
from course_utils.explorers import DotProductExplorer, HullExplorer, SoftmaxExplorer, TokenPath
from course_utils.explorers.base import browser_code
from course_utils.explorers.hull import convex_hull

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture
def show(browser, tmp_path):
    """Open figures on a page from a disk."""
    pages = []

    def open_page(*figures, **options):
        pages.append(Shown(browser, tmp_path, *figures, **options))
        return pages[-1]

    yield open_page
    for each in pages:
        each.close()


def test_python_and_the_browser_compute_the_same(show):
    shown = show(make_pair())
    drawers = ("axes.js", "scene.js", "arrows.js", "bars.js", "hull.js", "nudge.js", "token_path.js")
    code = browser_code(*drawers).split("export default")[0]
    names = ["dot2", "cosine2", "angle2", "foot2", "softmaxSteps", "weightedSum", "convexHull", "insideHull",
             "nudge", "pathNumbers"]
    run = f"([name, args]) => new Function({json.dumps(code)} + 'return {{{', '.join(names)}}}')()[name](...args)"
    summed = ("([state]) => { const made = new Function(" + json.dumps(code) +
              " + 'return { weightedSum }')(); return made.weightedSum({ get: name => state[name] }); }")
    rng = np.random.default_rng(5)

    def browser(name, *args):
        return np.array(shown.page.evaluate(run, [name, list(args)]), dtype=float)

    def same(one, two):
        np.testing.assert_allclose(one, two, rtol=2e-6, atol=2e-6)

    for _ in range(10):
        figure = DotProductExplorer(rng.uniform(-3, 3, 2), rng.uniform(-3, 3, 2))
        same(browser("dot2", figure.a, figure.b), figure.dot)
        same(browser("cosine2", figure.a, figure.b), figure.cosine)
        same(browser("angle2", figure.a, figure.b), figure.angle)
        same(np.hypot(*browser("foot2", figure.a, figure.b)), abs(figure.shadow))
        for stable in (False, True):
            bars = SoftmaxExplorer(rng.uniform(-6, 6, 5), temperature=rng.choice([0.05, 0.3, 1.0, 4.2, 100.0]),
                                   shift=rng.choice([0.0, 25.0, -300.0]), stable=stable)
            steps = shown.page.evaluate(run, ["softmaxSteps", [bars.scores, bars.temperature, bars.shift, stable]])
            with np.errstate(divide="ignore"):
                same(np.log(np.array(steps["terms"], dtype=float)), np.log(bars.terms))
            same(np.array(steps["weights"], dtype=float), bars.weights)
        nudge = make_nudge(nudged=rng.integers(3).item(), step=rng.choice([0.0, 1.0, 0.1]).item())
        found = shown.page.evaluate(run, ["nudge", [nudge.scores, nudge.nudged, nudge.step]])
        for name in ("before", "after", "quotients", "slopes"):
            same(np.array(found[name], dtype=float), getattr(nudge, name))
        for normalise in (True, False):
            values = rng.uniform(-2, 4, (5, 2))
            for hull in (HullExplorer(values, amounts=rng.uniform(0, 1, 5), normalise=normalise),
                         HullExplorer(values, scores=rng.uniform(-5, 5, 5), normalise=normalise),
                         HullExplorer(values, keys=rng.uniform(-3, 3, (5, 2)), query=rng.uniform(-3, 3, 2),
                                      normalise=normalise)):
                state = {name: getattr(hull, name) for name in hull.trait_names(sync=True)
                         if name in ("source", "normalise", "values", "names", "query", "key_vectors", "amounts",
                                     "scores", "contributions")}
                found = shown.page.evaluate(summed, [state])
                same(found["weights"], hull.weights)
                same(found["output"], hull.output)
                assert found["hull"] == convex_hull(hull.values)
                assert found["inside"] or not normalise
    for scaled in (False, True):
        x, W_q, W_k, W_v = (rng.normal(size=shape).round(2) for shape in ((5, 3), (3, 4), (3, 4), (3, 2)))
        path = TokenPath(list("abcde"), x, W_q, W_k, W_v, scaled=scaled, q=rng.uniform(-3, 3, 4))
        found = shown.page.evaluate(run, ["pathNumbers", [{"x": path.x_keys, "W_k": path.W_k, "W_v": path.W_v,
                                                           "q": path.q, "scaled": scaled}]])
        for name in ("scores", "weights", "output"):
            same(found[name], getattr(path, name))
    corners = np.array(SQUARE) + 0.5
    for point in rng.uniform(-0.1, 5.1, (60, 2)):
        wanted = bool(((point >= 0.5) & (point <= 4.5)).all())
        assert shown.page.evaluate(run, ["insideHull", [point.tolist(), corners.tolist()]]) is wanted
    for point, wanted in (((1, 1), True), ((2.5, 2.5), False), ((1, 1.1), False)):
        assert shown.page.evaluate(run, ["insideHull", [point, [[0, 0], [2, 2]]]]) is wanted


@pytest.mark.parametrize("touch", [False, True])
def test_dragging_a_tip_moves_the_arrow_and_its_numbers(show, touch):
    shown = show(make_pair(), has_touch=touch)
    assert "a · b = 5.00" in shown.words()
    shown.drag("Tip of a", (-58, 0), touch)
    a = shown.state("a")
    assert a[0] < 3
    assert a[1] == 1.0
    assert a[0] == pytest.approx(2.0, abs=0.11)
    assert f"a · b = {a[0] + 2:.2f}" in shown.words()
    shown.drag("Tip of b", (500, 900), touch)
    assert shown.state("b") == [3.0, -3.0], "a tip stays in the plane"


def test_arrow_keys_move_a_tip_and_shift_moves_it_further(show):
    shown = show(make_pair())
    tip = shown.page.get_by_label("Tip of a", exact=True)
    tip.focus()
    shown.page.keyboard.press("ArrowLeft")
    shown.page.keyboard.press("Shift+ArrowDown")
    assert shown.state("a") == [2.9, 0.5]
    assert tip.get_attribute("aria-valuetext") == "2.9, 0.5"
    shown.page.get_by_label("b, number 1").focus()
    shown.page.keyboard.press("ArrowRight")
    assert shown.state("b") == [1.0, 2.1]
    assert "a · b = 3.95" in shown.words()


def test_presets_and_the_cosine(show):
    shown = show(make_pair(presets={"Perpendicular": {"a": (-1, 2), "b": (2, 1)},
                                    "Opposite": {"a": (-2, -1), "b": (2, 1)}}))
    shown.page.get_by_role("button", name="Perpendicular").click()
    assert "a and b are perpendicular: the dot product is 0." in shown.words()
    shown.page.get_by_role("button", name="Opposite").click()
    shown.page.get_by_label("Both lengths 1 (cosine)").check()
    assert "a · b = −1.00" in shown.words()
    shown.drag("Tip of a", (150, -100))
    a = shown.state("a")
    assert np.hypot(*a) == pytest.approx(5**0.5, abs=1e-6), "turning an arrow keeps its length"
    assert a != [-2.0, -1.0]


def test_an_arrow_turns_and_keeps_its_length(show):
    shown = show(make_pair(), make_search())
    turn = shown.page.get_by_label("Turn b: the angle from a to b")
    assert turn.count() == 1, "keys are dragged, not turned"
    a, turned = np.array([3.0, 1.0]), []
    for degrees in (0, 90, 180, 270, 360):
        turn.fill(str(degrees))
        b = np.array(shown.state("b"))
        assert np.hypot(*b) == pytest.approx(5**0.5)
        assert turn.input_value() == str(degrees)
        turned.append(a @ b)
    largest = (10 * 5) ** 0.5
    np.testing.assert_allclose(turned, [largest, 0, -largest, 0, largest], atol=1e-9)
    assert "a and b point the same way" in shown.words()
    shown.drag("Tip of a", (-58, 0))
    assert turn.input_value() not in ("0", "360"), "the angle follows a, too"


def test_a_long_arrow_is_shortened_before_it_turns(show):
    shown = show(DotProductExplorer((3, 0), (3, 3)))
    shown.page.get_by_label("Turn b: the angle from a to b").fill("90")
    assert shown.state("b") == pytest.approx([0, 3])


def test_a_query_and_its_keys(show):
    shown = show(make_search())
    assert "Largest score: cat, 5.50." in shown.words()
    shown.page.get_by_label("Tip of dog").focus()
    assert shown.state("chosen") == 1
    for _ in range(3):
        shown.page.keyboard.press("Shift+ArrowRight")
    assert shown.state("key_vectors")[1] == [2.5, 2.0]
    words = shown.words()
    assert "query · dog = 7.00" in words
    assert "Largest score: dog, 7.00." in words
    shown.page.get_by_role("combobox", name="Key").select_option("2")
    assert "query · car = −3.00" in shown.words()


def test_score_sliders_temperature_and_shift(show):
    shown = show(make_bars())
    shown.page.get_by_label("Score of mat").focus()
    for _ in range(10):
        shown.page.keyboard.press("ArrowRight")
    assert shown.state("scores") == [2.0, 1.0, 1.0]
    weights = attention.softmax(np.array(shown.state("scores"), dtype=float))
    assert all(f"{weight:.3f}" in shown.words() for weight in weights)
    for step in ("+1", "+10", "+100"):
        shown.page.get_by_role("button", name=step, exact=True).click()
    assert all(f"{weight:.3f}" in shown.words() for weight in weights), "a shift changes no weight"
    assert "score + 111" in shown.words()
    shown.page.get_by_role("button", name="+1000").click()
    assert "exp has overflowed" in shown.words()
    assert "NaN" in shown.words()
    shown.page.get_by_label("Subtract the largest score first").check()
    assert all(f"{weight:.3f}" in shown.words() for weight in weights)
    shown.page.get_by_label("Temperature").focus()
    shown.page.keyboard.press("End")
    assert "The weight of cat is 1.01 times that of sat." in shown.words(), "hot weights are close, not equal"
    shown.page.keyboard.press("Home")
    assert "The weight of cat is 4.85·10⁸ times that of sat." in shown.words()
    shown.page.get_by_role("button", name="All equal").click()
    assert "All weights are equal." in shown.words()


def test_a_lesson_shows_the_controls_it_has_come_to(show):
    shown = show(make_bars(controls=["shift"], steps=[1, 10], presets={}))
    labels = [each.inner_text() for each in shown.page.locator(".cu-bar button").all()]
    assert labels == ["+1", "+10", "0 again"]
    assert shown.page.locator(".cu-bar input").count() == 0


def test_a_nudged_score_moves_every_weight(show):
    shown = show(make_nudge())
    assert "Nothing is nudged yet." in shown.words()
    assert "−0.096" not in shown.words(), "the figure starts without an answer"
    shown.page.get_by_role("button", name="0.001", exact=True).click()
    assert "Change of the weights: cat 0.000132, mat −0.000096, the −0.000035." in shown.words()
    assert all(slope in shown.words() for slope in ("0.132", "−0.096", "−0.035"))
    shown.page.get_by_label("Raise the score of").select_option("1")
    assert "0.101" in shown.words()
    shown.page.get_by_label("Score of mat").press("End")
    assert shown.state("scores") == [2.0, 6.0, -1.0]
    assert "6.0 + 0.001" in shown.words()
    shown.page.get_by_role("button", name="0 again").click()
    assert "Nothing is nudged yet." in shown.words()


def test_a_stable_softmax_shows_up_the_literal_formula(show):
    def literal(z):
        with np.errstate(all="ignore"):
            return np.exp(z) / np.exp(z).sum()

    figures = [make_bars(function=attention.softmax, shift=1000), make_bars(function=literal, shift=1000)]
    words = show(*figures).words()
    assert "divides infinity by infinity. Your function stays finite: its weights are marked." in words
    assert "divides infinity by infinity. So does your function." in words
    assert "agrees" not in words


def test_a_learners_softmax_is_compared_where_it_was_asked(show):
    def halved(z):
        weights = np.exp(z) / np.exp(z).sum()
        return weights * [1, 1, 0.5]

    halved.whose = "your own softmax"
    shown = show(make_bars(function=halved))
    assert "Your own softmax differs at mat." in shown.words()
    shown.page.get_by_label("Temperature").focus()
    shown.page.keyboard.press("ArrowRight")
    assert "Your own softmax differs at mat." in shown.words()
    for move in (lambda: shown.page.get_by_role("button", name="+1", exact=True).click(),
                 lambda: shown.page.get_by_label("Score of cat").press("ArrowRight")):
        move()
        assert "Your own softmax is not marked: it was asked for other scores." in shown.words()
        shown.page.get_by_role("button", name="0 again").click()


def test_the_output_stays_in_the_hull_until_the_weights_do_not_sum_to_one(show):
    shown = show(make_hull())
    assert "output = (2.50, 1.00)" in shown.words()
    shown.page.get_by_label("Amount of C").focus()
    shown.page.keyboard.press("End")
    words = shown.words()
    assert "sum of the weights = 1.00" in words
    assert "The weights sum to 1; the output lies in the hull, the shaded region." in words
    shown.page.get_by_label("Divide by the sum").uncheck()
    assert "The weights sum to 2.75, not to 1: the output has left the hull." in shown.words()
    shown.page.get_by_label("Divide by the sum").check()
    shown.page.get_by_role("button", name="Only A").click()
    assert "output = (0.00, 0.00)" in shown.words()
    shown.drag("Value A", (60, -60))
    x, y = shown.state("values")[0]
    assert x > 0.3
    assert y > 0.3
    assert f"output = ({x:.2f}, {y:.2f})" in shown.words()


def test_numbers_of_the_query_are_counted_from_0_as_everywhere(show):
    shown = show(make_lookup())
    shown.page.get_by_label("query, number 1").focus()
    shown.page.keyboard.press("ArrowRight")
    assert shown.state("query") == [0.5, 1.6]
    assert shown.page.get_by_label("query, number 2").count() == 0


def test_dragging_the_query_moves_the_output(show):
    shown = show(make_lookup())
    before = shown.words()
    shown.page.get_by_label("Query", exact=True).focus()
    for _ in range(5):
        shown.page.keyboard.press("Shift+ArrowRight")
    assert shown.state("query") == [3.0, 1.5]
    weights = attention.softmax(np.array([3.0, 1.5, -3.75]))
    after = shown.words()
    assert after != before
    assert all(f"{weight:.2f}" in after for weight in weights)
    shown.drag("Key sun", (200, 100))
    assert shown.state("key_vectors")[2][0] > 1


def test_moving_q_moves_scores_weights_and_output(show):
    shown = show(make_path(), viewport={"width": 866, "height": 720})
    assert shown.page.locator(".cu").bounding_box()["height"] <= 500
    words = shown.words()
    assert "q · k of dog = 2 × 2 + 0 × 0 + 1 × 0 + 0 × 0 = 4.00; weight 0.867." in words
    assert "Output of who: (9.25, 0.75)." in words
    assert "who: x W_q = q" in shown.words()
    shown.page.get_by_label("q, position 0").press("Home")
    assert shown.state("q") == [-3, 0, 1, 0]
    weights = attention.softmax(np.array([-6.0, 2.0, 0.0]))
    assert all(f"{weight:.3f}" in shown.words() for weight in weights)
    assert "q, moved by hand" in shown.words()
    shown.page.get_by_role("combobox", name="Key shown").select_option("2")
    assert "bone: x W_k = k" in shown.words()
    assert f"= 0.00; weight {weights[2]:.3f}." in shown.words()
    shown.page.get_by_role("combobox", name="Query").select_option("1")
    assert shown.state("q") == [0, 2, 0, 2], "another query brings its own q"
    assert "q · k of bone = 0 × 0 + 2 × 2 + 0 × 0 + 2 × 1 = 6.00; weight 0.995." in shown.words()
    shown.page.get_by_label("q, position 3").press("Shift+ArrowRight")
    shown.page.get_by_role("button", name="q = x W_q again").click()
    assert shown.state("q") == [0, 2, 0, 2]
    shown.page.locator(".cu-unpicked").nth(1).click()
    assert shown.state("key") == 1
    assert "found: x W_v = v" in shown.words()


@pytest.mark.parametrize(("name", "secret"), [("pair", "5.00"), ("search", "5.50"), ("bars", "0.665"),
                                              ("hull", "2.50, 1.00"), ("lookup", "output = "), ("nudge", "0.844"),
                                              ("path", "0.867")])
def test_a_covered_result_is_nowhere_until_it_is_shown(show, name, secret):
    shown = show(ALL[name](covered=True))
    shown.page.get_by_text("Show as a table").click()
    assert secret not in shown.words()
    assert "What do you expect?" in shown.words()
    shown.page.wait_for_timeout(700)  # the spoken summary comes after a pause of 600 ms
    assert secret not in shown.page.text_content("[role=status]")
    shown.page.get_by_role("button", name="Show the result").click()
    assert secret in shown.words()
