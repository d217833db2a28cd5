"""Make data/block_parts.csv: what a small model of names loses when one of its parts is left out.

Needs the course itself (PyTorch) and about fifteen minutes::

    python tools/make_data/make_block_parts.py

Training differs in the last digits from one processor to the next, so that a second run does not give the same
numbers; how far three seeds lie apart tells how much that can be.
"""

from __future__ import annotations

from pathlib import Path

import torch
from files import run

from course_utils.datasets.names import encode_names, split_names
from course_utils.models.writer import NameWriter, name_loss, train_writer

SEEDS = (0, 1, 2)
RUNS = (
    # (name, steps, how the model is built)
    ("all parts", 600, {}),
    ("no attention", 600, {"without": ("attention",)}),
    ("no positions", 600, {"without": ("positions",)}),
    ("no feed-forward", 600, {"without": ("feed-forward",)}),
    ("no residuals", 600, {"without": ("residuals",)}),
    ("no norms", 600, {"without": ("norms",)}),
    ("one block", 600, {"n_blocks": 1}),
    ("8 blocks", 400, {"n_blocks": 8, "d_model": 32}),
    ("8 blocks, no residuals", 400, {"n_blocks": 8, "d_model": 32, "without": ("residuals",)}),
    ("8 blocks, no norms", 400, {"n_blocks": 8, "d_model": 32, "without": ("norms",)}),
    ("2000 steps", 2000, {}),
    ("2000 steps, dropout 0.1", 2000, {"dropout": 0.1}),
    ("2000 steps, dropout 0.2", 2000, {"dropout": 0.2}),
)


def make_block_parts(folder: Path) -> None:
    """Train each model with three seeds and write its losses on names it learnt from and on others."""
    torch.set_num_threads(1)
    known, held_out = (torch.from_numpy(encode_names(names)) for names in split_names())
    lines = ["model,seed,steps,loss_known,loss_new"]
    for name, steps, built in RUNS:
        for seed in SEEDS:
            torch.manual_seed(seed)
            model = NameWriter(**built)
            train_writer(model, steps=steps, seed=seed, bar=False)
            with torch.no_grad():
                losses = [name_loss(model, codes).item() for codes in (known, held_out)]
            lines.append(f"\"{name}\",{seed},{steps},{losses[0]:.4f},{losses[1]:.4f}")
            print(lines[-1], flush=True)
    (folder / "block_parts.csv").write_bytes(("\n".join(lines) + "\n").encode())


if __name__ == "__main__":
    run(make_block_parts)
