"""Is a started release fit to be live: ready, and its golden rows answered as in training."""

import time
from collections.abc import Callable
from pathlib import Path

from trainshed import http_client
from trainshed.http_client import Address
from trainshed.serving import golden
from trainshed.targets import GoldenRowsDiffer, ReleaseIsNotHealthy

_POLL_SECONDS = 0.01
_UNTOUCHED = "The live release was not touched. "


def await_ready(
    what: str, at: Address, *, is_alive: Callable[[], bool], log: Callable[[], str], limit: float
) -> None:
    """Return once a server is ready.

    Args:
        what: how to call it in an error.
        at: where it answers.
        is_alive: whether it still runs; asked when it is not ready.
        log: its last lines, for the error.
        limit: seconds to wait at most.

    Raises:
        ReleaseIsNotHealthy: it ended, or was not ready in time.
    """
    deadline = time.monotonic() + limit
    why = f"is not ready after {limit:.0f} s"
    while time.monotonic() < deadline:
        if http_client.get(at, "/readyz", timeout=2.0).is_ok:
            return
        if not is_alive():
            why = "ended by itself"
            break
        time.sleep(_POLL_SECONDS)
    raise ReleaseIsNotHealthy(
        f"{what} was started, but {why}. It said:\n{log()}",
        fix=f"{_UNTOUCHED}Serve the run by hand to see more: scripts/serve.py --run RUN",
    )


def check_golden_rows(what: str, at: Address, examples_file: Path) -> int:
    """Send a release's examples to its server; return how many were answered equally.

    Raises:
        GoldenRowsDiffer: names the first that was not.
        ReleaseIsNotHealthy: there was no answer at all.
    """
    examples = golden.read(examples_file)
    rows = [example.input for example in examples]
    answer = http_client.post(at, "/predict", {"rows": rows})
    if answer.status == 0:
        raise ReleaseIsNotHealthy(
            f"{what} was ready, but gives its own examples no answer: {answer.body}",
            fix=f"{_UNTOUCHED}Run the same command again; if it stays so, the predictor hangs.",
        )
    if not answer.is_ok:
        raise GoldenRowsDiffer(
            f"{what} answers its own examples with HTTP {answer.status}: {answer.body}",
            fix=f"{_UNTOUCHED}Check `examples=` and `schema=` of the trainer, and the predictor.",
        )
    different = golden.differences(examples, answer.body["predictions"])
    if different:
        raise GoldenRowsDiffer(
            f"{what} answers {len(different)} of its {len(rows)} examples otherwise than when it "
            f"was trained; the first: {different[0]}",
            fix=f"{_UNTOUCHED}Does the lock file pin what it was trained with?",
        )
    return len(rows)
