from typing import Any

import numpy as np
import numpy.typing as npt

__test__: dict[str, str]  # Cython makes it
NO_WINNER: int
BAD_VALUE: int
NO_ITEM: int
BAD_TEMPERATURE: int
OVERFLOW: int
BAD_STREAM: int
BAD_OFFSET: int
NO_MEMORY: int
RACE_ITEMS: int
UNIFORM_ITEMS: int

sample_weights: np.ufunc
sample_logits: np.ufunc
race_logits: np.ufunc
clock: np.ufunc
gumbel: np.ufunc
uniform: np.ufunc

def call(ufunc: Any, workers: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, bool]: ...
def levels() -> dict[str, bool]: ...
def use_level(name: str | None = None) -> str: ...
def current_level() -> str: ...
def philox_words(seed: int, step: int, stream: int, index: int, domain: int) -> tuple[int, int, int, int]: ...
def ln(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]: ...
