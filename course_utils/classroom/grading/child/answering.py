"""A child's side of the conversation: load an answer, call it, send back what came, as often as it is asked.

Students' code runs in this process and can do here what it likes; so nothing here decides about points.
"""

import contextlib
import gc
import io
import json
import os
import random
import sys
import time
import traceback
import warnings

import kernel
import numpy as np
import slices
import standins
import wire

__all__ = ["serve"]

_PRINT_LIMIT = 20_000


class Printed(io.TextIOBase):
    """Keeps the beginning of what is printed."""

    def __init__(self):
        self.text = ""

    def write(self, text):
        self.text = (self.text + str(text))[:_PRINT_LIMIT]
        return len(text)


class Conversation:
    """The things of one answer and what can be asked about them."""

    def __init__(self, call_limit):
        self.call_limit, self.things, self.calls, self.namespace = call_limit, [], {}, {}

    def keep(self, thing):
        self.things.append(thing)
        return len(self.things) - 1

    def load(self, request, body):
        """Load an answer: out of its cell and what that needs, or by running the notebook up to its check."""
        random.seed(0)
        np.random.seed(0)
        if "torch" in sys.modules:
            sys.modules["torch"].default_generator.manual_seed(0)  # `torch.manual_seed` looks for devices too
        self.namespace, self.calls = kernel.new_namespace(), {}
        if "cells" in request:
            return self._run(request)
        error = None
        try:
            steps = slices.steps(request["wanted"], request["answer"], request["given"], request["others"])
        except BaseException as problem:
            return {"defined": False, "error": tell(problem)}, b""
        if request.get("plots_later") and any(step.names("matplotlib") for step in steps):
            return {"plots": True}, b""
        with _loading():
            for step in steps:
                try:
                    exec(step.code, self.namespace)
                except BaseException as problem:
                    error = tell(problem) if step.must else error
        self._turn(request.get("turned", ()))
        wanted = self.namespace.get(request["wanted"])
        self.things = [wanted]
        return {"defined": callable(wanted), "error": error}, b""

    def _turn(self, names):
        """Let functions give their results in the opposite order."""
        for name, function in ((name, self.namespace.get(name)) for name in names):
            self.namespace[name] = lambda *args, function=function, **kwargs: function(*args, **kwargs)[::-1]

    def _run(self, request):
        """Run cells in order; errors stop nothing, and an error of the answer's own cell is told."""
        if request.get("plots_later") and any("matplotlib" in cell["source"] for cell in request["cells"]):
            return {"plots": True}, b""
        talk, left, error, hurried = kernel.Kernel(self.namespace), request["seconds"], None, 0
        with _loading():
            for cell in request["cells"]:
                began = time.process_time()
                problem = talk.run(cell["name"], cell["source"], max(min(request["each"], left), 0.1))
                left -= time.process_time() - began
                hurried += isinstance(problem, kernel.TooLong)
                if cell["answer"]:
                    error = None if problem is None else tell(problem)
        self._turn(request.get("turned", ()))
        wanted = self.namespace.get(request["wanted"])
        self.things = [wanted]
        return {"defined": callable(wanted), "error": error, "left": hurried}, b""

    def read(self, request, body):
        """Take the cells without their outputs from a notebook that is too large for the judge to parse."""
        notebook = json.loads(bytes(body).decode("utf-8", "replace"))
        del body
        cells = [{"cell_type": cell.get("cell_type"), "source": "".join(cell.get("source", "")),
                  "metadata": cell.get("metadata")} for cell in notebook["cells"]]
        kept = {key: notebook.get(key) for key in ("nbformat", "nbformat_minor", "metadata")}
        return {"notebook": {**kept, "cells": cells}}, b""

    def call(self, request, body):
        """Call the answer, or something that it made before."""
        out = bytearray()
        return self._called(request, body, out), out

    def several(self, request, body):
        """Call the answer with one input after the other; what one of them raises is told of that one alone."""
        replies, out = [], bytearray()
        for one in request["calls"]:
            try:
                replies.append(self._called({**request, **one}, body, out))
            except BaseException as error:
                replies.append({"error": tell(error)})
        return {"replies": replies}, out

    def _called(self, request, body, out):
        args = wire.unpack(request["args"], body, self.things.__getitem__)
        kwargs = wire.unpack(request["kwargs"], body, self.things.__getitem__)
        if "seed" in request and "torch" in sys.modules:
            sys.modules["torch"].default_generator.manual_seed(request["seed"])
        with _gradients(request):
            result = self.things[request["target"]](*args, **kwargs)
        sent = [*request["args"]["u"], *(thing for _, thing in request["kwargs"]["d"])]
        reply = {"result": wire.pack(result, out, self.keep),  # arguments go back: the judge sees what became of them
                 "after": [wire.pack_back(thing, was, out) for thing, was in zip((*args, *kwargs.values()), sent)]}
        inputs = _collecting((args, kwargs))
        if inputs:
            self.calls[request["number"]] = inputs, _collecting(result)
        return reply

    def gradient(self, request, body):
        """Pull gradients of what a call gave back to what it was given."""
        import torch

        inputs, outputs = self.calls[request["number"]]
        arrived = wire.unpack(request["gradients"], body)
        pairs = [(y, g) for y, g in zip(outputs, arrived) if g is not None]
        found = torch.autograd.grad([y for y, _ in pairs], inputs, [g.to(y.dtype) for y, g in pairs],
                                    retain_graph=True, allow_unused=True)
        out = bytearray()
        return {"gradients": wire.pack(list(found), out)}, out

    def get(self, request, body):
        """Look an attribute up."""
        out, value = bytearray(), getattr(self.things[request["target"]], request["name"])
        torch = sys.modules.get("torch")
        if torch is not None and isinstance(value, torch.nn.Parameter):  # stays here, so that it can be written into
            return {"result": {"h": self.keep(value), "k": "Parameter"}}, out
        return {"result": wire.pack(value, out, self.keep)}, out


def rehearse():
    """Answer requests of every kind once, so that what they need the first time is done before any fork."""
    for name in ("numpy", "torch"):
        if name not in sys.modules:
            continue
        ones = sys.modules[name].ones
        talk = Conversation(0)
        for _ in range(20):
            talk.load({"wanted": "f", "answer": "def f(*x):\n    return x", "given": (), "others": ()}, b"")
            body = bytearray()
            args = wire.pack((ones((2, 3)), [ones(3)], 1.0, None), body)
            head, body = wire.decode(io.BytesIO(wire.encode({"args": args, "kwargs": wire.pack({}, body)}, body)).read)
            reply, out = talk.call({**head, "target": 0, "seed": 0}, body)
            wire.encode(reply, out)


@contextlib.contextmanager
def _loading():
    """While cells are run, what of the course is not here lets them go on; when the answer is called it refuses."""
    if standins.course is not None:
        standins.course.answering, standins.course.checked = False, {}
    try:
        yield
    finally:
        if standins.course is not None:
            standins.course.answering = True


def _gradients(request):
    """Collect gradients in a call where the judge does."""
    torch = sys.modules.get("torch")
    return contextlib.nullcontext() if torch is None else torch.set_grad_enabled(request.get("collect") is not False)


def _collecting(things):
    """All tensors in nested tuples, lists and dicts that collect a gradient, in order."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(things, torch.Tensor):
        return [things] if things.requires_grad else []
    if isinstance(things, dict):
        things = list(things.values())
    return [t for thing in things for t in _collecting(thing)] if isinstance(things, (tuple, list)) else []


def tell(error):
    """An exception as data: its type, its message, and the lines of the notebook it went through."""
    kind, message, places, own = type(error).__name__, "", [], False
    try:
        message = str(error)
    except BaseException:
        message = ""
    try:
        for frame in traceback.extract_tb(error.__traceback__)[-200:]:
            own = frame.filename == "<answer>"  # of the last: PyTorch raises NotImplementedError too
            if frame.filename.startswith("<"):
                places.append([frame.filename.strip("<>"), frame.lineno])
        if isinstance(error, SyntaxError):
            places.append([str(error.filename).strip("<>"), error.lineno])
            message = str(error.msg)
    except BaseException:
        places = []
    return {"kind": str(kind)[:80], "message": message[:2000], "places": places[-3:],
            "attempted": not (isinstance(error, NotImplementedError) and own)}


def serve(fd, call_limit, allow_cpu):
    """Answer requests until the other side hangs up.

    Parameters
    ----------
    fd : int
        Both ways.
    call_limit : int
        Seconds of processor time for one request, but for that of running a notebook, which says its own.
    allow_cpu : callable
        ``allow_cpu(seconds, more)`` sets how much this process may use from now on; `more` is on top of its whole.
    """
    talk, leave = Conversation(call_limit), os._exit
    standins.arm()
    gc.freeze()
    while True:
        try:
            request, body = wire.read_frame(fd)
        except EOFError:
            leave(0)
        printed = Printed()
        sys.stdout = sys.stderr = printed
        allow_cpu(call_limit, request["seconds"] if "cells" in request else 0)
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                reply, out = getattr(talk, request["do"])(request, body)
        except BaseException as error:
            reply, out = {"error": tell(error)}, b""
        reply["printed"] = printed.text
        try:
            wire.write_frame(fd, reply, out)
        except (wire.Bad, ValueError) as error:
            wire.write_frame(fd, {"error": tell(error), "printed": ""})
