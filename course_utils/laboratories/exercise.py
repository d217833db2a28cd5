"""Naming the layers of a laboratory, as an exercise: a claim is checked by what such a layer would do."""

import numpy as np

from course_utils.checks import Broken, Case, Equivalent, Exercise, Mistake, Probe, Returns
from course_utils.laboratories.lab import numbers

__all__ = ["lab_exercise"]


def lab_exercise(lab, *, name, title, notebook, hints, minutes, points=1, core=True):
    """Make the exercise in which the learner names the layers of a laboratory.

    The answer is a function without arguments that returns a dictionary, ``{"A": "no scale", ...}``. Each name is
    a claim: a layer of that kind is put under every probe and its numbers are held against the hidden layer's.

    Parameters
    ----------
    lab : Lab
    name, title, notebook, hints, minutes, points, core
        As in `Exercise`.

    Returns
    -------
    Exercise
    """
    truth = {label: lab.truth(label) for label in lab.labels}

    def reading(answer, label, probe):
        names = answer()
        if names is None:  # the checker says what that means
            return None
        return _flat(lab.read(lab.claim(names, label), probe))

    def by_stages(**renamed):
        return {**truth, **renamed}

    return Exercise(
        name=name, title=title, notebook=notebook, signature=f"{name}()",
        reference=lambda: dict(truth), arrays="numpy", returns=(Returns("reading", "(N,)"),),
        cases=lambda: [Case((label, probe), note=f"layer {label} under the probe {probe!r}")
                       for label in lab.labels for probe in lab.probes],
        probes=[Probe(f"layer {label}, {truth[label]}, {lab.kind(truth[label]).sign}", _agrees_with(lab, label))
                for label in lab.labels],
        stages=by_stages, invoke=reading,
        mistakes=[_misnamed(lab, label, claimed) for label in lab.labels for claimed in lab.names
                  if claimed != truth[label]],
        equivalents=(
            Equivalent("letters-in-lower-case", lambda: {label.lower(): kind for label, kind in truth.items()}),
            Equivalent("hyphens-and-capitals", lambda: {k: v.replace(" ", "-").title() for k, v in truth.items()}),
            Equivalent("filled-in-backwards", lambda: dict(reversed(truth.items()))),
        ),
        hints=hints, minutes=minutes, points=points, core=core)


def _agrees_with(lab, label):
    """Hold the numbers of the layer that was named against those of the hidden one."""

    def run(call):
        right = [other for other in lab.labels if _first_disagreement(lab, other, call) is None]
        if label in right:
            return None
        probe, part, hidden, claimed = _first_disagreement(lab, label, call)
        return Broken(
            f"layer {label} is something else ({len(right)} of {len(lab.labels)} layers are named rightly)",
            f"probe {probe!r}, {part}: layer {label} shows {numbers(hidden)}, "
            f"a layer of the kind you named {numbers(claimed)}",
            f"Run `lab.look({probe!r}, {label!r})` and ask which of the names would give these numbers.")

    return run


def _first_disagreement(lab, label, call):
    for probe in lab.probes:
        hidden, claimed = lab.read(lab.truth(label), probe), call(label, probe)
        start = 0
        for part, values in hidden.items():
            theirs = claimed[start:start + values.size]
            start += values.size
            if not np.allclose(values.ravel(), theirs, atol=1e-5, equal_nan=True):
                return probe, part, values, theirs
    return None


def _misnamed(lab, label, claimed):
    """One wrong name for one layer, and the probe that shows that it is wrong."""
    kind, truth = lab.kind(claimed), lab.kind(lab.truth(label))
    probe = kind.probe or truth.probe  # of the right kind and another, the other shows its sign
    return Mistake(
        f"{label}-as-{claimed}".lower().replace(" ", "-"), changes={label: claimed},
        cause=f"Layer {label} is called {claimed!r}, but such a layer {kind.sign}.",
        experiment=f"Build such a layer and run `lab.look({probe!r}, {label!r}, suspect=your_layer)`.")


def _flat(reading):
    return np.concatenate([np.ravel(part) for part in reading.values()])
