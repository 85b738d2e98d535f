"""The targets of tests/conformance/run: how each is compiled and run, and which packages have what that takes."""

from typing import NamedTuple


class Target(NamedTuple):
    """One build of the driver.

    `compiler` is a command, or for zig the target that it compiles for. `runner` is the command that runs the program;
    "" is this machine, "wasm" the Python package wasmtime, and None says that nothing here can.
    """

    name: str
    compiler: str
    runner: str | None = ""
    packages: tuple[str, ...] = ()  # of Debian
    flags: str = ""
    linker_flags: str = ""
    build: str = "Release"  # or "Debug", which is -O0
    zig: bool = False
    sysroot_of: str = ""  # the command of Debian's cross compiler whose headers and libraries this compiler takes
    system: str = ""  # CMAKE_SYSTEM_NAME, where CMake cannot find it out
    quick: bool = False


def _debian(name: str, triple: str, arch: str, qemu: str, quick: bool = False) -> Target:
    """A cross compiler of Debian for `triple`, and qemu. The program is static: it needs no library of the target."""
    return Target(
        name,
        f"{triple}-gcc",
        f"qemu-{qemu}-static",
        (f"gcc-{triple}", f"libc6-dev-{arch}-cross", "qemu-user-static"),
        linker_flags="-static",
        quick=quick,
    )


_CLANG = ("clang", "libc6-dev")
_I686 = ("gcc-i686-linux-gnu", "libc6-dev-i386-cross")
_AARCH64 = ("clang", "gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross", "qemu-user-static")

TARGETS = (
    Target("x86-64-gcc", "gcc", "", ("gcc", "libc6-dev"), quick=True),
    Target("x86-64-gcc-O0", "gcc", "", ("gcc", "libc6-dev"), build="Debug"),
    Target("x86-64-gcc-native", "gcc", "", ("gcc", "libc6-dev"), "-march=native"),
    Target("x86-64-clang", "clang", "", _CLANG),
    Target("x86-64-clang-O0", "clang", "", _CLANG, build="Debug"),
    Target("x86-64-clang-native", "clang", "", _CLANG, "-march=native"),
    Target("x86-64-musl", "musl-gcc", "", ("musl-tools",), linker_flags="-static"),
    Target("i686", "i686-linux-gnu-gcc", "", _I686, "-msse2 -mfpmath=sse", "-static", quick=True),
    _debian("aarch64-gcc", "aarch64-linux-gnu", "arm64", "aarch64", quick=True),
    Target(
        "aarch64-clang",
        "clang",
        "qemu-aarch64-static",
        _AARCH64,
        "--target=aarch64-linux-gnu",
        "-static",
        sysroot_of="aarch64-linux-gnu-gcc",
    ),
    _debian("armv7", "arm-linux-gnueabihf", "armhf", "arm", quick=True),
    _debian("riscv64", "riscv64-linux-gnu", "riscv64", "riscv64"),
    _debian("ppc64le", "powerpc64le-linux-gnu", "ppc64el", "ppc64le"),
    _debian("ppc64", "powerpc64-linux-gnu", "ppc64", "ppc64", quick=True),
    _debian("s390x", "s390x-linux-gnu", "s390x", "s390x", quick=True),
    Target(  # qemu 7.2 has no vectors of LoongArch
        "loongarch64",
        "loongarch64-linux-musl",
        "qemu-loongarch64-static",
        ("qemu-user-static",),
        "-mcpu=generic_la64+f+d",
        zig=True,
    ),
    Target("wasm32-wasi", "wasm32-wasi", "wasm", zig=True, system="Generic"),
    Target("windows-x86-64", "x86_64-windows-gnu", "/usr/lib/wine/wine64", ("wine64",), zig=True, system="Windows"),
    Target("macos-arm64", "aarch64-macos", None, zig=True, system="Darwin"),
    Target("macos-x86-64", "x86_64-macos", None, zig=True, system="Darwin"),
)
