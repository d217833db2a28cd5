"""Still charts of the lessons: what is drawn is what was given, and the words beside it say so."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from course_utils import charts


def axes():
    return Figure().subplots()


def test_a_bar_for_each_name():
    ax = charts.named_bars(axes(), ["a", "b"], [0.25, 0.75], xlabel="key", ylabel="weight", title="Received")
    assert [bar.get_height() for bar in ax.patches] == [0.25, 0.75]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "b"]
    assert ax.alt_text == "Received. Bars, weight of each key: a 0.25, b 0.75."


def test_a_curve_over_the_angle():
    ax = charts.angle_curve(axes(), [0, 90, 180], [6, 0, -6], ylabel="dot product", title="Lengths 2 and 3")
    assert ax.lines[0].get_xydata().tolist() == [[0, 6], [90, 0], [180, -6]]
    assert "largest, 6.00, at 0, smallest, -6.00, at 180" in ax.alt_text


def test_rows_are_queries_and_zero_is_in_the_middle_of_the_colours():
    ax = charts.score_table(axes(), [[6, -12], [0, 3]], ["you", "Ada"], {"Storm": 1, "Letters": 2}, title="Scores")
    image = ax.get_images()[0]
    assert image.get_array().tolist() == [[6, -12], [0, 3]]
    assert image.get_clim() == (-12, 12)
    assert [text.get_text() for text in ax.texts] == ["6", "-12", "0", "3"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["Storm", "Letters"]
    assert (ax.get_ylabel(), ax.get_xlabel()) == ("query", "key")
    assert "you: Storm 6, Letters -12; Ada: Storm 0, Letters 3." in ax.alt_text


@pytest.mark.parametrize(("draw", "message"), [
    (lambda ax: charts.named_bars(ax, ["a"], [1, 2], xlabel="", ylabel=""), r"values should have shape \(1,\), got"),
    (lambda ax: charts.angle_curve(ax, [0, 90], [1], ylabel=""), r"values should have shape \(2,\), got \(1,\)"),
    (lambda ax: charts.score_table(ax, np.zeros((2, 3)), ["a"], ["b"]), r"scores should have shape \(1, 1\), got"),
])
def test_what_does_not_fit_is_named(draw, message):
    with pytest.raises(ValueError, match=message):
        draw(axes())
