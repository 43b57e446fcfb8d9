import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import harness, results
from benchmarks.harness import Benchmark, Context, Measurement

ROOT = Path(__file__).parents[2]


def _benchmark(*, name: str = "some.row", aim: float | None = 10, better="higher") -> Benchmark:
    return Benchmark(
        name=name, unit="s", aim=aim, better=better, measure=lambda _: Measurement(value=1)
    )


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(scratch=tmp_path, repeat=3, tell=lambda _: None)


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    harness.discover()
    monkeypatch.setattr(harness, "_registered", dict(harness._registered))


def test_contestants_run_in_turn_and_their_medians_are_found(context: Context) -> None:
    order: list[str] = []
    times: dict[str, Iterator[float]] = {"a": iter([9, 1, 2]), "b": iter([5, 4, 6])}

    def measure(name: str) -> float:
        order.append(name)
        return next(times[name])

    medians = context.medians({"a": lambda: measure("a"), "b": lambda: measure("b")})

    assert medians == {"a": 2, "b": 5}
    assert order == ["a", "b"] * 3


def test_a_declared_benchmark_is_found_by_the_beginning_of_its_name(registered: None) -> None:
    @harness.benchmark("zz.row", unit="s", better="lower")
    def measure(context: Context) -> Measurement:
        return Measurement(value=1)

    assert [found.name for found in harness.discover(["zz"])] == ["zz.row"]
    assert "zz.row" in [found.name for found in harness.discover()]


def test_the_hash_rows_are_discovered() -> None:
    found = [benchmark.name for benchmark in harness.discover(["hash"])]

    assert found == ["hash.large", "hash.many", "hash.noop"]


def test_a_name_that_nothing_starts_with_is_an_error() -> None:
    with pytest.raises(harness.NoSuchBenchmark, match="starts with hahs"):
        harness.discover(["hash", "hahs"])


def test_the_scratch_folder_is_gone_afterwards() -> None:
    seen: list[Path] = []

    def measure(context: Context) -> Measurement:
        seen.append(context.scratch)
        (context.scratch / "file").touch()
        return Measurement(value=1)

    Benchmark(name="x", unit="s", aim=None, better="lower", measure=measure).run(
        repeat=1, tell=lambda _: None
    )

    assert not seen[0].exists()


def test_a_whole_process_is_timed_with_bytecode_allowed(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    code = (
        "import sys, os, pathlib, trainshed\n"
        "assert not sys.dont_write_bytecode and os.environ['ADDED'] == 'yes'\n"
        "pathlib.Path('ran').touch()"
    )

    took = harness.seconds(harness.ours("-c", code), folder=tmp_path, variables={"ADDED": "yes"})

    assert took > 0
    assert (tmp_path / "ran").exists()


def test_a_program_that_fails_has_no_time(tmp_path: Path) -> None:
    with pytest.raises(harness.MeasuredProgramFailed, match=r"ended with 3:\nwhy"):
        harness.seconds(harness.ours("-c", "print('why'); raise SystemExit(3)"), folder=tmp_path)


def test_too_little_space_is_said_before_anything_is_written(context: Context) -> None:
    with pytest.raises(harness.DiskIsTooSmall, match="GB are needed"):
        context.require_free(10**18)


def test_a_rival_that_cannot_be_installed_leaves_the_row_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harness, "_RIVALS", tmp_path)
    told: list[str] = []
    context = Context(scratch=tmp_path, repeat=1, tell=told.append)

    found = context.rival("nobody", ["nobody @ file:///nowhere/nobody-1-py3-none-any.whl"])

    assert found is None
    assert "without nobody, which cannot be installed" in told[-1]


def test_a_rival_gets_an_environment_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harness, "_RIVALS", tmp_path)

    programs = harness.rival_environment("nothing", [])

    assert programs.is_relative_to(tmp_path / "nothing")
    assert os.access(programs / "python", os.X_OK)
    assert harness.rival_environment("nothing", []) == programs


@pytest.mark.parametrize(
    ("better", "aim", "value", "met"),
    [
        pytest.param("higher", 10, 10, True, id="reached"),
        pytest.param("higher", 10, 9.99, False, id="below"),
        pytest.param("lower", 10, 9.99, True, id="under"),
        pytest.param("lower", 10, 10.1, False, id="over"),
        pytest.param("lower", None, 10, None, id="no-aim"),
    ],
)
def test_an_aim_is_met(better: str, aim: float | None, value: float, met: bool | None) -> None:
    row = results.row_of(_benchmark(aim=aim, better=better), Measurement(value=value))

    assert row.met is met


@pytest.mark.parametrize(("better", "ratio"), [("higher", 0.5), ("lower", 2.0)])
def test_the_ratio_tells_how_many_times_better_than_the_first_peer(
    better: str, ratio: float
) -> None:
    measured = Measurement(value=1, peers={"main": 2, "other": 3.14159})

    row = results.row_of(_benchmark(better=better), measured).to_json()

    assert (row["peer"], row["peer_value"], row["ratio"]) == ("main", 2.0, ratio)
    assert row["peers"] == {"other": 3.142}


def test_a_row_without_rivals_has_no_peer() -> None:
    row = results.row_of(_benchmark(aim=None), Measurement(value=12_345.678)).to_json()

    assert row == {"name": "some.row", "value": 12350.0, "unit": "s", "aim": None, "met": None}


def test_measuring_some_rows_keeps_the_others(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    first = results.row_of(_benchmark(name="b"), Measurement(value=1))
    second = results.row_of(_benchmark(name="a"), Measurement(value=2))
    again = results.row_of(_benchmark(name="b"), Measurement(value=3))

    results.update(path, [first])
    results.update(path, [second])
    results.update(path, [again])

    found = json.loads(path.read_text())
    assert [(row["name"], row["value"]) for row in found] == [("a", 2), ("b", 3)]


def _bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "scripts" / "bench.py", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_script_lists_the_rows_and_their_aims() -> None:
    finished = _bench("--list", "--only=hash.large,hash.noop")

    assert finished.stdout == (
        "hash.large  (GB/s, higher is better, aim 1.3)\nhash.noop  (s, lower is better, aim 0.35)\n"
    )


def test_the_script_names_the_rows_when_asked_for_another() -> None:
    finished = _bench("--only=nothing")

    assert finished.returncode == 2
    assert "hash.large" in finished.stderr
