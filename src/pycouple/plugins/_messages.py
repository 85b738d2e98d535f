"""Words of files and of other libraries in messages: in one line, short, without control characters."""

import re

_LONGEST = 200


def one_line(words: object) -> str:
    """The words, or an error's words: without control characters, cut if there are too many."""
    text = " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", f"{words}").split()) or type(words).__name__
    return text if len(text) <= _LONGEST else text[:_LONGEST].rstrip() + " ..."
