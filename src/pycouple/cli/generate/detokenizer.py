"""Text of tokens as they come."""

from collections.abc import Callable


class Detokenizer:
    """Gives the new text of each token; a character whose bytes are not all there yet comes with its last token.

    Parameters
    ----------
    decode : callable
        From all the tokens to their text, with U+FFFD for bytes that are no UTF-8.
    """

    def __init__(self, decode: Callable[[list[int]], str]) -> None:
        self._decode = decode
        self._tokens: list[int] = []
        self._given = 0

    def push(self, token: int) -> str:
        """The text that this token completes."""
        self._tokens.append(token)
        return self._new(self._decode(self._tokens).rstrip("\ufffd"))

    def finish(self) -> str:
        """What is left: bytes that never became a character."""
        return self._new(self._decode(self._tokens))

    def _new(self, text: str) -> str:
        new = text[self._given :]
        self._given = max(self._given, len(text))
        return new
