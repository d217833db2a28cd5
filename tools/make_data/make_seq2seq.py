"""Make data/seq2seq.npz: encoder-decoders trained on dates and on reversal, with attention and without.

Needs the course itself (PyTorch) and about two minutes::

    python tools/make_data/make_seq2seq.py

Trained weights differ in their last digits from one processor to the next, so that a second run does not give
the same bytes; it gives models as good, which tests/test_translation.py measures.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from files import run, save_npz

from course_utils.translation import DATES, REVERSAL


def make(folder: Path) -> None:
    """Train the four models and store their weights in half precision."""
    torch.set_num_threads(1)
    arrays = {}
    for task in (DATES, REVERSAL):
        for attention in (True, False):
            model = task.new_model(attention)
            history = task.train(model, bar=False)
            score = task.exact_match(model, task.draw(1000, "test", 0))
            print(f"{task.name}, attention {attention}: loss {history.recent():.3f}, exact {score:.3f}")
            prefix = f"{task.name}.{'attention' if attention else 'plain'}."
            arrays |= {prefix + name: x.numpy().astype(np.float16) for name, x in model.state_dict().items()}
    save_npz(folder / "seq2seq.npz", **arrays)


if __name__ == "__main__":
    run(make)
