"""Live figures as Python sees them: what they accept, what they say, and the three forms of their output."""

import base64
import json

import anywidget
import numpy as np
import pytest
import torch
import traitlets
from ipywidgets import Widget

from course_utils.attention import softmax
from course_utils.explorers import AttentionExplorer, Explorer, Film, ScaleExplorer
from course_utils.explorers.base import browser_code, numbers, pack
from course_utils.explorers.host import embed_json, host_script, page
from course_utils.explorers.scale import MEASURES

RNG = np.random.default_rng(0)
TOKENS = ["it", "sat", "down"]
WEIGHTS = softmax(RNG.standard_normal((3, 3)))
HOSTILE = ["<b>bold</b>", "<script>alert(1)</script>", "👩‍👩‍👧", "مرحبا", "x" * 500, "$x_1$", "", " ",
           "two\nlines", "&amp;"]


def bytes_of(state):
    """Size of the state that goes into the notebook, in bytes."""
    return len(json.dumps(state, default=lambda data: base64.b64encode(data).decode()))


# --- envelopes and films ------------------------------------------------------------------------------------------
def test_pack_refuses_other_numbers_of_bits():
    with pytest.raises(ValueError, match="bits should be 8, 16 or 32, got 12"):
        pack([1.0], bits=12)


def test_pack_refuses_to_hide_what_is_not_finite():
    with pytest.raises(ValueError, match="array should be finite to be kept in 8 bits"):
        pack([1.0, np.nan], bits=8)


def test_pack_keeps_a_constant_and_an_empty_array():
    assert pack(np.full(3, 2.5), 8)["low"] == 2.5
    assert pack(np.zeros((0, 0)))["data"] == b""


@pytest.mark.parametrize(("wrong", "words"), [("abc", "array of numbers"), ([[1], [1, 2]], "different lengths"),
                                              (None, "array of numbers"), ([1j], "array of numbers")])
def test_numbers_refuses_what_is_none(wrong, words):
    with pytest.raises(ValueError, match=f"q should be an .*|{words}"):
        numbers("q", wrong)


def test_numbers_takes_tensors_that_require_gradients():
    assert numbers("q", torch.ones(2, requires_grad=True)).tolist() == [1, 1]


def test_a_film_wants_a_frame_for_each_value():
    with pytest.raises(ValueError, match="got 2 frames for 3 values"):
        Film(np.zeros((2, 3)), [1, 2, 3], label="t")
    with pytest.raises(ValueError, match="at least one value"):
        Film(np.zeros((0, 3)), [], label="t")


def test_a_film_wants_one_shape():
    with pytest.raises(ValueError, match=r"function should return one shape for every value, got \(1,\) and \(2,\)"):
        Film.record(np.ones, [1, 2], label="t")


def test_a_film_says_whose_function_it_was():
    def mine(value):
        return np.full((3, 3), value)

    mine.whose = "your own mine"
    film = Film.record(mine, [0.1, 0.2], label="t")
    assert film.made_by == "your own mine"
    assert AttentionExplorer(TOKENS, film=film).made_by == "your own mine"


def test_a_film_is_small():
    film = Film(RNG.random((40, 64, 64)), range(40), label="t", bits=8)
    assert len(film.as_state()["frames"]["data"]) == 40 * 64 * 64


# --- bad input ----------------------------------------------------------------------------------------------------
WRONG = [
    ({}, "weights, scores, q and k, or film should tell the weights"),
    ({"weights": np.ones((3, 4))}, r"weights should have shape \(T=3, S=3\) or \(H, T=3, S=3\), got \(3, 4\)"),
    ({"weights": np.ones(3)}, "weights should have shape"),
    ({"weights": "abc"}, "weights should be an array of numbers"),
    ({"scores": np.ones((3, 3)), "reference": np.ones((2, 2))}, "reference should have shape"),
    ({"q": np.ones((3, 4))}, "q and k should be given together"),
    ({"q": np.ones((3, 4)), "k": np.ones((3, 5))}, "same last axis d_k, got 4 and 5"),
    ({"q": np.ones((2, 4)), "k": np.ones((3, 4))},
     r"q should have shape \(3, d\) or \(H, 3, d\) for 3 tokens, got \(2, 4\)"),
    ({"weights": WEIGHTS, "v": np.ones((2, 4))}, "v should have shape"),
    ({"weights": WEIGHTS, "mask": np.ones((3, 3))}, "mask should be boolean"),
    ({"weights": WEIGHTS, "mask": np.ones((2, 3), bool)}, r"mask should broadcast to \(H=1, T=3, S=3\), got \(2, 3\)"),
    ({"weights": np.ones((2, 3, 3)), "reference": np.ones((4, 3, 3))}, "same number of heads, got"),
    ({"weights": WEIGHTS, "head_names": ["a", "b"]}, "head_names should hold one name for each of 1 heads, got 2"),
    ({"film": Film(np.ones((2, 4, 4)), [1, 2], label="t")}, r"film should hold frames of shape \(T=3, S=3\)"),
    ({"weights": WEIGHTS, "preset": 1}, "preset should lie between 0 and 0, got 1"),
    ({"weights": WEIGHTS, "cell": [3, 0]}, r"cell\[0\] should lie between 0 and 2, got 3"),
    ({"weights": WEIGHTS, "cell": [0]}, r"cell should be \[query, key\], got \[0\]"),
    ({"weights": WEIGHTS, "temperature": 0}, "temperature should be a positive number, got 0"),
    ({"weights": WEIGHTS, "temperature": float("nan")}, "temperature should be a positive number"),
    ({"weights": WEIGHTS, "heads": [False]}, "heads should hold 1 booleans, at least one of them True"),
    ({"weights": WEIGHTS, "heads": [True, True]}, "heads should hold 1 booleans"),
    ({"weights": WEIGHTS, "frame": 1}, "frame should lie between 0 and 0, got 1"),
    ({"weights": WEIGHTS, "presets": {"second": {"tokens": ["a"], "weights": np.ones((2, 2))}}},
     "presets.'second'.: weights"),
    ({"weights": WEIGHTS, "presets": {"second": {"tokens": ["a"], "colour": 1}}}, "presets.'second'.: .*colour"),
]


@pytest.mark.parametrize(("arguments", "words"), WRONG)
def test_what_does_not_fit_is_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        AttentionExplorer(TOKENS, **arguments)


@pytest.mark.parametrize(("tokens", "words"), [("it sat", "got one string"), ([1, 2], "got 1 in it"),
                                               (None, "tokens or presets should be given")])
def test_tokens_are_a_list_of_strings(tokens, words):
    with pytest.raises(ValueError, match=words):
        AttentionExplorer(tokens, weights=np.eye(2))


def test_state_is_checked_when_it_is_set():
    figure = AttentionExplorer(TOKENS, scores=WEIGHTS)
    for name, value in (("cell", [0, 3]), ("preset", 1), ("temperature", -1.0), ("heads", []), ("frame", -1)):
        before = getattr(figure, name)
        with pytest.raises(ValueError, match="should"):
            setattr(figure, name, value)
        assert getattr(figure, name) == before


def test_a_causal_mask_wants_as_many_keys_as_queries():
    with pytest.raises(ValueError, match="got 3 queries and 2 keys"):
        AttentionExplorer(TOKENS, tokens_k=["a", "b"], scores=np.ones((3, 2)), causal=True)


def test_arguments_are_left_unchanged():
    given = {"q": RNG.standard_normal((3, 4)), "k": RNG.standard_normal((3, 4)), "mask": np.tri(3, dtype=bool)}
    before = {name: array.copy() for name, array in given.items()}
    figure = AttentionExplorer(TOKENS, **given)
    figure._repr_mimebundle_()
    for name, array in given.items():
        np.testing.assert_array_equal(array, before[name])


# --- what is shown ------------------------------------------------------------------------------------------------
def test_weights_follow_the_controls():
    q, k = RNG.standard_normal((2, 3, 8))
    figure = AttentionExplorer(TOKENS, q=torch.tensor(q), k=k)
    np.testing.assert_allclose(figure.weights, softmax(q @ k.T / np.sqrt(8)), atol=1e-6)
    figure.scaled = False
    np.testing.assert_allclose(figure.weights, softmax(q @ k.T), atol=1e-6)
    figure.temperature = 3
    np.testing.assert_allclose(figure.weights, softmax(q @ k.T / 3), atol=1e-6)
    figure.causal = True
    np.testing.assert_allclose(figure.weights, softmax(np.where(np.tri(3), q @ k.T / 3, -np.inf)), atol=1e-6)
    assert figure.hidden().tolist() == (np.tri(3) == 0).tolist()


def test_heads_are_averaged():
    weights = softmax(RNG.standard_normal((4, 3, 3)))
    figure = AttentionExplorer(TOKENS, weights=weights, head_names=list("abcd"))
    np.testing.assert_allclose(figure.weights, weights[0], atol=1e-6)
    figure.heads = [False, True, False, True]
    np.testing.assert_allclose(figure.weights, weights[[1, 3]].mean(0), atol=1e-6)


def test_a_preset_brings_its_own_heads_and_cell():
    figure = AttentionExplorer(TOKENS, weights=WEIGHTS, cell=[2, 2], presets={
        "two words": {"tokens": ["a", "b"], "weights": np.full((5, 2, 2), 0.5)}})
    figure.preset = 1
    assert figure.cell == [1, 1]
    assert figure.heads == [True, False, False, False, False]
    assert figure.weights.shape == (2, 2)
    figure.preset = 0
    assert (figure.heads, figure.weights.shape) == ([True], (3, 3))


def test_presets_may_stand_alone():
    figure = AttentionExplorer(presets={"one": {"tokens": ["a"], "weights": [[1.0]]},
                                        "two": {"tokens": TOKENS, "weights": WEIGHTS}})
    assert [picture["name"] for picture in figure.pictures] == ["one", "two"]


def test_a_film_shows_its_frame():
    frames = softmax(RNG.standard_normal((3, 3, 3)))
    figure = AttentionExplorer(TOKENS, film=Film(frames, [1, 2, 3], label="t"))
    figure.frame = 2
    np.testing.assert_allclose(figure.weights, frames[2], atol=1e-6)


def test_a_head_of_the_reference_stands_beside_mine():
    mine, theirs = softmax(RNG.standard_normal((2, 2, 3, 3)))
    figure = AttentionExplorer(TOKENS, weights=mine, reference=theirs, heads=[False, True])
    np.testing.assert_allclose(figure.reference, theirs[1], atol=1e-6)
    assert AttentionExplorer(TOKENS, weights=mine).reference is None


@pytest.mark.parametrize("tokens", [[], ["alone"], HOSTILE])
def test_any_tokens_make_a_picture(tokens):
    n = len(tokens)
    figure = AttentionExplorer(tokens, scores=np.zeros((n, n)), title="<script>alert(1)</script>")
    data, _ = figure._repr_mimebundle_()
    assert base64.b64decode(data["image/png"])[:4] == b"\x89PNG"
    assert figure.weights.shape == (n, n)


def test_an_empty_list_of_tokens_is_told_in_words():
    assert AttentionExplorer([], weights=np.zeros((0, 0))).describe().endswith("there are no tokens to show.")


def test_weights_that_are_not_finite_are_told_in_words():
    weights = WEIGHTS.copy()
    weights[0, 1] = np.nan
    figure = AttentionExplorer(TOKENS, weights=weights)
    assert "1 of 9 weights are not finite." in figure.describe()
    assert "1 not finite" in figure.fingerprint()


# --- the three forms of the output ----------------------------------------------------------------------------------
def test_the_output_has_three_forms():
    figure = AttentionExplorer(TOKENS, weights=WEIGHTS, title="Mine", made_by="your softmax")
    data, metadata = figure._repr_mimebundle_()
    assert set(data) == {"application/vnd.jupyter.widget-view+json", "text/html", "image/png", "text/plain"}
    assert data["text/plain"] == figure.fingerprint()
    assert metadata["image/png"]["alt"].startswith("Mine. Heatmap of attention weights, 3 queries by 3 keys.")


def test_the_picture_is_the_same_byte_for_byte():
    first, second = (AttentionExplorer(TOKENS, weights=WEIGHTS)._repr_mimebundle_()[0]["image/png"] for _ in range(2))
    assert first == second


FIRST = {"weights": WEIGHTS, "title": "Mine"}
MUTANTS = {
    "transposed": {"weights": WEIGHTS.T},
    "rows reversed": {"weights": WEIGHTS[::-1]},
    "columns reversed": {"weights": WEIGHTS[:, ::-1]},
    "two rows swapped": {"weights": WEIGHTS[[1, 0, 2]]},
    "softmax over the wrong axis": {"weights": softmax(np.log(WEIGHTS), axis=0)},
    "one cell changed": {"weights": WEIGHTS + 0.02 * (np.arange(9).reshape(3, 3) == 4)},
    "another title": {"title": "Yours"},
    "another maker": {"made_by": "the course's softmax"},
    "another cell": {"cell": [0, 1]},
    "a reference": {"reference": WEIGHTS},
    "a mask": {"mask": np.tri(3, dtype=bool)},
}


@pytest.mark.parametrize("name", MUTANTS)
def test_the_fingerprint_notices(name):
    assert mark(**FIRST | MUTANTS[name]) != mark(**FIRST)


def mark(tokens=TOKENS, **arguments):
    return AttentionExplorer(tokens, **arguments).fingerprint()


def test_the_fingerprint_notices_other_tokens():
    assert mark(["x", "y", "z"], **FIRST) != mark(**FIRST)


@pytest.mark.parametrize("settings", [{"temperature": 2.0}, {"causal": True}, {"scaled": False}])
def test_the_fingerprint_notices_a_control(settings):
    q = RNG.standard_normal((3, 4))
    assert mark(q=q, k=q, **settings) != mark(q=q, k=q)


def test_the_fingerprint_does_not_notice_rounding():
    noise = 1e-6 * RNG.standard_normal((3, 3))
    shown = np.round(WEIGHTS, 2)  # far from where a third decimal turns
    assert mark(weights=shown) == mark(weights=shown + noise)


# --- size and code --------------------------------------------------------------------------------------------------
def test_512_tokens_fit_into_3_megabytes():
    q = RNG.standard_normal((512, 64))
    tokens = [f"token{i}" for i in range(512)]
    assert bytes_of(AttentionExplorer(tokens, q=q, k=q, v=q).get_state()) < 3 * 2**20
    weights = softmax(RNG.standard_normal((4, 512, 512)))
    assert bytes_of(AttentionExplorer(tokens, weights=weights).get_state()) < 3 * 2**20


def test_large_weights_keep_four_digits():
    weights = softmax(RNG.standard_normal((2, 512, 512)))
    figure = AttentionExplorer(["t"] * 512, weights=weights)
    envelope = figure.pictures[0]["weights"]
    stored = np.frombuffer(envelope["data"], np.uint16).reshape(envelope["shape"])
    opened = envelope["low"] + stored * (envelope["high"] - envelope["low"]) / 65535
    np.testing.assert_allclose(opened, weights, atol=1e-5)


def test_the_code_in_a_notebook_is_small_and_carries_its_own_drawer_only():
    figure = AttentionExplorer(TOKENS, weights=WEIGHTS)
    assert "FIGURES.heatmap" in figure._esm
    assert "FIGURES.scale" not in figure._esm
    assert len(figure._esm) + len(figure._css) < 65_000
    assert not [line for line in browser_code("heatmap.js").splitlines() if line.strip().startswith("//")]


@pytest.mark.parametrize("needle", ["import(", "import {", "require(", "http://", "https://", "innerHTML", "eval("])
def test_the_code_reaches_for_nothing(needle):
    code = AttentionExplorer._esm + ScaleExplorer._esm
    assert needle not in code.replace("http://www.w3.org/2000/svg", "")


def test_the_host_is_about_3_kilobytes():
    assert len(host_script()) < 3500
    assert "import(URL.createObjectURL" in host_script()


def test_no_token_ends_the_script_that_holds_it():
    html = page(AttentionExplorer(["</script><script>alert(1)</script>"], weights=[[1.0]], title="</script><b>"))
    assert "<script>alert(1)" not in html
    assert embed_json({"a": "</script>"}) == '{"a": "\\u003c/script>"}'


def test_every_figure_is_found_by_name():
    import course_utils.explorers as explorers

    for name in explorers.__all__:
        assert issubclass(getattr(explorers, name), (Explorer, Film))
    with pytest.raises(AttributeError, match="no attribute 'Other'"):
        explorers.Other  # noqa: B018


def test_a_figure_is_an_anywidget():
    figure = AttentionExplorer(TOKENS, weights=WEIGHTS)
    assert isinstance(figure, anywidget.AnyWidget)
    assert isinstance(figure, Widget)
    assert isinstance(AttentionExplorer.temperature, traitlets.TraitType)


# --- the scale ------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def scale():
    return ScaleExplorer()


def test_variance_grows_with_d_k_only_without_the_scale(scale):
    variance = scale.measures[:, :, MEASURES.index("variance")]
    np.testing.assert_allclose(variance[:, 0], scale.widths, rtol=0.1)
    np.testing.assert_allclose(variance[:, 1], 1, rtol=0.1)


def test_gradients_fade_only_without_the_scale(scale):
    gradient = scale.measures[:, :, MEASURES.index("gradient")]
    assert gradient[-1, 0] < 0.25 * gradient[0, 0]
    assert gradient[:, 1].min() > 0.8 * gradient[:, 1].max()


def test_gradient_is_the_size_of_the_jacobian(scale):
    weights = torch.tensor(scale.weights[1], dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(lambda s: torch.softmax(s, -1), weights.log())
    from course_utils.explorers.scale import _measure

    assert _measure(np.zeros(1), scale.weights[1:2].astype(float))[0] == pytest.approx(float(jacobian.norm()), rel=1e-5)


def test_d_k_chooses_the_frame(scale):
    scale.d_k = 1
    np.testing.assert_allclose(scale.weights[0], scale.weights[1], atol=1e-6)
    scale.d_k = 1024
    assert scale.weights[0].max() > 0.95 > 0.6 > scale.weights[1].max()
    np.testing.assert_allclose(scale.scores[0], 32 * scale.scores[1], rtol=1e-5)


def test_the_learners_function_makes_the_frames():
    calls = []

    def uniform(q, k, v):
        calls.append((type(q), q.shape[-1]))
        weights = torch.full((len(q), len(k)), 1 / len(k))
        return weights @ v.float(), weights

    uniform.whose = "your own attention"
    figure = ScaleExplorer(attend=uniform, widths=(2, 4))
    assert calls == [(torch.Tensor, 2), (torch.Tensor, 2), (torch.Tensor, 4), (torch.Tensor, 4)]
    np.testing.assert_allclose(figure.weights, 1 / 12)
    assert figure.made_by == "your own attention"


def test_numpy_and_torch_give_the_same_frames(scale):
    figure = ScaleExplorer(arrays="numpy")
    np.testing.assert_allclose(figure.measures, scale.measures, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("arguments", "words"), [
    ({"widths": (4, 2)}, "widths should be whole numbers from 1 upwards that grow"),
    ({"widths": ()}, "widths should be"),
    ({"widths": (0, 2)}, "widths should be"),
    ({"arrays": "jax"}, "arrays should be 'torch' or 'numpy', got 'jax'"),
    ({"d_k": 3}, "d_k should be one of"),
    ({"curve": "size"}, "curve should be one of"),
    ({"attend": lambda q, k, v: v}, r"attend should return \(output, weights\), got Tensor"),
    ({"attend": lambda q, k, v: (v, v)}, "weights returned by attend should have shape"),
])
def test_the_scale_refuses_what_does_not_fit(arguments, words):
    with pytest.raises(ValueError, match=words):
        ScaleExplorer(**{"widths": (1, 2), **arguments})


def test_the_fingerprint_of_the_scale(scale):
    scale.d_k = 64
    before = scale.fingerprint()
    scale.d_k = 128
    assert scale.fingerprint() != before
    assert ScaleExplorer(seed=1).fingerprint().splitlines()[3:] != before.splitlines()[3:]
    assert "At d_k = 128" in scale.describe()


def test_the_scale_is_small(scale):
    assert bytes_of(scale.get_state()) < 100_000
