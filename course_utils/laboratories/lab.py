"""What a laboratory is: layers behind letters, probes that show numbers, and a training run."""

import hashlib
import os
import random
import secrets
import string
from collections.abc import Mapping

import numpy as np

from course_utils.laboratories.parts import RIGHT, Layer, Runs

__all__ = ["Lab"]

# Environment variable: any text, by which a teacher gives a class other letters than the recorded ones.
LETTERS = "COURSE_LETTERS"


class Lab:
    """Layers behind letters, a way to train them, and probes to look at them.

    Parameters
    ----------
    kinds : sequence of Kind
        Every name that can be given; one of them is called ``"right"``.
    hidden : sequence of str
        Names of the kinds that stand behind the letters.
    probes : sequence of LabProbe
        The probes.
    train : callable
        ``train(layer) -> Run``: a training run of a few seconds around one layer.
    seed : int
        Decides which letter hides which kind, together with ``COURSE_LETTERS`` in the environment. Which it is
        stands nowhere in this object: it keeps closed layers, and salted digests to judge an answer by.

    Raises
    ------
    ValueError
        If no kind or more than one is called ``"right"``, or a hidden name is no kind.
    """

    def __init__(self, *, kinds, hidden, probes, train, seed=0):
        self._kinds = {kind.name: kind for kind in kinds}
        self._probes_by_name = {probe.name: probe for probe in probes}
        if len(self._kinds) < len(kinds) or RIGHT not in self._kinds:
            raise ValueError(f"kinds should have different names, 'right' among them, got {[k.name for k in kinds]}")
        if unknown := [name for name in hidden if name not in self._kinds]:
            raise ValueError(f"hidden should name kinds of this laboratory, got {unknown}")
        dealt = dict(zip(string.ascii_uppercase, _deal(hidden, seed)))
        self._hidden = {label: _closed(label, self._kinds[name].build) for label, name in dealt.items()}
        self._salt = secrets.token_bytes(16)  # drawn anew, so that a digest cannot be looked up
        self._digests = {label: self._digest(label, name) for label, name in dealt.items()}
        self._train = train
        self._readings = {}

    @property
    def labels(self):
        """The letters of the hidden layers."""
        return tuple(self._hidden)

    @property
    def names(self):
        """Every name that a layer of this laboratory can have."""
        return tuple(self._kinds)

    @property
    def probes(self):
        """The names of the probes."""
        return tuple(self._probes_by_name)

    def layer(self, label):
        """Give one hidden layer, to call with inputs of your own.

        Parameters
        ----------
        label : str
            Its letter.

        Returns
        -------
        Layer

        Raises
        ------
        ValueError
            If there is no such letter.
        """
        return self._hidden[_among("label", label, self.labels)]()

    def train(self, *labels):
        """Train hidden layers, each in the same small model on the same examples.

        Stopping the kernel ends it at once and gives back the runs that were complete.

        Parameters
        ----------
        *labels : str
            Letters; all of them if left out.

        Returns
        -------
        Runs
            A dictionary from letters to `Run`.

        Raises
        ------
        ValueError
            If there is no such letter.
        """
        waiting = [(label, self.layer(label)) for label in labels or self.labels]
        runs = {}
        try:
            for label, layer in waiting:
                runs[label] = self._train(layer)
        except KeyboardInterrupt:
            left = ", ".join(label for label, _ in waiting if label not in runs)
            print(f"Training was stopped. Not trained to the end: {left}. Run this cell again to train all layers; "
                  "the probes work all the same.")
        return Runs(runs, [label for label, _ in waiting if label not in runs])

    def look(self, probe, *labels, **suspects):
        """Print what a probe shows of the hidden layers, and of layers of your own beside them.

        Parameters
        ----------
        probe : str
            Name of the probe.
        *labels : str
            Letters; all of them if left out.
        **suspects : callable
            Layers of your own, under names of your own.

        Raises
        ------
        ValueError
            If there is no such probe or letter.
        """
        rows = {f"layer {label}": self.reading(label, probe) for label in labels or self.labels}
        rows |= {name: self.measure(layer, probe) for name, layer in suspects.items()}
        print(self._probes_by_name[probe].question)
        print(table(rows))

    def measure(self, layer, probe):
        """Give the numbers that a probe reads off any layer.

        Parameters
        ----------
        layer : callable
            Takes what the layers of this laboratory take.
        probe : str
            Name of a probe.

        Returns
        -------
        dict of str to ndarray
            The named numbers of the probe.

        Raises
        ------
        ValueError
            If there is no such probe.
        """
        reading = self._probes_by_name[_among("probe", probe, self.probes)].read(layer)
        return {part: np.asarray(getattr(x, "detach", lambda x=x: x)(), dtype=float) for part, x in reading.items()}

    def reading(self, label, probe):
        """Give the numbers that a probe reads off a hidden layer, as `measure` does; they are kept.

        Parameters
        ----------
        label : str
            Its letter.
        probe : str
            Name of a probe.

        Returns
        -------
        dict of str to ndarray
            The named numbers of the probe.

        Raises
        ------
        ValueError
            If there is no such letter or probe.
        """
        return self._kept(self._hidden[_among("label", label, self.labels)], probe)

    def read(self, name, probe):
        """Give the numbers that a probe reads off a kind of layer, as `measure` does; they are kept.

        Parameters
        ----------
        name : str
            Name of a kind.
        probe : str
            Name of a probe.

        Returns
        -------
        dict of str to ndarray
            The named numbers of the probe.

        Raises
        ------
        ValueError
            If there is no such kind or probe.
        """
        return self._kept(self.kind(name).build, probe)

    def kind(self, name):
        """Give the kind of that name."""
        return self._kinds[_among("name", name, self.names)]

    def tell_apart(self, a, b, margin=0.01):
        """Give the probes whose numbers differ between two kinds of layers.

        Parameters
        ----------
        a, b : str
            Names of kinds.
        margin : float
            Numbers that are closer than this count as equal (no unit).

        Returns
        -------
        tuple of str
            Names of probes, in the order of the laboratory.
        """
        return tuple(probe for probe in self.probes
                     if not _agree(self.read(a, probe), self.read(b, probe), margin))

    def claims(self, names):
        """Read from a learner's answer what it calls each layer.

        Parameters
        ----------
        names : mapping of str to str
            The answer: a name for each letter. Case, hyphens and underscores do not matter.

        Returns
        -------
        dict of str to str
            By letter the name, as it stands in `names` of the laboratory.

        Raises
        ------
        ValueError
            If the answer is no dictionary, leaves a letter out, or uses a name that is none, or one name twice.
        """
        if not isinstance(names, Mapping):
            raise ValueError(f'the answer should be a dictionary like {{"{self.labels[0]}": "{RIGHT}", ...}}, '
                             f"got {_short(names)}")
        given = {str(key).strip().upper(): value for key, value in names.items()}
        if strange := sorted(given.keys() - set(self.labels)):
            raise ValueError(f"the letters should be {', '.join(self.labels)}, got {strange[0]!r}")
        wanted, called = {_plain(name): name for name in self.names}, {}
        for label in self.labels:
            if given.get(label) is None:
                raise ValueError(f"layer {label} has no name yet")
            if _plain(given[label]) not in wanted:
                raise ValueError(f"layer {label} should be called one of {', '.join(map(repr, self.names))}, "
                                 f"got {_short(given[label])}")
            name = wanted[_plain(given[label])]
            if name in called:
                raise ValueError(f"layers {called[name]} and {label} are both called {name!r}: "
                                 "each name fits one layer or none")
            called[name] = label
        return {label: name for name, label in called.items()}

    def _kept(self, build, probe):
        key = build, _among("probe", probe, self.probes)
        if key not in self._readings:
            self._readings[key] = self.measure(build(), probe)
        return self._readings[key]

    def _digest(self, label, name):
        return hashlib.sha256(self._salt + f"{label} {name}".encode()).hexdigest()


def _named_rightly(lab, label, name):
    """Tell by its digest whether a name is that of a hidden layer."""
    return lab._digests[label] == lab._digest(label, name)


def _deal(hidden, seed):
    """Put the names of the hidden kinds into the order of the letters."""
    chosen = os.environ.get(LETTERS, "").strip()
    return random.Random(f"{chosen}/{seed}" if chosen else seed).sample(list(hidden), len(hidden))


def _closed(label, build):
    """Give what builds a hidden layer; as seen from outside, all of them are alike."""

    def layer():
        return Layer(label, build())

    return layer


def table(readings):
    """Write readings as a table: a row a layer, a group of columns for each named part."""
    parts = list(next(iter(readings.values())))
    cells = [["", *parts]]
    cells += [[label, *(numbers(reading[part]) for part in parts)] for label, reading in readings.items()]
    widths = [max(map(len, column)) for column in zip(*cells)]
    return "\n".join("   ".join(f"{c:<{w}}" for c, w in zip(row, widths)).rstrip() for row in cells)


def numbers(array, digits=2):
    """Write an array of numbers on one line, rounded, without a sign at 0."""
    return " ".join(f"{round(float(x), digits) + 0.0:.{digits}f}" for x in np.ravel(array))


def _agree(a, b, margin):
    return all(a[part].shape == b[part].shape and np.allclose(a[part], b[part], rtol=0, atol=margin, equal_nan=True)
               for part in a)


def _among(argument, value, known):
    if value not in known:
        raise ValueError(f"{argument} should be one of {', '.join(map(repr, known))}, got {_short(value)}")
    return value


def _plain(text):
    return " ".join(str(text).lower().replace("-", " ").replace("_", " ").split())


def _short(value):
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"
