"""A vocabulary split over GPUs, as tensor-parallel models leave it: each rank races its slice, nobody gathers logits.

    torchrun --nproc-per-node 2 examples/split_vocabulary.py
    torchrun --nproc-per-node 2 examples/split_vocabulary.py --rows 64 --items 151936

A slice is raced with its `item_offset`, so all ranks use the clocks of the whole vocabulary. The best score wins, and
the lowest item among equals: two all-reduces of one number per row.

With top-p the ranks also agree on each row's largest logit and on the sum of its integer terms. A winner is kept if the
terms before it, in the order of logits, are less than p times that sum; otherwise it and all after it are out, and what
is before it is raced again. Sums of integers do not depend on how a row is cut: the tokens are those of whole rows.

Rank 0 then draws from whole rows and compares; the exit status says whether every token is the same. NCCL on GPUs, Gloo
on CPUs.

A slice with a NaN or +inf is left out as one that is masked is: check the logits where they are made.
"""

import argparse
import math
import sys
from fractions import Fraction

try:
    import torch
    import torch.distributed as dist
except ImportError as error:
    sys.exit(f"{error}: this example needs PyTorch, pip install torch")

import pycouple
import pycouple.torch

SEED = pycouple.seed_from("split vocabulary")
TEMPERATURE, TOP_P = 0.8, 0.95
NOBODY = 2**63 - 1


def split_race(
    logits: torch.Tensor, seed: int, step: torch.Tensor, item_offset: int, temperature: float = 1.0
) -> torch.Tensor:
    """The tokens of whole rows, the same on every rank; each passes its slice and where in the vocabulary it starts."""
    race = pycouple.torch.race_logits(logits, seed, step, temperature=temperature, item_offset=item_offset, check=False)
    score = torch.where(race.item >= 0, race.score, -torch.inf)  # -1: nothing in this slice can be drawn
    best = score.clone()
    dist.all_reduce(best, dist.ReduceOp.MAX)
    token = torch.where((race.item >= 0) & (score == best), race.item, NOBODY)
    dist.all_reduce(token, dist.ReduceOp.MIN)
    return token


def split_nucleus(
    logits: torch.Tensor, seed: int, step: torch.Tensor, item_offset: int, temperature: float, top_p: float
) -> torch.Tensor:
    """`split_race` of what top-p keeps of the whole rows."""
    top = logits.amax(dim=1)
    dist.all_reduce(top, dist.ReduceOp.MAX)
    terms = pycouple.torch.kept_terms(logits, temperature, top=top.double())
    totals = terms.sum(dim=1)
    dist.all_reduce(totals)
    limits = [max(1, math.ceil(Fraction(top_p) * total)) for total in totals.tolist()]
    limit = torch.tensor(limits, device=logits.device)
    items = item_offset + torch.arange(logits.shape[1], device=logits.device)
    within = logits.clone()
    while True:
        token = split_race(within, seed, step, item_offset, temperature)
        value = torch.where(items == token[:, None], logits, -torch.inf).amax(dim=1)
        dist.all_reduce(value, dist.ReduceOp.MAX)
        before = (logits > value[:, None]) | ((logits == value[:, None]) & (items < token[:, None]))
        terms_before = (terms * before).sum(dim=1)
        dist.all_reduce(terms_before)
        rejected = terms_before >= limit  # the same on every rank
        if not rejected.any():
            return token
        within[rejected] = torch.where(before, within, -torch.inf)[rejected]


def rows_of(count: int, items: int) -> torch.Tensor:
    """Logits that all ranks make alike: normal, the second half masked to some 50 items, the last four with ties."""
    logits = 3 * torch.randn(count, items, generator=torch.Generator().manual_seed(1))
    masked = logits[count // 2 :]
    masked[masked < masked.topk(min(50, items)).values[:, -1:]] = -torch.inf
    logits[-4:] = logits[-4:].clamp(min=-30).round()
    return logits


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=256, help="rows of logits (default: 256)")
    parser.add_argument("--items", type=int, default=50_257, help="size of the vocabulary (default: 50257)")
    options = parser.parse_args()
    cuda = torch.cuda.is_available()
    dist.init_process_group("nccl" if cuda else "gloo")
    rank, ranks = dist.get_rank(), dist.get_world_size()
    if cuda:
        torch.cuda.set_device(rank % torch.cuda.device_count())
    device = "cuda" if cuda else "cpu"

    whole = rows_of(options.rows, options.items)
    width = -(-options.items // (64 * ranks)) * 64  # a slice starts at a multiple of 64
    start = rank * width
    steps = torch.arange(options.rows, device=device)
    part = whole[:, start : start + width].to(device)
    tokens = split_race(part, SEED, steps, start)
    nucleus = split_nucleus(part, SEED, steps, start, TEMPERATURE, TOP_P)

    same = torch.ones(1, dtype=torch.int64, device=device)
    if rank == 0:
        draws = (
            (tokens, pycouple.torch.sample_logits(whole.to(device), SEED, steps)),
            (
                nucleus,
                pycouple.torch.sample_logits(whole.to(device), SEED, steps, temperature=TEMPERATURE, top_p=TOP_P),
            ),
        )
        equal, kept = (int((found == wanted).sum()) for found, wanted in draws)
        print(f"{options.rows} rows of {options.items} items on {ranks} ranks over {dist.get_backend()}:", end=" ")
        print(f"{equal} tokens, and {kept} with top-p {TOP_P}, are those of the whole rows")
        same[0] = equal == kept == options.rows
    dist.broadcast(same, 0)
    dist.barrier()
    dist.destroy_process_group()
    sys.exit(0 if same.item() else 1)


if __name__ == "__main__":
    main()
