"""``python -m pycouple``: the `pycouple` command, where its script is not on the path."""

import sys

from pycouple.cli.main import command

if __name__ == "__main__":
    sys.exit(command())
