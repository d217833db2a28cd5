"""Make data/transfer.csv and data/reviews_embedded.npz: reviews learned from scratch, and the encoder's vectors.

    python tools/make_data/make_transfer.py

data/reviews.csv itself was written by hand for the course. `make models` has to be run first.
"""

import csv
import sys
from pathlib import Path

import numpy as np
import torch
from files import run, save_npz

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from course_utils.datasets.few_examples import reviews
from course_utils.models.encoder import Encoder
from course_utils.models.transfer import SIZES, FromScratch, fit


def make(folder):
    """Train models from scratch on few reviews, and embed the reviews."""
    torch.set_num_threads(1)
    encoder, texts = Encoder(), [review.text for review in reviews()]
    save_npz(folder / "reviews_embedded.npz", vectors=encoder.embed(texts).numpy().astype(np.float16))
    rows = [[encoder.tokenizer.number[piece] for piece in encoder.pieces(text)] for text in texts]
    codes = torch.tensor([row + [0] * (max(map(len, rows)) - len(row)) for row in rows])
    real = codes > 0
    used = codes.unique()
    codes = torch.searchsorted(used, codes)
    with (folder / "transfer.csv").open("w", newline="\n", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["question", "examples", "seed", "accuracy"])
        for question in ("about", "liked"):
            answers = torch.tensor([r.liked if question == "liked" else r.about == "thing" for r in reviews()])
            for examples in SIZES:
                for seed in range(5):
                    torch.manual_seed(seed)
                    model = FromScratch(len(used))
                    accuracy = fit(model, (codes, real), answers, examples, seed, steps=60, rate=0.003)
                    table.writerow([question, examples, seed, f"{accuracy:.4f}"])


if __name__ == "__main__":
    run(make)
