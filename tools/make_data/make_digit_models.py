"""Make data/digit_models.csv: how well small Vision Transformers read digits, whole and with patches blanked.

Needs the course itself (PyTorch) and about three minutes::

    python tools/make_data/make_digit_models.py

Training differs in the last digits from one processor to the next, so that a second run does not give the same
numbers; `pytest tests/test_vision.py -m slow` trains one model again and compares.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import torch
from files import run

from course_utils.datasets.handwriting import split_digits
from course_utils.models.vision import (
    PatchReader,
    blank,
    blanking_orders,
    cls_picture,
    patchify,
    share_right,
    train_patch_reader,
)

SEEDS = (0, 1, 2, 3, 4)
COUNTS = (1, 2, 4)  # patches that are blanked
DRAWS = 10  # for the orders by chance


def make_digit_models(folder: Path) -> None:
    """Train each model with five seeds and write its accuracy on images that were held out."""
    torch.set_num_threads(1)
    images, digits = map(torch.from_numpy, split_digits()[1])
    patches, lines = patchify(images, 2), ["model,seed,blanked,patches,accuracy"]
    for name, positioned in (("with positions", True), ("without positions", False)):
        for seed in SEEDS:
            torch.manual_seed(seed)
            model = PatchReader(positioned=positioned)
            train_patch_reader(model, seed=seed, bar=False)
            lines.append(f"{name},{seed},none,0,{share_right(model, patches, digits):.4f}")
            print(lines[-1], flush=True)
            if positioned:
                lines += [f"{name},{seed},{way},{count},{share:.4f}"
                          for (way, count), share in _blanked(model, patches, digits).items()]
    (folder / "digit_models.csv").write_bytes(("\n".join(lines) + "\n").encode())


def _blanked(model, patches, digits):
    """The mean over the draws, for each way to choose patches and each number of them."""
    with torch.no_grad():
        attended = cls_picture(model(patches)[1][-1], 4, 4).mean(1).flatten(1)
    generator, found = torch.Generator().manual_seed(0), defaultdict(list)
    for _ in range(DRAWS):
        for way, order in blanking_orders(attended, patches.sum(-1), generator).items():
            for count in COUNTS:
                found[way, count].append(share_right(model, blank(patches, order, count), digits))
    return {key: sum(shares) / DRAWS for key, shares in found.items()}


if __name__ == "__main__":
    run(make_digit_models)
