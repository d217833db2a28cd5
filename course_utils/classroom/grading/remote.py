"""A student's answer as the checker sees it: it runs in a child, and only arrays come back.

`diagnose` and `earn` take a `RemoteAnswer` like a function. Probes may ask for gradients: tensors that come back
are differentiable here, and going backward asks the child.
"""

import re
import sys
import types

from course_utils.checks import Case
from course_utils.checks.drawn import drawn_for
from course_utils.checks.sandbox import Elsewhere, Outcome, Trouble, is_tensor, outcome_of
from course_utils.classroom.grading.child import wire
from course_utils.classroom.grading.forks import Gone
from course_utils.classroom.grading.words import without_paths

__all__ = ["Answer", "RemoteAnswer", "RemoteThing"]

_KINDS = {"time": "did not finish", "memory": "stopped", "ended": "stopped", "garbled": "stopped"}


class Answer:
    """What is graded: the answer's cell and the cells that it may need.

    Parameters
    ----------
    wanted : str
        Name of the function or class.
    cell : str or None
        Source of the answer cell.
    given, others : sequence of str
        The assignment's own code cells, and the student's other ones.
    cells : sequence of dict, optional
        In their place, all cells up to the exercise's check, which are run in order: "name", "source", and whether
        it is the "answer".
    turned : sequence of str
        Names of functions whose results it should get in the opposite order.
    """

    def __init__(self, wanted, cell, given=(), others=(), cells=None, turned=()):
        self.wanted, self.cell, self.given, self.others = wanted, cell, tuple(given), tuple(others)
        self.cells, self.turned = cells, tuple(turned)

    def with_turned(self, name):
        """The same answer, which gets the results of another function in the opposite order."""
        return Answer(self.wanted, self.cell, self.given, self.others, self.cells, (*self.turned, name))

    def request(self, limits):
        """The message that loads it."""
        message = {"do": "load", "wanted": self.wanted, "turned": self.turned}
        if self.cells is not None:
            return {**message, "cells": self.cells, "seconds": limits.run, "each": limits.run / 2}
        return {**message, "answer": self.cell, "given": self.given, "others": self.others}


class _Raised(Exception):
    """Carries trouble through `Exercise.invoke`."""

    def __init__(self, trouble):
        super().__init__(trouble.message)
        self.trouble = trouble


class RemoteAnswer(Elsewhere):
    """An answer that runs in a child.

    Parameters
    ----------
    zygote : Zygote
    answer : Answer
    child : Child, optional
        One that has run other answers of this student; a new one is started if left out, and whenever one ends.
    deaths : int
        How many children may end under it before no more is tried.

    Attributes
    ----------
    ended : list of Gone
        How children ended.
    cell_error : Trouble or None
        What the answer's cell raised by itself.
    """

    def __init__(self, zygote, answer, child=None, deaths=2):
        self.zygote, self.answer, self.deaths = zygote, answer, deaths
        self.child, self.loaded, self.number = child, False, 0
        self.ended, self.fatal, self.cell_error, self.defined = [], {}, None, True
        self.printed, self.overwritten = "", ()
        self.known = {}  # what it did on the exercise's cases: points, verdict and early words all look at them

    def close(self):
        """End the child."""
        if self.child is not None:
            self.child.end()
            self.child = None

    def outcome(self, args, kwargs, exercise):
        """Run one call in the child; whatever happens there becomes an `Outcome`. A case is run once only."""
        case = next((c for c in exercise.cases_in_use if c.args is args and c.kwargs is kwargs), None)
        if case is None:
            return self._run(args, kwargs, exercise)  # a probe may call twice with the same on purpose
        if id(case) not in self.known:
            self.known[id(case)] = self._run(args, kwargs, exercise, case)
        return self.known[id(case)]

    def run_ahead(self, exercise, seed):
        """Have the answer called on all cases in one message, which saves most of the way there and back.

        What goes well is known then. All else, errors, prints and what cannot travel, is asked one by one as ever.
        """
        if exercise.invoke:
            return
        try:
            cases, calls, body = _packed_together(exercise, seed)
            self._load()
            reply, out = self.ask({"do": "several", "calls": calls, **_of_a_call(0, -1)}, body)
        except (_Raised, wire.Unsendable):
            return
        replies = reply.get("replies")
        if reply.get("printed") or not isinstance(replies, list) or len(replies) != len(calls):
            return
        for case, call, one in zip(cases, calls, replies):
            if not isinstance(one, dict) or "result" not in one:
                continue
            try:
                result = wire.unpack(one["result"], out)
            except wire.Bad:
                continue
            names = [*exercise.parameters[:len(case.args)], *case.kwargs]
            changed = tuple(names[i] for i in _overwritten(call, body, one.get("after"), out))
            self.known[id(case)] = outcome_of(result, exercise, changed)

    def _run(self, args, kwargs, exercise, case=None):
        if self.fatal and _key(args, kwargs) in self.fatal:  # it would only end the next child too
            return Outcome(trouble=self.fatal[_key(args, kwargs)])
        self.printed, self.overwritten = "", ()
        try:
            self._load()
            target = RemoteThing(self, 0, self.answer.wanted, self.child)
            if exercise.invoke:
                result = exercise.invoke(target, *args, **kwargs)
            else:
                result = target.call(args, kwargs, case and _packed_once(case, exercise))
        except _Raised as raised:
            if raised.trouble.kind in _KINDS.values():
                self.fatal[_key(args, kwargs)] = raised.trouble
            return Outcome(trouble=raised.trouble, overwritten=(), printed=self.printed)
        except wire.Unsendable as error:
            raise RuntimeError(f"{exercise.name} cannot be graded in a child: {error}") from None
        except Exception as error:  # of the exercise's own `invoke`, from what it was given
            message = without_paths(f"{type(error).__name__}: {error}".split("\n")[0], self.answer.cell or "")
            trouble = Trouble(type(error).__name__, message[:300])
            return Outcome(trouble=trouble, printed=self.printed)
        names = [*exercise.parameters[:len(args)], *kwargs]
        changed = tuple(names[i] for i in self.overwritten if i < len(names)) if exercise.invoke is None else ()
        return outcome_of(result, exercise, changed, self.printed)

    def ask(self, request, body=b""):
        """Ask the child; trouble is raised as `_Raised`."""
        if len(self.ended) >= self.deaths:
            gone = self.ended[-1]
            raise _Raised(Trouble(_KINDS[gone.kind], str(gone)))
        try:
            reply, out = self.child.ask(request, body)
        except Gone as gone:
            self.ended.append(gone)
            self.child, self.loaded = None, False
            raise _Raised(Trouble(_KINDS[gone.kind], str(gone))) from None
        if isinstance(reply.get("printed"), str):
            self.printed = (self.printed + reply["printed"])[:20_000]
        if isinstance(reply.get("error"), dict) and request["do"] != "load":
            raise _Raised(self._trouble(reply["error"]))
        return reply, out

    def _load(self):
        if self.loaded and not self.defined:  # a cell that defines nothing does so every time
            raise _Raised(self._undefined())
        if self.loaded:
            return
        if self.child is None:
            self.child = self.zygote.child()
        request = self.answer.request(self.zygote.limits)
        reply, _ = self.ask({**request, "plots_later": self.zygote.can_import_plotting})
        if reply.get("plots") is True:  # a child that has matplotlib from its zygote starts anew
            self.zygote.import_plotting()
            self.child.end()
            self.child = self.zygote.child()
            reply, _ = self.ask(request)
        self.loaded = True
        self.printed = ""
        self.defined = reply.get("defined") is True
        self.cell_error = self._trouble(reply["error"]) if isinstance(reply.get("error"), dict) else None
        if not self.defined:
            raise _Raised(self._undefined())

    def _undefined(self):
        if self.cell_error is not None:
            return self.cell_error
        return Trouble("NameError", f"no cell defines `{self.answer.wanted}`")

    def _trouble(self, error):
        """What a child told of an exception, as far as it can be believed: words and a line number."""
        kind, message = (error.get(key) if isinstance(error.get(key), str) else "" for key in ("kind", "message"))
        kind = "".join(ch for ch in kind if ch.isalnum() or ch == "_")[:60] or "Exception"
        line, code = self._place(error.get("places"))
        if error.get("attempted") is False and re.search(r"\braise\s+NotImplementedError\b", code):
            return Trouble("not attempted", message[:300])
        message = f"{kind}: {message}" if message else kind
        return Trouble(kind, without_paths(message.split("\n")[0], self.answer.cell or "")[:300], line, code)

    def _place(self, places):
        """The last line of the answer's own cell that an exception went through."""
        lines = (self.answer.cell or "").split("\n")
        for place in reversed(places if isinstance(places, list) else []):
            if isinstance(place, list) and len(place) == 2 and place[0] == "answer":
                if type(place[1]) is int and 1 <= place[1] <= len(lines):
                    return place[1], lines[place[1] - 1].strip()[:100]
        return None, ""


def _packed(args, kwargs):
    body = bytearray()
    return {"args": wire.pack(tuple(args), body), "kwargs": wire.pack(dict(kwargs), body)}, body


def _packed_once(case, exercise):
    """What is sent for a case, the same for a whole class; None where gradients are wanted of it."""
    known = exercise.memory.setdefault("packed", {})
    if len(known) > 500:  # of cases that were drawn before
        known.clear()
    if id(case) not in known:
        known[id(case)] = case, None if _collecting((case.args, case.kwargs)) else _packed(case.args, case.kwargs)
    return known[id(case)][1]


def _packed_together(exercise, seed):
    """What is sent for all cases at once, those drawn for a seed too: cases, calls and their bytes."""
    known = exercise.memory.get("together")
    if known is None or known[0] != seed:
        cases = [case for case in (*exercise.known_cases, *(thing for thing, _, _ in drawn_for(exercise, seed)))
                 if isinstance(case, Case) and not _collecting((case.args, case.kwargs))]
        body = bytearray()
        calls = [{"args": wire.pack(tuple(case.args), body), "kwargs": wire.pack(dict(case.kwargs), body)}
                 for case in cases]
        known = exercise.memory["together"] = seed, (cases, calls, body)
    return known[1]


def _of_a_call(target, number):
    """What a child has to know of a call besides its arguments."""
    torch = sys.modules.get("torch")
    told = {"target": target, "number": number, "collect": torch is None or torch.is_grad_enabled()}
    if torch is not None and target == 0:  # what an answer draws is drawn as here
        told["seed"] = torch.default_generator.initial_seed()
    return told


def _overwritten(request, body, back, out):
    """Which arguments of a call are no longer what was sent, by what the child sent back."""
    sent = [*request["args"]["u"], *(thing for _, thing in request["kwargs"]["d"])]
    back = back if isinstance(back, list) and len(back) == len(sent) else [None] * len(sent)
    return tuple(i for i, (was, now) in enumerate(zip(sent, back)) if not wire.holds_still(was, body, now, out))


class RemoteThing:
    """Something in a child that can be called and has attributes: the answer, or what it made.

    An exercise's `invoke` treats it as the real thing, within this: what is called or read gives numbers, arrays,
    tensors, text, lists, tuples and dicts of them, or another such thing. Weights are set with
    ``thing.load_state_dict(...)`` or ``thing.layer.weight.copy_(...)``; any other tensor that is read is a copy.
    Arguments are such values too, or an ``nn.Linear``; what else is passed to it is an error of the exercise.
    """

    def __init__(self, remote, target, kind, child):
        # One that a child took with it when it ended is told by its child.
        self._remote, self._target, self._kind, self._child = remote, target, kind, child

    def __call__(self, *args, **kwargs):
        return self.call(args, kwargs)

    def __getattr__(self, name):
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return self._ask({"do": "get", "target": self._target, "name": name})

    def call(self, args, kwargs, packed=None):
        """Call it, with tensors that stay differentiable."""
        inputs = [] if packed else _collecting((args, kwargs))
        if inputs:
            return _call_with_gradients(self, args, kwargs, inputs)
        return self._call_plainly(args, kwargs, -1, packed)

    def _call_plainly(self, args, kwargs, number, packed=None):
        what, body = packed or _packed(args, kwargs)
        return self._ask({"do": "call", **_of_a_call(self._target, number), **what}, body)

    def _ask(self, request, body=b""):
        remote = self._remote
        if self._child is not remote.child:
            raise _Raised(Trouble("stopped", "its process ended before"))
        reply, out = remote.ask(request, body)
        if request["do"] == "call":
            remote.overwritten = _overwritten(request, body, reply.get("after"), out)
        try:
            return wire.unpack(reply.get("result"), out, self._thing)
        except wire.Bad as bad:
            raise _Raised(Trouble("stopped", f"it sent something that is no result: {bad}")) from None

    def _thing(self, number, kind):
        if kind == "generator":
            return (x for x in ())
        # The checker names the type of what it cannot use.
        found = re.fullmatch(r"Tensor (\w+) (\w+)|ndarray (\w+)", kind)
        if found:
            return types.new_class(found[0].split(" ")[0], (RemoteThing,), exec_body=lambda names: names.update(
                unusable=_unusable(*found.groups())))(self._remote, number, kind, self._child)
        name = "".join(ch for ch in kind if ch.isalnum() or ch == "_")[:60] or "object"
        return types.new_class(name, (RemoteThing,))(self._remote, number, name, self._child)


def _unusable(dtype, layout, of_array):
    """Say what is the matter with an array or a tensor that could not be sent."""
    if layout not in (None, "strided"):
        return f"be dense, got a {layout.replace('_', ' ')} tensor"
    if dtype == "meta":
        return "hold numbers, got a tensor on the meta device, which holds none"
    return f"hold numbers, got {dtype or of_array}"


def _collecting(things):
    if is_tensor(things):
        return [things] if things.requires_grad else []
    if isinstance(things, dict):
        things = list(things.values())
    return [t for thing in things for t in _collecting(thing)] if isinstance(things, (tuple, list)) else []


def _call_with_gradients(thing, args, kwargs, inputs):
    """Call it so that what comes back passes gradients on to `inputs`, by asking the child for them."""
    import torch

    remote = thing._remote
    remote.number += 1
    number, child = remote.number, thing._child
    result = thing._call_plainly(args, kwargs, number)
    outputs = _collecting(result)
    if not outputs:
        return result

    class Backward(torch.autograd.Function):
        @staticmethod
        def forward(ctx, *given):
            ctx.set_materialize_grads(False)
            return tuple(y.detach().clone() for y in outputs)

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(ctx, *arrived):
            if child is not remote.child:
                raise _Raised(Trouble("stopped", "its process ended before"))
            body = bytearray()
            reply, out = remote.ask({"do": "gradient", "number": number,
                                     "gradients": wire.pack(list(arrived), body)}, body)
            found = wire.unpack(reply.get("gradients"), out)
            good = isinstance(found, list) and len(found) == len(inputs) and all(
                g is None or (is_tensor(g) and g.shape == x.shape) for g, x in zip(found, inputs))
            if not good:
                raise _Raised(Trouble("stopped", "it sent something that is no gradient"))
            return tuple(None if g is None else g.detach().to(x.dtype) for g, x in zip(found, inputs))

    linked = iter(Backward.apply(*inputs))
    return _replace(result, linked)


def _replace(result, linked):
    if is_tensor(result):
        return next(linked) if result.requires_grad else result
    if isinstance(result, (tuple, list)):
        return type(result)(_replace(x, linked) for x in result)
    if isinstance(result, dict):
        return {key: _replace(x, linked) for key, x in result.items()}
    return result


def _key(args, kwargs):
    body = bytearray()
    return repr((wire.pack(tuple(args), body), wire.pack(dict(kwargs), body))), bytes(body)

