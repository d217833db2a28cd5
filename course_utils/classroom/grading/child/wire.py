"""How arrays travel between the judge and a child: a JSON head and raw bytes; nothing in it can be run.

A frame is two lengths, a JSON object and a body of raw bytes that the JSON's arrays point into. Arrays carry
numbers only (dtype kinds b, i, u and f). Whoever receives a frame believes nothing of it.
"""

import json
import math
import os
import struct
import sys

import numpy as np

__all__ = ["MAX_FILE", "MAX_FRAME", "MAX_HEAD", "Bad", "Handle", "Unsendable",
           "decode", "encode", "holds_still", "pack", "pack_back", "read_frame", "unpack", "write_frame"]

MAX_FRAME = 64 << 20  # bytes that the judge takes from a child
MAX_FILE = 256 << 20  # bytes of a notebook that a child is given to read
MAX_HEAD = 4 << 20  # bytes of JSON that the judge takes: read, they can need twenty times as many
_MAX_DEPTH = 12
_MAX_THINGS = 20_000
_HEAD = struct.Struct(">II")


class Bad(ValueError):
    """A frame or a value that does not follow the format."""


class Unsendable(TypeError):
    """Something that has no form of numbers; an exercise for homework must not pass it to answers."""


class Handle:
    """A thing that stays in the child: its number there and the name of its type."""

    def __init__(self, number, kind):
        self.number, self.kind = number, kind


def pack(value, body, keep=None, depth=0):
    """Turn a value into JSON, and its arrays into bytes.

    Parameters
    ----------
    value : object
    body : bytearray
        The bytes of arrays are appended here.
    keep : callable, optional
        ``keep(thing) -> number`` for things that cannot travel; without it they are an error.
    depth : int
        Of nesting so far.

    Returns
    -------
    object
        What `json.dumps` takes.

    Raises
    ------
    Unsendable
        If something cannot travel and there is no `keep`.
    """
    if value is None or type(value) in (bool, str):
        return {"v": value}
    if type(value) in (int, float) and abs(value) < 2**63:
        return {"v": value}
    if isinstance(value, Handle):
        return {"h": value.number, "k": value.kind}
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        array = _plain_tensor(value, torch)
        if array is not None:
            return {"t": _put(array, body), "g": bool(value.requires_grad), **_order(array)}
    elif torch is not None and type(value) is torch.nn.Linear and keep is None:
        return {"m": [pack(value.weight, body), pack(value.bias, body)]}
    elif isinstance(value, np.generic) and value.dtype.kind in "biuf":
        return {"n": _put(np.asarray(value), body)}
    elif isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        return {"a": _put(np.asarray(value), body), **_order(value)}
    elif depth < _MAX_DEPTH and isinstance(value, (list, tuple)) and len(value) < _MAX_THINGS:
        return {"l" if isinstance(value, list) else "u": [pack(x, body, keep, depth + 1) for x in value]}
    elif depth < _MAX_DEPTH and isinstance(value, dict) and len(value) < _MAX_THINGS:
        if all(type(key) in (str, int) for key in value):
            return {"d": [[key, pack(x, body, keep, depth + 1)] for key, x in value.items()]}
    if keep is None:
        raise Unsendable(f"a {type(value).__name__} cannot be sent")
    return {"h": keep(value), "k": _kind(value, torch)}


def _kind(value, torch):
    """The name of a type; of arrays and tensors also what keeps them from travelling."""
    if torch is not None and isinstance(value, torch.Tensor):
        layout = str(value.layout).removeprefix("torch.")
        return f"Tensor {'meta' if value.is_meta else str(value.dtype).removeprefix('torch.')} {layout}"
    if isinstance(value, (np.ndarray, np.generic)):
        return f"ndarray {value.dtype.name}"
    return str(type(value).__name__)[:80]


def _plain_tensor(tensor, torch):
    if tensor.layout is not torch.strided or tensor.is_meta or tensor.is_complex() or tensor.is_quantized:
        return None
    tensor = tensor.detach().as_subclass(torch.Tensor)
    if tensor.dtype in (torch.bfloat16, torch.float16):
        tensor = tensor.float()
    return tensor.cpu().resolve_neg().numpy()


def _order(array):
    """Which axis lies outermost in memory, then the next: some answers work in one order and not in another.

    Nothing for the usual order. The bytes travel in the usual one; `unpack` turns them.
    """
    axes = sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis]))
    usual = array.flags.c_contiguous or 0 in array.strides or axes == list(range(array.ndim))
    return {} if usual else {"o": axes}


def _turned(array, axes):
    """An array of the same numbers whose axes lie in memory in this order."""
    if not isinstance(axes, list) or sorted(map(repr, axes)) != sorted(map(repr, range(array.ndim))):
        raise Bad("an array is not in the format")
    return np.ascontiguousarray(array.transpose(axes)).transpose(np.argsort(axes))


def _put(array, body):
    if array.dtype.itemsize > 8:
        array = array.astype(np.float64)
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    start = len(body)
    body += array.tobytes()
    return [array.dtype.str, list(array.shape), start]


def unpack(thing, body, handle=None):
    """Undo `pack`, trusting nothing.

    Parameters
    ----------
    thing : object
        From JSON.
    body : bytes
    handle : callable, optional
        ``handle(number, kind) -> object`` for what stayed on the other side.

    Raises
    ------
    Bad
        If the format is not followed.
    """
    return _unpack(thing, body, handle, [_MAX_THINGS * 2], 0)


def _unpack(thing, body, handle, left, depth):
    left[0] -= 1
    if not isinstance(thing, dict) or not thing or left[0] < 0 or depth > _MAX_DEPTH + 2:
        raise Bad("a value is not in the format")
    key = next(iter(thing))
    inner = thing[key]
    if key == "v" and (inner is None or isinstance(inner, (bool, int, float, str))):
        return inner
    if key == "n":
        return _get(inner, body)[()]
    if key in ("a", "t"):
        array = _turned(_get(inner, body), thing["o"]) if "o" in thing else _get(inner, body)
        if key == "a":
            return array
        import torch

        tensor = torch.from_numpy(array)
        return tensor.requires_grad_() if thing.get("g") is True and tensor.is_floating_point() else tensor
    if key in ("l", "u") and isinstance(inner, list):
        things = [_unpack(x, body, handle, left, depth + 1) for x in inner]
        return things if key == "l" else tuple(things)
    if key == "d" and isinstance(inner, list):
        if all(isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], (str, int)) for pair in inner):
            return {name: _unpack(x, body, handle, left, depth + 1) for name, x in inner}
    if key == "m" and isinstance(inner, list) and len(inner) == 2:
        return _linear(*(_unpack(x, body, None, left, depth + 1) for x in inner))
    if key == "h" and isinstance(inner, int) and handle is not None:
        return handle(inner, str(thing.get("k", ""))[:80])
    raise Bad("a value is not in the format")


def pack_back(value, sent, body):
    """Pack an argument as it is after a call, if it is something that can be written into; all else is None."""
    if not sent.keys() & {"a", "t", "l", "u", "d"}:
        return None
    try:
        return pack(value, body)
    except Exception:  # it has become something that cannot travel
        return None


def holds_still(sent, body, back, out):
    """Whether an argument, arrays and numbers in lists, tuples and dicts included, came back as it was sent.

    Parameters
    ----------
    sent : dict
        From `pack`.
    body : bytes
        With its bytes.
    back : object
        From `pack_back`, by way of somebody who is not believed.
    out : bytes
        With its bytes.
    """
    key, inner = next(iter(sent.items()))
    try:
        if key in ("a", "t"):
            code, shape, start = inner
            size = math.prod(shape) * np.dtype(code).itemsize
            code_now, shape_now, start_now = back[key]
            return (code_now == code and shape_now == shape
                    and out[start_now:start_now + size] == body[start:start + size])
        if key in ("l", "u"):
            return len(inner) == len(back[key]) and all(
                _stands(was, body, now, out) for was, now in zip(inner, back[key]))
        if key == "d":
            return [name for name, _ in inner] == [name for name, _ in back[key]] and all(
                _stands(was, body, now, out) for (_, was), (_, now) in zip(inner, back[key]))
    except (TypeError, ValueError, KeyError):
        return False
    return True


def _stands(sent, body, back, out):
    """As `holds_still`, for what stands in a list, where a number can be another afterwards."""
    if "v" in sent:
        return isinstance(back, dict) and repr(back.get("v", back)) == repr(sent["v"])  # NaN is no number but itself
    return holds_still(sent, body, back, out)


def _linear(weight, bias):
    import torch

    if not isinstance(weight, torch.Tensor) or weight.ndim != 2:
        raise Bad("a layer is not in the format")
    layer = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None, dtype=weight.dtype)
    with torch.no_grad():
        layer.weight.copy_(weight)
        if bias is not None:
            layer.bias.copy_(bias)
    return layer


def _get(place, body):
    try:
        code, shape, start = place
        dtype = np.dtype(code)
        good = (isinstance(code, str) and dtype.kind in "biuf" and dtype.itemsize <= 8 and dtype.names is None
                and isinstance(start, int) and len(shape) <= 16
                and all(type(n) is int and 0 <= n <= MAX_FRAME for n in shape))
        size = math.prod(shape) * dtype.itemsize if good else -1
    except Exception as error:
        raise Bad("an array is not in the format") from error
    if not good or start < 0 or size > MAX_FRAME or start + size > len(body):
        raise Bad("an array is not in the format")
    array = np.frombuffer(body, dtype=np.uint8, count=size, offset=start).copy()
    if dtype.kind == "b":  # a byte that is neither 0 nor 1 is no boolean
        return (array != 0).reshape(shape)
    return array.view(dtype).reshape(shape) if size else np.zeros(shape, dtype)


def encode(head, body=b"", limit=MAX_FRAME):
    """Make a frame of bytes."""
    head = json.dumps(head).encode()
    if len(head) + len(body) > limit:
        raise Bad(f"more than {limit >> 20} MiB")
    return _HEAD.pack(len(head), len(body)) + head + body


def decode(read, limit=MAX_FRAME, head_limit=None):
    """Read a frame of at most `limit` bytes, `head_limit` of them JSON, with ``read(n) -> exactly n bytes``.

    Raises
    ------
    Bad
        If it is no frame.
    """
    head, body = _HEAD.unpack(read(_HEAD.size))
    if head + body > limit or head > (head_limit or limit):
        raise Bad(f"more than {limit >> 20} MiB")
    try:
        message = json.loads(read(head))
    except (ValueError, RecursionError) as error:
        raise Bad("not JSON") from error
    if not isinstance(message, dict):
        raise Bad("not a JSON object")
    return message, read(body)


def read_frame(fd):
    """Read one frame from a file descriptor or a socket; EOFError where it ends."""
    def read(n):
        parts = []
        while n:
            part = fd.recv(min(n, 1 << 20)) if hasattr(fd, "recv") else os.read(fd, min(n, 1 << 20))
            if not part:
                raise EOFError
            parts.append(part)
            n -= len(part)
        return b"".join(parts)

    return decode(read, MAX_FILE)


def write_frame(fd, head, body=b""):
    """Write one frame to a file descriptor or a socket."""
    data = memoryview(encode(head, body))
    while data:
        data = data[fd.send(data) if hasattr(fd, "send") else os.write(fd, data):]
