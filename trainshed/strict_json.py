"""Read JSON that a stranger wrote: bounded, no number without a value, no key given twice.

Two readers of a doubtful document may read it differently; one of them judges, the other acts.
"""

import json
import math
from typing import Any, NoReturn

_DEEPEST = 12


def check(content: bytes, *, largest: int, longest_text: int) -> None:
    """Check a document before anything is made of it.

    Args:
        largest: bytes.
        longest_text: characters of one string.

    Raises:
        ValueError: what is wrong with it; quotes none of it.
    """
    if len(content) > largest:
        raise ValueError(f"is larger than {largest} bytes")
    try:
        document = json.loads(
            content.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant
        )
    except UnicodeDecodeError:
        raise ValueError("is not text in UTF-8") from None
    except json.JSONDecodeError:
        raise ValueError("is not JSON") from None
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    _walk(document, longest_text)


def _walk(document: Any, longest_text: int) -> None:
    """Look at every value, without recursion: the document decides how deep it is."""
    left = [(document, 0)]
    while left:
        value, depth = left.pop()
        if depth > _DEEPEST:
            raise ValueError("is nested too deeply")
        if isinstance(value, str) and len(value) > longest_text:
            raise ValueError(f"has a text of more than {longest_text} characters")
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError("has a number that is not finite")
        if isinstance(value, int) and abs(value) > 2**63:
            raise ValueError("has a number that is too large")
        if isinstance(value, dict):
            left += ((key, depth + 1) for key in value)
            left += ((inner, depth + 1) for inner in value.values())
        elif isinstance(value, list):
            left += ((inner, depth + 1) for inner in value)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("gives a key twice")
    return made


def _no_constant(_name: str) -> NoReturn:
    raise ValueError("has a number that is not finite")
