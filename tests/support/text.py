"""What a text of the commands says: its numbers, and the words by which a broken claim stands out."""

import re


def stated(text):
    """The numbers that a text states, as they are written there."""
    return re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?(?:e[-+]?\d+)?%?", text)


def states(text, *numbers):
    """Whether a text states these numbers, in this order and maybe with others between them."""
    found = iter(stated(text))
    return all(number in found for number in numbers)


def alarms(text):
    """The words in capitals, by which a broken claim stands out."""
    return re.findall(r"\b[A-Z]{2,}\b", text)
