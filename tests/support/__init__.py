"""What tests share: the contracts in plain Python, rows, layouts, laws. It holds no test."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
