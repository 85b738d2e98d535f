"""The claims that `pycouple reproduce` shows: what each says, who says it, and how much is drawn to see it.

It imports nothing heavy, for the help of the command.
"""

from typing import NamedTuple


class Claim(NamedTuple):
    """One claim: what it says, who says it, and how much is drawn to see it."""

    title: str
    text: str
    paper: str
    draws: int
    unit: str

    def amount(self, draws: int) -> str:
        """How much was drawn, in words."""
        return f"{draws:,} {self.unit}" if draws > 1 else f"1 {self.unit.replace('s ', ' ', 1)}"


DALIRI = "2408.07978"
ROWAN = "2506.05632"
PAPERS = {
    DALIRI: "Daliri, Musco and Suresh",
    ROWAN: "Rowan, Phan and Khisti",
}

CLAIMS = {
    "agreement": Claim(
        "Agreement of a language model and its drafters",
        "Two parties that share a seed and send nothing can agree with probability at least (1 - D) / (1 + D), where "
        "D is the total variation distance of their distributions: the Gumbel race and weighted MinHash do, for every "
        "pair, and the race agrees at least as often as MinHash. With a few bits sent they can agree with probability "
        "1 - D, and nothing can do better.",
        DALIRI,
        2000,
        "draws of each party per drafter, position and method; a fifth as many runs of the protocol, at least 1",
    ),
    "pareto": Claim(
        "The Gumbel race is never below weighted MinHash",
        "For every pair of distributions (1 - D) / (1 + D) <= weighted MinHash <= Gumbel race <= 1 - D: no pair makes "
        "MinHash the better choice. So the race is ahead by D (1 - D) / (1 + D) at most.",
        DALIRI,
        20_000,
        "random pairs per family",
    ),
    "sharpness": Claim(
        "No protocol without communication promises more than (1 - D) / (1 + D)",
        "Take the n distributions that are uniform on all items but one: any two have D = 1 / (n - 1). Once the shared "
        "randomness is fixed, a protocol without communication is a rule that gives each distribution an item, one "
        "rule for both parties if equal distributions are always to agree. Each item is left out by one distribution, "
        "so at most n - 1 of them get the same item, and at most (n - 1) (n - 2) of the n (n - 1) ordered pairs agree. "
        "So on the average pair, and on the worst, no protocol is above (n - 2) / n = (1 - D) / (1 + D); on single "
        "pairs it may be. The Gumbel race and weighted MinHash reach the bound on every pair.",
        DALIRI,
        20_000,
        "random pairs per number of items, each with one draw of each party by each protocol",
    ),
    "bits": Claim(
        "A few bits make the coupling optimal",
        "Parties that exchange O(log(n / epsilon)) bits agree with probability 1 - D - epsilon. Nothing need be "
        "given up: pycouple's protocol agrees with probability 1 - D exactly, for log2 n and about 3 to 10 bits in "
        "expectation, headers apart: at most protocol.expected_bits_bound(n).",
        DALIRI,
        2000,
        "runs of the protocol per point",
    ),
    "list": Claim(
        "More drafts are accepted more often",
        "K drafts from p, each from a stream of its own, against one draw from q by the smallest clock over these "
        "streams: some draft is right with probability at least "
        "sum_j K / (sum_i max(q_i / q_j, p_i / p_j) + (K - 1) / q_j), exactly so for K = 1.",
        ROWAN,
        400,
        "draws of each draft and of the target per drafter, position and K",
    ),
}
