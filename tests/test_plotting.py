"""Still figures: what they accept, and a fingerprint that notices every change."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from course_utils import plotting
from course_utils.attention import softmax
from course_utils.plotting.pictures import png_bytes

WEIGHTS = softmax(np.random.default_rng(0).standard_normal((4, 4)))
TOKENS = ["it", "sat", "down", "."]


def axes():
    return Figure().subplots()


def heatmap(weights=WEIGHTS, **options):
    options = {"queries": TOKENS, "title": "Mine"} | options
    return plotting.heatmap(axes(), weights, **options)


# --- drawing ------------------------------------------------------------------------------------------------------
def test_rows_are_queries_and_columns_are_keys():
    ax = heatmap(WEIGHTS[:2], queries=["a", "b"], keys=TOKENS)
    assert (ax.get_ylabel(), ax.get_xlabel()) == ("query", "key")
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b"]
    assert [label.get_text() for label in ax.get_xticklabels()] == TOKENS
    image = ax.get_images()[0]
    assert image.get_clim() == (0, 1)
    assert image.cmap.name == "viridis"
    assert image.colorbar.ax.get_ylabel() == "attention weight"


def test_hidden_cells_are_hatched():
    ax = heatmap(hidden=np.triu(np.ones((4, 4), bool), 1))
    cover = ax.collections[0]
    assert cover.get_hatch() == "///"
    assert int((~cover.get_array().mask).sum()) == 6
    assert not heatmap(hidden=np.zeros((4, 4), bool)).collections


def test_numbers_are_written_where_they_belong():
    assert not heatmap().texts
    ax = heatmap([[0.25, 0.75], [1.0, 0.0]], queries=["a", "b"], numbers=True)
    assert [(text.get_position(), text.get_text()) for text in ax.texts] == [
        ((0, 0), "0.25"), ((1, 0), "0.75"), ((0, 1), "1.00"), ((1, 1), "0.00")]


def test_the_callers_arrays_stay_as_they_are():
    before = WEIGHTS.copy()
    heatmap()
    np.testing.assert_array_equal(WEIGHTS, before)


@pytest.mark.parametrize(("arguments", "words"), [
    ({"weights": np.ones(3)}, r"weights should have shape \(T, S\), got \(3,\)"),
    ({"queries": ["a"]}, "queries should hold 4 tokens, got 1"),
    ({"keys": ["a"]}, "keys should hold 4 tokens, got 1"),
    ({"hidden": np.ones((2, 2))}, r"hidden should have shape \(4, 4\), got \(2, 2\)"),
])
def test_what_does_not_fit_is_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        heatmap(**arguments)


@pytest.mark.parametrize("token", ["$x_1$", "a$b", "<b>", "x" * 500, "two\nlines", "مرحبا", "", "\\frac"])
def test_any_token_can_be_drawn(token):
    ax = plotting.heatmap(axes(), [[1.0]], [token], title=token)
    assert png_bytes(ax.figure)[:4] == b"\x89PNG"


def test_nothing_and_what_is_not_finite_can_be_drawn():
    assert png_bytes(plotting.heatmap(axes(), np.zeros((0, 0)), []).figure)[:4] == b"\x89PNG"
    ax = plotting.heatmap(axes(), [[np.nan, np.inf], [0.5, 0.5]])
    assert "2 of 4 weights are not finite" in ax.alt_text
    assert int(ax.get_images()[0].get_array().mask.sum()) == 2


# --- the fingerprint ------------------------------------------------------------------------------------------------
MUTANTS = {
    "transposed": {"weights": WEIGHTS.T},
    "rows reversed": {"weights": WEIGHTS[::-1]},
    "columns reversed": {"weights": WEIGHTS[:, ::-1]},
    "two rows swapped": {"weights": WEIGHTS[[0, 2, 1, 3]]},
    "another softmax axis": {"weights": softmax(np.log(WEIGHTS), axis=0)},
    "one cell": {"weights": WEIGHTS + 0.05 * (np.arange(16).reshape(4, 4) == 9)},
    "not finite": {"weights": np.where(np.arange(16).reshape(4, 4) == 9, np.nan, WEIGHTS)},
    "title": {"title": "Yours"},
}


@pytest.mark.parametrize("name", MUTANTS)
def test_the_fingerprint_notices(name):
    assert plotting.fingerprint(heatmap(**MUTANTS[name]).figure) != plotting.fingerprint(heatmap().figure)


def draw(**changes):
    given = {"x": [0, 1, 2], "y": [0.1, 0.5, 0.3], "xlabel": "step", "heights": [1, 2], "dots": [[1, 2], [3, 4]],
             "text": "a"} | changes
    figure = Figure()
    ax = figure.subplots()
    ax.plot(given["x"], given["y"])
    ax.bar([0, 1], given["heights"])
    ax.scatter(*zip(*given["dots"], strict=True))
    ax.text(0, 0, given["text"])
    ax.set_xlabel(given["xlabel"])
    return plotting.fingerprint(figure)


@pytest.mark.parametrize("change", [{"y": [0.3, 0.5, 0.1]}, {"x": [0, 1, 3]}, {"xlabel": "t"}, {"heights": [2, 1]},
                                    {"dots": [[2, 1], [4, 3]]}, {"text": "b"}])
def test_the_fingerprint_notices_lines_bars_dots_and_labels(change):
    assert draw(**change) != draw()


def test_the_fingerprint_does_not_notice_rounding_or_pixels():
    shown = np.round(WEIGHTS, 2)
    first, second = heatmap(shown).figure, heatmap(shown + 1e-6).figure
    second.set_dpi(200)
    assert plotting.fingerprint(first) == plotting.fingerprint(second)


def test_marks_of_random_tables_notice_any_two_rows_that_change_places():
    rng, missed = np.random.default_rng(1), 0
    for _ in range(300):
        table = rng.dirichlet(np.ones(5), 5)
        one, other = rng.choice(5, 2, replace=False)
        swapped = table.copy()
        swapped[[one, other]] = table[[other, one]]
        missed += plotting.array_mark(table) == plotting.array_mark(swapped)
    assert missed <= 3  # three decimals of two marks; without the squares a quarter of all is missed


def test_minus_zero_is_zero():
    assert plotting.array_mark([-0.0, -1e-9]) == "min 0.000 max 0.000 mean 0.000 marks 0.000 0.000"
    assert plotting.array_mark([np.nan]) == "1 not finite"
    assert plotting.array_mark([]) == "empty"


def test_importing_does_not_choose_a_backend():
    import subprocess
    import sys

    code = ("import sys; from course_utils.plotting import array_mark, heatmap;"
            "assert 'matplotlib.pyplot' not in sys.modules")
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
