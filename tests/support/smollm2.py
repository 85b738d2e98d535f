"""What the tests of the transformers plugin let SmolLM2 write; the models are fixtures of tests/engines."""

NEW = 12
DRAFTS = 3
PROMPTS = (
    "Once upon a time there was a",
    "one two three four, one two three four, one two three",
    "def add(a, b):\n    return a + b\n\ndef sub(a, b):\n    return",
)


def text_of(model, prompt, seed, params=None, new=NEW, **options):
    """The new tokens of `coupled_generate`."""
    import torch

    from pycouple.plugins.transformers import coupled_generate

    out = coupled_generate(
        model, torch.tensor([prompt]), seed=seed, params=params, max_new_tokens=new, pad_token_id=2, **options
    )
    return out[0, len(prompt) :].tolist()
