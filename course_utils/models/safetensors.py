"""Reading a safetensors file: eight bytes, a table of contents, and the numbers."""

import json

import numpy as np
import torch

__all__ = ["read_safetensors"]

_KINDS = {"F32": np.float32, "F16": np.float16, "I64": np.int64, "I32": np.int32}


def read_safetensors(path):
    """Read the tensors of a safetensors file.

    The file begins with the length of its table of contents (8 bytes, the lowest first); then comes the table, as
    JSON, with the kind, the shape and the place of each tensor; then all numbers, one tensor after the other.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    dict of str to Tensor
        Numbers are read from the disk when they are first used; changing them does not change the file.

    Raises
    ------
    ValueError
        If a tensor holds numbers of a kind that is not read here, or the file is cut off.
    """
    content = np.memmap(path, mode="c")
    begin = 8 + int.from_bytes(content[:8].tobytes(), "little")
    if begin > len(content):
        raise ValueError(f"{path} should hold a table of contents of {begin - 8} bytes, got {len(content)} in all")
    about = json.loads(content[8:begin].tobytes())
    about.pop("__metadata__", None)
    return {name: _tensor(name, content, begin, **entry) for name, entry in about.items()}


def _tensor(name, content, begin, dtype, shape, data_offsets):
    if dtype not in _KINDS:
        raise ValueError(f"{name} should hold numbers of one of the kinds {', '.join(_KINDS)}, got {dtype}")
    start, stop = (begin + offset for offset in data_offsets)
    if stop > len(content):
        raise ValueError(f"{name} should end at byte {stop}, got a file of {len(content)} bytes")
    return torch.from_numpy(content[start:stop].view(_KINDS[dtype]).reshape(shape))
