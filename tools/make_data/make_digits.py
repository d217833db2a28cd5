"""Make data/digits.npz: handwritten digits as images of 8 x 8 pixels.

Needs ``pip install --no-deps scikit-learn==1.9.1``, of which it reads one file::

    python tools/make_data/make_digits.py
"""

from __future__ import annotations

import gzip
import hashlib
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from files import run, save_npz

SOURCE = "09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22"  # sha256 of digits.csv.gz


def make_digits(folder: Path) -> None:
    """Write digits.npz: 1797 images of ink from 0 to 16, and which digit each one is."""
    spec = find_spec("sklearn")
    if spec is None or spec.origin is None:
        raise SystemExit("The source is missing. Do this first:  pip install --no-deps scikit-learn==1.9.1")
    content = (Path(spec.origin).parent / "datasets" / "data" / "digits.csv.gz").read_bytes()
    if (found := hashlib.sha256(content).hexdigest()) != SOURCE:
        raise SystemExit(f"digits.csv.gz should have the sha256 {SOURCE}, got {found}")
    lines = gzip.decompress(content).decode("ascii").splitlines()
    rows = np.array([[int(float(number)) for number in line.split(",")] for line in lines], dtype=np.uint8)
    if rows.shape != (1797, 65) or rows[:, :-1].max() != 16 or rows[:, -1].max() != 9:
        raise SystemExit(f"Wanted 1797 rows of 64 pixels up to 16 and a digit, got {rows.shape}, {rows.max(0)}")
    save_npz(folder / "digits.npz", images=rows[:, :-1].reshape(-1, 8, 8), digits=rows[:, -1])


if __name__ == "__main__":
    run(make_digits)
