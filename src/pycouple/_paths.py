"""What is on disk."""

import os


def exists(path: str | os.PathLike[str]) -> bool:
    """Whether there is a file or a folder of this name; OSError where that cannot be known.

    `Path.exists` hides a name that is too long, or a folder that may not be read, from Python 3.14 on.
    """
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a name that holds a null character
        return False
    return True
