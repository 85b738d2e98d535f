"""Near-duplicate search in real texts: sketches of pycouple in the LSH index of datasketch.

Which licence texts of the Python packages installed here are nearly the same? A text is a weighted set: its items are
three words in a row, the weight of an item is how often it occurs. From sketches, 2 KiB per text, the index proposes
the few pairs that are worth a look, and `similarity` estimates their weighted Jaccard similarity. The exact one is
printed next to it.

    pip install 'pycouple[lsh]'
    python examples/near_duplicates.py                          # licences, and the documentation of pycouple
    python examples/near_duplicates.py --threshold 0.6
    python examples/near_duplicates.py ~/notes/*.txt            # texts of your own
"""

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterator
from importlib import metadata
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np

import pycouple

try:
    from datasketch import MinHashLSH, WeightedMinHash
except ImportError as error:
    sys.exit(f"{error}: pip install 'pycouple[lsh]'")

K = 256  # registers per text: a similarity J has a standard error of sqrt(J (1 - J) / K), at most 0.031
SEED = pycouple.seed_from("near duplicates")
SHOWN = 4  # texts of a group, those nearest to the first


class Pair(NamedTuple):
    """Two similar texts, the one that came first in front."""

    first: str
    second: str
    estimate: float
    error: float
    exact: float


def terms_of(text: str) -> Counter[str]:
    """Every three words in a row, and how often they occur."""
    words = re.findall(r"\w+", text.lower())
    return Counter(map(" ".join, zip(words, words[1:], words[2:], strict=False)))


def sketch(terms: Counter[str]) -> pycouple.Sketch:
    """K registers. Ids are 64-bit hashes (BLAKE2b), so texts on different machines need no common vocabulary."""
    ids = np.array([pycouple.seed_from(term) for term in terms], np.uint64)
    return pycouple.sketch(list(terms.values()), K, SEED, ids=ids, method="minhash")


def search(texts: dict[str, str], threshold: float) -> tuple[list[Pair], int]:
    """Pairs of texts whose estimated similarity reaches the threshold, and how many pairs the index proposed."""
    terms = {name: terms_of(text) for name, text in texts.items()}
    sketches = {name: sketch(counts) for name, counts in terms.items() if counts}
    # The index proposes texts that agree in all registers of one of its bands. Better too many than to miss some, as
    # estimates are cheap: hence these weights of false positives and false negatives.
    index = MinHashLSH(threshold, K, weights=(0.1, 0.9))
    pairs, proposed = [], 0
    for name, own in sketches.items():
        signature = WeightedMinHash(SEED, own.registers)  # as they are: datasketch hashes nothing
        for earlier in sorted(index.query(signature)):
            proposed += 1
            estimate, error = pycouple.similarity(sketches[earlier], own)
            if estimate >= threshold:
                a, b = terms[earlier], terms[name]  # & takes the smaller count of each term, | the larger one
                pairs.append(Pair(earlier, name, float(estimate), float(error), (a & b).total() / (a | b).total()))
        index.insert(name, signature)
    return pairs, proposed


def groups_of(pairs: list[Pair]) -> dict[str, list[Pair]]:
    """Groups by the text that leads them: a text joins the most similar leader before it, or leads itself."""
    groups: dict[str, list[Pair]] = {}
    members: set[str] = set()
    for name, found in groupby(pairs, key=lambda pair: pair.second):
        leaders = [pair for pair in found if pair.first not in members]
        if leaders:
            nearest = max(leaders, key=lambda pair: pair.estimate)
            groups.setdefault(nearest.first, []).append(nearest)
            members.add(name)
    return groups


def licences() -> Iterator[tuple[str, Path]]:
    """Names and paths of the licence texts that installed packages ship."""
    for package in metadata.distributions():
        for file in package.files or ():
            path = Path(str(file.locate()))
            if path.name.startswith(("LICENSE", "LICENCE", "COPYING")) and path.suffix != ".py" and path.is_file():
                yield f"{package.name}: {str(file).split('.dist-info/')[-1]}", path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, help="texts to compare (default: licences found here)")
    parser.add_argument("--threshold", type=float, default=0.8, help="least similarity of a pair (default: 0.8)")
    arguments = parser.parse_args()
    if not 0 < arguments.threshold < 1:
        parser.error("--threshold must be between 0 and 1")
    docs = Path(__file__).parents[1].glob("docs/*.md")
    files = [(str(path), path) for path in arguments.files]
    files = files or sorted([*licences(), *((f"pycouple: docs/{path.name}", path) for path in docs)])
    names = {path.read_text(encoding="utf-8", errors="replace"): name for name, path in files}  # the same text: once
    texts = {name: text for text, name in names.items()}

    pairs, proposed = search(texts, arguments.threshold)
    print(f"{len(texts)} texts. Of {len(texts) * (len(texts) - 1) // 2} pairs the index proposes {proposed};")
    print(f"{len(pairs)} of those have an estimated similarity of at least {arguments.threshold:g}.")
    for leader, group in groups_of(pairs).items():
        print(f"\n{leader}\n  estimate        exact")
        for pair in sorted(group, key=lambda pair: -pair.estimate)[:SHOWN]:
            print(f"  {pair.estimate:.3f} ± {pair.error:.3f}   {pair.exact:.3f}   {pair.second}")
        if len(group) > SHOWN:
            print(f"  and {len(group) - SHOWN} more")


if __name__ == "__main__":
    main()
