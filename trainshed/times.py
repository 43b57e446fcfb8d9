"""The time, as records write it: to be read by people, never to order anything by."""

from datetime import UTC, datetime


def now() -> str:
    """Return the time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
