"""The figure of patches: what Python checks, what a page without a kernel draws, by mouse and by keyboard."""

import re

import numpy as np
import pytest
from figure_page import next_frame, opened, set_state, state

from course_utils.attention import softmax
from course_utils.classroom.lab.driver import chromium, new_context
from course_utils.explorers import PatchExplorer

IMAGES = np.random.default_rng(0).random((2, 4, 6))
WEIGHTS = softmax(3 * np.random.default_rng(1).standard_normal((2, 2, 3, 7, 7)))


def make(**options):
    return PatchExplorer(IMAGES, WEIGHTS, 2, 3, ["one", "two"], **options)


@pytest.mark.parametrize(("make_it", "message"), [
    (lambda: PatchExplorer(IMAGES[0], WEIGHTS, 2, 3), r"images should have shape \(n, height, width\), cut into 2 x 3"),
    (lambda: PatchExplorer(IMAGES, WEIGHTS, 3, 2), r"images should have shape \(n, height, width\), cut into 3 x 2"),
    (lambda: PatchExplorer(IMAGES, WEIGHTS[0], 2, 3),
     r"weights should have shape \(n=2, L, H, 7, 7\), got \(2, 3, 7, 7\)"),
    (lambda: PatchExplorer(IMAGES, WEIGHTS[..., :6], 2, 3), r"weights should have shape \(n=2, L, H, 7, 7\)"),
    (lambda: make(image=2), "image should be one of 0, 1, got 2"),
    (lambda: make(block=-1), "block should be one of 0, 1, got -1"),
    (lambda: make(query=7), "query should be one of 0, 1, 2, 3, 4, 5, 6, got 7"),
    (lambda: PatchExplorer(IMAGES, WEIGHTS, 2, 3, ["one"]), "names should hold 2 strings, got 1"),
])
def test_what_does_not_fit_is_told(make_it, message):
    with pytest.raises(ValueError, match=message):
        make_it()


def test_it_shows_the_row_of_the_query():
    figure = make(image=1, block=1, query=5)
    assert np.allclose(figure.weights, WEIGHTS[1, 1, :, 5], atol=1e-6)
    assert "patch 1, 1 looks most at" in figure.describe()
    before = figure.fingerprint()
    figure.query = 0
    assert "query: '[CLS]'" in figure.fingerprint() != before


def test_the_picture_has_the_patches_where_they_lie():
    first, *heads = make(query=2).draw_static().axes
    assert np.allclose(first.get_images()[0].get_array(), IMAGES[0])
    for h, ax in enumerate(heads):
        assert np.allclose(ax.get_images()[0].get_array(), WEIGHTS[0, 0, h, 2, 1:].reshape(2, 3), atol=1e-6)
        assert ax.get_title().startswith(f"head {h}")


@pytest.fixture(scope="module")
def context():
    with chromium() as browser:
        yield new_context(browser, viewport={"width": 1280, "height": 720})


def words(page):
    return page.locator(".cu-readout").inner_text()


@pytest.mark.browser
def test_a_click_on_a_patch_asks_for_its_weights(context, tmp_path):
    with opened(context, tmp_path, make()) as page:
        cells = page.locator(".cu-sheet rect:has(title)")
        assert cells.count() == 7
        cells.nth(5).click()
        next_frame(page)
        assert state(page, "query") == 5
        best = WEIGHTS[0, 0, :, 5].argmax(-1)
        said = re.findall(r"head (\d) (\[CLS\]|patch \d, \d) \((\d\.\d\d)\)", words(page))
        called = ["[CLS]", *(f"patch {i}, {j}" for i in range(2) for j in range(3))]
        assert said == [(str(h), called[n], f"{WEIGHTS[0, 0, h, 5, n]:.2f}") for h, n in enumerate(best)]


@pytest.mark.browser
def test_lists_move_it_by_keyboard_and_the_table_has_every_weight(context, tmp_path):
    with opened(context, tmp_path, make()) as page:
        for label, key in (("Image", "image"), ("Block", "block"), ("Query", "query")):
            page.get_by_role("combobox", name=label).focus()
            page.keyboard.press("ArrowDown")
            next_frame(page)
            assert state(page, key) == 1
        page.get_by_text("Show as a table").click()
        page.wait_for_timeout(100)
        shown = [float(text) for text in page.locator(".cu-table td").all_inner_texts()]
        assert np.allclose(np.reshape(shown, (7, 3)).T, WEIGHTS[1, 1, :, 1], atol=6e-4)


@pytest.mark.browser
def test_what_python_sets_is_drawn(context, tmp_path):
    with opened(context, tmp_path, make()) as page:
        before = words(page)
        set_state(page, query=3)
        next_frame(page)
        assert words(page) != before
        assert words(page).startswith("patch 0, 2 looks most at")
