"""Coupled sampling without communication.

Two parties hold different distributions over the same items and share only a seed. Each draws one item without a
message, and the draws agree about as often as theory allows. Draws are the same bits on every machine and cost about
what an argmax costs.

>>> import pycouple
>>> alice = pycouple.sample([0.5, 0.3, 0.2], seed=7)
>>> bob = pycouple.sample([0.4, 0.4, 0.2], seed=7)
>>> int(alice), int(bob)
(1, 1)

The source is Daliri, Musco and Suresh, *Coupling without Communication and Drafter-Invariant Speculative Decoding*
(arXiv 2408.07978).
"""

from pycouple import _level, protocol, speculative, theory, ufuncs  # noqa: F401 (_level before all others)
from pycouple._config import __version__, get_include, show_config
from pycouple.kept import kept_terms
from pycouple.randomness import clocks, gumbels, seed_from, uniforms
from pycouple.sampling import Race, Winner, couple, race_logits, race_weights, sample, sample_logits
from pycouple.sketches import EMPTY, Similarity, Sketch, Sketcher, similarity, similarity_matrix, sketch

__all__ = [
    "EMPTY",
    "Race",
    "Similarity",
    "Sketch",
    "Sketcher",
    "Winner",
    "__version__",
    "clocks",
    "couple",
    "get_include",
    "gumbels",
    "kept_terms",
    "protocol",
    "race_logits",
    "race_weights",
    "sample",
    "sample_logits",
    "seed_from",
    "show_config",
    "similarity",
    "similarity_matrix",
    "sketch",
    "speculative",
    "theory",
    "ufuncs",
    "uniforms",
]
