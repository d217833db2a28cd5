"""The browser's mathematics against the course's own, in a real browser."""

import base64
import json
from pathlib import Path

import numpy as np
import pytest

from course_utils.attention import causal_mask, scaled_dot_product_attention, softmax
from course_utils.classroom.lab.driver import chromium, new_context
from course_utils.explorers import AttentionExplorer, Film
from course_utils.explorers.base import pack

pytestmark = pytest.mark.browser
SAME = 2e-6
BROWSER = Path(__file__).resolve().parents[1] / "course_utils" / "explorers" / "js"
FILES = ("math.js", "core.js", "colours.js", "attention.js")


@pytest.fixture(scope="module")
def page():
    with chromium() as browser:
        page = new_context(browser).new_page()
        for name in FILES:
            page.add_script_tag(content=(BROWSER / name).read_text(encoding="utf-8"))
        page.evaluate("""window.revive = value => value && value.base64 !== undefined
            ? new DataView(Uint8Array.from(atob(value.base64), c => c.charCodeAt(0)).buffer)
            : Array.isArray(value) ? value.map(revive)
            : value && typeof value === 'object'
              ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, revive(v)])) : value""")
        yield page


def sent(value):
    """What Python holds, as JSON that `revive` turns into what a trait gives the browser."""
    return json.loads(json.dumps(value, default=lambda data: {"base64": base64.b64encode(data).decode()}))


def numbers_of(page, figure, call):
    """Evaluate `call` on the numbers that the browser derives from a figure's state."""
    names = ("pictures", "preset", "heads", "cell", "temperature", "scaled", "causal", "frame")
    state = {name: getattr(figure, name) for name in names}
    return page.evaluate(f"""state => {{ const held = revive(state);
        const numbers = new AttentionNumbers({{ get: name => held[name] }}); return {call}; }}""", sent(state))


def table(values, *shape):
    """JavaScript's flat numbers as an array; null, as JSON says NaN, is NaN."""
    return np.array([np.nan if v is None else v for v in values]).reshape(shape)


@pytest.mark.parametrize("temperature", [0.1, 1.0, 10.0])
@pytest.mark.parametrize(("T", "S"), [(1, 1), (3, 5), (17, 17)])
def test_softmax_of_rows(page, T, S, temperature):
    scores = 6 * np.random.default_rng(T).standard_normal((T, S))
    allowed = np.random.default_rng(S).random((T, S)) < 0.7
    allowed[0] = False  # a query that may attend to nothing
    got = page.evaluate("""([scores, T, S, temperature, allowed]) =>
        [...softmaxRows(scores, T, S, { temperature, allowed })]""",
                        [scores.ravel().tolist(), T, S, temperature, allowed.ravel().astype(int).tolist()])
    want = softmax(np.where(allowed, scores / temperature, -np.inf))
    np.testing.assert_allclose(table(got, T, S), want, atol=SAME, rtol=0)


def test_softmax_does_not_overflow(page):
    got = page.evaluate("() => [...softmaxRows([1e4, 1e4, -1e4, -1e4], 2, 2)]")
    assert got == [0.5, 0.5, 0.5, 0.5]


@pytest.mark.parametrize("strange", [np.nan, np.inf, -np.inf])
def test_softmax_of_scores_that_are_not_finite(page, strange):
    scores = np.array([[1.0, strange, 2.0], [0.0, 1.0, 2.0]])
    got = page.evaluate("([low, high]) => [...softmaxRows([1, low, 2, 0, 1, 2], 2, 3)].map(v => isNaN(v) ? 'NaN' : v)",
                        [strange, None])
    with np.errstate(invalid="ignore"):
        want = softmax(scores)
    np.testing.assert_allclose(np.array(got, float).reshape(2, 3), want, atol=SAME, rtol=0)


def test_scores_are_dot_products(page):
    rng = np.random.default_rng(3)
    q, k = rng.standard_normal((4, 6)), rng.standard_normal((3, 6))
    got = page.evaluate("([q, k]) => [...dotScores(q, k, 4, 3, 6, 0.5)]", [q.ravel().tolist(), k.ravel().tolist()])
    np.testing.assert_allclose(table(got, 4, 3), q @ k.T / 2, atol=SAME, rtol=0)


@pytest.mark.parametrize("T", [1, 2, 7])
def test_causal_mask(page, T):
    assert table(page.evaluate("T => [...causalAllowed(T, T)]", T), T, T).tolist() == causal_mask(T).int().tolist()


def test_mean_and_variance(page):
    values = np.random.default_rng(0).standard_normal(50)
    assert page.evaluate("v => meanVariance(v)", values.tolist()) == pytest.approx([values.mean(), values.var()])


@pytest.mark.parametrize("bits", [8, 16, 32])
def test_envelopes_open_again(page, bits):
    array = np.random.default_rng(bits).normal(3, 2, (4, 3, 2)).astype(np.float32)
    envelope = sent(pack(array, bits))
    got = table(page.evaluate("e => [...unpack(revive(e))]", envelope), *array.shape)
    step = (array.max() - array.min()) / (2**bits - 1)
    np.testing.assert_allclose(got, array, atol=step / 2 + 1e-6, rtol=0)
    for n in (0, 3):
        frame = page.evaluate("([e, n]) => [...unpack(revive(e), n)]", [envelope, n])
        np.testing.assert_array_equal(table(frame, 3, 2), got[n])


def test_an_envelope_inside_a_larger_buffer(page):
    """A kernel's message hands the browser views into one buffer, at any offset."""
    got = page.evaluate("""() => { const whole = new Uint8Array([9, 9, 9, 0, 0, 128, 63]);
        return [...unpack({ shape: [1], bits: 32, data: new DataView(whole.buffer, 3, 4) })]; }""")
    assert got == [1]


def pictures():
    rng = np.random.default_rng(1)
    q, k = 2 * rng.standard_normal((2, 3, 6, 8))
    mask = rng.random((6, 6)) < 0.8
    tokens = list("abcdef")
    yield "from q and k", AttentionExplorer(tokens, q=q, k=k)
    yield "hot", AttentionExplorer(tokens, q=q, k=k, temperature=0.1)
    yield "not scaled", AttentionExplorer(tokens, q=q, k=k, scaled=False, heads=[False, True, False])
    yield "causal", AttentionExplorer(tokens, q=q, k=k, causal=True, heads=[True, True, True])
    yield "masked and causal", AttentionExplorer(tokens, q=q, k=k, mask=mask, causal=True, heads=[True, False, True])
    yield "from scores", AttentionExplorer(tokens, scores=q[0] @ k[0].T, temperature=2.5, mask=mask)
    yield "as given", AttentionExplorer(tokens, weights=softmax(q @ k.swapaxes(-1, -2)), heads=[False, True, True])
    yield "second preset", AttentionExplorer(
        tokens, weights=np.eye(6), presets={"other": {"tokens": ["x", "y"], "q": q[0, :2], "k": k[0, :2]}}, preset=1)
    yield "more keys than queries", AttentionExplorer(tokens, tokens_k=["x", "y"], q=q[0], k=k[0, :2])


@pytest.mark.parametrize(("name", "figure"), list(pictures()))
def test_weights_are_those_that_python_computes(page, name, figure):
    got = numbers_of(page, figure, "[...numbers.compute().weights]")
    np.testing.assert_allclose(table(got, *figure.weights.shape), figure.weights, atol=SAME, rtol=0)


@pytest.mark.parametrize("frame", [0, 2])
def test_a_film_is_played_frame_by_frame(page, frame):
    frames = np.random.default_rng(0).dirichlet(np.ones(4), (3, 2, 5)).astype(np.float32)
    film = Film(frames, [1, 2, 3], label="step")
    figure = AttentionExplorer(list("abcde"), tokens_k=list("wxyz"), film=film, frame=frame, heads=[False, True])
    got = numbers_of(page, figure, "[...numbers.compute().weights]")
    np.testing.assert_allclose(table(got, 5, 4), frames[frame, 1], atol=1e-5, rtol=0)
    np.testing.assert_allclose(figure.weights, frames[frame, 1], atol=SAME)


def test_hidden_cells_are_those_that_python_hides(page):
    mask = np.stack([np.eye(4, dtype=bool), np.tri(4, k=-2, dtype=bool)])  # another for each head
    q = np.stack([np.eye(4)] * 2)
    figure = AttentionExplorer(list("abcd"), q=q, k=q, mask=mask, causal=True, heads=[True, True])
    allowed = numbers_of(page, figure, "[...numbers.compute().allowed]")
    assert (table(allowed, 4, 4) == 0).tolist() == figure.hidden().tolist()


@pytest.mark.parametrize("settings", [{}, {"temperature": 0.5}, {"scaled": False}, {"causal": True, "cell": [3, 1]}])
def test_parts_add_up_to_the_weight(page, settings):
    rng = np.random.default_rng(5)
    q, k, v = rng.standard_normal((3, 5, 7))
    figure = AttentionExplorer(list("abcde"), q=q, k=k, v=v, **{"cell": [4, 2], **settings})
    i, j = figure.cell
    parts = numbers_of(page, figure, f"numbers.parts({i}, {j})")
    assert parts["products"] == pytest.approx((q[i] * k[j]).tolist(), abs=SAME)
    assert sum(parts["products"]) == pytest.approx(parts["score"], abs=SAME)
    assert parts["score"] / (np.sqrt(7) if figure.scaled else 1) == pytest.approx(parts["scaled"], abs=SAME)
    assert parts["scaled"] / figure.temperature == pytest.approx(parts["logit"], abs=SAME)
    assert np.exp(parts["logit"] - parts["largest"]) == pytest.approx(parts["term"], abs=SAME)
    assert parts["term"] / parts["sum"] == pytest.approx(parts["weight"], abs=SAME)
    assert parts["weight"] == pytest.approx(figure.weights[i, j], abs=SAME)
    assert parts["v"] == pytest.approx(v[j].tolist(), abs=SAME)


def test_a_hidden_cell_has_no_weight(page):
    figure = AttentionExplorer(list("ab"), q=np.eye(2), k=np.eye(2), causal=True, cell=[0, 1])
    parts = numbers_of(page, figure, "numbers.parts(0, 1)")
    assert (parts["hidden"], parts["weight"]) == (True, 0)


def test_several_heads_have_no_parts_in_common(page):
    figure = AttentionExplorer(list("ab"), q=np.ones((2, 2, 3)), k=np.ones((2, 2, 3)), heads=[True, True])
    assert numbers_of(page, figure, "numbers.parts(0, 0)") is None


def test_the_reference_is_compared_cell_by_cell(page):
    mine = np.array([[0.5, 0.5], [1.0, 0.0]])
    theirs = mine.copy()
    theirs[1] = [0.9, 0.1]
    figure = AttentionExplorer(["a", "b"], weights=mine, reference=theirs)
    words = numbers_of(page, figure, "remarks(numbers.set, numbers.compute(), 1e-3)")
    assert words == "2 of 4 weights differ from the reference; they are marked."
    figure = AttentionExplorer(["a", "b"], weights=mine, reference=mine + 5e-4)
    assert "agrees" in numbers_of(page, figure, "remarks(numbers.set, numbers.compute(), 1e-3)")


def test_colours_are_those_of_matplotlib(page):
    from matplotlib import colormaps

    got = np.array(page.evaluate("() => VIRIDIS"))
    want = np.array([colormaps["viridis"](n, bytes=True)[:3] for n in range(256)])
    np.testing.assert_array_equal(got, want)


def test_the_output_agrees_with_the_reference():
    rng = np.random.default_rng(2)
    q, k, v = rng.standard_normal((3, 4, 5))
    figure = AttentionExplorer(list("abcd"), q=q, k=k, v=v)
    output, weights = scaled_dot_product_attention(q, k, v)
    np.testing.assert_allclose(figure.weights, weights, atol=SAME)
    np.testing.assert_allclose(figure.output, output, atol=SAME)
