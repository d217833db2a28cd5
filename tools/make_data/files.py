"""Where the made files go, and the list of their checksums.

Run alone, ``python tools/make_data/files.py`` writes the checksums anew, into ``data/SHA256SUMS`` (which the
loaders read, and ``sha256sum -c`` too) and into the table of ``data/README.md`` (which people read).
"""

from __future__ import annotations

import argparse
import hashlib
import re
from pathlib import Path

import numpy as np

DATA = Path(__file__).resolve().parents[2] / "data"
SUMS = "SHA256SUMS"


def made_files(folder: Path = DATA) -> list[Path]:
    """List the files that a script makes: everything but the notes, the licences and the list itself."""
    return sorted(path for path in folder.iterdir()
                  if path.is_file() and path.suffix in {".npz", ".json", ".csv"})


def write_checksums(folder: Path = DATA) -> None:
    """Write SHA256SUMS, and the same sums into README.md beside it."""
    sums = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in made_files(folder)}
    (folder / SUMS).write_bytes("".join(f"{digest}  {name}\n" for name, digest in sums.items()).encode())
    readme = folder / "README.md"
    text = readme.read_text(encoding="utf-8")
    for name, digest in sums.items():
        text, found = re.subn(rf"(`{re.escape(name)}`[^\n]*?`)[0-9a-f]{{64}}`", rf"\g<1>{digest}`", text)
        if not found:
            print(f"data/README.md has no table row with a sha256 for {name}: add one, then run this again")
    readme.write_bytes(text.encode())


def save_npz(path: Path, **arrays: np.ndarray) -> None:
    """Write a compressed .npz; the same arrays give the same bytes (NumPy dates every member 1980-01-01)."""
    np.savez_compressed(path, **arrays)
    print(f"{path.name}: {path.stat().st_size:,} bytes")


def run(make) -> None:
    """Run one maker from the command line: into data/, or into a folder named by --out."""
    parser = argparse.ArgumentParser(description=make.__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=DATA, help="folder to write to (default: data/)")
    folder = parser.parse_args().out
    make(folder)
    if folder == DATA:
        write_checksums(folder)


if __name__ == "__main__":
    write_checksums()
