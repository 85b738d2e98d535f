"""Sketches of weighted sets: k registers that two sets share as often as they are similar.

`sketch` makes a `Sketch` of sets in dense rows or in a sparse matrix; a `Sketcher` makes it of one set that comes in
pieces; `similarity` and `similarity_matrix` compare sketches. `docs/minhash.md` fixes every bit of the registers.
"""

from pycouple.sketches.registers import EMPTY, Sketch
from pycouple.sketches.similarities import Similarity, similarity, similarity_matrix
from pycouple.sketches.sketcher import Sketcher
from pycouple.sketches.sketching import sketch

__all__ = ["EMPTY", "Similarity", "Sketch", "Sketcher", "similarity", "similarity_matrix", "sketch"]
