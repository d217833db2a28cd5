"""Make data/seq2seq.npz: encoder-decoders trained on dates and on reversal, with attention and without.

Reversal without attention is there twice, the second time trained on for seven times as many steps in all. Needs
the course itself (PyTorch) and about eight minutes::

    python tools/make_data/make_seq2seq.py

Trained weights differ in their last digits from one processor to the next, so that a second run does not give
the same bytes; it gives models as good, which tests/test_translation.py measures.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from files import run, save_npz

from course_utils.models.translation import DATES, LONGER, REVERSAL


def make(folder: Path) -> None:
    """Train the models and store their weights in half precision."""
    torch.set_num_threads(1)
    arrays = {}

    def keep(task, kind, model, history):
        score = task.exact_match(model, task.draw(1000, "test", 0))
        print(f"{task.name}, {kind}: loss {history.recent():.3f}, exact {score:.3f}")
        arrays.update({f"{task.name}.{kind}.{name}": x.numpy().astype(np.float16)
                       for name, x in model.state_dict().items()})

    for task in (DATES, REVERSAL):
        for attention in (True, False):
            model = task.new_model(attention)
            keep(task, "attention" if attention else "plain", model, task.train(model, bar=False))
    keep(REVERSAL, "longer", model, REVERSAL.train(model, steps=LONGER, bar=False))  # the last: without attention
    save_npz(folder / "seq2seq.npz", **arrays)


if __name__ == "__main__":
    run(make)
