"""What this installation is."""

import os
import platform

import numpy as np

from pycouple import _core

__version__ = "0.1.0"


def cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def get_include() -> str:
    """The folder of ``pycouple.h``, the header of the C interface for other languages.

    Returns
    -------
    str
        An absolute path, for the compiler's option ``-I``.

    Notes
    -----
    The header alone is part of the package. The library that it describes is built from the sources by CMake, with its
    own copy of the header.

    Examples
    --------
    >>> import os
    >>> os.listdir(pycouple.get_include())
    ['pycouple.h']
    """
    # Beside the core, which an editable installation does not have in the folder of the Python files.
    return os.path.join(os.path.dirname(os.path.abspath(_core.__file__)), "include")


def show_config() -> None:
    """Print the version, the machine, and the ISA level that the C core runs.

    The level only changes the speed, never a bit of a result. The environment variable ``PYCOUPLE_ISA`` forces one of
    the levels listed under "available" when it is set before the first import, in capitals or not; with another value
    the import fails, with an ImportError that lists the levels.

    Examples
    --------
    >>> pycouple.show_config()  # doctest: +ELLIPSIS
    pycouple ...
    """
    levels = _core.levels()
    available = ", ".join(name for name, runs in levels.items() if runs)
    print(f"pycouple {__version__}, contracts: race 1, kept sets 1, MinHash 1, sketches 1, protocol 1")
    print(f"  ISA level   {_core.current_level()} (available: {available}; force one with PYCOUPLE_ISA)")
    print(f"  machine     {platform.machine()}, {cores()} cores for this process")
    print(f"  Python      {platform.python_version()}, NumPy {np.__version__}")
