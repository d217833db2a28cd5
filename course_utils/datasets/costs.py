"""What attention took on another machine: stored curves, to be shown beside those of the reader's."""

import csv
import io
from dataclasses import dataclass

from course_utils.datasets.files import read_data

__all__ = ["StoredCost", "attention_costs"]


@dataclass(frozen=True)
class StoredCost:
    """What one way of attending took at one length.

    Attributes
    ----------
    way, T : str, int
        Which, and how many tokens.
    median, lowest, highest : float
        Of five calls (seconds).
    peak : int
        Memory above that of the inputs, at its peak (bytes).
    """

    way: str
    T: int
    median: float
    lowest: float
    highest: float
    peak: int


def attention_costs(way=None):
    """Load what was measured when the file was made; ``data/README.md`` says on which machine.

    Parameters
    ----------
    way : str, optional
        Only this one, such as ``"table"``.

    Returns
    -------
    list of StoredCost
        In the order of ways and lengths.
    """
    rows = csv.DictReader(io.StringIO(read_data("attention_costs.csv").decode()))
    found = [StoredCost(row["way"], int(row["T"]), float(row["median"]), float(row["lowest"]), float(row["highest"]),
                        int(row["peak"])) for row in rows]
    return [cost for cost in found if way in (None, cost.way)]
