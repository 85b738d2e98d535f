"""All generators: importing this module enters them in the table."""

from tests.fuzz import calls_draws, calls_other, calls_sketches, calls_speculative

__all__ = ["calls_draws", "calls_other", "calls_sketches", "calls_speculative"]
