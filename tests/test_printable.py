"""Text of others on a terminal: what is replaced, and where a long line is cut."""

import unicodedata

import pytest

from pycouple._printable import LONGEST_LINE, harmless, one_line, short_name, words_of

OTHER_CONTROLS = "\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def test_every_control_character_is_replaced():
    """C0 and C1 but for tab and line feed, ends of lines, directions of writing, and surrogates; nothing else."""
    for code in range(0x110000):
        sign = chr(code)
        steers = unicodedata.category(sign) in ("Cc", "Cs") and sign not in "\t\n"
        assert harmless(sign) == ("\ufffd" if steers or sign in OTHER_CONTROLS else sign)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", ""),
        ("one\n  two\t three\n", "one two three"),
        ("one\r\x1b[2Ktwo", "one\ufffd\ufffd[2Ktwo"),
        ("x" * LONGEST_LINE, "x" * LONGEST_LINE),
        ("x" * 300 + "y" * 301, "x" * 297 + " ... " + "y" * 297),
    ],
)
def test_one_line(text, line):
    assert one_line(text) == line


def test_short_name():
    assert short_name("draft\nq4") == "draft q4"
    assert short_name("a" * 60) == "a" * 60
    assert short_name("a" * 40 + "b" * 40) == "a" * 27 + " ... " + "b" * 27


def test_words_of_an_error():
    assert words_of(ValueError("a\nb")) == "a b"
    assert words_of(ValueError()) == "ValueError"
    assert len(words_of(ValueError("long " * 1000))) <= 200
