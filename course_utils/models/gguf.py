"""Reading a GGUF file: what is said about a model, and its numbers, most of them rounded to 4 bits."""

import struct

import numpy as np
import torch

__all__ = ["GGUF"]

_PLAIN = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_TEXT, _LIST = 8, 9
# Kind of numbers -> (how many stand in a block, bytes of a block).
_BLOCKS = {0: (1, 4), 1: (1, 2), 3: (32, 20), 8: (32, 34)}


class GGUF:
    """A GGUF file, its numbers read when they are asked for.

    Parameters
    ----------
    path : path-like

    Attributes
    ----------
    about : dict of str to object
        What the file says about the model: sizes, the tokenizer, the licence.
    tensors : dict of str to (shape, kind, offset)
        What tensors there are, and where.

    Raises
    ------
    ValueError
        If it is no GGUF file.
    """

    def __init__(self, path):
        self.path = path
        with open(path, "rb") as file:
            if file.read(4) != b"GGUF":
                raise ValueError(f"{path} should be a GGUF file")
            self._file = file
            _, n_tensors, n_entries = self._read("<I"), self._read("<Q"), self._read("<Q")
            self.about = {self._text(): self._value(self._read("<I")) for _ in range(n_entries)}
            self.tensors = {}
            for _ in range(n_tensors):
                name = self._text()
                shape = [self._read("<Q") for _ in range(self._read("<I"))][::-1]  # the file counts the other way
                self.tensors[name] = shape, self._read("<I"), self._read("<Q")
            step = self.about.get("general.alignment", 32)
            self._begin = -(-file.tell() // step) * step
        del self._file

    def tensor(self, name):
        """Read one tensor.

        Parameters
        ----------
        name : str

        Returns
        -------
        Tensor of float32

        Raises
        ------
        ValueError
            If its numbers are of a kind that is not read here, or the file is cut off.
        """
        shape, kind, offset = self.tensors[name]
        if kind not in _BLOCKS:
            raise ValueError(f"{name} should hold numbers of one of the kinds {sorted(_BLOCKS)}, got {kind}")
        numbers, size = _BLOCKS[kind]
        count = int(np.prod(shape)) // numbers
        blocks = np.fromfile(self.path, np.uint8, count * size, offset=self._begin + offset)
        if len(blocks) < count * size:
            raise ValueError(f"{self.path} is cut off: {name} should have {count * size} bytes, got {len(blocks)}")
        return torch.from_numpy(_numbers(kind, blocks.reshape(count, size)).reshape(shape))

    def _read(self, form):
        return struct.unpack(form, self._file.read(struct.calcsize(form)))[0]

    def _text(self):
        return self._file.read(self._read("<Q")).decode("utf-8", "replace")

    def _value(self, kind):
        if kind == _TEXT:
            return self._text()
        if kind == _LIST:
            inner, length = self._read("<I"), self._read("<Q")
            return [self._value(inner) for _ in range(length)]
        return self._read(_PLAIN[kind])


def _numbers(kind, blocks):
    """Undo the rounding: each block of 32 numbers has a step, and for 4 bits a smallest number as well."""
    def half(first):
        return blocks[:, first:first + 2].copy().view("<f2").astype(np.float32)

    if kind == 0:
        return blocks.copy().view("<f4").astype(np.float32)
    if kind == 1:
        return half(0)
    if kind == 3:  # Q4_1: step, smallest, then 16 bytes: first the lower halves, then the upper halves
        fours = np.concatenate([blocks[:, 4:] & 15, blocks[:, 4:] >> 4], axis=1).astype(np.float32)
        fours *= half(0)
        fours += half(2)
        return fours
    return blocks[:, 2:].copy().view(np.int8).astype(np.float32) * half(0)  # Q8_0: step, then 32 small integers
