"""Make data/language_model.npz: what the language model gave in notebook 13, for readers without it.

    python tools/make_data/make_language.py

`make models` has to be run first.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from files import run, save_npz

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from course_utils.models.copying import results
from course_utils.models.language_model import LanguageModel

TEXTS = ("The capital of France is", "Once upon a time, a small dragon", "To cook rice, you first")


def make(folder):
    """Let the language model write, and take heads away from it."""
    torch.set_num_threads(1)
    found = results(LanguageModel(), TEXTS, draws=3)
    save_npz(folder / "language_model.npz", **{name: np.asarray(x) for name, x in found.items()})


if __name__ == "__main__":
    run(make)
