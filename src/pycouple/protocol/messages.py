"""The messages of the protocol as bytes: headers, checks, and the code of a dart (docs/protocol.md)."""

import struct
from typing import Any, NamedTuple

from pycouple import _core

VERSION = 1
CHECK = 4  # bytes
KEYED_CHECK = 16  # bytes, of parties that have a key (docs/protocol-keyed.md)
PERSON = b"pycouple-check-1"  # of the keyed check
KEY_BYTES = range(16, 65)  # BLAKE2b takes no more
UNARY_LIMIT = 8
NUMBER_BITS = 12  # of 0..CELL_DARTS - 1
DART_BYTES = range(1, 8)  # of the code of a dart, whatever n is: at most 33 bits for the cell, 20 for the number


class ProtocolError(ValueError):
    """A message that cannot be one of this run: truncated, too long, out of order, changed, or of another run."""


class Dart(NamedTuple):
    """The name of a dart: its cell, and how many darts of the cell came before it."""

    tier: int
    group: int
    number: int


class Frame:
    """Puts headers before the payloads of one run, and takes them off. Messages are numbered from 0, even ones Alice's.

    The first message of each party says version and n; every one has a check of its payload, its number and of all that
    the parties share.
    """

    def __init__(self, seed: int, step: int, n: int, rounds: int, key: bytes | None = None) -> None:
        from hashlib import blake2b  # slow to import: only those pay who need it
        from hmac import compare_digest

        self._blake2b, self._same = blake2b, compare_digest
        self._n = n
        self._shared = struct.pack(">QQIB", seed, step, n - 1, rounds)
        self._check_bytes = CHECK if key is None else KEYED_CHECK
        self._keyed: dict[str, Any] = {} if key is None else {"key": key, "person": PERSON}

    def header_bytes(self, number: int) -> int:
        """The length of the header of a message."""
        return 5 * (number < 2) + self._check_bytes

    def pack(self, number: int, payload: bytes) -> bytes:
        check = self._check(number, payload)
        return (struct.pack(">BI", VERSION, self._n - 1) if number < 2 else b"") + check + payload

    def unpack(self, number: int, message: memoryview) -> bytes:
        """The payload of a message. Nothing of one that is too long is copied or hashed."""
        header, lengths = self.header_bytes(number), payload_bytes(number)
        if number < 2 and message.nbytes and message.c_contiguous:
            _check_version(message.cast("B")[0])  # messages of another version may have other lengths
        if message.nbytes - header not in lengths:
            least, most = header + lengths[0], header + lengths[-1]
            raise ProtocolError(
                f"message {number} is {'truncated' if message.nbytes < least else 'too long'}: it has {message.nbytes} "
                f"bytes, not {least if least == most else f'{least} to {most}'}; it was changed on the way, is out of "
                "order, or only one party has a key"
            )
        whole = message.tobytes()
        if number < 2:
            version, last = struct.unpack_from(">BI", whole)
            _check_version(version)
            if last + 1 != self._n:
                raise ProtocolError(f"the other party has n = {last + 1} items, this one has n = {self._n}")
        payload = whole[header:]
        if not self._same(whole[header - self._check_bytes : header], self._check(number, payload)):
            raise ProtocolError(
                f"message {number} fails its check: it was changed on the way, is out of order, or comes from another "
                "run (seed, step, epsilon, key and the roles of Alice and Bob must fit)"
            )
        return payload

    def _check(self, number: int, payload: bytes) -> bytes:
        hashed = self._shared + bytes((number,)) + payload
        return self._blake2b(hashed, digest_size=self._check_bytes, **self._keyed).digest()


def _check_version(version: int) -> None:
    if version != VERSION:
        raise ProtocolError(f"the other party's protocol has version {version}, this one has version {VERSION}")


def payload_bytes(number: int) -> range:
    """How many bytes the payload of a message may have."""
    if number == 0:
        return DART_BYTES
    marks = 1 if number % 2 else 2 ** (number // 2 - 1)
    return range(marks, marks + 1)


def checked_key(key: Any) -> bytes | None:
    """A key that BLAKE2b takes, or None."""
    if key is None:
        return None
    if not isinstance(key, bytes):
        raise TypeError(f"key must be bytes, got {type(key).__name__}")
    if len(key) not in KEY_BYTES:
        raise ValueError(f"key must have 16 to 64 bytes, got {len(key)}: secrets.token_bytes(32) makes one")
    return key


def cells(n: int) -> list[int]:
    """The number of cells of each tier that hold one of n items."""
    return [((n - 1) >> (2 * tier)) + 1 for tier in range(_core.DART_TIERS + 1)]


def encode_dart(n: int, dart: Dart) -> tuple[bytes, int]:
    """The code of a dart, padded with zeros, and its length in bits without them.

    Truncated binary for the cell, then the number in unary (ones and a zero), from 8 on 8 ones and 12 bits.
    """
    counts = cells(n)
    cell, total = sum(counts[: dart.tier]) + dart.group, sum(counts)
    width, short = _truncated(total)
    value, bits = (cell, width - 1) if cell < short else (cell + short, width)
    if dart.number < UNARY_LIMIT:
        value = (value << (dart.number + 1)) | ((1 << (dart.number + 1)) - 2)
        bits += dart.number + 1
    else:
        value = (value << UNARY_LIMIT) | ((1 << UNARY_LIMIT) - 1)
        value = (value << NUMBER_BITS) | dart.number
        bits += UNARY_LIMIT + NUMBER_BITS
    size = -(-bits // 8)
    return (value << (8 * size - bits)).to_bytes(size), bits


def decode_dart(n: int, payload: bytes) -> Dart:
    """The dart that has a code.

    Raises
    ------
    ProtocolError
        No dart of n items has it.
    """
    counts = cells(n)
    width, short = _truncated(sum(counts))
    bits = _Bits(payload)
    cell = bits.take(width - 1) if width else 0
    if cell >= short:
        cell = 2 * cell + bits.take(1) - short
    number = 0
    while number < UNARY_LIMIT and bits.take(1):
        number += 1
    if number == UNARY_LIMIT:
        number = bits.take(NUMBER_BITS)
        if number < UNARY_LIMIT:
            raise ProtocolError("message 0 names no dart: a small number in the long code")
    bits.end()
    for tier, count in enumerate(counts):
        if cell < count:
            return Dart(tier, cell, number)
        cell -= count
    raise ProtocolError("message 0 names no dart: the cell is none")


def _truncated(total: int) -> tuple[int, int]:
    """Of a truncated binary code of `total` >= 2 words: the longer length, and how many words are one bit shorter."""
    width = (total - 1).bit_length()
    return width, (1 << width) - total


class _Bits:
    """Reads bits, the highest of the first byte first."""

    def __init__(self, payload: bytes) -> None:
        self._value, self._left = int.from_bytes(payload), 8 * len(payload)

    def take(self, count: int) -> int:
        if count > self._left:
            raise ProtocolError("message 0 names no dart: it is truncated")
        self._left -= count
        taken = self._value >> self._left
        self._value &= (1 << self._left) - 1
        return taken

    def end(self) -> None:
        if self._left >= 8 or self._value:
            raise ProtocolError("message 0 names no dart: it is too long")
