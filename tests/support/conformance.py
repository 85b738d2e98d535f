"""The rows of the conformance driver (tests/conformance/rows.c), written once more, and the hash of its results."""

import numpy as np

RECIPES = ("SPREAD", "SKEWED", "MASKED", "MASKED_1E9", "MASKED_LEAST", "TIES", "GIANT", "SUBNORMAL", "ZEROS", "EQUAL")
RECIPES += ("ONE", "NONE", "BAD")
# bytes, bits of the fraction, bias of the exponent; in the order of pc_kind
FORMATS = {"float16": (2, 10, 15), "bfloat16": (2, 7, 127), "float32": (4, 23, 127), "float64": (8, 52, 1023)}
KINDS = tuple(FORMATS)
MASK = 2**64 - 1


def mix(z):
    z = z + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return z ^ z >> np.uint64(31)


def words(a, b):
    """Words b of the numbered sequence a, uint64."""
    with np.errstate(over="ignore"):
        return mix(mix(np.uint64(a)) + np.asarray(b, np.uint64))


def bits_of_row(kind, logits, recipe, n):
    """The bits of a row of n items, uint64."""
    size, fraction, bias = FORMATS[kind]
    number_of_row = (n * len(RECIPES) + RECIPES.index(recipe)) * 4 + KINDS.index(kind)
    w = words(number_of_row, np.arange(n))
    low = w & np.uint64(1)

    def part(shift, mask):
        return (w >> np.uint64(shift) & np.uint64(mask)).astype(np.int64)

    def number(negative, exponent, of_fraction):
        field = np.clip(np.asarray(exponent) + bias, 0, 2 * bias).astype(np.uint64)
        sign = np.asarray(negative, np.uint64) << np.uint64(8 * size - 1)
        return sign | field << np.uint64(fraction) | np.asarray(of_fraction, np.uint64) >> np.uint64(64 - fraction)

    infinity = (2 * bias + 1) << fraction
    signs = low << np.uint64(8 * size - 1)
    sign = low if logits else 0
    spread = number(sign, part(1, 7) - 4, w)
    nothing = infinity | 1 << (8 * size - 1) if logits else signs
    masked = part(4, 3) != 0
    chosen = np.arange(n) == int(words(number_of_row, MASK)) % n
    if recipe == "BAD":
        bad = infinity | 1 << (fraction - 1) if n % 2 else infinity if logits else number(1, 0, 0)
        row = np.where(chosen, np.uint64(bad), spread)
    else:
        row = {
            "SPREAD": lambda: spread,
            "SKEWED": lambda: number(int(logits), -part(1, 31), w),
            "MASKED": lambda: np.where(masked, nothing, spread),
            "MASKED_1E9": lambda: np.where(masked, number(1, 29, 0xDCD65 << 44) if logits else 1, spread),
            "MASKED_LEAST": lambda: np.where(
                masked, number(1, bias, MASK) if logits else number(0, 1 - bias, 0), spread
            ),
            "TIES": lambda: number(0, 0, 1 << 63) | w >> np.uint64(1) & np.uint64(1),
            "GIANT": lambda: number(sign, bias - part(1, 3), w),
            "SUBNORMAL": lambda: number(sign, -bias, w),
            "ZEROS": lambda: np.where(part(1, 15) == 0, spread, signs),
            "EQUAL": lambda: np.broadcast_to(number(0, 0, 0), n),
            "ONE": lambda: np.where(chosen, spread, nothing),
            "NONE": lambda: np.broadcast_to(np.asarray(nothing, np.uint64), n),
        }[recipe]()
    return row.astype(np.uint64)


def make_row(kind, logits, recipe, n, layout=0):
    """A row; bfloat16 as its bits in uint16. Of the driver's layouts only the last one changes values."""
    bits = bits_of_row(kind, logits, recipe, n)
    if layout == 5:  # one item for all
        bits = np.full(n, bits[0])
    row = bits.astype(f"u{FORMATS[kind][0]}")
    return row if kind == "bfloat16" else row.view(kind)


def fnv(numbers):
    """FNV-1a of 64 bits over the eight bytes of each number, the lowest first, as the driver prints it."""
    state = 0xCBF29CE484222325
    for byte in np.asarray(numbers, "<u8").tobytes():
        state = (state ^ byte) * 0x100000001B3 & MASK
    return f"{state:016x}"


def numbers_of(x):
    """What is hashed of an array: integers as they are, doubles as their bits, with one NaN."""
    x = np.asarray(x)
    if x.dtype == np.float64:
        return np.where(np.isnan(x), np.uint64(0x7FF8 << 48), x.view(np.uint64))
    return x.astype(np.int64).view(np.uint64) if x.dtype.kind == "i" else x.astype(np.uint64)
