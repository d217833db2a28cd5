"""Still charts of the lessons: what is drawn is what was given, and the words beside it say so."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from course_utils.plotting import charts


def axes():
    return Figure().subplots()


def test_a_bar_for_each_name():
    ax = charts.named_bars(axes(), ["a", "b"], [0.25, 0.75], xlabel="key", ylabel="weight", title="Received")
    assert [bar.get_height() for bar in ax.patches] == [0.25, 0.75]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "b"]
    assert ax.alt_text == "Received. Bars, weight of each key: a 0.25, b 0.75."


def test_rows_are_queries_and_zero_is_in_the_middle_of_the_colours():
    ax = charts.score_table(axes(), [[6, -12], [0, 3]], ["you", "Ada"], {"Storm": 1, "Letters": 2}, title="Scores")
    image = ax.get_images()[0]
    assert image.get_array().tolist() == [[6, -12], [0, 3]]
    assert image.get_clim() == (-12, 12)
    assert [text.get_text() for text in ax.texts] == ["6", "-12", "0", "3"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["Storm", "Letters"]
    assert (ax.get_ylabel(), ax.get_xlabel()) == ("query", "key")
    assert "you: Storm 6, Letters -12; Ada: Storm 0, Letters 3." in ax.alt_text


def test_a_curve_for_each_loss():
    ax = charts.loss_curves(axes(), {"layer A": [2.0, 1.0], "layer B": [3.0, 0.5, 0.25]}, title="Two layers")
    assert [line.get_ydata().tolist() for line in ax.lines] == [[2, 1], [3, 0.5, 0.25]]
    assert [line.get_linestyle() for line in ax.lines] == ["-", "--"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["layer A", "layer B"]
    assert ax.alt_text.endswith("each of 2: layer A from 2.00 to 1.00, layer B from 3.00 to 0.25.")


@pytest.mark.filterwarnings("error")
def test_no_training_gives_an_empty_chart_without_a_warning():
    assert charts.loss_curves(axes(), {}, title="Stopped").get_legend() is None


def test_shares_beyond_the_training_stand_on_grey_ground():
    ax = charts.share_curves(axes(), [2, 4, 8], {"with": [1, 1, 0.5], "without": [1, 0.5, 0]}, trained=4,
                             xlabel="letters", ylabel="share right", title="Reversed")
    assert ax.lines[1].get_xydata().tolist() == [[2, 1], [4, 0.5], [8, 0]]
    assert (ax.patches[0].get_x(), ax.patches[0].get_width()) == (4, 4)
    assert ax.alt_text == ("Reversed: share right over letters from 2 to 8: with from 1.00 to 0.50, "
                           "without from 1.00 to 0.00.")


def test_numbers_as_a_picture():
    ax = charts.number_picture(axes(), [[0, 1, 2], [3, 4, 5]], xlabel="column", ylabel="row", title="Six")
    assert ax.get_images()[0].get_array().tolist() == [[0, 1, 2], [3, 4, 5]]
    assert "A picture of 2 by 3 numbers, row down and column across, from 0.00 to 5.00." in ax.alt_text


def test_heads_stand_side_by_side_with_their_numbers():
    ax = charts.heads_side_by_side(axes(), [[[0, 1], [10, 11]], [[2, 3], [12, 13]]], title="turned")
    assert [text.get_text() for text in ax.texts] == ["0", "1", "2", "3", "10", "11", "12", "13"]
    assert ax.get_images()[0].get_array().tolist() == [[0] * 4, [1] * 4]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["head 0", "head 1"]
    assert ax.alt_text == "turned. Head 0 holds the rows [[0, 1], [10, 11]]. Head 1 holds the rows [[2, 3], [12, 13]]."


@pytest.mark.parametrize(("draw", "message"), [
    (lambda ax: charts.heads_side_by_side(ax, [[1]]), r"heads should have shape .* got \(1, 1\)"),
    (lambda ax: charts.loss_curves(ax, {"a": [[1.0]]}), r"losses of a should have shape \(1,\), got \(1, 1\)"),
    (lambda ax: charts.share_curves(ax, [1, 2], {"a": [1]}, trained=1, xlabel="", ylabel=""),
     r"shares of a should have shape \(2,\), got \(1,\)"),
    (lambda ax: charts.number_picture(ax, [1.0], xlabel="", ylabel=""), r"table should have shape .* got \(1,\)"),
    (lambda ax: charts.named_bars(ax, ["a"], [1, 2], xlabel="", ylabel=""), r"values should have shape \(1,\), got"),
    (lambda ax: charts.score_table(ax, np.zeros((2, 3)), ["a"], ["b"]), r"scores should have shape \(1, 1\), got"),
])
def test_what_does_not_fit_is_named(draw, message):
    with pytest.raises(ValueError, match=message):
        draw(axes())


def test_curves_with_marks_on_the_first():
    ax = charts.draw_curves(axes(), [0, 1, 2], {"a": [0, 2, 4], "b": [1, 1, 0]}, xlabel="score", title="Two",
                            marked=[0.5, 2])
    assert [line.get_ydata().tolist() for line in ax.lines if len(line.get_xdata()) == 3] == [[0, 2, 4], [1, 1, 0]]
    assert [text.get_text() for text in ax.texts] == ["1.00", "4.00"]
    assert ax.alt_text == ("Two. Over score from 0 to 2: a from 0.00 to 4.00, at most 4.00; "
                           "b from 1.00 to 0.00, at most 1.00.")
    alone = charts.draw_curves(axes(), [1, 10], {"a": [0, 2]}, xlabel="temperature", log=True)
    assert alone.get_xscale() == "log"
    assert alone.get_legend() is None
    with pytest.raises(ValueError, match=r"heights of a should have shape \(2,\), got \(3,\)"):
        charts.draw_curves(axes(), [1, 2], {"a": [0, 2, 3]}, xlabel="x")


def test_outputs_in_the_hull_are_counted():
    square = [(0, 0), (2, 0), (2, 2), (0, 2)]
    ax = charts.hull_and_outputs(axes(), square, [(1, 1), (2, 1), (3, 1)], title="Square")
    assert ax.lines[0].get_xydata().tolist() == [[1, 1], [2, 1], [3, 1]]
    assert ax.alt_text == "Square. 3 outputs of 4 values, 2 of them in the hull."
    with pytest.raises(ValueError, match="outputs should have shape"):
        charts.hull_and_outputs(axes(), square, [1, 2])
