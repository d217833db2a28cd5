"""Naming the layers of a laboratory, as an exercise: a claim is checked by what such a layer would do.

An exercise says nowhere which letter has which fault: what depends on the letters is worked out when the checker
asks for it (`_Sealed`, `_SealedNames`) and shows nothing when it is printed. The feedback gives evidence, not a
count: letters are named only when few names are wrong, else one could fish for the answer.
"""

import itertools
from collections.abc import Sequence

import numpy as np

from course_utils.checks import Broken, Case, Equivalent, Exercise, Mistake, Probe, Returns
from course_utils.laboratories.lab import _named_rightly, numbers

__all__ = ["lab_exercise"]

FEW = 2  # wrong names; with more of them no letter is told


def lab_exercise(lab, *, name, title, notebook, hints, minutes, points=1, core=True):
    """Make the exercise in which the learner names the layers of a laboratory.

    The answer is a function without arguments that returns a dictionary, ``{"A": "no scale", ...}``. Each name is
    a claim: a layer of that kind is put under every probe and its numbers are held against the hidden layer's.

    Parameters
    ----------
    lab : Lab
    name, title, notebook, minutes, points, core
        As in `Exercise`.
    hints : two str
        The last hint tells what each kind of layer shows, whatever the letters are.

    Returns
    -------
    Exercise
    """

    def reading(answer, probe, whole=False):
        names = answer()
        if names is None:  # the checker says what that means
            return None
        claims = lab.claims(names.open(lab) if isinstance(names, _SealedNames) else names)
        shown = np.concatenate([_flat(lab.read(claims[label], probe)) for label in lab.labels])
        return shown if whole else _in_one_number(shown)

    return Exercise(
        name=name, title=title, notebook=notebook, signature=f"{name}()",
        reference=_SealedNames, stages=_SealedNames, invoke=reading,
        arrays="numpy", returns=(Returns("all readings in one number", "()"),),
        cases=lambda: [Case((probe,), note=f"the probe {probe!r}") for probe in lab.probes],
        probes=_Sealed(lambda: [Probe(_explained(lab, label), _evidence_against(lab)) for label in lab.labels]),
        mistakes=_Sealed(lambda: [*_misnamed(lab), *_exchanged(lab)]),
        equivalents=(
            Equivalent("letters-in-lower-case", lambda: _SealedNames(
                lambda names: {label.lower(): kind for label, kind in names.items()})),
            Equivalent("hyphens-and-capitals", lambda: _SealedNames(
                lambda names: {label: kind.replace(" ", "-").title() for label, kind in names.items()})),
            Equivalent("filled-in-backwards", lambda: _SealedNames(lambda names: dict(reversed(names.items())))),
        ),
        hints=(*hints, _what_each_shows(lab)), minutes=minutes, points=points, core=core)


class _Sealed(Sequence):
    """Things of an exercise that are made anew whenever the checker asks for them."""

    def __init__(self, make):
        self._make = make

    def __len__(self):
        return len(self._make())

    def __getitem__(self, index):
        return self._make()[index]

    def __iter__(self):
        return iter(self._make())

    def __repr__(self):
        return "sealed"


class _SealedNames:
    """The right names, some exchanged for others, written in some form: an answer that cannot be read."""

    def __init__(self, form=dict, **changes):
        self._form, self._changes = form, changes

    def open(self, lab):
        return self._form({**_truth(lab), **self._changes})


def _truth(lab):
    return {label: next(name for name in lab.names if _named_rightly(lab, label, name)) for label in lab.labels}


def _explained(lab, label):
    name = _truth(lab)[label]
    return f"layer {label}, {name}, {lab.kind(name).sign}"


def _evidence_against(lab):
    """Hold the numbers of the kinds that were named against those of the hidden layers."""

    def run(call):
        against = _contradictions(lab, call)
        if not against:
            return None
        label, (probe, part, hidden, claimed) = next(iter(against.items()))
        if len(against) <= FEW:
            return Broken(
                f"layer {label} is something else",
                f"probe {probe!r}, {part}: layer {label} shows {numbers(hidden)}, "
                f"a layer of the kind you named {numbers(claimed)}",
                f"Run `lab.look({probe!r}, {label!r})` and ask which of the names would give these numbers.")
        most = len(against) > len(lab.labels) / 2
        return Broken(
            "most of the names do not fit" if most else "some of the names do not fit, though half of them or more do",
            f"under the probe {probe!r} layers show other numbers than layers of the kinds you named",
            f"Run `lab.look({probe!r})` and ask of each row which of the names would give these numbers.")

    return run


def _contradictions(lab, call):
    """Each label whose name is wrong -> the first probe that shows it, the part, its numbers and those claimed."""
    found = {}
    for probe in lab.probes:
        claimed, start = call(probe, whole=True), 0
        for label in lab.labels:
            for part, values in lab.reading(label, probe).items():
                theirs = claimed[start:start + values.size]
                start += values.size
                if not np.allclose(values.ravel(), theirs, atol=1e-5, equal_nan=True):
                    found.setdefault(label, (probe, part, values, theirs))
    return found


def _misnamed(lab):
    """One layer under a name that no layer here should have, and the probe that shows that it is wrong."""
    truth = _truth(lab)
    for label, claimed in itertools.product(lab.labels, lab.names):
        if claimed not in truth.values():
            kind = lab.kind(claimed)
            yield Mistake(
                f"{label}-as-{claimed}".lower().replace(" ", "-"), changes={label: claimed},
                cause=f"Layer {label} is called {claimed!r}, but such a layer {kind.sign}.",
                experiment=f"Build such a layer and run `lab.look({kind.probe!r}, {label!r}, suspect=your_layer)`.")


def _exchanged(lab):
    """Two layers that bear each other's name, and the probe that tells the two kinds apart."""
    truth = _truth(lab)
    for a, b in itertools.combinations(lab.labels, 2):
        probe = lab.kind(truth[a]).probe or lab.kind(truth[b]).probe  # the right kind has no sign of its own
        yield Mistake(
            f"{a}-and-{b}-exchanged".lower(), changes={a: truth[b], b: truth[a]},
            cause="Two of the names have changed places.",
            experiment=f"Run `lab.look({probe!r})`: does each row show what its name says?")


def _what_each_shows(lab):
    lines = [f"- {name!r} {lab.kind(name).sign}" + (f" (`{lab.kind(name).probe}`)" if lab.kind(name).probe else "")
             for name in lab.names]
    return "\n".join(["What each name shows, and under which probe:", *lines])


def _flat(reading):
    return np.concatenate([np.ravel(part) for part in reading.values()])


def _in_one_number(shown):
    """Add numbers up under weights of their own: other numbers give another sum, which tells no letter."""
    return np.float64(np.nan_to_num(shown) @ np.cos(1 + np.arange(shown.size)))
