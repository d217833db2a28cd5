"""What a laboratory is: kinds of layers, some of them hidden behind letters, and probes that show numbers."""

import random
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

__all__ = ["RIGHT", "Kind", "Lab", "LabProbe", "Layer", "Run"]

RIGHT = "right"  # the name of the kind that has no fault


@dataclass(frozen=True)
class Kind:
    """One way to build a layer: the right one, or one with a fault.

    Attributes
    ----------
    name : str
        What the learner calls it: ``"right"``, ``"no scale"``.
    build : callable
        ``build() -> layer``, a function or module; the same one, weights included, at every call.
    sign : str
        What such a layer shows that no other kind of the laboratory does, beginning with a verb.
    probe : str
        Name of the probe under which the sign shows; empty for the right kind.
    """

    name: str
    build: Callable
    sign: str
    probe: str = ""


@dataclass(frozen=True)
class LabProbe:
    """A probe of the laboratory: some inputs, and the numbers that a layer answers with.

    Attributes
    ----------
    name : str
        One word, for ``lab.look("name")``.
    question : str
        What it asks of a layer, as a question with a right answer in it.
    read : callable
        ``read(layer) -> dict of str to array_like``: named numbers, the same at every call.
    """

    name: str
    question: str
    read: Callable


@dataclass(frozen=True)
class Run:
    """What came of training one layer.

    Attributes
    ----------
    losses : list of float
        The loss after each step (nats).
    accuracy : float
        Share of right answers on examples that were not trained on, from 0 to 1.
    """

    losses: list
    accuracy: float


class Layer:
    """A hidden layer: call it with inputs of your own. What it is called inside does not show."""

    __slots__ = ("_inside", "_label")

    def __init__(self, label, inside):
        self._label, self._inside = label, inside

    def __call__(self, *args, **kwargs):
        return self._inside(*args, **kwargs)

    def __repr__(self):
        return f"layer {self._label}"


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
        Decides which letter hides which kind.

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
        order = random.Random(seed).sample(list(hidden), len(hidden))
        self._truth = dict(zip(string.ascii_uppercase, order))
        self._train = train
        self._readings = {}

    @property
    def labels(self):
        """The letters of the hidden layers."""
        return tuple(self._truth)

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
        return Layer(label, self._kinds[self.truth(label)].build())

    def train(self, *labels):
        """Train hidden layers, each in the same small model on the same examples.

        Parameters
        ----------
        *labels : str
            Letters; all of them if left out.

        Returns
        -------
        dict of str to Run
            By letter.

        Raises
        ------
        ValueError
            If there is no such letter.
        """
        return {label: self._train(self.layer(label)) for label in labels or self.labels}

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
        rows = {f"layer {label}": self.read(self.truth(label), probe) for label in labels or self.labels}
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
        key = _among("name", name, self.names), probe
        if key not in self._readings:
            self._readings[key] = self.measure(self._kinds[name].build(), probe)
        return self._readings[key]

    def truth(self, label):
        """Give the name of the kind behind a letter: the answer."""
        return self._truth[_among("label", label, self.labels)]

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

    def claim(self, names, label):
        """Read from a learner's answer what it calls one layer.

        Parameters
        ----------
        names : mapping of str to str
            The answer: a name for each letter. Case, hyphens and underscores do not matter.
        label : str
            The letter asked for.

        Returns
        -------
        str
            The name, as it stands in `names` of the laboratory.

        Raises
        ------
        ValueError
            If the answer is no dictionary, leaves the letter out, or uses a name that is none.
        """
        if not isinstance(names, Mapping):
            raise ValueError(f'the answer should be a dictionary like {{"{self.labels[0]}": "{RIGHT}", ...}}, '
                             f"got {_short(names)}")
        given = {str(key).strip().upper(): value for key, value in names.items()}
        if strange := sorted(given.keys() - set(self.labels)):
            raise ValueError(f"the letters should be {', '.join(self.labels)}, got {strange[0]!r}")
        if given.get(label) is None:
            raise ValueError(f"layer {label} has no name yet")
        wanted = {_plain(name): name for name in self.names}
        if _plain(given[label]) not in wanted:
            raise ValueError(f"layer {label} should be called one of {', '.join(map(repr, self.names))}, "
                             f"got {_short(given[label])}")
        return wanted[_plain(given[label])]


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
