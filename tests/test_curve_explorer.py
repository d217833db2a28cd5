"""The figure of a curve among points: its arguments, its forms, and the slider in a browser."""

import numpy as np
import pytest
from scene_page import Shown

from course_utils.classroom.lab.driver import chromium
from course_utils.explorers import CurveExplorer, Film
from course_utils.explorers.curve import turns

X = np.linspace(0.0, 6.0, 25)
FILM = Film.record(lambda n: np.sin(n * X), [1, 2, 3], label="n")


def make(**options):
    return CurveExplorer(FILM, X, ([1.0, 2.0], [0.5, -2.0]), x_label="time (s)", y_label="height (m)", **options)


@pytest.mark.parametrize(("call", "message"), [
    (lambda: CurveExplorer(FILM, X[1:], ([], [])), r"^film should hold one height for each of 24 places of x"),
    (lambda: CurveExplorer(FILM, X, ([1], [1, 2])), r"^points should be two arrays of one length.*\(1,\) and \(2,\)"),
    (lambda: make(value=4), "^value should be one of 1.0, 2.0, 3.0, got 4"),
])
def test_a_bad_argument_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_curve_is_the_films_and_every_form_shows_it():
    figure = make(value=2)
    np.testing.assert_allclose(figure.curve, np.sin(2 * X), atol=1e-6)
    assert turns(np.sin(2 * X)) == 4
    data, metadata = figure._repr_mimebundle_()
    assert data["image/png"].startswith("iVBORw0KGgo")
    assert "n 2: among 2 points, a curve between −1.0 and 1.0, turns: 4;" in metadata["image/png"]["alt"]
    before = figure.fingerprint()
    figure.value = 3.0
    assert figure.fingerprint() != before
    with pytest.raises(ValueError, match="value should be one of"):
        figure.value = 2.5


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_slider_draws_another_curve(tmp_path, scheme):
    with chromium() as browser:
        shown = Shown(browser, tmp_path, make(), color_scheme=scheme, viewport={"width": 850, "height": 630})
        path = shown.page.locator(".cu svg path").last
        before = path.get_attribute("d")
        assert f"has {turns(np.sin(X))} turns." in shown.words()
        shown.page.locator(".cu input[type=range]").focus()
        shown.page.keyboard.press("ArrowRight")
        assert shown.state("value") == 2.0
        assert "has 4 turns." in shown.words()
        assert path.get_attribute("d") != before
        shown.page.get_by_text("Show as a table").click()
        assert "time (s)" in shown.words()
        assert shown.page.locator(".cu tbody tr").count() == 25
        assert shown.page.evaluate("document.documentElement.scrollWidth") <= 850
        shown.close()
