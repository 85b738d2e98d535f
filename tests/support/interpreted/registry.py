"""The cases by name, and their tensors."""

import torch

from tests.support import torch_cases as cases

CASES = {}


def tensor(rows, dtype):
    """As cases.tensor, but 0 for subnormal bfloat16, which the interpreter of Triton 3.6 widens to other numbers."""
    x = cases.tensor(rows, dtype)
    return torch.where(x.abs() < torch.finfo(dtype).tiny, x * 0, x) if dtype == torch.bfloat16 else x


def case(function):
    CASES[function.__name__] = function
    return function
