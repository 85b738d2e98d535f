"""Text of llama.cpp that depends on the target, prompt, seed and params, on no drafter (extra `llama-cpp`).

`coupled_completion` is ``Llama.create_completion`` with shared noise, with a drafter or without; a second, smaller
`Llama` drafts by the same noise as `CoupledDraftModel`. Position is the absolute index of the token being predicted,
counted in llama.cpp's tokens, a BOS included: after a prompt of 5 tokens the first new one has position 5. It is the
`step` of `pycouple.sample_logits`.

What is said here of llama-cpp-python was read and tried in 0.3.36.
"""
# mypy: allow-subclassing-any

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

try:
    import llama_cpp
    from llama_cpp.llama_speculative import LlamaDraftModel
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "pycouple.plugins.llama_cpp needs llama-cpp-python: pip install 'pycouple[llama-cpp]'", name=error.name
    ) from error

from pycouple._arguments import integer, one_unsigned
from pycouple.plugins._arguments import callables
from pycouple.plugins._llama_cpp_arguments import check_draftable, check_llama, check_options, checked_prompt
from pycouple.speculative import SamplingParams, draft
from pycouple.speculative.warpers import params_of

__all__ = ["CoupledCompletionProcessor", "CoupledDraftModel", "coupled_completion"]

Ids = npt.NDArray[np.intc]
Scores = npt.NDArray[np.single]
Processor = Callable[[Ids, Scores], Scores]


class CoupledCompletionProcessor:
    """The draws of one completion: it holds the text so far, so make a new one for each ``Llama.create_completion``.

    As a logits processor it leaves one token, which `pycouple.speculative.draft` draws. `coupled_completion` makes one
    and all that belongs to it; this is for those who call llama-cpp-python themselves::

        own = CoupledCompletionProcessor(seed, params)
        llama.create_completion(
            prompt,
            temperature=0,
            logits_processor=LogitsProcessorList([own]),
            stopping_criteria=StoppingCriteriaList([own.check]),
        )

    Parameters
    ----------
    seed : int
        In 0..2**64 - 1.
    params : SamplingParams, optional
        The sampling, which is applied here; ``temperature=0`` of llama.cpp then takes the one token that is left.
    stream : int, default 0
        In 0..255: which copy of the randomness.
    logits_processor : sequence of callable, optional
        Other processors, of the logits before the draw: from the text and scores of shape (n,) to new scores. They are
        handed the text alone, without drafts.
    on_token : callable, optional
        Called by `check` with each new token and whether it was an accepted draft.

    Attributes
    ----------
    tokens : list of int
        The tokens drawn so far, one that ends the text included.
    accepted : list of bool
        Of each whether it was an accepted draft, else the target's own draw.

    Raises
    ------
    ValueError, TypeError
        As for `pycouple.speculative.draft`; seed or stream is several numbers; what must be callable is not.
    RuntimeError
        When it is called for a second completion.

    Notes
    -----
    With a draft model ``input_ids`` holds all drafts, also those that come after the token asked for and those that
    will be rejected, so that its length is no position. At the first call it holds the prompt alone; each call makes
    one token. A call whose ``input_ids`` do not begin with the prompt and the tokens made so far is one of another
    completion, and raises.

    llama-cpp-python calls processors from C, where Python drops exceptions (it prints them, and llama.cpp goes on with
    the logits as they were). So pass `check` too: it raises what was dropped, before the token is in the text.

    Examples
    --------
    >>> from pycouple.plugins.llama_cpp import CoupledCompletionProcessor
    >>> own = CoupledCompletionProcessor(seed=7)
    >>> own(np.array([1, 5, 3], np.intc), np.zeros(4, np.single))
    array([  0., -inf, -inf, -inf], dtype=float32)
    """

    def __init__(
        self,
        seed: int,
        params: SamplingParams | None = None,
        *,
        stream: int = 0,
        logits_processor: Sequence[Processor] | None = None,
        on_token: Callable[[int, bool], object] | None = None,
    ) -> None:
        self._draw = _draws(seed, params, stream)
        self._processors, self._on_token = callables(logits_processor, "logits_processor"), on_token
        if on_token is not None and not callable(on_token):
            raise TypeError(f"on_token must be callable, got {type(on_token).__name__}")
        self._text: Ids | None = None  # the prompt and the tokens
        self._drafted: int | None = None  # the length of input_ids, while accepted drafts are in them
        self._error: Exception | None = None
        self._unchecked = False
        self.tokens: list[int] = []
        self.accepted: list[bool] = []

    def __call__(self, input_ids: Ids, scores: Scores) -> Scores:
        """0 for the token that is drawn and -inf for all others, in a new array."""
        self._unchecked = True
        try:
            return self._leave_one(input_ids, scores)
        except Exception as error:
            self._error = error
            raise

    def check(self, input_ids: Ids, scores: Scores) -> bool:
        """Raise what went wrong in the call before: a stopping criterion, which never stops.

        Parameters
        ----------
        input_ids : ndarray
            The text without the last token.
        scores : ndarray
            Not looked at.

        Returns
        -------
        bool
            False.

        Raises
        ------
        RuntimeError
            The processor is of another completion, or was not called.
        Exception
            What the call, or another processor in it, raised.
        """
        if self._error is not None:
            raise self._error
        if not self._unchecked:
            if self._text is None:
                raise RuntimeError("the processor was not called: pass it as logits_processor, without logit_bias")
            return False  # create_completion asks once more when all is done
        self._unchecked = False
        if self._text is None or len(input_ids) + 1 != len(self._text):  # the length is the token's position
            self._error = _another_completion()
            raise self._error
        if self._on_token is not None:
            self._on_token(self.tokens[-1], self.accepted[-1])
        return False

    def _leave_one(self, input_ids: Ids, scores: Scores) -> Scores:
        if self._error is not None:
            raise self._error
        if self._text is None:
            self._text = np.array(input_ids, np.intc)
        position = len(self._text)
        if not np.array_equal(input_ids[:position], self._text) or self._drafted not in (None, len(input_ids)):
            raise _another_completion()
        count = len(scores)
        for i, process in enumerate(self._processors):
            scores = process(input_ids[:position], scores)
            if np.shape(scores) != (count,):
                raise ValueError(f"logits_processor[{i}] must give shape {(count,)}, it gave {np.shape(scores)}")
        token = self._draw(scores, position)
        right = position < len(input_ids) and token == int(input_ids[position])
        self._text = np.append(self._text, np.intc(token))
        self._drafted = len(input_ids) if right else None
        self.tokens.append(token)
        self.accepted.append(right)
        one = np.full(count, -np.inf, np.single)
        one[token] = 0
        return one


class CoupledDraftModel(LlamaDraftModel):
    """A second model that drafts by the same noise, for any number of completions: smaller, or more quantised.

    Parameters
    ----------
    llama : llama_cpp.Llama
        The drafter, of the target's tokens, with a context of its own, as long as the target's to draft everywhere. It
        needs no ``logits_all``.
    seed : int
        The target's.
    params : SamplingParams, optional
        Best those of the target, so that most drafts are right. The text does not depend on it.
    draft_length : int, default 4
        Drafts per call of the target, at least 0.
    stream : int, default 0
        In 0..255: which copy of the randomness.

    Raises
    ------
    ValueError, TypeError
        As for `pycouple.speculative.draft`; seed or stream is several numbers; draft_length is negative; llama is none.

    Notes
    -----
    On this path ``input_ids`` holds committed tokens only, so its length is the position of the first draft: nothing is
    kept from call to call but the drafter's own cache, which is cut back to what it has in common with the text.

    Examples
    --------
    >>> drafter = CoupledDraftModel(Llama("small.gguf"), seed=7)  # doctest: +SKIP
    >>> coupled_completion(llama, "Once upon a time", seed=7, drafter=drafter)  # doctest: +SKIP
    """

    def __init__(
        self,
        llama: "llama_cpp.Llama",
        seed: int,
        params: SamplingParams | None = None,
        *,
        draft_length: int = 4,
        stream: int = 0,
    ) -> None:
        self._draw = _draws(seed, params, stream)
        self._draft_length = integer(draft_length, "draft_length")
        if self._draft_length < 0:
            raise ValueError(f"draft_length must not be negative, got {draft_length}")
        check_llama(llama)
        self.llama = llama

    def __call__(self, input_ids: Ids, /, **kwargs: Any) -> Ids:
        """The drafts that follow the text."""
        llama, drafts = self.llama, list[int]()
        count = min(self._draft_length, len(llama.input_ids) - len(input_ids) + 1)
        while len(drafts) < count:
            if drafts:
                llama.eval(drafts[-1:])
            else:
                self._evaluate(input_ids)
            logits = np.ctypeslib.as_array(llama_cpp.llama_get_logits_ith(llama.ctx, -1), (llama.n_vocab(),))
            drafts.append(self._draw(logits, len(input_ids) + len(drafts)))
            if llama_cpp.llama_vocab_is_eog(llama_cpp.llama_model_get_vocab(llama.model), drafts[-1]):
                break
        return np.array(drafts, np.intc)

    def _evaluate(self, input_ids: Ids) -> None:
        """The text is in the drafter's cache, and its last token was evaluated now."""
        llama: Any = self.llama
        most = min(llama.n_tokens, len(input_ids) - 1)
        same = llama.input_ids[:most] == input_ids[:most]
        kept = most if same.all() else int(same.argmin())
        memory = llama_cpp.llama_get_memory(llama.ctx)
        if kept and llama_cpp.llama_memory_seq_rm(memory, 0, kept, -1):
            llama.n_tokens = kept
        else:  # nothing in common, or a recurrent model, whose memory cannot be cut
            kept = 0
            llama.reset()
        llama.eval(input_ids[kept:].tolist())


def coupled_completion(
    llama: "llama_cpp.Llama",
    prompt: str | Iterable[int],
    *,
    seed: int,
    params: SamplingParams | None = None,
    drafter: "LlamaDraftModel | llama_cpp.Llama | None" = None,
    on_token: Callable[[int, bool], object] | None = None,
    **options: Any,
) -> Any:
    """Complete a prompt with text that depends on the model, the prompt, the seed and the params alone.

    Parameters
    ----------
    llama : llama_cpp.Llama
        The target. For a drafter it must have been made with ``flash_attn=True`` and ``logits_all=True``.
    prompt : str, or iterable of int
        The text, or its tokens, which are taken as they are.
    seed : int
        In 0..2**64 - 1.
    params : SamplingParams, optional
        Instead of llama.cpp's own samplers, which are all off.
    drafter : LlamaDraftModel or llama_cpp.Llama, optional
        Such as ``LlamaPromptLookupDecoding()``. A `Llama` becomes a `CoupledDraftModel` with the same seed and params.
        Without one the target's own ``draft_model`` drafts, if it has one.
    on_token : callable, optional
        Called with each new token, one that ends the text included, and whether it was an accepted draft.
    **options
        Of ``Llama.create_completion``, such as ``max_tokens`` (16 if not given), ``stop``, and llama.cpp's ``stream``,
        which gives the text in chunks. Processors in ``logits_processor`` change the logits before the draw, and are
        handed the text without drafts.

    Returns
    -------
    dict, or iterator of dict
        What ``Llama.create_completion`` returns.

    Raises
    ------
    ValueError, TypeError
        The target, the drafter or an option cannot be right here; the message says what to do. As for
        `pycouple.speculative.draft` and `CoupledCompletionProcessor`.

    Notes
    -----
    With ``flash_attn=False`` llama.cpp computes other logits for a token alone than for the same token among others
    (up to 1.7 apart on a small model), so that drafts would change the text. With ``flash_attn=True`` the same bits
    were measured for both, on a CPU. Without a drafter ``flash_attn=False`` is accepted, but then the text depends on
    how the prompt got into the cache (in 5 of 12 tries): make every target with ``flash_attn=True``.

    A token counts as drawn at its absolute index in the sequence, in llama.cpp's tokens of the prompt, BOS included.

    Examples
    --------
    >>> from llama_cpp import Llama  # doctest: +SKIP
    >>> llama = Llama("model.gguf", flash_attn=True, logits_all=True)  # doctest: +SKIP
    >>> small = Llama("model-Q2_K.gguf")  # doctest: +SKIP
    >>> text = coupled_completion(llama, "Once upon a time", seed=7, drafter=small)  # doctest: +SKIP
    >>> text == coupled_completion(llama, "Once upon a time", seed=7)  # but for its id and time  # doctest: +SKIP
    """
    check_llama(llama)
    check_options(options)
    given = checked_prompt(llama, prompt)
    if isinstance(drafter, llama_cpp.Llama):
        drafter = CoupledDraftModel(drafter, seed, params)
    drafter = llama.draft_model if drafter is None else drafter
    if drafter is not None:
        check_draftable(llama, drafter)
    others = options.pop("logits_processor", None)
    own = CoupledCompletionProcessor(seed, params, logits_processor=others, on_token=on_token)
    criteria = callables(options.pop("stopping_criteria", None), "stopping_criteria")
    options |= {
        "temperature": 0.0,
        "logits_processor": llama_cpp.LogitsProcessorList([own]),
        "stopping_criteria": llama_cpp.StoppingCriteriaList([own.check, *criteria]),
    }
    if options.get("stream"):
        return _chunks(llama, drafter, given, options)
    with _drafting(llama, drafter):
        return llama.create_completion(given, **options)


def _chunks(llama: Any, drafter: Any, prompt: str | list[int], options: dict[str, Any]) -> Iterator[Any]:
    with _drafting(llama, drafter):
        yield from llama.create_completion(prompt, **options)


@contextmanager
def _drafting(llama: Any, drafter: Any) -> Iterator[None]:
    before = llama.draft_model
    llama.draft_model = drafter
    try:
        yield
    finally:
        llama.draft_model = before


def _draws(seed: Any, params: SamplingParams | None, stream: Any) -> Callable[[Scores, int], int]:
    """The draw from logits at a position."""
    seed, stream, params = one_unsigned(seed, "seed"), one_unsigned(stream, "stream"), params_of(params)

    def draw(logits: Scores, position: int) -> int:
        return int(draft(logits, seed, position, params, stream=stream))

    draw(np.zeros(1, np.single), 0)  # what is wrong with the arguments is said before any work
    return draw


def _another_completion() -> RuntimeError:
    return RuntimeError("the processor is of another completion: make a new CoupledCompletionProcessor for each")
