import threading

import pytest

from trainshed.aside import Aside


def test_a_call_runs_while_its_maker_goes_on() -> None:
    may_end = threading.Event()
    aside = Aside(lambda: may_end.wait(timeout=30))

    may_end.set()  # would never come if the call had been made at once

    assert aside.outcome() is True


def test_what_a_call_raised_is_raised_where_its_outcome_is_taken() -> None:
    aside = Aside(lambda: int("seven"))

    with pytest.raises(ValueError, match="seven"):
        aside.outcome()
