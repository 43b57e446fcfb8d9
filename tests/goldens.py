"""Golden files: the prose that Trainshed writes, as it should be, to be read in a review."""

from collections.abc import Callable
from pathlib import Path

FOLDER = Path(__file__).parent / "golden"

Golden = Callable[[str, str], None]
"""The fixture `golden`: takes a text and the name of its file under tests/golden/."""


def check(text: str, name: str, *, is_refreshed: bool) -> None:
    """Compare a text with its golden file; `is_refreshed` writes the file first."""
    path = FOLDER / name
    if is_refreshed:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    assert path.is_file(), f"tests/golden/{name} is missing: run pytest --refresh-golden"
    assert text == path.read_bytes().decode()
