from typing import Any

import numpy as np
import numpy.typing as npt

__test__: dict[str, str]  # Cython makes it
OK: int
NO_WINNER: int
BAD_VALUE: int
NO_ITEM: int
BAD_TEMPERATURE: int
OVERFLOW: int
BAD_STREAM: int
BAD_OFFSET: int
NO_MEMORY: int
BAD_TOP_K: int
BAD_TOP_P: int
BAD_MIN_P: int
RACE_ITEMS: int
UNIFORM_ITEMS: int
MINHASH_ITEMS: int
REGISTERS: int
NEVER: int
CELL_DARTS: int
DART_TIERS: int

sample_weights: np.ufunc
sample_minhash: np.ufunc
sample_logits: np.ufunc
race_logits: np.ufunc
race_weights: np.ufunc
score_weights: np.ufunc
score_logits: np.ufunc
sample_weights_bf16: np.ufunc
sample_minhash_bf16: np.ufunc
sample_logits_bf16: np.ufunc
race_logits_bf16: np.ufunc
race_weights_bf16: np.ufunc
sample_kept_weights: np.ufunc
sample_kept_logits: np.ufunc
score_kept_logits: np.ufunc
race_kept_logits: np.ufunc
last_kept_weights: np.ufunc
last_kept_logits: np.ufunc
sample_kept_weights_bf16: np.ufunc
sample_kept_logits_bf16: np.ufunc
race_kept_logits_bf16: np.ufunc
last_kept_weights_bf16: np.ufunc
last_kept_logits_bf16: np.ufunc
kept_terms: np.ufunc
kept_terms_bf16: np.ufunc
clock: np.ufunc
gumbel: np.ufunc
uniform: np.ufunc
count_equal: np.ufunc

def call(ufunc: Any, workers: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, bool]: ...
def sketch_rows(
    weights: npt.NDArray[Any],
    ids: npt.NDArray[Any] | None,
    starts: npt.NDArray[np.int64] | None,
    minhash: bool,
    k: int,
    seed: int,
    normalize: bool,
    bits: int,
    workers: int,
) -> tuple[npt.NDArray[np.uint64], int, int]: ...
def sketch_update(
    minhash: bool,
    k: int,
    seed: int,
    registers: tuple[npt.NDArray[Any], ...],
    weights: npt.NDArray[Any],
    ids: npt.NDArray[np.uint64],
) -> int: ...
def sketch_finish(
    minhash: bool, k: int, seed: int, bits: int, registers: tuple[npt.NDArray[Any], ...]
) -> tuple[npt.NDArray[np.uint64], int]: ...
def sketch_merge(registers: tuple[npt.NDArray[Any], ...], other: tuple[npt.NDArray[Any], ...]) -> None: ...
def first_dart(weights: npt.NDArray[Any], seed: int, step: int) -> tuple[int, int, int, int, int]: ...
def dart_item(seed: int, step: int, tier: int, group: int, number: int) -> tuple[float, int]: ...
def meet(
    weights: npt.NDArray[Any], seed: int, step: int, tier: int, group: int, number: int
) -> tuple[int, bool, int]: ...
def epoch_seed(seed: int, step: int, epoch: int) -> int: ...
def set_marks(
    weights: npt.NDArray[Any], seed: int, step: int, first: int, epochs: int, power: int, bitmap: npt.NDArray[np.uint8]
) -> int: ...
def first_unmarked(
    weights: npt.NDArray[Any], seed: int, step: int, first: int, epochs: int, power: int, bitmap: npt.NDArray[np.uint8]
) -> tuple[int, int]: ...
def levels() -> dict[str, bool]: ...
def wrong_answers() -> dict[str, str]: ...
def use_level(name: str | None = None) -> str: ...
def current_level() -> str: ...
def philox_words(seed: int, step: int, stream: int, index: int, domain: int) -> tuple[int, int, int, int]: ...
def ln(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]: ...
