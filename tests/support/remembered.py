"""Answers of the oracles, kept for the run: a question that every ISA level is asked is worked out once."""

import functools
import hashlib

import numpy as np


def remembered(oracle):
    """`oracle`, which answers the same arguments from memory. Arrays are compared by type, shape and bits."""
    answers = {}

    @functools.wraps(oracle)
    def ask(*args, **options):
        question = (*map(_identity, args), *sorted(options.items()))
        if question not in answers:
            answers[question] = oracle(*args, **options)
        return answers[question]

    return ask


def _identity(argument):
    if not isinstance(argument, np.ndarray | list):
        return argument
    array = np.ascontiguousarray(argument)
    return array.dtype.str, array.shape, hashlib.blake2b(array, digest_size=16).digest()
