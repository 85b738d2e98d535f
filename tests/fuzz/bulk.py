"""Many tiny rows at once: one kernel against itself at another level, and against the kernel of a wider type."""

import numpy as np

from pycouple import _core
from tests.fuzz.inputs import COUNTS, MASKS, POISON, PROBABILITIES, TEMPERATURES, chance, choice
from tests.support import oracle_kept
from tests.support.bfloat16 import truncated, widened

LARGEST = 80  # items of a row
NUMBERS = 2_000_000  # in a batch
KINDS = 9
DRAWS = 10  # from each row, with keys of its own each time: making the rows takes longer
SAMPLED = 2  # rows of a draw that the oracle reads
OF_LOGITS = ("sample_logits", "race_logits", "sample_kept_logits", "race_kept_logits")
OF_WEIGHTS = ("sample_weights", "race_weights", "sample_minhash", "sample_kept_weights")


def rows(rng, count, n, dtype, weights):
    """Rows of every kind, made all at once: a row's kind is its number modulo KINDS."""
    wide = rng.standard_normal((count, n))
    with np.errstate(all="ignore"):
        kind = np.arange(count) % KINDS
        scale = 10.0 ** rng.uniform(-40, 40, (count, 1))
        wide *= np.where((kind == 1)[:, None], scale, 3)
        wide[kind == 2] = np.round(wide[kind == 2])  # ties
        wide[kind == 3] = wide[kind == 3, :1]  # all alike
        wide[kind == 4] *= 1e-310  # subnormal
        masked = (rng.random((count, n)) < 0.6) & ((kind == 5) | (kind == 6))[:, None]
        wide[masked] = np.where(kind == 5, choice(rng, MASKS), -np.inf)[masked.nonzero()[0]]
        wide[kind == 7] = -np.inf  # one alone
        wide[kind == 7, int(rng.integers(n))] = 3
        near = 1 + rng.integers(-2, 3, ((kind == 8).sum(), n)) * np.finfo(dtype).eps
        wide[kind == 8] = choice(rng, (1e4, -1e9, 2.0**40, 1e-3)) * near  # neighbours in the type
        if weights:
            top = wide.max(axis=1, keepdims=True)
            wide = np.exp(wide - np.where(np.isfinite(top), top, 0)) * 10.0 ** rng.uniform(-40, 4, (count, 1))
        x = np.clip(wide, -np.inf, float(np.finfo(dtype).max)).astype(dtype)
        bad = rng.integers(count, size=count // 1000)
        poison = np.array(POISON).astype(dtype)
        x[bad, rng.integers(n, size=len(bad))] = poison[rng.integers(len(POISON), size=len(bad))]
    return x


class Batch:
    """Rows of weights or of logits, to be drawn from many times."""

    def __init__(self, rng, most):
        self.rng = rng
        self.logits = chance(rng, 0.5)
        self.n = int(rng.integers(1, LARGEST + 1))
        self.count = max(1, min(most, NUMBERS // self.n))
        self.kind = choice(rng, ("float16", "bfloat16", "float32", "float64"))
        self.x = rows(rng, self.count, self.n, "float32" if self.kind == "bfloat16" else self.kind, not self.logits)
        if self.kind == "bfloat16":
            self.x = truncated(self.x)

    def keys(self, operation):
        """Seeds, steps, streams, temperatures and what is kept, of each row its own."""
        rng, count = self.rng, self.count
        keys = [rng.integers(limit, size=count, dtype=np.uint64) for limit in (2**64, 2**64, 256)]
        if self.logits:
            temperature = np.array(TEMPERATURES)[rng.integers(len(TEMPERATURES), size=count)]
            common = np.array([1.0, 0.7, 1.3, 2.0])[rng.integers(4, size=count)]
            keys.insert(2, np.where(rng.random(count) < 0.5, common, temperature))
        if "kept" in operation:
            kept = [np.array(x)[rng.integers(len(x), size=count)] for x in (COUNTS, PROBABILITIES, PROBABILITIES)]
            kept[2][rng.random(count) < 0.5] = 0
            keys[-1:-1] = kept
        return [*keys, np.uint64(64 * int(rng.integers(2**25)))]

    def wide(self):
        """The same rows in a wider type."""
        if self.kind == "bfloat16":
            return widened(self.x)
        with np.errstate(invalid="ignore"):
            return self.x.astype(np.float32 if self.kind == "float16" else np.float64)

    def drawn(self, operation, keys, level, wide):
        """What a kernel draws at a level, from the rows or from those of a wider type."""
        name = operation if wide or self.kind != "bfloat16" else f"{operation}_bf16"
        before = _core.current_level()
        _core.use_level(level)
        try:
            with np.errstate(invalid="ignore"):
                found = getattr(_core, name)(self.wide() if wide else self.x, *keys)
        finally:
            _core.use_level(before)
        return found if isinstance(found, tuple) else (found,)

    def slow(self, i, keys):
        """The oracle's answer for a row, in the order of `drawn`."""
        x = self.x[i]
        x = widened(x) if self.kind == "bfloat16" else x
        seed, step, *given, stream, offset = (int(keys[-1]) if key is keys[-1] else key[i].item() for key in keys)
        temperature = [given.pop(0)] if self.logits else []
        k, p, m = given or (0, 1.0, 0.0)
        with np.errstate(all="ignore"):
            slow = oracle_kept.draw if self.logits else oracle_kept.draw_weights
            found = slow.__wrapped__(x, seed, step, stream, *temperature, max(k, 0), p, m, offset)
        return found if self.logits else (found,)

    def wrong(self, levels):
        """What is wrong with one draw from each row, in words, or None."""
        rng = self.rng
        operation = choice(rng, OF_LOGITS if self.logits else OF_WEIGHTS)
        keys = self.keys(operation)
        first, second = choice(rng, levels), choice(rng, levels)
        wide = first == second or chance(rng, 0.2)
        what = f"{operation} of {self.count} {self.kind} rows of {self.n}"
        got = self.drawn(operation, keys, first, False)
        for a, b in zip(got, self.drawn(operation, keys, second, wide), strict=True):
            different = a.view(np.uint64) != b.view(np.uint64)
            if different.any():
                i = int(different.argmax())
                other = f"{second}{', of a wider type,' if wide else ''}"
                return f"{what}: row {i} is {a[i]} at level {first}, {b[i]} at level {other}"
        if operation == "sample_minhash":
            return None
        for i in rng.integers(self.count, size=SAMPLED).tolist():
            found = tuple(part[i].item() for part in got)
            if found[0] >= 0 and any(a != b for a, b in zip(found, self.slow(i, keys), strict=False)):
                return f"{what}: row {i} is {found} at level {first}, {self.slow(i, keys)} by the oracle"
        return None


def check(seed, number, most):
    """The calls and rows of one batch of `most` rows or fewer, and what is wrong with them, in words, or None."""
    levels = [name for name, runs in _core.levels().items() if runs]
    batch = Batch(np.random.default_rng([seed, number, 2]), most)
    found = (batch.wrong(levels) for _ in range(DRAWS))
    return DRAWS, DRAWS * batch.count, next((wrong for wrong in found if wrong is not None), None)
