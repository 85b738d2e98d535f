"""Speculative decoding by shared noise: the text depends on the target and the seed, never on the drafter.

The target's token at a position is its own race, `draft`; a draft is accepted if and only if it is that token,
`verify`. A drafter that races with the same seed and position is right as often as the Gumbel race agrees.
Position is everywhere the absolute index, in the whole sequence with its prompt, of the token being predicted: the
number that `pycouple.sample` and the core call step. A stream is a copy of the randomness, one per draft of a list.

`generate` is the whole loop over two plain callables; `verify_list` and `list_target` are for several drafts;
`SamplingParams` and `warp` say what a sampler leaves of the logits; `ratio_test` is the standard method, to compare.
CUDA tensors stay on their device (`draft`, `race`, `verify`, `verify_list`). No LLM library is imported here:
`pycouple.plugins` has those.
"""

from pycouple.speculative.draws import draft, race
from pycouple.speculative.list_verification import verify_list
from pycouple.speculative.lists import list_target, list_target_logits
from pycouple.speculative.loop import Generation, generate
from pycouple.speculative.ratio import ratio_test
from pycouple.speculative.verification import Verified, verify
from pycouple.speculative.warpers import SamplingParams, warp

__all__ = [
    "Generation",
    "SamplingParams",
    "Verified",
    "draft",
    "generate",
    "list_target",
    "list_target_logits",
    "race",
    "ratio_test",
    "verify",
    "verify_list",
    "warp",
]
