"""The ids and masks of `coupled_generate`, and errors for those whose rows would not be served as each alone."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from pycouple._arguments import unsigned
from pycouple._arrays import array_of, widened

_OF_TEXT = ("input_ids", "attention_mask")
_PROBED = 4  # tokens are enough to see whether padding changes the logits


def check_inputs(model: Any, inputs: Any, options: dict[str, Any], asked: Any) -> tuple[int, Any]:
    """How many rows the inputs have, and the mask of the ids that processors see; an error for what is wrong in them.

    A mask that is not given is set to ones: the model would guess it from the ids.
    """
    main = getattr(model, "main_input_name", "input_ids")
    if inputs is not None and options.get(main) is not None:
        raise ValueError(f"inputs are {main}: give one of the two")
    name, given = (main, options.get(main)) if inputs is None else ("inputs", inputs)
    if given is not None and main != "input_ids" and not isinstance(given, torch.Tensor):
        raise TypeError(f"{name} must be a tensor, {main} of the model; got {type(given).__name__}")
    cache = options.get("past_key_values")
    if cache is not None and not hasattr(cache, "get_seq_length"):
        raise TypeError(
            f"past_key_values must be a cache of transformers, as DynamicCache(), got {type(cache).__name__}"
        )
    if main == "input_ids" and given is not None:
        _check_ids(model, given, name, options)
    rows = 1 if given is None else len(given)
    if model.config.is_encoder_decoder:
        if given is not None and main == "input_ids":
            _check_mask(model, given, name, options, asked)
        _check_decoder(model, options)
        return rows, None
    ids = given if main == "input_ids" else options.get("input_ids")
    if ids is None:
        if options.get("inputs_embeds") is not None:
            raise ValueError("inputs_embeds must come with input_ids: positions are counted in tokens")
        return rows, None
    if main != "input_ids":
        name = "input_ids"
        _check_ids(model, ids, name, options)
    if cache is not None and cache.get_seq_length() >= ids.shape[1]:
        raise ValueError(f"{name} must be the whole sequence, with what past_key_values hold; got {tuple(ids.shape)}")
    _check_mask(model, ids, name, options, asked)
    return len(ids), options["attention_mask"]


def _text_alone(options: dict[str, Any]) -> bool:
    """Whether there is nothing but text: the ids of images and the like have meanings of their own."""
    return all(key.endswith(_OF_TEXT) for key, value in options.items() if isinstance(value, torch.Tensor))


def _check_ids(model: Any, ids: Any, name: str, options: dict[str, Any]) -> None:
    if isinstance(ids, Mapping):
        raise TypeError(
            f"{name} must be a tensor of token ids, got {type(ids).__name__}: give its parts by name, "
            "coupled_generate(model, **inputs, ...)"
        )
    if not isinstance(ids, torch.Tensor) or ids.dtype not in (torch.int64, torch.int32):
        got = ids.dtype if isinstance(ids, torch.Tensor) else type(ids).__name__
        raise TypeError(
            f"{name} must be a tensor of token ids, got {got}: "
            "torch.tensor(ids), or coupled_generate(model, **tokenizer(prompt, return_tensors='pt'), ...)"
        )
    if ids.ndim != 2:
        raise ValueError(f"{name} must have two axes, rows and tokens; got shape {tuple(ids.shape)}")
    if 0 in ids.shape:
        raise ValueError(f"{name} must have at least one row and one token; got shape {tuple(ids.shape)}")
    try:
        known = getattr(model.get_input_embeddings(), "num_embeddings", None)
    except NotImplementedError:  # of a user's own model
        known = None
    if known is not None and _text_alone(options):
        unsigned(ids, name, known)


def _check_mask(model: Any, ids: Any, name: str, options: dict[str, Any], asked: Any) -> None:
    """Errors for a mask that is not that of the ids; ones in the options if there is none."""
    mask = options.get("attention_mask")
    if mask is None:
        row = _row_with_padding(ids, asked)
        if row is not None:
            raise ValueError(
                f"attention_mask must be given: row {row} of {name} is padded with {asked.pad_token_id}, "
                "coupled_generate(model, **tokenizer(prompts, padding=True, return_tensors='pt'), ...)"
            )
        options["attention_mask"] = torch.ones_like(ids)
        return
    if not isinstance(mask, torch.Tensor):
        raise TypeError(f"attention_mask must be a tensor, got {type(mask).__name__}")
    tokens = tokens_of(mask)
    if mask.shape != ids.shape:
        raise ValueError(
            f"{name} must be the whole sequence, of the shape of attention_mask; got {tuple(ids.shape)} "
            f"and {tuple(mask.shape)}"
        )
    if not model.config.is_encoder_decoder:
        padding_of(mask)
    options["attention_mask"] = mask.long()
    if _text_alone(options) and not tokens.all():
        _check_padding(model, ids, tokens)


def _check_padding(model: Any, ids: Any, tokens: npt.NDArray[np.bool_]) -> None:
    """ValueError if a few tokens have other logits beside padding: the model does not read the mask, or not in full."""
    row = int(np.argmin(tokens.sum(axis=1)))
    left = not tokens[row, 0]
    alone = ids[row : row + 1, torch.from_numpy(np.flatnonzero(tokens[row])[:_PROBED]).to(ids.device)]
    pad = ids[row, 0 if left else -1].view(1, 1)
    padded = torch.cat([pad, alone] if left else [alone, pad], dim=1)
    mask = torch.ones_like(padded)
    mask[0, 0 if left else -1] = 0
    logits = []
    for given, of_given in ((alone, torch.ones_like(alone)), (padded, mask)):
        options = {"do_sample": False, "num_beams": 1, "num_return_sequences": 1, "stop_strings": None}
        outputs = {"return_dict_in_generate": True, "output_logits": True, "max_new_tokens": 1}
        result = model.generate(given, attention_mask=of_given, **options, **outputs)
        logits.append(result.logits[0][0].double())
    spread = (logits[0] - logits[0].mean()).norm()
    exact = next(model.parameters()).dtype in (torch.float32, torch.float64)
    if (logits[1] - logits[0]).norm() > (0.01 if exact else 0.2) * spread:
        side = "left" if left else "right"
        raise ValueError(
            f"attention_mask has zeros on the {side} in row {row}, with which {type(model).__name__} gives other "
            "logits than without the padding: give each row alone"
        )


def _row_with_padding(ids: Any, asked: Any) -> int | None:
    """The first row of a batch that begins or ends with a padding token which is nothing else."""
    pad, eos = asked.pad_token_id, asked.eos_token_id
    others = [asked.bos_token_id, *([] if eos is None else torch.as_tensor(eos).reshape(-1).tolist())]
    if pad is None or pad in others or len(ids) == 1:
        return None
    padded = ((ids[:, 0] == pad) | (ids[:, -1] == pad)).nonzero()
    return int(padded[0]) if len(padded) else None


def _check_decoder(model: Any, options: dict[str, Any]) -> None:
    ids = options.get("decoder_input_ids")
    if ids is not None:
        _check_ids(model, ids, "decoder_input_ids", options)
    mask = options.get("decoder_attention_mask")
    if mask is None:
        return
    tokens = tokens_of(mask, "decoder_attention_mask")
    if not tokens.all():
        row, index = np.argwhere(~tokens)[0]
        raise ValueError(
            f"decoder_attention_mask has a 0 in row {row}, index {index}: a decoder's prompts that are padded give "
            "other texts than each alone, so give prompts of one length"
        )
    if ids is not None and tokens.shape != tuple(ids.shape):
        raise ValueError(
            f"decoder_attention_mask must have the shape of decoder_input_ids, {tuple(ids.shape)}; got {tokens.shape}"
        )


def tokens_of(mask: Any, name: str = "attention_mask") -> npt.NDArray[np.bool_]:
    """Where a mask of zeros and ones has tokens: every row has one."""
    array = widened(array_of(mask, name))
    if array.ndim != 2:
        raise ValueError(f"{name} must have two axes, rows and tokens; got shape {array.shape}")
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must be zeros and ones, got dtype {array.dtype}")
    tokens: npt.NDArray[np.bool_] = array == 1
    wrong = ~tokens & (array != 0)
    if wrong.any():
        row, index = np.argwhere(wrong)[0]
        raise ValueError(f"{name} must be zeros and ones, got {array[row, index]} in row {row}, index {index}")
    empty = ~tokens.any(axis=1)
    if empty.any():
        raise ValueError(f"{name} has no 1 in row {int(np.argmax(empty))}: each row must have a token")
    return tokens


def padding_of(attention_mask: Any) -> npt.NDArray[np.int64]:
    """How many zeros are before each row's first one; an error for a zero behind it."""
    if attention_mask is None:
        return np.zeros((), np.int64)
    tokens = tokens_of(attention_mask)
    begun = np.cumsum(tokens, axis=1) > 0
    behind = begun & ~tokens
    if behind.any():
        row, index = np.argwhere(behind)[0]
        raise ValueError(
            f"attention_mask has a 0 behind a 1, in row {row}, index {index}: pad on the left, "
            "tokenizer.padding_side = 'left', and mask nothing else"
        )
    padding: npt.NDArray[np.int64] = (~begun).sum(axis=1)
    return padding
