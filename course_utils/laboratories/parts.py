"""What a laboratory is made of: kinds of layers, probes, training runs, and layers that hide what they are."""

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["RIGHT", "Kind", "LabProbe", "Layer", "Run", "Runs"]

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


class Runs(dict):
    """The run of each layer by its letter; a layer whose training was interrupted says so when it is asked for."""

    def __init__(self, finished, unfinished):
        super().__init__(finished)
        self.unfinished = tuple(unfinished)

    def __missing__(self, label):
        if label in self.unfinished:
            raise RuntimeError(f"layer {label} has not been trained to the end: run the cell with `train` again")
        raise KeyError(label)


class Layer:
    """A hidden layer: call it with inputs of your own. Neither its attributes nor its errors tell what is inside.

    Parameters
    ----------
    label : str
        Its letter.
    inside : callable
        The function or module that it calls.

    Raises
    ------
    ValueError
        If the layer cannot work with what it is called with.
    """

    __slots__ = ("_call", "_label")

    def __init__(self, label, inside):
        def call(*args, **kwargs):
            try:
                return inside(*args, **kwargs)
            except Exception:  # its traceback would show the lines of the layer, fault included
                shapes = [tuple(getattr(x, "shape", ())) for x in (*args, *kwargs.values())]
                raise ValueError(f"layer {label} cannot work with inputs of the shapes {shapes}; it takes "
                                 "what your own function takes") from None

        self._call, self._label = call, label

    def __call__(self, *args, **kwargs):
        return self._call(*args, **kwargs)

    def __repr__(self):
        return f"layer {self._label}"
