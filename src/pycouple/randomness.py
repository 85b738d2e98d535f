"""The public randomness itself: seeds from names, and clocks, Gumbel values and uniforms by random access."""

from typing import Any

import numpy as np
import numpy.typing as npt

from pycouple import _core, ufuncs
from pycouple._arguments import STREAM_LIMIT, unsigned
from pycouple._shapes import broadcast_shape

Reals = npt.NDArray[np.float64]


def clocks(seed: npt.ArrayLike, step: npt.ArrayLike, items: npt.ArrayLike, *, stream: npt.ArrayLike = 0) -> Reals:
    """Exp(1) clocks E_i of the race.

    Parameters
    ----------
    seed, step : array_like of int
        In 0..2**64 - 1. In text `step` is the position of the token being predicted.
    items : array_like of int
        In 0..2**34 - 1, in any order: each clock costs two hashes, however many items there are.
    stream : array_like of int, default 0
        In 0..255.

    Returns
    -------
    ndarray of float64
        Of the arguments' broadcast shape, in (0, 24). Bit-identical on every machine (race version 1).

    Raises
    ------
    ValueError
        A number is out of range; shapes do not broadcast.
    TypeError
        An argument is not of an integer type.

    Notes
    -----
    `sample` draws the item with the smallest ``clocks(...)[i] / weights[i]`` (once the weights are scaled, so that the
    largest is near 1), so a party that knows only a few candidates can race just those.

    Examples
    --------
    >>> pycouple.clocks(7, 0, [0, 1, 2]).round(6)
    array([1.553171, 0.243205, 2.575401])
    """
    return _random(ufuncs.clock, seed, step, items, stream, _core.RACE_ITEMS)


def gumbels(seed: npt.ArrayLike, step: npt.ArrayLike, items: npt.ArrayLike, *, stream: npt.ArrayLike = 0) -> Reals:
    """Gumbel(0, 1) values -ln(E_i) of the race, in nats.

    Parameters, errors and guarantees are those of `clocks`. ``argmax(logits / temperature + gumbels)`` is what
    `sample_logits` draws, bit for bit, for float64 logits: widen others first, as it does.

    Returns
    -------
    ndarray of float64
        Of the arguments' broadcast shape.

    Examples
    --------
    >>> logits = np.array([1.0, 2.0, 0.5])
    >>> int(np.argmax(logits + pycouple.gumbels(7, 0, np.arange(3))))
    1
    """
    return _random(ufuncs.gumbel, seed, step, items, stream, _core.RACE_ITEMS)


def uniforms(seed: npt.ArrayLike, step: npt.ArrayLike, items: npt.ArrayLike, *, stream: npt.ArrayLike = 0) -> Reals:
    """Independent uniforms on (0, 1), a stream of their own: not those behind the clocks.

    Parameters, errors and guarantees are those of `clocks`, but items are in 0..2**32 - 1.

    Returns
    -------
    ndarray of float64
        Of the arguments' broadcast shape; odd multiples of 2**-53, never 0 or 1.

    Examples
    --------
    >>> pycouple.uniforms(7, 0, [0, 1, 2]).round(6)
    array([0.662647, 0.290815, 0.882231])
    """
    return _random(ufuncs.uniform, seed, step, items, stream, _core.UNIFORM_ITEMS)


def seed_from(*parts: str | bytes | int) -> int:
    """A seed from names: what two parties can agree on in words.

    Parameters
    ----------
    *parts : str, bytes or int
        At least one. Order, type and boundaries count: ("ab", "c"), ("a", "bc") and (b"ab", "c") differ.

    Returns
    -------
    int
        In 0..2**64 - 1. The same for the same parts on every machine and in every release.

    Raises
    ------
    TypeError
        There is no part, or one is of another type.

    Notes
    -----
    BLAKE2b (RFC 7693) with an 8-byte digest and the personalization ``pycouple-seed-1``, read as a little-endian
    integer. The message is, for each part, one letter for its type (s, b or i), the payload's length as 8 bytes
    (little-endian), and the payload: UTF-8, the bytes, or the integer in two's complement, little-endian, in
    ``bit_length() // 8 + 1`` bytes.

    Whoever can guess all parts has the seed. With 16 or more secret random bytes among them (``secrets.token_bytes``)
    it is as hard to find as 64 bits can be, and tells nothing of those bytes.

    Examples
    --------
    >>> pycouple.seed_from("chat", 42)
    14630442295478733644
    """
    if not parts:
        raise TypeError("seed_from needs at least one part")
    import hashlib  # several milliseconds, which most imports of pycouple need not spend

    digest = hashlib.blake2b(digest_size=8, person=b"pycouple-seed-1")
    for part in parts:
        if isinstance(part, str):
            kind, payload = b"s", part.encode()
        elif isinstance(part, bytes):
            kind, payload = b"b", part
        elif isinstance(part, int | np.integer) and not isinstance(part, bool):
            number = int(part)
            kind, payload = b"i", number.to_bytes(number.bit_length() // 8 + 1, "little", signed=True)
        else:
            raise TypeError(f"a part of a seed must be str, bytes or int, got {type(part).__name__}")
        digest.update(kind + len(payload).to_bytes(8, "little") + payload)
    return int.from_bytes(digest.digest(), "little")


def _random(ufunc: np.ufunc, seed: Any, step: Any, items: Any, stream: Any, limit: int) -> Reals:
    arguments = (
        unsigned(seed, "seed"),
        unsigned(step, "step"),
        unsigned(stream, "stream", STREAM_LIMIT),
        unsigned(items, "items", limit),
    )
    try:
        values: Reals = _core.call(ufunc, 1, arguments, {})[0]
    except ValueError:
        broadcast_shape({name: a.shape for name, a in zip(("seed", "step", "stream", "items"), arguments, strict=True)})
        raise
    return values
