"""How much of a fault test is done: little by default, much in `make soak`."""

import os

SOAK = os.environ.get("FLUCTUA_SOAK") == "1"


def times(usual: int, soaking: int) -> int:
    """Return how often to try: the first number, or the second in a soak."""
    return soaking if SOAK else usual
