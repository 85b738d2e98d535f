"""The coupling of two parties that may talk: Pr[a = b] = 1 - D exactly, for about log2 n bits.

`Alice` holds p, `Bob` holds q, and both read the same public darts: points (item, height), one after the other, evenly
on items x [0, 1]. They are those of `pycouple.sample` with ``method="minhash"``, found as fast.

1. Alice takes her first dart under p and sends its name. It is any point under p with equal chance, so a ~ p.
2. If it is under q, which has probability sum_i min(p_i, q_i) = 1 - D, Bob takes it too.
3. Otherwise, if a dart under q came before it, that one cannot be under p, since Alice's was her first: he takes it.
4. Otherwise he asks for marks. Both look at fresh darts, of which round w = 0, 1, 2, ... covers ``8 * 2**w`` under p in
   expectation. A dart has a public mark, one of as many buckets. Alice sends a bitmap: the buckets of all her darts of
   the round. A dart under q whose bucket is not set is certainly not under p: he takes the first such one, or asks for
   the next round.

**Marginals.** In 3 and 4 Bob takes a dart that is under q and not under p, and which one depends on times and marks
only, not on places: so his item has the distribution (q - p)^+ / D. With step 2, b ~ min(p, q) + (q - p)^+ = q.

**Agreement.** a = b in step 2, and never in 3 and 4, where a is an item with p > q and b one with q > p. So
Pr[a = b] = 1 - D, which is optimal. (Rounding changes a probability by 2**-44 of itself or by 2**-64, whichever is
more.)

**Bits.** The name of a dart is its cell (docs/minhash.md), one of at most 4 n / 3 + 10, and how many darts of that cell
came before it, less than 1 in expectation and sent in unary: ceil(log2(4 n / 3 + 10)) + 2.04 bits at most. Bob answers
with one bit. Step 4 comes when the first dart under p or q is under p alone, with probability D / (1 + D). A bucket
shows Bob a dart with probability exp(-1) (1 - exp(-D)), so M buckets fail with probability
``(1 - exp(-1) * (1 - exp(-D))) ** M``. Summed over the rounds, with a bit for each question, step 4 costs 5.56 bits in
expectation at D = 1 and less for smaller D (3.9 as D goes to 0): `expected_bits_bound` is log2 n + 9.6 for n = 2**k
from 16 on. To propose darts by name until one is not under p would cost up to 2 log2 n and as many messages as
proposals; a bitmap proves what it says without a name.

**Limits.** After 24 rounds, some 1.3e8 darts of each party, Bob gives up with `ProtocolError`. No pair does that with a
probability above 1e-8, by the argument of `rounds`; only D near 1e-8 comes close to it. Such rounds take tens of
seconds, and a party that is not honest can make the other work through them. When D is small step 4 is as rare as D is,
but long: bitmaps of some 4 / D bits. With a large ``epsilon`` it is not.

**Bounded variant.** With ``epsilon=`` there are at most R = `rounds` (epsilon) rounds. The marginals stay exact; what
is given up is agreement, at most epsilon. Let F be the probability that R rounds fail. If Alice's dart is under q but
Bob had one before it, he makes the rounds too, and takes her dart only if they succeed, else his own. If the rounds of
step 4 fail, he draws from q afresh. The first turns a mass of D (1 - D) F / (1 + D) from min(p, q) to (q - p)^+, the
second the same mass back, so b ~ q. And Pr[a = b] = (1 - F) (1 - D) + F m, where m is the agreement of weighted MinHash
(`pycouple.theory.agreement`), which parties reach that do not talk.

The theorem is that of Daliri, Musco and Suresh (arXiv 2408.07978); the marks and the bounded variant are pycouple's.
docs/protocol.md fixes every bit of the darts and of the messages, version 1.
"""

from pycouple.protocol.bounds import expected_bits_bound, rounds, worst_case_bits
from pycouple.protocol.conversation import Run, run
from pycouple.protocol.messages import ProtocolError
from pycouple.protocol.parties import Alice, Bob

__all__ = ["Alice", "Bob", "ProtocolError", "Run", "expected_bits_bound", "rounds", "run", "worst_case_bits"]
