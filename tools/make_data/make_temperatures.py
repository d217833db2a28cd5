"""Make data/seattle_temperatures.csv: daily highest and lowest temperature in Seattle, 2012 to 2015.

Needs ``pip install --no-deps vega-datasets==0.9.0``, from which it takes two columns of seattle-weather.csv::

    python tools/make_data/make_temperatures.py
"""

from __future__ import annotations

import csv
import datetime
from importlib.util import find_spec
from pathlib import Path

from files import run


def make_temperatures(folder: Path) -> None:
    """Write seattle_temperatures.csv: date, temp_max, temp_min in degrees Celsius."""
    spec = find_spec("vega_datasets")
    if spec is None or spec.origin is None:
        raise SystemExit("The source is missing. Do this first:  pip install --no-deps vega-datasets==0.9.0")
    source = Path(spec.origin).parent / "_data" / "seattle-weather.csv"
    lines, expected = ["date,temp_max,temp_min"], datetime.date(2012, 1, 1)
    with source.open(encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(rows):
            day = datetime.datetime.strptime(row["date"], "%Y/%m/%d").date()
            high, low = float(row["temp_max"]), float(row["temp_min"])
            if day != expected or not -30 < low <= high < 50:
                raise SystemExit(f"Wanted a row for {expected} with a likely temperature, got {row}")
            lines.append(f"{day},{high:.1f},{low:.1f}")
            expected += datetime.timedelta(days=1)
    path = folder / "seattle_temperatures.csv"
    path.write_bytes(("\n".join(lines) + "\n").encode())
    print(f"{path.name}: {path.stat().st_size:,} bytes, {len(lines) - 1} days up to {expected}")


if __name__ == "__main__":
    run(make_temperatures)
