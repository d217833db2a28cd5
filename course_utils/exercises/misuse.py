"""An error of the call itself: in a notebook it is one line, without the course's own code above it."""

__all__ = ["Misuse"]


class Misuse(ValueError):
    """A call that names no exercise, or hands over no function."""

    def _render_traceback_(self):
        """What IPython shows in place of a traceback."""
        return [str(self)]
