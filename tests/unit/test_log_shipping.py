from pathlib import Path

import log_tools
import logged
import pytest

from trainshed.serving import log_segment, log_shipping
from trainshed.serving.log_shipping import Copy, ShippingNeedsFsspec

SHIP = """
import json, sys
from pathlib import Path
from trainshed.serving import log_shipping

print(json.dumps([copy.name for copy in log_shipping.ship(Path(sys.argv[1]), sys.argv[2])]))
"""
SHIP_TO_MEMORY = """
import json, sys
from pathlib import Path
import fsspec
from trainshed.serving import log_shipping

folder, url = Path(sys.argv[1]), "memory://bucket/churn"
shipped = [len(log_shipping.ship(folder, url)) for _ in range(2)]
files = fsspec.filesystem("memory")
there = files.find("/bucket/churn")
print(json.dumps({"shipped": shipped, "there": there, "first": files.cat(there[1]).decode()}))
"""
REFUSE = """
import json, sys
from pathlib import Path
from trainshed.errors import TrainshedError
from trainshed.serving import log_shipping

try:
    log_shipping.ship(Path(sys.argv[1]), sys.argv[2])
except TrainshedError as error:
    print(json.dumps([error.slug, error.problem]))
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """The log of two releases: a closed segment each, and an open one."""
    folder = tmp_path / "log"
    for number, release in enumerate(["churn@v1.0.0", "churn@v1.1.0", "churn@v1.1.0"]):
        segment = log_segment.create(
            folder / release, writer="0" * 8, number=number, at=logged.AT, sync=False
        )
        segment.append(logged.line(), rows=1, sync=False)
        if number < 2:
            segment.close(sync=False)
        else:
            segment.let_go()
    return folder


NAMES = [
    f"churn@v1.{number}.0/20251124T160000125Z-00000000-00000{number}.{suffix}"
    for number in (0, 1)
    for suffix in ("jsonl", "json")
]


def plan(log: Path, arrived: dict[str, int]) -> tuple[Copy, ...]:
    return log_shipping.plan(log_segment.segments(log), folder=log, arrived=arrived)


def sizes(log: Path) -> dict[str, int]:
    return {name: (log / name).stat().st_size for name in NAMES}


def test_each_closed_segment_goes_first_and_what_is_said_of_it_last(log: Path) -> None:
    copies = plan(log, {})

    assert [copy.name for copy in copies] == NAMES
    assert [copy.source for copy in copies] == [log / name for name in NAMES]


def test_what_has_arrived_is_not_copied_again(log: Path) -> None:
    assert plan(log, {**sizes(log), "somebody/elses": 3}) == ()


@pytest.mark.parametrize("missing", NAMES[:2])
def test_what_arrived_in_part_is_copied_again(log: Path, missing: str) -> None:
    cut = {**sizes(log), missing: 1}
    gone = {name: size for name, size in sizes(log).items() if name != missing}

    for arrived in (cut, gone):
        assert [copy.name for copy in plan(log, arrived)] == NAMES[:2]


def test_segments_are_shipped_to_a_folder_and_once_more_only_if_they_are_not_there(
    log: Path, tmp_path: Path
) -> None:
    place = tmp_path / "shipped"

    first = log_tools.run(SHIP, log, place.as_uri())
    again = log_tools.run(SHIP, log, place.as_uri())
    (place / NAMES[2]).write_text("cut off")
    mended = log_tools.run(SHIP, log, place.as_uri())

    assert (first, again, mended) == (NAMES, [], NAMES[2:])
    assert {path.relative_to(place).as_posix() for path in place.rglob("*.json*")} == set(NAMES)
    assert logged.records(place) == logged.records(log)[:2]
    assert [log_segment.damage(one) for one in log_segment.segments(place)] == [None, None]


def test_segments_are_shipped_to_what_is_no_folder(log: Path) -> None:
    answer = log_tools.run(SHIP_TO_MEMORY, log)

    assert answer["shipped"] == [4, 0]
    assert answer["there"] == sorted(f"/bucket/churn/{name}" for name in NAMES)
    assert answer["first"] == (log / NAMES[0]).read_text()


@pytest.mark.parametrize(
    ("url", "slug"),
    [
        pytest.param("s3://bucket/churn", "shipping-needs-fsspec", id="its-package-is-missing"),
        pytest.param("nonsense://bucket", "segment-is-not-shipped", id="no-such-kind"),
        pytest.param("file:///dev/null/churn", "segment-is-not-shipped", id="no-such-place"),
    ],
)
def test_a_place_that_cannot_be_reached_is_named(log: Path, url: str, slug: str) -> None:
    told, problem = log_tools.run(REFUSE, log, url)

    assert told == slug
    assert url in problem


def test_without_fsspec_shipping_says_what_is_missing(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "fsspec.core", None)

    with pytest.raises(ShippingNeedsFsspec, match="fsspec"):
        log_shipping.ship(log, "s3://bucket/churn")
