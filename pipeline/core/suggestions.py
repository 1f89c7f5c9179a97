"""Did you mean: the known names that are most like a misspelt one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MOST = 3  # suggestions
CUTOFF = 0.6  # of difflib's ratio, 1 for equal names


def find_similar(word: str, known: Iterable[str]) -> list[str]:
    """Up to three known names, the most similar first: of the same last part, or of few other letters."""
    names = [*dict.fromkeys(known)]
    same_end = [name for name in names if name.rpartition(".")[2] == word]
    by_letters = difflib.get_close_matches(word.lower(), [name.lower() for name in names], MOST, CUTOFF)
    lower = {name.lower(): name for name in reversed(names)}
    return [*dict.fromkeys([*same_end, *(lower[one] for one in by_letters)])][:MOST]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'a' or 'b'?`, or nothing where no known name is similar."""
    similar = find_similar(word, known)
    return f"; did you mean {' or '.join(map(repr, similar))}?" if similar else ""
