"""A film: every frame of a figure over a control's range, computed beforehand by any Python function."""

from __future__ import annotations

import numpy as np

from course_utils.explorers.base import numbers, pack


class Film:
    """Frames over the values of one control, kept small and stepped through in the browser.

    Parameters
    ----------
    frames : array_like, shape (N, ...)
        One array for each value.
    values : sequence of float, length N
        The control's values, in the order in which the slider shows them.
    label : str
        The control's name.
    bits : {8, 16, 32}, default 16
        How exactly the browser's copy is kept; 16 bits err by at most 1/131,070 of the range.
    made_by : str, optional
        Whose function made the frames, in words.

    Raises
    ------
    ValueError
        When there is no value, or not one frame for each.

    Examples
    --------
    >>> film = Film.record(lambda t: [t, 1 - t], [0.0, 0.25, 1.0], label="t")
    >>> film.frames.shape, film.index_of(0.25)
    ((3, 2), 1)
    """

    def __init__(self, frames, values, *, label, bits=16, made_by=None):
        self.frames = numbers("frames", frames)
        self.values = [float(value) for value in values]
        self.label = str(label)
        self.bits = bits if np.isfinite(self.frames).all() else 32
        self.made_by = str(made_by or "")
        count = len(self.frames) if self.frames.ndim else 0
        if not self.values or count != len(self.values):
            raise ValueError(f"frames should hold one frame for each of at least one value, "
                             f"got {count} frames for {len(self.values)} values")

    @classmethod
    def record(cls, function, values, *, label, bits=16, made_by=None):
        """Call a function at every value and keep what it returns.

        Parameters
        ----------
        function : callable
            Takes one value, returns an array (or tensor) of the same shape each time.
        values : sequence of float
            The control's values.
        label : str
            The control's name.
        bits : {8, 16, 32}, default 16
            As for `Film`.
        made_by : str, optional
            Whose function it is; its own ``whose`` attribute is used when there is one.

        Returns
        -------
        Film
            The frames.

        Raises
        ------
        ValueError
            When two values give arrays of different shapes.
        """
        values = list(values)
        frames = [numbers("what function returns", function(value)) for value in values]
        shapes = sorted({frame.shape for frame in frames})
        if len(shapes) > 1:
            raise ValueError(f"function should return one shape for every value, got {' and '.join(map(str, shapes))}")
        return cls(frames, values, label=label, bits=bits, made_by=made_by or getattr(function, "whose", None))

    def index_of(self, value):
        """Find the frame whose value is nearest.

        Parameters
        ----------
        value : float
            A value of the control.

        Returns
        -------
        int
            Its place in `values`.
        """
        return int(np.argmin(np.abs(np.asarray(self.values) - value)))

    def as_state(self):
        """Make the dict that the browser reads: ``label``, ``values`` and the packed ``frames``."""
        return {"label": self.label, "values": self.values, "frames": pack(self.frames, self.bits)}
