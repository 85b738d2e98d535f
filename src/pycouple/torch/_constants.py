"""The numbers of docs/kept.md that terms are made with, for Triton kernels and for torch's own operations."""

LOG2_E = float.fromhex("0x1.71547652b82fep+0")
LEAST = -29.0  # terms of this t and below are 0
SHIFT = float.fromhex("0x1.8p23")  # adding it rounds to an integer
POLYNOMIAL = (  # of 2**28 * 2**f, from the constant on
    float.fromhex("0x1p+28"),
    float.fromhex("0x1.62e39ep+27"),
    float.fromhex("0x1.ebfa4ep+25"),
    float.fromhex("0x1.c74322p+23"),
    float.fromhex("0x1.3cbea8p+21"),
    float.fromhex("0x1.23a604p+18"),
)
