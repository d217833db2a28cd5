"""Time and peak memory of attention, measured in processes of their own: the kernel stays small, and can be stopped."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F

from course_utils.models.cheap_attention import in_parts, linear_attention, table_attention, window_attention

__all__ = ["WAYS", "Measure", "Measured", "measure", "work"]

_CLOCK = time.perf_counter if os.name == "nt" else time.process_time  # what other programs take does not count
_FORGETS = Path("/proc/self/clear_refs")  # of Linux
WIDTH = 64  # of queries, keys and values (features), of a window (tokens)


def _last_query(q, k, v):
    return table_attention(q[..., -1:, :], k, v)


WAYS = {
    "table": table_attention,
    "parts": in_parts,
    "PyTorch": F.scaled_dot_product_attention,
    "window": lambda q, k, v: window_attention(q, k, v, WIDTH),
    "linear": linear_attention,
    "new token": _last_query,
}
"""What can be measured, by name; each takes q, k and v of shape (1, 1, T, 64)."""


@dataclass(frozen=True)
class Measure:
    """What one way took at one length.

    Attributes
    ----------
    way, T : str, int
        Which, and how many tokens.
    seconds : tuple of float
        Of the processor, for each call (seconds); Windows counts them too coarsely, so there on the clock.
    peak : int
        Memory above that of the inputs, at its peak (bytes).
    """

    way: str
    T: int
    seconds: tuple
    peak: int

    @property
    def median(self):
        """The middle one of the times (seconds)."""
        return statistics.median(self.seconds)


class Measured(list):
    """The measures in the order in which they were taken; `stopped` tells whether somebody stopped the work."""

    stopped = False

    def of(self, way):
        """Give the measures of one way, by length."""
        return {m.T: m for m in self if m.way == way}

    def crossing(self, way, other, what):
        """Tell from where on one way takes less than another.

        Parameters
        ----------
        way, other : str
        what : {"peak", "median"}
            Bytes or seconds.

        Returns
        -------
        str
            "2048 to 4096": the last length at which it takes as much or more, and the next; "the first" or "none".
        """
        both = [(T, getattr(m, what) < getattr(self.of(other)[T], what)) for T, m in sorted(self.of(way).items())
                if T in self.of(other)]
        more = [T for T, less in both if not less]
        if not more:
            return "the first"
        after = [T for T, _ in both if T > more[-1]]
        return f"{more[-1]} to {after[0]}" if after else "none"


def measure(ways, lengths, rounds=3, watch=None):
    """Measure ways of attending on this machine, at several lengths.

    They take turns in a process of their own; where the system does not let a process forget its peak of memory
    (Linux does), each way has its own. Lengths that would not fit into the free memory are left out, in a line.
    Interrupting the kernel ends the work and keeps what was measured.

    Parameters
    ----------
    ways : sequence of str
        Names in `WAYS`.
    lengths : sequence of int
        Numbers of tokens.
    rounds : int
        How often each is timed.
    watch : callable, optional
        ``watch(measure)`` is called for each `Measure` as it arrives.

    Returns
    -------
    Measured

    Raises
    ------
    ValueError
        If there is no such way, or a length is below 1.
    RuntimeError
        If a process ends before it has measured everything.
    """
    if unknown := [way for way in ways if way not in WAYS]:
        raise ValueError(f"ways should be some of {', '.join(WAYS)}; got {unknown[0]!r}")
    if any(T < 1 for T in lengths):
        raise ValueError(f"lengths should be at least 1, got {min(lengths)}")
    lengths = _that_fit(ways, sorted(lengths))
    found, show = Measured(), _progress(len(ways) * len(lengths))
    try:
        for group in [list(ways)] if _FORGETS.exists() else [[way] for way in ways]:
            for line in _work_on({"ways": group, "lengths": lengths, "rounds": rounds}):
                found.append(Measure(line["way"], line["T"], tuple(line["seconds"]), line["peak"]))
                show(found)
                if watch:
                    watch(found[-1])
    except KeyboardInterrupt:
        found.stopped = True
        print(f"Stopped after {len(found)} of {len(ways) * len(lengths)} measures; those that were taken are kept.")
    return found


def _that_fit(ways, lengths):
    free = _free_memory()
    need = {T: 12 * T * T if "table" in ways else 40_000 * T for T in lengths}  # bytes, with room to spare
    fit = [T for T in lengths if free is None or need[T] < free / 2]
    if len(fit) < len(lengths):
        print(f"Left out, for want of free memory: T = {', '.join(str(T) for T in lengths if T not in fit)}.")
    return fit


def _free_memory():
    """Memory that is free (bytes), or None where the system does not tell."""
    try:
        lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        return 1024 * int(lines["MemAvailable"].split()[0])
    except (OSError, KeyError, ValueError):
        return None


def _work_on(job):
    """Give what a process measures, line by line; it ends with this generator."""
    root = str(Path(__file__).parents[2])
    # Large tensors are given back to the system at once, so that one length leaves nothing for the next.
    env = {**os.environ, "OMP_NUM_THREADS": "1", "MALLOC_MMAP_THRESHOLD_": "65536",
           "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-c", "from course_utils.models.measured import work; work()", json.dumps(job)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env)
    try:
        for line in process.stdout:
            yield json.loads(line)
        if process.wait():
            raise RuntimeError(f"measuring {', '.join(job['ways'])} ended early, with the code {process.returncode}: "
                               "there may not be enough memory")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def work():
    """Measure what the command line asks for, in this process, and print a line for each way and length."""
    job = json.loads(sys.argv[1])
    torch.set_num_threads(1)
    with torch.no_grad():
        for way in job["ways"]:
            WAYS[way](*_inputs(WIDTH))  # loads what the first call needs
        for T in job["lengths"]:
            inputs, times = _inputs(T), {way: [] for way in job["ways"]}
            # The smaller of two: what the system reads in on the way is not the way's own.
            peaks = {way: min(_peak_of(WAYS[way], inputs) for _ in range(2)) for way in times}
            for _ in range(job["rounds"]):
                for way, taken in times.items():
                    begin = _CLOCK()
                    WAYS[way](*inputs)
                    taken.append(_CLOCK() - begin)
            for way, taken in times.items():
                print(json.dumps({"way": way, "T": T, "seconds": taken, "peak": peaks[way]}), flush=True)


def _inputs(T):
    generator = torch.Generator().manual_seed(T)
    return tuple(torch.randn(1, 1, T, WIDTH, generator=generator) for _ in range(3))


def _peak_of(function, inputs):
    """By how much the memory of this process rises during a call (bytes)."""
    if _FORGETS.exists():
        _FORGETS.write_text("5")  # the peak so far becomes what is held now
    before = _peak()
    function(*inputs)
    return _peak() - before


def _peak():
    """The most memory that this process has held (bytes)."""
    try:
        lines = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
        return 1024 * int(lines["VmHWM"].split()[0])
    except (OSError, KeyError):
        pass
    try:
        import resource
    except ImportError:  # Windows
        import psutil

        return psutil.Process().memory_info().peak_wset
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most


def _progress(count):
    """A bar that fills up; plain HTML, as that of `train`."""
    from IPython.display import display

    begin = time.perf_counter()

    def bar(n, told):
        return {"text/plain": f"measuring: {count} measures",
                "text/html": f'<label>measuring <progress value="{n}" max="{count}"></progress> {told}</label>'}

    handle = display(bar(0, "a process starts"), raw=True, display_id=True)

    def show(found):
        last, left = found[-1], (time.perf_counter() - begin) * (count / len(found) - 1)
        told = f"{count} measures" if len(found) == count else f"{last.way}, T = {last.T}; about {left:.0f} s left"
        if handle:  # there is none outside of IPython
            handle.update(bar(len(found), told), raw=True)

    return show
