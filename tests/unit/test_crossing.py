import json
import sys
from dataclasses import asdict

import pytest

from trainshed import crossing, decode
from trainshed.crossing import Crossing
from trainshed.drift.table import TableCannotBeRead
from trainshed.errors import ConfigurationError, ProgramError, TrainshedError


def crossed(error: TrainshedError) -> TrainshedError:
    sent = json.dumps(asdict(crossing.of(error)))
    return crossing.arrived(decode.from_json(Crossing, sent))


def test_an_error_arrives_as_itself() -> None:
    error = crossed(TableCannotBeRead("It is an image.", fix="Give a table."))

    assert type(error) is TableCannotBeRead
    assert (error.problem, error.fix) == ("It is an image.", "Give a table.")


def test_an_error_whose_module_needs_what_is_missing_here_keeps_name_and_kind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "trainshed.statistics.sides", raising=False)
    monkeypatch.setitem(sys.modules, "numpy", None)

    error = crossing.arrived(
        Crossing(
            module="trainshed.statistics.sides",
            name="LabelsDiffer",
            kind=ProgramError.kind,
            problem="One has a, the other b.",
            fix="Use the same.",
        )
    )

    assert isinstance(error, ProgramError)
    assert (error.slug, error.exit_code, error.problem) == (
        "labels-differ", ProgramError.exit_code, "One has a, the other b.",
    )  # fmt: skip
    assert "trainshed.statistics.sides" not in sys.modules


@pytest.mark.parametrize(
    ("module", "name"),
    [
        pytest.param("subprocess", "CalledProcessError", id="not-our-module"),
        pytest.param("trainshed.errors", "slug_of", id="no-class"),
        pytest.param("trainshed.evidence", "Evidence", id="no-error"),
        pytest.param("trainshed.errors", "NoSuchError", id="not-there"),
    ],
)
def test_nothing_but_an_error_of_ours_is_made(module: str, name: str) -> None:
    sent = Crossing(module=module, name=name, kind=ConfigurationError.kind, problem="x", fix="y")

    with pytest.raises(ValueError, match="is no error of ours"):
        crossing.arrived(sent)


def test_a_module_of_ours_that_is_not_there_is_not_taken_for_a_missing_library() -> None:
    sent = Crossing(
        module="trainshed.nowhere", name="Lost", kind="configuration", problem="x", fix="y"
    )

    with pytest.raises(ModuleNotFoundError, match="nowhere"):
        crossing.arrived(sent)
