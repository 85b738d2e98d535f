"""Coupled draws: the race over weights and over logits, and weighted MinHash, in batches.

Every draw is a pure function of the distribution and of (seed, step, stream); `docs/contract.md` and `docs/minhash.md`
write it down to the bit. The argument types, broadcasting and errors are those of `sample`, everywhere.

An array may be a NumPy array, a list, a torch tensor, or any object with ``__dlpack__`` or ``__array__``. Its memory is
read where it is if that is on the host and of a type that the core reads: float16, bfloat16 (of torch or ml_dtypes),
float32 and float64, strided and read-only too. Tensors on a device are copied to the host first (`pycouple.torch` draws
on CUDA devices). Results are NumPy arrays.

Other real types are cast, float8 to float32 and the rest to float64. Weights and logits that are integers,
`numpy.longdouble`, `fractions.Fraction` or `decimal.Decimal` are refused where no double equals a number, since two
that differ could become one; a temperature becomes the nearest double. Lists may hold arrays and tensors. Iterators,
generators and views of a dict are read once, to their end.

What would be lost silently is refused: masks, at any depth of a list; the order of a set; the keys of a dict; labels of
pandas and xarray where those of two arguments that are paired differ.
"""

from pycouple.sampling.logits import race_logits, sample_logits
from pycouple.sampling.results import Race, Winner
from pycouple.sampling.weights import couple, race_weights, sample

__all__ = [
    "Race",
    "Winner",
    "couple",
    "race_logits",
    "race_weights",
    "sample",
    "sample_logits",
]
