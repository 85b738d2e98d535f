"""How often drafts are accepted, by drafter and by rule, on real next-token distributions: the tables of docs/guides.

    python examples/acceptance.py
    python examples/acceptance.py --draws 2000

The first table is of single tokens: means over the 192 positions of the shipped file, exact where a formula is known; K
drafts are measured beside the bound of the list matching lemma (in brackets). The second is of K draft sequences of
four tokens: tokens per call of the target, with both kinds of `verify_list`.

- shared noise: drafter and target race with the same clocks, and a draft is accepted if it is the target's own draw
- K drafts: the same with K streams, the target by the smallest clock over them (`verify_list`)
- ratio test: the standard rule with fresh randomness, 1 - D; the text depends on the drafter
- greedy drafts: the drafter's most likely token against the target's own draw
- own noise: the drafter samples with noise of its own, against the target's own draw
"""

import argparse

import numpy as np

import pycouple
from pycouple import speculative, theory
from pycouple.cli import distributions

DRAFTS = (2, 4, 8)
LENGTH = 4  # tokens per draft sequence
VOCABULARY = 49_152


def acceptance(p: np.ndarray, q: np.ndarray, seed: int, draws: int) -> dict[str, float]:
    """Of one position, with p the drafter's distribution and q the target's."""
    steps = np.arange(draws)
    found = {
        "shared noise": float(theory.agreement(p, q)),
        "ratio test": float(theory.agreement(p, q, "optimal")),
        "greedy drafts": float(q[np.argmax(p)] / q.sum()),
        "own noise": float((p * q).sum() / (p.sum() * q.sum())),
    }
    drafts = pycouple.sample(p, seed, steps[:, np.newaxis], stream=range(max(DRAFTS)))
    for k, bound in zip(DRAFTS, theory.list_agreement_bound(p, q, DRAFTS), strict=True):
        tokens = speculative.list_target(q, seed, steps, range(k))
        found[f"{k} drafts"] = float((drafts[:, :k] == tokens[:, np.newaxis]).any(axis=1).mean())
        found[f"bound of {k}"] = float(bound)
    return found


def logits_of(party: distributions.Distributions) -> np.ndarray:
    """Logits [positions, vocabulary]."""
    return np.log(distributions.over_vocabulary(party, VOCABULARY)).astype(np.float32)


def tokens_per_call(p: np.ndarray, q: np.ndarray, count: int, invariance: str, repeats: int) -> float:
    """Drafts at every fifth position of each prompt's 64, for positions that do not depend on the drafts."""
    made = []
    for start in (prompt + block for prompt in (0, 64, 128) for block in range(0, 60, LENGTH + 1)):
        for seed in range(repeats):
            here = np.arange(start, start + LENGTH)
            drafts = speculative.draft(p[here], seed, here, stream=np.arange(count)[:, np.newaxis])
            target = q[start : start + LENGTH + 1]
            made.append(
                len(speculative.verify_list(drafts, [target] * count, seed, start, invariance=invariance).tokens)
            )
    return float(np.mean(made))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=500, help="draws per position (default: 500)")
    draws = parser.parse_args().draws
    if draws < 1:
        parser.error("--draws must be positive")
    target, drafters = distributions.load()
    print(
        "| drafter | shared noise | "
        + " | ".join(f"{k} drafts" for k in DRAFTS)
        + " | ratio test | greedy drafts | own noise |"
    )
    print("| --- " * (5 + len(DRAFTS)) + "|")
    for name, drafter in drafters.items():
        rows: list[dict[str, float]] = []
        for row in range(len(target.rest)):
            q, p = distributions.pair(target, drafter, row)
            rows.append(acceptance(p, q, pycouple.seed_from("acceptance", row), draws))
        mean = {key: np.mean([found[key] for found in rows]) for key in rows[0]}
        lists = [f"{mean[f'{k} drafts']:.3f} ({mean[f'bound of {k}']:.3f})" for k in DRAFTS]
        rest = [f"{mean[key]:.3f}" for key in ("ratio test", "greedy drafts", "own noise")]
        print(f"| {name} | {mean['shared noise']:.3f} | " + " | ".join(lists + rest) + " |")

    repeats = max(1, draws // 50)
    print(f"\n| tokens per call, drafts of {LENGTH} | K = 1 |" + "".join(f" K = {k} |" for k in DRAFTS))
    print("| --- " * (2 + len(DRAFTS)) + "|")
    q = logits_of(target)
    for name, drafter in drafters.items():
        p = logits_of(drafter)
        for invariance in ("strong", "conditional"):
            made = [tokens_per_call(p, q, k, invariance, repeats) for k in (1, *DRAFTS)]
            print(f"| {name}, {invariance} |" + "".join(f" {number:.2f} |" for number in made))


if __name__ == "__main__":
    main()
