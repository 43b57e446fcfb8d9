"""The process that computes: what is asked and answered, what goes wrong, how it ends."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import predictions_samples as samples
import psutil
import pytest

from trainshed import question
from trainshed.errors import TrainshedError
from trainshed.question import Differing, Leaking, Profiling, Repeating
from trainshed.rule import Rule, ToleranceIsNegative
from trainshed.settings import FRAMEWORK
from trainshed.statistician import Statistician, StatisticianEndedUnexpectedly
from trainshed.statistics import evidence, pairing, predictions, reported, sides
from trainshed.statistics.noise import OneSeedTellsNothing
from trainshed.statistics.predictions_file import PredictionsCannotBeRead

COLUMNS = samples.binary(40)
NOISE = Repeating(values={"f1": (0.8, 0.82)})


@pytest.fixture(scope="module")
def statistician() -> Iterator[Statistician]:
    with Statistician() as one:
        yield one


def process() -> psutil.Process:
    """Return the one that was started last."""
    found = [
        child
        for child in psutil.Process().children()
        if _runs(child) and "trainshed.statistics" in child.cmdline()
    ]
    return max(found, key=lambda child: child.create_time())


def test_evidence_crosses_unchanged(statistician: Statistician, tmp_path: Path) -> None:
    other = samples.binary(40, seed=1)
    names = ("f1", "roc_auc", "profit")
    asked = samples.asked(tmp_path, COLUMNS, other, metrics=names, bins={"age": (30.0,)})

    assert statistician.compare(asked) == evidence.gather(asked)


def test_tables_are_compared_and_profiled(statistician: Statistician, tmp_path: Path) -> None:
    before = samples.write(tmp_path / "before.csv", {"id": [1, 2, 3], "x": [1, 2, 3]})
    after = samples.write(tmp_path / "after.csv", {"id": [2, 3, 4], "x": [2, 5, 6]})
    out = tmp_path / "profile.json"

    found = statistician.differ(Differing(before=str(before), after=str(after), key=("id",)))
    statistician.profile(Profiling(data=str(before), out=str(out), source="before.csv"))

    assert found.changes is not None
    assert (found.changes.added, found.changes.removed, found.changes.changed) == (1, 1, 1)
    assert out.read_text().startswith('{"columns":{"id":')


def test_rows_that_are_trained_on_are_found(statistician: Statistician, tmp_path: Path) -> None:
    written = samples.write(tmp_path / "predictions.csv", COLUMNS)
    trained = samples.write(tmp_path / "rows.csv", {"row_id": ["r00003", "elsewhere"]})

    found = statistician.leakage(
        Leaking(predictions=str(written), training_rows=str(trained), source="the run")
    )

    assert (found.rows, found.evaluated) == (1, 40)


def test_noise_is_told_by_metric(statistician: Statistician) -> None:
    found = statistician.noise(Repeating(values={"f1": (0.8, 0.82), "rmse": (3.0, 3.0)}))

    assert {name: one.seeds for name, one in found.items()} == {"f1": 2, "rmse": 2}
    assert found["rmse"].limit == 0.0


def test_one_process_answers_all_questions_and_errors_do_not_end_it(
    statistician: Statistician,
) -> None:
    statistician.noise(NOISE)
    first = process().pid
    with pytest.raises(OneSeedTellsNothing, match="f1 has 1 value") as raised:
        statistician.noise(Repeating(values={"f1": (0.8,)}))

    statistician.noise(NOISE)

    assert "--repeat" in raised.value.fix
    assert process().pid == first


def test_threads_get_their_own_answers(statistician: Statistician) -> None:
    found: dict[int, float] = {}

    def ask(number: int) -> None:
        values = {"f1": (0.0, float(number))}
        found[number] = statistician.noise(Repeating(values=values))["f1"].spread

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == {number: pytest.approx(number / 2**0.5) for number in range(1, 9)}


def changed(**columns: Any) -> samples.Columns:
    return {**COLUMNS, **columns}


def without(*names: str) -> samples.Columns:
    return {name: values for name, values in COLUMNS.items() if name not in names}


def cut(columns: samples.Columns, rows: int) -> samples.Columns:
    return {name: list(values)[:rows] for name, values in columns.items()}


SCORE = list(COLUMNS["y_score"])
BOTH = {**without("y_score"), "y_score.yes": SCORE, "y_score.no": SCORE}


@pytest.mark.parametrize(
    ("candidate", "error", "problem"),
    [
        pytest.param(
            without("y_true", "y_pred"), predictions.PredictionsLackColumns,
            "predictions of the candidate has no column y_true, y_pred. It has: row_id, y_score.",
            id="missing-columns",
        ),
        pytest.param(
            changed(row_id=["r1", "r1", *COLUMNS["row_id"][2:]]), predictions.RowIdIsNotUnique,
            "rows 1 and 2 both have the row_id 'r1'", id="duplicate-row-ids",
        ),
        pytest.param(
            changed(y_score=[*SCORE[:-1], "nan"]), predictions.ScoreIsNotANumber,
            r"y_score holds 'nan' in row 40 \(row_id r00039\)", id="nan-score",
        ),
        pytest.param(
            {**BOTH, "y_true": ["maybe", *COLUMNS["y_true"][1:]]},
            sides.LabelIsOutsideTheClasses, "y_true holds 'maybe', which has no scores",
            id="label-outside-the-classes",
        ),
        pytest.param(
            {**BOTH, "y_score.maybe": SCORE}, sides.LabelsDiffer,
            "has scores for no, yes; .* has scores for maybe, no, yes", id="other-label-set",
        ),
        pytest.param(
            changed(y_true=list(COLUMNS["y_true"])[::-1]), pairing.RowIdsNameOtherRows,
            "of the 40 rows that both runs have differ in y_true", id="ids-name-other-rows",
        ),
        pytest.param(
            cut(COLUMNS, 0), predictions.PredictionsAreEmpty, "a header and no rows",
            id="zero-rows",
        ),
        pytest.param(
            changed(y_pred=[" ", *COLUMNS["y_pred"][1:]]), predictions.LabelIsNotALabel,
            "y_pred holds nothing", id="empty-label",
        ),
    ],
)  # fmt: skip
def test_bad_predictions_are_errors_of_their_own(
    candidate: samples.Columns,
    error: type[TrainshedError],
    problem: str,
    statistician: Statistician,
    tmp_path: Path,
) -> None:
    baseline = BOTH if "y_score.yes" in candidate else COLUMNS
    asked = samples.asked(tmp_path, baseline, candidate)

    with pytest.raises(error, match=problem) as raised:
        statistician.compare(asked)

    assert type(raised.value) is error
    assert raised.value.fix


def test_files_that_are_not_there_are_told_by_their_owners_name(
    statistician: Statistician, tmp_path: Path
) -> None:
    asked = samples.asked(tmp_path, COLUMNS, COLUMNS)
    Path(asked.baseline.predictions).unlink()

    with pytest.raises(PredictionsCannotBeRead, match=r"^predictions of the baseline cannot"):
        statistician.compare(asked)


def test_one_class_only_has_accuracy_and_says_why_it_has_no_more(
    statistician: Statistician, tmp_path: Path
) -> None:
    single = changed(y_true=["no"] * 40, y_pred=["no"] * 40)

    found = statistician.compare(
        samples.asked(tmp_path, single, single, metrics=("accuracy", "f1", "roc_auc"))
    ).metrics

    assert found["accuracy"].interval == (0.0, 0.0)
    assert found["f1"].why_not == "y_true and y_pred hold one class only"
    assert found["roc_auc"].interval is None


def test_a_metric_that_nobody_knows_has_no_interval(
    statistician: Statistician, tmp_path: Path
) -> None:
    asked = samples.asked(tmp_path, COLUMNS, COLUMNS, metrics=("profit", "f1_median"))

    found = statistician.compare(asked).metrics

    assert {one.why_not for one in found.values()} == {"it is the trainer's own metric"}


def test_a_positive_class_that_is_none_is_told(statistician: Statistician, tmp_path: Path) -> None:
    asked = samples.asked(tmp_path, COLUMNS, COLUMNS, positive="YES")

    with pytest.raises(reported.PositiveIsNotAClass, match=r"none of the classes .* no, yes"):
        statistician.compare(asked)


def test_a_negative_tolerance_cannot_even_be_asked() -> None:
    with pytest.raises(ToleranceIsNegative):
        Rule(direction="maximize", tolerance=-0.01)


def test_ten_million_rows_are_refused_before_they_are_all_read(
    statistician: Statistician, tmp_path: Path
) -> None:
    """They are written as they are read, so that writing ends when reading does."""
    asked = samples.asked(tmp_path, COLUMNS, COLUMNS)
    path = Path(asked.candidate.predictions)
    path.unlink()
    os.mkfifo(path)
    written = []

    def write() -> None:
        try:
            with path.open("w") as file:
                file.write("row_id,y_true,y_pred\n")
                for start in range(0, 10_000_000, 1_000):
                    file.writelines(f"{row},1,0\n" for row in range(start, start + 1_000))
                    written.append(start)
        except BrokenPipeError:
            written.append(-1)

    writing = threading.Thread(target=write)
    writing.start()

    with pytest.raises(predictions.PredictionsAreTooMany, match="more than 2,000,000 rows"):
        statistician.compare(asked)

    writing.join()
    assert written[-1] == -1
    assert len(written) < 2_500


def test_a_process_that_fails_shows_its_last_words_and_the_next_question_is_answered(
    tmp_path: Path,
) -> None:
    data = samples.write(tmp_path / "data.csv", {"x": [1, 2]})
    nowhere = Profiling(data=str(data), out=str(tmp_path / "no" / "where"), source="data.csv")
    with Statistician() as one:
        with pytest.raises(StatisticianEndedUnexpectedly, match=r"No such file or directory: .*no"):
            one.profile(nowhere)

        assert one.noise(NOISE)


def test_a_process_that_was_killed_is_told(tmp_path: Path) -> None:
    with Statistician() as one:
        one.noise(NOISE)
        os.kill(process().pid, signal.SIGKILL)

        with pytest.raises(StatisticianEndedUnexpectedly, match=r"without an answer \(signal 9\)"):
            one.noise(NOISE)


def test_what_a_library_prints_does_not_get_between_the_answers(tmp_path: Path) -> None:
    """A profile is written to where standard output leads: that is not where answers go."""
    data = samples.write(tmp_path / "data.csv", {"x": [1, 2]})
    out = Profiling(data=str(data), out="/proc/self/fd/1", source="data.csv")
    with Statistician() as one:
        one.profile(out)

        assert one.noise(NOISE)


def test_closing_ends_the_process() -> None:
    with Statistician() as one:
        one.noise(NOISE)
        child = process()

    assert not _runs(child)
    one.close()


def test_the_process_gets_no_secret_and_no_file_of_the_steps(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("TRAINSHED_GITHUB_TOKEN", "TRAINSHED_FETCH_KEY", "TRAINSHED_REGISTRY_PASSWORD"):
        monkeypatch.setenv(name, "a secret")
    for name in ("GITHUB_OUTPUT", "GITHUB_ENV"):
        monkeypatch.setenv(name, str(tmp_path / "file-of-steps"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    with Statistician() as one:
        one.noise(NOISE)
        variables = process().environ()

    assert not {"a secret", str(tmp_path / "file-of-steps")} & set(variables.values())
    assert variables["PYTHONPATH"] == str(FRAMEWORK)


def test_nothing_is_imported_from_where_we_happen_to_be(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("numpy.py", "json.py", "trainshed.py"):
        (tmp_path / name).write_text("raise SystemExit(9)\n")
    monkeypatch.chdir(tmp_path)

    with Statistician() as one:
        assert one.noise(NOISE)


ASKS_AND_WAITS = """
import sys, time
import psutil
from trainshed.question import Repeating
from trainshed.statistician import Statistician
one = Statistician()
one.noise(Repeating(values={"f1": (0.8, 0.82)}))
print(psutil.Process().children()[0].pid, flush=True)
time.sleep(300)
"""


def test_the_process_ends_when_the_one_that_asked_is_killed() -> None:
    asking = subprocess.Popen(
        [sys.executable, "-c", ASKS_AND_WAITS],
        cwd=FRAMEWORK,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert asking.stdout is not None
    child = psutil.Process(int(asking.stdout.readline()))
    asking.kill()
    asking.communicate()

    psutil.wait_procs([child], timeout=30)
    try:
        assert not _runs(child)
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()


def _runs(child: psutil.Process) -> bool:
    return child.is_running() and child.status() != psutil.STATUS_ZOMBIE


def test_every_question_has_an_answer() -> None:
    from typing import get_args

    from trainshed.statistics import answers

    assert {one.__name__ for one in get_args(question.Question)} == set(answers._ANSWERS)
