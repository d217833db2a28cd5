"""Make data/attention_costs.csv: time and peak memory of attention, in several ways and at several lengths."""

from __future__ import annotations

from pathlib import Path

from files import run

from course_utils.models.measured import WAYS, measure

LENGTHS, ROUNDS = (512, 1024, 2048, 4096), 5


def make_costs(folder: Path) -> None:
    """Measure on this machine; other programs should rest meanwhile."""
    lines = ["way,T,median,lowest,highest,peak"]
    found = measure(list(WAYS), LENGTHS, ROUNDS)
    for way in WAYS:
        for T, m in found.of(way).items():
            lines.append(f"{way},{T},{m.median:.6f},{min(m.seconds):.6f},{max(m.seconds):.6f},{m.peak}")
    (folder / "attention_costs.csv").write_bytes(("\n".join(lines) + "\n").encode())


if __name__ == "__main__":
    run(make_costs)
