"""GGUF files: what one says of its own sizes is checked before a library reads it, for libraries take its word.

A count of 2^62 numbers is a loop without an end, or memory without one. The format is described in ggml's docs/gguf.md.
"""

import math
import mmap
import struct
from pathlib import Path

from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

from pycouple._printable import one_line

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_SCALARS = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}  # bytes of each type of number
_UINT32, _STRING, _ARRAY = 4, 8, 9
_LEAST_TENSOR, _LEAST_VALUE = 24, 13  # bytes of what describes one
_AXES = 4  # of ggml's tensors
_ALIGNMENT = 32
_LONGEST_NAME = 65535  # bytes; of a tensor 64 in ggml


def check_gguf(path: Path) -> None:
    """Raise ValueError unless all that a GGUF file says it has lies inside it; no tensor is read."""
    with path.open("rb") as file:
        if file.read(4) != _MAGIC:
            raise ValueError("it does not begin as a GGUF file")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            _Walk(data).check()


class _Walk:
    """A walk over a file, which stops where the file would end too early."""

    def __init__(self, data: mmap.mmap) -> None:
        self.data, self.at, self.size = data, 4, len(data)

    def check(self) -> None:
        version = self._number("<I")
        if version not in _VERSIONS:
            raise ValueError(f"it is of version {version} of GGUF; {' and '.join(map(str, _VERSIONS))} are known")
        tensors, values = self._number("<Q"), self._number("<Q")
        if _LEAST_TENSOR * tensors + _LEAST_VALUE * values > self.size:
            raise ValueError(f"{tensors} tensors and {values} values of metadata do not fit into {self.size} bytes")
        alignment = _ALIGNMENT
        for _ in range(values):
            key = self._name()
            kind = self._number("<I")
            if kind == _UINT32 and key == "general.alignment":
                alignment = self._number("<I")
            elif kind == _UINT32 and key.endswith(".block_count"):
                if (blocks := self._number("<I")) > tensors:
                    raise ValueError(f"{one_line(key)} is {blocks}, and it has {tensors} tensors")
            else:
                self._value(key, kind)
        if alignment == 0:
            raise ValueError("general.alignment is 0")
        ends = [self._tensor() for _ in range(tensors)]
        start = -(-self.at // alignment) * alignment
        for name, end in ends:
            if start + end > self.size:
                raise ValueError(f"it ends before its tensor {one_line(name)} does")

    def _skip(self, count: int) -> int:
        """Go on by so many bytes; where they begin."""
        at = self.at
        if count > self.size - at:
            raise ValueError(f"it ends too early: {count} more bytes are wanted at byte {at} of {self.size}")
        self.at = at + count
        return at

    def _number(self, layout: str) -> int:
        number: int = struct.unpack_from(layout, self.data, self._skip(struct.calcsize(layout)))[0]
        return number

    def _name(self) -> str:
        length = self._number("<Q")
        if length > _LONGEST_NAME:
            raise ValueError(f"a name of {length} bytes in its metadata is too long")
        return self.data[self._skip(length) : self.at].decode(errors="replace")

    def _value(self, key: str, kind: int) -> None:
        if kind == _STRING:
            self._skip(self._number("<Q"))
        elif kind == _ARRAY:
            kind, count = self._number("<I"), self._number("<Q")
            if kind == _STRING:
                self._strings(count)
            elif kind in _SCALARS:
                self._skip(count * _SCALARS[kind])
            else:
                raise ValueError(f"{one_line(key)} is an array of the unknown type {kind}")
        elif kind in _SCALARS:
            self._skip(_SCALARS[kind])
        else:
            raise ValueError(f"{one_line(key)} is of the unknown type {kind}")

    def _strings(self, count: int) -> None:
        for _ in range(count):  # each takes 8 bytes or more, so that a wrong count soon is at the end
            self._skip(self._number("<Q"))

    def _tensor(self) -> tuple[str, int]:
        """A tensor's name, and where it ends in the file's part for tensors."""
        name = self._name()
        axes = self._number("<I")
        if axes > _AXES:
            raise ValueError(f"tensor {one_line(name)} has {axes} axes")
        items = math.prod(self._number("<Q") for _ in range(axes))
        kind, offset = self._number("<I"), self._number("<Q")
        if kind not in GGML_QUANT_SIZES:
            raise ValueError(f"tensor {one_line(name)} is of the unknown type {kind}")
        per_block, size = GGML_QUANT_SIZES[GGMLQuantizationType(kind)]
        return name, offset + -(-items // per_block) * size
