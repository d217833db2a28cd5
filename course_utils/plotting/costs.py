"""Time and memory over the number of tokens, drawn anew with each measure that arrives."""

from __future__ import annotations

from matplotlib.figure import Figure

from course_utils.plotting.marks import fingerprint
from course_utils.plotting.pictures import picture_forms, png_bytes

__all__ = ["CostChart"]

_MIB = 2**20
_MARKS = "osD^vP"


class CostChart:
    """Two panels over the number of tokens, memory and time; both axes of both in powers.

    Parameters
    ----------
    ways : sequence of str
        What is going to be measured, in the order of the legend.
    stored : sequence, optional
        What was measured elsewhere, drawn thin and grey: objects with `way`, `T`, `median` (seconds), `peak` (bytes).
    title : str
        Shown above.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> chart = CostChart(["table"], title="Cost")
    >>> chart.points.append(SimpleNamespace(way="table", T=512, median=0.004, peak=2 * 2**20))
    >>> chart.figure().axes[0].alt_text
    'Cost. Peak memory over tokens. table: 2.0 MiB at 512.'
    """

    def __init__(self, ways, stored=(), title=""):
        self.ways, self.stored, self.title = list(ways), [s for s in stored if s.way in ways], title
        self.points, self._handle = [], None

    def add(self, measure):
        """Take in a measure, with `way`, `T`, `median` and `peak`, and show the picture anew."""
        from IPython.display import display

        self.points.append(measure)
        figure = self.figure()
        words = " ".join(ax.alt_text for ax in figure.axes)
        forms = picture_forms(png_bytes(figure), words, fingerprint(figure))
        if self._handle:
            self._handle.update(forms, raw=True)
        else:
            self._handle = display(forms, raw=True, display_id=True)

    def figure(self):
        """Draw what is known so far.

        Returns
        -------
        matplotlib.figure.Figure
        """
        figure = Figure(figsize=(8.8, 3.4), layout="constrained")
        figure.suptitle(self.title)
        memory, seconds = figure.subplots(1, 2)
        self._panel(memory, lambda m: m.peak / _MIB, "Peak memory", "MiB")
        self._panel(seconds, lambda m: 1000 * m.median, "Time", "milliseconds")
        figure.legend(*memory.get_legend_handles_labels(), loc="outside right upper", fontsize="small",
                      title="grey: stored" if self.stored else None, title_fontsize="small")
        return figure

    def _panel(self, ax, height, name, unit):
        words = []
        for way, mark in zip(self.ways, _MARKS):
            mine = sorted((m.T, height(m)) for m in self.points if m.way == way)
            there = sorted((m.T, height(m)) for m in self.stored if m.way == way)
            if there:
                ax.plot(*zip(*there), color="0.55", linewidth=1, marker=mark, markersize=4)
            ax.plot([T for T, _ in mine], [y for _, y in mine], marker=mark, label=way)
            if mine:
                words.append(f"{way}: " + ", ".join(f"{y:.1f} {'MiB' if unit == 'MiB' else 'ms'} at {T}"
                                                    for T, y in mine))
        lengths = sorted({m.T for m in (*self.points, *self.stored)})
        ax.set_xscale("log", base=2)
        ax.set_yscale("log")
        ax.set_xticks(lengths, [f"{T}" for T in lengths])
        ax.minorticks_off()
        ax.set(xlabel="tokens", ylabel=f"{name.lower()} ({unit})")
        ax.alt_text = f"{self.title}. {name} over tokens. {'; '.join(words)}."
