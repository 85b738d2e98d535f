"""The Triton kernel on CPU tensors, in Triton's interpreter, against the C core: run by test_interpreter.py.

    TRITON_INTERPRET=1 python -m tests.support.interpreted [part of a name ...]

Prints a line per case. A program (1,024 items) takes some 50 ms, and a round of a truncated row more, so rows are few.
"""

import os

os.environ["TRITON_INTERPRET"] = "1"  # read when Triton is imported
