"""What others' errors say, in one line."""

import re

_LONGEST = 200


def one_line(error: BaseException) -> str:
    """The words of an error: in one line, without control characters, cut if there are too many."""
    text = " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f]+", " ", f"{error}").split()) or type(error).__name__
    return text if len(text) <= _LONGEST else text[:_LONGEST].rstrip() + " ..."
