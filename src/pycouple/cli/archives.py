"""Arrays of an .npz file that anybody may have made: what they are is checked before one of them is unpacked."""

import io
import math
import warnings
import zipfile
from typing import IO, Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

MAX_BYTES = 2**30  # of the arrays that are read, at 8 bytes per number: a small archive can hold more than any memory
MAX_DIRECTORY = 2**20  # bytes; some ten thousand arrays
MAX_HEADER = 10_000  # characters of an array's header, which NumPy too takes for the most that is safe to parse
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # those of numpy.savez and savez_compressed
FORMAT = "(see pycouple demo --help)"

_READERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


class Header(NamedTuple):
    """What an array is, by its own header."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.dtype} {list(self.shape)}"


class Archive:
    """The arrays of an .npz file by their names.

    Parameters
    ----------
    file : binary file
        With a position that can be set. It stays open.

    Raises
    ------
    ValueError
        It is no archive, or its directory is damaged or too large.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._zip = _opened(file)
        self._members: dict[str, list[zipfile.ZipInfo]] = {}
        for member in self._zip.infolist():
            if member.filename.endswith(".npy"):
                self._members.setdefault(member.filename.removesuffix(".npy"), []).append(member)
        self.names = list(self._members)

    def headers(self, names: list[str]) -> dict[str, Header]:
        """What these arrays are. No more than a header of each is unpacked.

        Raises
        ------
        ValueError
            An array is there twice, packed in another way than NumPy's, not of the size that the archive declares, or
            damaged; or all of them are larger than `MAX_BYTES`.
        """
        headers = {name: self._header(name) for name in names}
        if sum(max(8, dtype.itemsize) * math.prod(shape) for dtype, shape in headers.values()) > MAX_BYTES:
            raise ValueError(f"its arrays have more than {MAX_BYTES} bytes, at 8 bytes per number")
        return headers

    def read(self, name: str) -> npt.NDArray[Any]:
        """An array whose header was found right.

        Raises
        ------
        ValueError
            It is damaged.
        """
        try:
            with self._zip.open(self._member(name)) as file, warnings.catch_warnings(action="ignore"):
                return np.asarray(npy.read_array(file, allow_pickle=False, max_header_size=MAX_HEADER))
        except MemoryError:
            raise
        except Exception as error:
            raise _damaged(name) from error

    def _member(self, name: str) -> zipfile.ZipInfo:
        member, *others = self._members[name]
        if others:
            raise ValueError(f"the archive holds array {name} more than once")
        return member

    def _header(self, name: str) -> Header:
        member = self._member(name)
        if member.flag_bits & 1:
            raise ValueError(f"array {name} is encrypted")
        if member.compress_type not in METHODS:
            raise ValueError(
                f"array {name} is compressed by method {member.compress_type}, and numpy.savez uses 0 and 8 only"
            )
        try:
            with self._zip.open(member) as file:
                start = io.BytesIO(file.read(12 + MAX_HEADER))  # version 2 may claim a header of 4 GiB
            with warnings.catch_warnings(action="ignore"):
                version = npy.read_magic(start)
                shape, _, dtype = _READERS[version](start, max_header_size=MAX_HEADER)
            header = Header(dtype, tuple(int(length) for length in shape))
            if dtype.hasobject or not all(0 <= length < 2**63 for length in header.shape):
                raise ValueError
        except Exception as error:  # a damaged header may raise anything, MemoryError of Python's parser among it
            raise _damaged(name) from error
        declared, wanted = member.file_size, start.tell() + dtype.itemsize * math.prod(header.shape)
        if declared != wanted:
            raise ValueError(
                f"array {name} is damaged: {header} takes {wanted} bytes with its header, the archive has {declared}"
            )
        return header


def _opened(file: IO[bytes]) -> zipfile.ZipFile:
    try:
        if zipfile.is_zipfile(file):
            return zipfile.ZipFile(_Bounded(file))
    except _TooLargeError:
        raise ValueError(f"the directory of the archive has more than {MAX_DIRECTORY} bytes") from None
    except Exception as error:  # a damaged archive may raise anything
        raise ValueError("the archive is damaged") from error
    text = "it is no .npz file, an archive as numpy.savez writes it, or only a part of one"
    raise ValueError(f"{text} {FORMAT}")


class _Bounded:
    """A file of which little is read at once: `zipfile` would read as large a directory as the file claims to have."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1, /) -> bytes:
        if size > MAX_DIRECTORY:
            raise _TooLargeError
        return self._file.read(size)


class _TooLargeError(Exception):
    pass


def _damaged(name: str) -> ValueError:
    return ValueError(f"array {name} is damaged, or does not hold plain numbers {FORMAT}")
