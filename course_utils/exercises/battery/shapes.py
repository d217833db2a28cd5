"""Sizes of the inputs: which numbers may be equal, and how many axes stand in front."""

from dataclasses import dataclass, replace

__all__ = ["SHAPES", "Sizes"]


@dataclass(frozen=True)
class Sizes:
    """Sizes to draw an input of.

    Attributes
    ----------
    lead : tuple of int
        The axes in front, such as the batch.
    T, S, d_k, d_v, H, d_model : int
        Queries, keys, widths and heads; where keys are the queries' own tokens, S does not count.
    seed, dtype : int, str
        What `draw` takes.
    """

    lead: tuple = ()
    T: int = 3
    S: int = 5
    d_k: int = 4
    d_v: int = 2
    H: int = 3
    d_model: int = 6
    seed: int = 0
    dtype: str = "float32"

    @property
    def items(self):
        """Items of the batch, 1 where there is none."""
        return (self.lead or (1,))[0]


# From small to large: the first that an answer gets wrong is shown.
SHAPES = {
    "no batch": Sizes(T=3, S=5, d_k=4, d_v=2),
    "one key": Sizes(T=3, S=1, d_k=2, d_v=4),
    "one query": Sizes(T=1, S=4, d_k=3, d_v=2),
    "T > S": Sizes(T=4, S=2, d_k=3, d_v=5),
    "T < S": Sizes(T=2, S=4, d_k=5, d_v=3),
    "one item": Sizes((1,), T=4, S=3, d_k=2, d_v=5, H=2),
    "all sizes distinct": Sizes((2,), T=3, S=5, d_k=6, d_v=7, H=4, d_model=8),
    "all sizes equal": Sizes((3,), T=3, S=3, d_k=3, d_v=3, H=3, d_model=3),
    "two leading axes": Sizes((2, 3), T=5, S=4, d_k=6, d_v=7),
    "float64": Sizes((2,), T=3, S=5, d_k=4, d_v=2, H=2, dtype="float64"),
}
SHAPES = {regime: replace(sizes, seed=400 + i) for i, (regime, sizes) in enumerate(SHAPES.items())}
