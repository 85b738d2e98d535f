"""Speculative decoding by shared noise: the target's draw where a drafter offers several drafts.

No LLM library is imported here.
"""

from pycouple.speculative.lists import list_target, list_target_logits

__all__ = ["list_target", "list_target_logits"]
