"""Figures of arrows, bars and points: their arguments, their numbers in Python, the forms of their output."""

import numpy as np
import pytest
import traitlets
from scene_page import (
    ALL,
    HOSTILE,
    PATH,
    SQUARE,
    make_bars,
    make_hull,
    make_lookup,
    make_nudge,
    make_pair,
    make_path,
    make_scores,
    make_search,
)

from course_utils import attention
from course_utils.explorers import DotProductExplorer, HullExplorer, NudgeExplorer, SoftmaxExplorer, TokenPath
from course_utils.explorers.hull import convex_hull

# --- arguments -------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("make", "message"), [
    (lambda: DotProductExplorer((1, 2, 3)), r"^a should hold 2 numbers, got shape \(3,\)"),
    (lambda: DotProductExplorer("ab"), "^a should hold 2 numbers, got 'ab'"),
    (lambda: DotProductExplorer((1, float("nan"))), "^a should be finite, got nan"),
    (lambda: DotProductExplorer((1, 2), (float("inf"), 0)), "^b should be finite, got inf"),
    (lambda: DotProductExplorer((1, 2), [[1], [2, 3]]), "^b should hold 2 numbers, got rows of different lengths"),
    (lambda: DotProductExplorer((1, 2), limit=1), "^limit should be one finite number from 2 to 1000, got 1"),
    (lambda: DotProductExplorer(keys={}), r"^keys should have shape \(1 to 8, 2\), got \(0, 2\)"),
    (lambda: DotProductExplorer(keys=[(1, 2)]), "^keys should be a dict of names and vectors, got list"),
    (lambda: DotProductExplorer(keys={1: (1, 2)}), "^keys should be a list of 1 strings"),
    (lambda: DotProductExplorer(keys={str(n): (1, 2) for n in range(9)}), r"^keys should have shape \(1 to 8, 2\)"),
    (lambda: DotProductExplorer(b=(1, 2), keys={"x": (1, 2)}), "^b should be left out when there are keys"),
    (lambda: DotProductExplorer(presets={"x": {"c": (1, 2)}}), r"^presets\['x'\] should set some of a, b, "),
    (lambda: DotProductExplorer(presets={"x": {"a": (9, 9)}}), r"^presets\['x'\]: a should lie between -3 and 3"),
    (lambda: SoftmaxExplorer([1.0]), r"^scores should hold 2 to 8 numbers, got shape \(1,\)"),
    (lambda: SoftmaxExplorer(range(9)), r"^scores should hold 2 to 8 numbers, got shape \(9,\)"),
    (lambda: SoftmaxExplorer([1, np.nan]), "^scores should be finite, got nan"),
    (lambda: SoftmaxExplorer([1, 100]), "^scores should lie between -6 and 6, got 100"),
    (lambda: SoftmaxExplorer([1, 2], ["a"]), "^names should hold 2 strings, got 1"),
    (lambda: SoftmaxExplorer([1, 2], "ab"), "^names should be a list of 2 strings, got 'ab'"),
    (lambda: SoftmaxExplorer([1, 2], temperature=0), "^temperature should be one finite number from 0.05 to 100"),
    (lambda: SoftmaxExplorer([1, 2], shift=np.inf), "^shift should be one finite number from -2000 to 2000, got inf"),
    (lambda: SoftmaxExplorer([1, 2], controls=["scale"]), "^controls should be one of 'temperature', 'shift', "),
    (lambda: SoftmaxExplorer([1, 2], steps=[]), r"^steps should hold 1 to 8 numbers, got shape \(0,\)"),
    (lambda: SoftmaxExplorer([1, 2], function=3), "^function should be a function of the scores, got int"),
    (lambda: NudgeExplorer([1.0]), r"^scores should hold 2 to 6 numbers, got shape \(1,\)"),
    (lambda: NudgeExplorer([1, 2], nudged=2), "^nudged should be one of 0, 1, got 2"),
    (lambda: NudgeExplorer([1, 2], step=0.5), "^step should be one of 0.0, 1.0, 0.1, 0.01, 0.001, got 0.5"),
    (lambda: HullExplorer([(0, 0), (1, 1)]), r"^values should have shape \(3 to 8, 2\), got \(2, 2\)"),
    (lambda: HullExplorer([(0, 0, 0)] * 3), r"^values should have shape \(3 to 8, 2\), got \(3, 3\)"),
    (lambda: HullExplorer([(0, 0), (1, 1), (2, np.nan)]), "^values should be finite, got nan"),
    (lambda: HullExplorer(SQUARE, amounts=[1, 2, 3, 4]), "^amounts should lie between 0 and 1, got 2"),
    (lambda: HullExplorer(SQUARE, amounts=[1, 1]), r"^amounts should hold 4 numbers, got shape \(2,\)"),
    (lambda: HullExplorer(SQUARE, scores=[9, 0, 0, 0]), "^scores should lie between -5 and 5, got 9"),
    (lambda: HullExplorer(SQUARE, keys=SQUARE), "^keys and query should be given together"),
    (lambda: HullExplorer(SQUARE, keys=[(1, 1)], query=(1, 1)), r"^key_vectors should have shape \(4, 2\)"),
    (lambda: HullExplorer(SQUARE, scores=[0] * 4, amounts=[1] * 4), "^weights should have one source, got amounts and"),
    (lambda: HullExplorer(SQUARE, contributions="arrows"), "^contributions should be one of 'chain', 'lines', 'none'"),
    (lambda: TokenPath(["a"], [[1]], [[1]], [[1]], [[1]]), r"^x should have shape \(2 to 6, 1 to 4\), got \(1, 1\)"),
    (lambda: TokenPath(["a"], [[1], [2]], [[1]], [[1]], [[1]]), "^x should have a row for each of 1 tokens"),
    (lambda: make_path(W_q=[[1]]), r"^W_q should have shape \(3, 1 to 4\), got \(1, 1\)"),
    (lambda: make_path(W_k=[[1], [1], [1]]), r"^W_k should have shape \(3, 4\), got \(3, 1\)"),
    (lambda: make_path(W_v=[[1, np.nan]] * 3), "^W_v should be finite, got nan"),
    (lambda: make_path(W_v=[["a"]] * 3), "^W_v should hold numbers"),
    (lambda: make_path(queries={}), "^queries should be a dict of names and vectors, got dict"),
    (lambda: make_path(queries={"who": (1, 0)}), r"^queries\['who'\] should hold 3 numbers, got shape \(2,\)"),
    (lambda: make_path(query=2), "^query should be a whole number from 0 to 1, got 2"),
    (lambda: make_path(q=(1, 2)), r"^q should hold 4 numbers, got shape \(2,\)"),
])
def test_a_bad_argument_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_arrays_and_tensors_are_taken_as_they_come():
    torch = pytest.importorskip("torch")
    assert DotProductExplorer(np.array([1, 2]), torch.tensor([3.0, 1.0], requires_grad=True)).dot == 5.0
    assert SoftmaxExplorer(torch.tensor([1.0, 2.0])).scores == [1.0, 2.0]


@pytest.mark.parametrize(("figure", "trait", "good", "bad"), [
    (make_pair(), "a", [0.5, -1.0], [5.0, 0.0]), (make_pair(), "b", [0.0, 0.0], [None, 1]),
    (make_search(), "key_vectors", [[1.0, 0.0]] * 3, [[1.0, 0.0]]), (make_search(), "chosen", 2, 3),
    (make_bars(), "scores", [1.0, 1.0, -2.0], [1.0, 1.0]), (make_bars(), "temperature", 0.5, -1.0),
    (make_bars(), "shift", 100.0, "1"), (make_hull(), "amounts", [0.0, 1.0, 1.0, 0.0], [-0.1, 1, 1, 1]),
    (make_hull(), "values", SQUARE[::-1], [(99, 0), *SQUARE[1:]]), (make_scores(), "scores", [0.0] * 4, ["x"] * 4),
    (make_nudge(), "step", 0.1, 0.2), (make_nudge(), "nudged", 2, 3), (make_nudge(), "scores", [0.0] * 3, [0.0] * 4),
    (make_lookup(), "query", [1.0, -1.0], [4.0, 0.0]), (make_path(), "key", 2, 3), (make_path(), "query", 1, 2),
    (make_path(), "q", [0.5, -3.0, 0.0, 1.0], [9, 0, 0, 0]), (make_hull(), "contributions", "lines", "both"),
])
def test_state_is_checked_alike_from_python_and_from_the_browser(figure, trait, good, bad):
    good_now = np.array(good).tolist()
    for put in (lambda value: setattr(figure, trait, value), lambda value: figure.set_state({trait: value})):
        put(good)
        assert np.array(getattr(figure, trait)).tolist() == good_now
        with pytest.raises(ValueError, match=trait):
            put(bad)
        assert np.array(getattr(figure, trait)).tolist() == good_now, "a refused value must not stay"
    assert np.array(figure.get_state()[trait]).tolist() == good_now


def test_the_source_that_is_not_in_use_cannot_be_set():
    with pytest.raises(ValueError, match="scores should be left alone"):
        make_hull().scores = [1, 2, 3, 4]


def test_with_keys_b_follows_the_chosen_key():
    figure = make_search()
    figure.chosen = 2
    assert figure.b == [-2.0, 1.0]
    figure.set_state({"key_vectors": [[1, 0], [0, 1], [3, 3]]})
    assert figure.b == [3.0, 3.0]
    assert figure.dot == 9.0
    with pytest.raises(ValueError, match="b should be left alone"):
        figure.b = [0, 1]


# --- numbers in Python -------------------------------------------------------------------------------------------

def test_dot_products_and_what_goes_with_them():
    figure = make_pair()
    assert (figure.dot, round(figure.cosine, 6), round(figure.angle, 6)) == (5.0, 0.707107, 45.0)
    assert figure.shadow == pytest.approx(5 / 5**0.5)
    figure.b = (0, 0)
    assert figure.dot == 0.0
    assert np.isnan([figure.cosine, figure.angle, figure.shadow]).all()


def test_cosines_are_the_scores_of_arrows_of_length_one():
    figure = make_search(normalise=True)
    keys = np.array(figure.key_vectors)
    unit = keys / np.linalg.norm(keys, axis=1, keepdims=True)
    np.testing.assert_allclose(figure.scores, unit @ np.array(figure.a) / np.hypot(2, 1))


def test_softmax_weights_are_the_references_until_the_literal_formula_breaks():
    figure = make_bars(temperature=0.5)
    np.testing.assert_allclose(figure.weights, attention.softmax(np.array([2.0, 1.0, 0.0]) / 0.5))
    before = figure.weights
    figure.shift = 300.0
    np.testing.assert_allclose(figure.weights, before, rtol=1e-9)
    figure.shift = 1000.0
    assert np.isinf(figure.terms).all()
    assert np.isnan(figure.weights).all()
    figure.stable = True
    np.testing.assert_allclose(figure.weights, before, rtol=1e-9)
    assert figure.ratio == pytest.approx(before[0] / before[1])


def test_a_learners_softmax_is_asked_for_its_weights_again_when_scores_move():
    figure = make_bars(function=lambda z: np.exp(z) / np.exp(z).sum() * 1.1)
    np.testing.assert_allclose(figure.function_weights, 1.1 * figure.weights, rtol=1e-6)
    figure.set_state({"scores": [0, 0, 3], "temperature": 2.0})
    np.testing.assert_allclose(figure.function_weights, 1.1 * figure.weights, rtol=1e-6)
    figure.temperature = 2.2  # between the stops of the slider, where no frame is
    assert figure.function_weights is None


@pytest.mark.parametrize(("function", "words"), [
    (lambda z: 1 / 0, "ZeroDivisionError"), (lambda z: None, "ValueError"), (lambda z: z[:1], "it should return 3"),
    (lambda z: "x", "ValueError"), (lambda z: np.zeros((3, 1)), "it should return 3"),
])
def test_a_learners_softmax_that_fails_leaves_the_figure_alive(function, words):
    figure = make_bars(function=function)
    assert words in figure.film["trouble"]
    assert words in figure.fingerprint()
    np.testing.assert_allclose(figure.weights.sum(), 1)


def test_quotients_of_smaller_steps_come_nearer_to_the_slopes():
    figure = make_nudge(nudged=1)
    p = attention.softmax(np.array([2.0, 0.0, -1.0]))
    np.testing.assert_allclose(figure.slopes, (np.diag(p) - np.outer(p, p))[:, 1])
    assert np.isnan(figure.quotients).all(), "nothing is nudged yet, so nothing is given away"
    assert "quotients" not in figure.arrays()
    errors = []
    for step in (1, 0.1, 0.01, 0.001):
        figure.step = step
        errors.append(np.abs(figure.quotients - figure.slopes).max())
        assert figure.after.sum() == pytest.approx(1)
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-4


def test_weights_and_output_come_from_attention():
    figure = make_lookup()
    query, keys, values = (np.array(each, dtype=float) for each in (figure.query, figure.key_vectors, figure.values))
    output, weights = attention.scaled_dot_product_attention(query[None] * 2**0.5, keys, values)
    np.testing.assert_allclose(figure.weights, weights[0])
    np.testing.assert_allclose(figure.output, output[0])
    np.testing.assert_allclose(make_scores().weights, attention.softmax(np.array([1.0, 0, 2, -1])))
    figure = make_hull()
    np.testing.assert_allclose(figure.weights, [0.25, 0.5, 0.125, 0.125])
    figure.normalise = False
    assert figure.weights.sum() == 2.0
    figure.amounts = [0, 0, 0, 0]
    figure.normalise = True
    assert figure.output.tolist() == [0.0, 0.0]


def test_a_path_goes_by_way_of_attention_and_another_query_brings_its_own_q():
    x, W_q, W_k, W_v = (np.array(each) for each in ([(1, 0, 0), (0, 0, 1), (0, 1, 0)], *(
        PATH[name] for name in ("W_q", "W_k", "W_v"))))
    for scaled in (False, True):
        figure = make_path(scaled=scaled)
        figure.query = 1
        assert figure.q == (np.array([0, 1, 0]) @ W_q).tolist()
        figure.q = (-1, 0.5, 2, 0)
        scores = x @ W_k @ (-1, 0.5, 2, 0) / (2 if scaled else 1)
        np.testing.assert_allclose(figure.scores, scores)
        np.testing.assert_allclose(figure.weights, attention.softmax(scores))
        np.testing.assert_allclose(figure.output, attention.softmax(scores) @ x @ W_v)
        figure.set_state({"query": 0, "q": [0, 0, 0, 3]})
        assert figure.q == [0, 0, 0, 3], "a q that came with its query stays"
        figure.set_state({"query": 1})
        assert figure.q == [0, 2, 0, 2]
    assert make_path(queries=None).askers == ["dog", "found", "bone"]
    covered = make_path(covered=True)
    assert "0.87" in make_path().describe()
    assert "0.87" not in covered.describe()


def test_the_hull_of_points_in_every_position():
    assert convex_hull(SQUARE) == [0, 1, 2, 3]
    assert convex_hull([(0, 0), (1, 1), (2, 2)]) == [0, 2]
    assert convex_hull([(1, 1)] * 3) == [0]
    rng = np.random.default_rng(0)
    for _ in range(50):
        points = rng.integers(0, 5, size=(7, 2)).tolist()
        corners = [points[n] for n in convex_hull(points)]
        for a, b in zip(corners, corners[1:] + corners[:1], strict=True):
            assert all((b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0]) >= 0 for p in points)


# --- the three forms of the output -------------------------------------------------------------------------------

@pytest.mark.parametrize("name", ALL)
def test_an_output_carries_view_picture_and_fingerprint(name):
    figure = ALL[name](title="Shown")
    data, metadata = figure._repr_mimebundle_()
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == figure.model_id
    assert data["text/plain"] == figure.fingerprint()
    assert data["image/png"].startswith("iVBORw0KGgo")
    assert "Shown" in metadata["image/png"]["alt"]


@pytest.mark.parametrize(("name", "trait", "value"), [
    ("pair", "a", (3, 1.1)), ("pair", "b", (2, 1)), ("pair", "normalise", True), ("search", "a", (1, 2)),
    ("search", "key_vectors", [(1, 2), (2, 1.5), (-2, 1)]), ("bars", "scores", [1, 2, 0]), ("bars", "temperature", 2),
    ("bars", "shift", 1), ("bars", "stable", True), ("hull", "amounts", [1, 0.5, 0.25, 0.25]),
    ("hull", "values", SQUARE[::-1]), ("hull", "normalise", False), ("scores", "scores", [0, 1, 2, -1]),
    ("path", "query", 1), ("path", "key", 1), ("path", "q", (0, 1, 2, 0)),
    ("nudge", "step", 0.001), ("nudge", "nudged", 1), ("nudge", "scores", [0, 0, 0]),
    ("lookup", "query", (1.5, 0.5)), ("lookup", "key_vectors", [(0, 1), (1, 0), (-1, -0.5)]),
])
def test_a_fingerprint_notices_what_changes(name, trait, value):
    figure = ALL[name]()
    before = figure.fingerprint()
    setattr(figure, trait, value)
    assert figure.fingerprint() != before


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("figure", [
    SoftmaxExplorer(np.arange(8) / 2, HOSTILE), HullExplorer([(n, n * n % 5) for n in range(8)], HOSTILE),
    DotProductExplorer((1, 1), keys={name: (1, n / 4) for n, name in enumerate(HOSTILE)}, a_name=HOSTILE[0]),
    make_pair(title=HOSTILE[4], note=HOSTILE[4], b_name=HOSTILE[5]), HullExplorer([(1, 1)] * 3),
    HullExplorer([(0, 0)] * 3, scores=[0, 0, 0], contributions="lines"), DotProductExplorer((0, 0), (0, 0)),
    NudgeExplorer(range(6), HOSTILE[:6], step=1, nudged=4), NudgeExplorer([0, 0]),
    DotProductExplorer((0, 0), (0, 0), normalise=True), SoftmaxExplorer([1, 2], shift=1000),
    SoftmaxExplorer([1, 2], shift=-2000), make_path(covered=True), make_path(q=(-3, 0, 0, 0)),
    TokenPath(HOSTILE[:6], np.eye(6, 1), *[np.zeros((1, 1))] * 3, title=HOSTILE[4]),
    HullExplorer(SQUARE, scores=[5] * 4, normalise=False),
])
def test_every_state_can_be_drawn_without_a_warning(figure):
    data, _ = figure._repr_mimebundle_()
    assert len(data["image/png"]) > 5000


def test_refused_state_is_a_traitlets_error_too():
    with pytest.raises(traitlets.TraitError):
        make_pair().a = (99, 0)
