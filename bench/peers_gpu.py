"""The peers of bench_gpu.py: the Gumbel-max trick with one Philox word per element, in two Triton kernels, and what
draws from truncated rows.
"""

import torch
import triton
import triton.language as tl

PIECE = 1024


@triton.jit
def _pieces(x_ptr, scores_ptr, items_ptr, n, pieces, seed, PIECE: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    piece = tl.program_id(1)
    item = piece * PIECE + tl.arange(0, PIECE)
    x = tl.load(x_ptr + row * n + item, mask=item < n, other=-float("inf")).to(tl.float32)
    u = tl.maximum(tl.rand(tl.randint(seed, row), item), 2.0**-31)
    score, at = tl.max(x - tl.log(-tl.log(u)), axis=0, return_indices=True)
    tl.store(scores_ptr + row * pieces + piece, score)
    tl.store(items_ptr + row * pieces + piece, piece * PIECE + at)


@triton.jit
def _best(scores_ptr, items_ptr, out_ptr, pieces, WIDTH: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    piece = tl.arange(0, WIDTH)
    scores = tl.load(scores_ptr + row * pieces + piece, mask=piece < pieces, other=-float("inf"))
    tl.store(out_ptr + row, tl.load(items_ptr + row * pieces + tl.argmax(scores, axis=0)).to(tl.int64))


def philox_gumbel(x):
    """A function of a seed that draws an item from each row, without an allocation."""
    batch, n = x.shape
    pieces = triton.cdiv(n, PIECE)
    scores = torch.empty(batch, pieces, device=x.device)
    items = torch.empty(batch, pieces, device=x.device, dtype=torch.int32)
    out = torch.empty(batch, device=x.device, dtype=torch.int64)

    def draw(seed):
        _pieces[(batch, pieces)](x, scores, items, n, pieces, seed, PIECE=PIECE)
        _best[(batch,)](scores, items, out, pieces, WIDTH=triton.next_power_of_2(pieces))
        return out

    return draw


def truncated(x, t, k, p):
    """By peer, a function of a step that draws from rows that each have their T, top-k (0 keeps all) and top-p."""
    n = x.shape[1]
    ks, rates = torch.where(k > 0, k, n), t[:, None]
    counts = ks.int()
    scaled = torch.empty_like(x, dtype=torch.float32)

    def by_sort(_):
        values, items = torch.div(x, rates, out=scaled).sort(dim=-1, descending=True)
        last = values.gather(1, ks[:, None] - 1)
        shares = values.masked_fill(values < last, -float("inf")).softmax(-1)
        shares = shares.masked_fill(shares.cumsum(-1) - shares >= p[:, None], 0.0)
        return items.gather(1, torch.multinomial(shares, 1))

    found = {"sort": by_sort}
    try:
        from vllm.v1.sample.ops.topk_topp_triton import apply_top_k_top_p_triton
    except ImportError:
        pass
    else:

        def by_vllm(_):
            kept = apply_top_k_top_p_triton(torch.div(x, rates, out=scaled), counts, p)
            shares = kept.softmax(-1)
            return (shares / torch.empty_like(shares).exponential_()).argmax(-1)

        found["vLLM"] = by_vllm
    try:
        from flashinfer.sampling import top_k_top_p_sampling_from_logits
    except ImportError:
        pass
    else:

        def by_flashinfer(step):
            logits = torch.div(x, rates, out=scaled)
            options = {"filter_apply_order": "top_k_first", "seed": 7, "offset": step}
            return top_k_top_p_sampling_from_logits(logits, counts, p, **options)

        found["FlashInfer"] = by_flashinfer
    return found
