"""The coupling of two parties that may talk: Pr[a = b] = 1 - D exactly, for about log2 n bits.

`Alice` holds p, `Bob` holds q, and both read the same public darts: points (item, height), one after the other, evenly
on items x [0, 1). They are those of `pycouple.sample` with ``method="minhash"``, found as fast. Alice sends the name of
her first dart under p. Bob takes it if it is under q. Otherwise he takes a dart that is under q and certainly not under
p: one that came before hers, or one of fresh darts, of which Alice marks those that may be under p.

The samples have the distributions p and q, and no coupling agrees more often. With ``epsilon=`` a run has a bounded
length, and agreement is at least 1 - D - epsilon. docs/how/protocol.md has the proofs, what a run costs and its limits;
docs/protocol.md fixes every bit of the darts and of the messages, version 1.

The theorem is that of Daliri, Musco and Suresh (arXiv 2408.07978); marks and the bounded variant are pycouple's.
"""

from pycouple.protocol.bounds import expected_bits_bound, rounds, worst_case_bits
from pycouple.protocol.conversation import Run, run
from pycouple.protocol.messages import ProtocolError
from pycouple.protocol.parties import Alice, Bob

__all__ = ["Alice", "Bob", "ProtocolError", "Run", "expected_bits_bound", "rounds", "run", "worst_case_bits"]
