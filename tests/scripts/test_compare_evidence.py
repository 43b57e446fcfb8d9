"""compare.py where trainers write predictions: on which rows, with which evidence, to which end."""

import json
from pathlib import Path

import predicting
import pytest
from trainers import Repository

from trainshed import comparison, result
from trainshed.comparison import Baseline, Comparison


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return predicting.make(tmp_path / "repository")


def test_the_same_rows_are_compared_one_by_one(repository: Repository) -> None:
    before = repository.head
    repository.commit({"code/rule": "0.7\n"})

    compared, base = against_parent(repository)

    assert base.side.commit == before
    assert base.changed == ("code",)
    assert base.evidence is not None
    assert (base.evidence.rows.how, base.evidence.rows.compared) == ("paired", 200)
    f1 = base.evidence.metrics["f1"]
    assert f1.interval is not None
    assert f1.difference is not None
    assert f1.interval[0] < f1.difference < f1.interval[1] < -0.02
    assert compared.verdict == "fail"
    assert base.evidence.flips is not None
    assert base.evidence.flips.right_to_wrong > base.evidence.flips.wrong_to_right
    assert base.evidence.slices is not None
    assert {one.column for one in base.evidence.slices.found} == {"group"}
    assert base.evidence.confusion is not None
    assert {one.kind for one in base.evidence.curves} >= {"roc", "precision-recall"}
    assert (base.data, base.no_data) == (None, "")
    assert compared.leakage is not None
    assert (compared.leakage.rows, compared.leakage.evaluated) == (0, 200)


def test_a_metric_of_the_trainers_own_has_no_interval(repository: Repository) -> None:
    repository.commit({"code/rule": "0.51\n"})

    _, base = against_parent(repository)

    profit = next(one for one in base.findings if one.metric == "profit")
    assert (profit.interval, profit.judgement) == (None, "no-interval")
    assert profit.difference is not None
    assert profit.why_not


def test_who_compares_again_finds_the_same(repository: Repository) -> None:
    repository.commit({"code/rule": "0.52\n"})

    assert against_parent(repository) == against_parent(repository)


def test_when_the_data_moved_the_baseline_answers_the_candidates_rows(
    repository: Repository,
) -> None:
    repository.commit({"data/train.csv": predicting.table(range(500, 1_500))})

    _, base = against_parent(repository)

    assert base.changed == ("data",)
    assert base.evidence is not None
    rows = base.evidence.rows
    assert (rows.how, rows.compared, rows.candidate, rows.trained_on) == ("scored", 200, 200, 0)
    assert base.data is not None
    assert base.data.rows is not None
    assert (base.data.rows.added, base.data.rows.removed) == (500, 500)


def test_rows_that_the_baseline_was_trained_on_are_left_out_and_counted(
    repository: Repository,
) -> None:
    """The candidate evaluates other rows than its predecessor did: some it had learned from."""
    split = predicting.MODEL.replace("% 5 == 0", "% 4 == 0")
    repository.commit({"code/model.py": split})

    _, base = against_parent(repository)

    assert base.evidence is not None
    rows = base.evidence.rows
    assert (rows.candidate, rows.trained_on, rows.compared) == (250, 200, 50)


def test_a_baseline_that_cannot_be_asked_is_compared_on_common_rows_and_it_is_told_why(
    tmp_path: Path,
) -> None:
    repository = predicting.make(tmp_path / "repository", evaluate=None)
    repository.commit({"data/train.csv": predicting.table(range(100, 1_100))})

    _, base = against_parent(repository)

    assert base.evidence is not None
    rows = base.evidence.rows
    assert (rows.how, rows.compared) == ("paired", 180)
    assert (rows.only_baseline, rows.only_candidate) == (20, 20)
    assert "has no `evaluate:`" in rows.why


def test_predictions_that_cannot_be_read_are_the_candidates_mistake(
    repository: Repository,
) -> None:
    broken = predicting.TRAIN.replace(
        'write(f"{out}.csv", evaluated)', 'write(f"{out}.csv", evaluated + evaluated[:1])'
    )
    repository.commit({"code/train.py": broken})

    finished = repository.script(
        "compare", "--no-origin", "--model", "tiny", "--result", "result.json"
    )

    assert finished.returncode == 3
    assert "error[row-id-is-not-unique]" in finished.stderr
    assert "both have the row_id" in finished.stderr
    told = json.loads((repository.folder / "result.json").read_text())
    assert told["kind"] == "failed"
    assert told["failure"]["slug"] == "row-id-is-not-unique"


def test_the_baselines_mistake_does_not_hold_who_mends_it(repository: Repository) -> None:
    doubled = predicting.TRAIN.replace(
        'write(f"{out}.csv", evaluated)', 'write(f"{out}.csv", evaluated + evaluated[:1])'
    )
    repository.commit({"code/train.py": doubled})
    repository.commit({"code/train.py": predicting.TRAIN})

    compared, base = against_parent(repository)

    assert base.evidence is None
    assert "both have the row_id" in base.no_evidence
    assert compared.verdict == "pass"


def test_models_of_other_classes_cannot_be_compared(repository: Repository) -> None:
    other = predicting.MODEL.replace('"yes" if float', '"sure" if float').replace(
        'row["y"], answer', 'row["y"].replace("yes", "sure"), answer'
    )
    repository.commit({"code/model.py": other.replace('== "yes"', '== "sure"')})

    compared, base = against_parent(repository)

    assert base.cannot_compare
    assert compared.verdict == "cannot-compare"


def test_a_model_that_was_trained_on_its_evaluation_is_no_answer(repository: Repository) -> None:
    leaking = predicting.TRAIN.replace("if not is_evaluated(row)]", "]")
    repository.commit({"code/train.py": leaking})

    finished = repository.script("compare", "--no-origin")

    assert finished.returncode == 2
    assert "error[evaluation-was-trained-on]" in finished.stderr
    assert "200 of 200 evaluation rows" in finished.stderr


def test_too_few_rows_pass_nothing(tmp_path: Path) -> None:
    repository = predicting.make(tmp_path / "repository", gate={"required_rows": 201})
    repository.commit({"code/rule": "0.49\n"})

    compared, _ = against_parent(repository)

    assert compared.verdict == "cannot-compare"


def test_repeated_seeds_say_what_is_noise(repository: Repository) -> None:
    assert repository.script("train", "--repeat", "3").returncode == 0
    repository.commit({"code/rule": "0.505\n"})

    compared, _ = against_parent(repository)

    assert compared.noise is not None
    assert compared.noise["f1"].seeds == 3


def test_when_data_and_code_changed_a_cross_run_parts_them(repository: Repository) -> None:
    repository.commit({"data/train.csv": predicting.table(range(500, 1_500)), "code/rule": "0.7\n"})

    _, base = against_parent(repository, "--attribute")

    assert base.changed == ("code", "data")
    assert base.attribution is not None
    code, data = base.attribution.code["f1"], base.attribution.data["f1"]
    assert code.difference is not None
    assert data.difference is not None
    assert code.difference < -0.1 < data.difference
    assert code.interval is not None


def test_what_a_job_uploads_with_evidence_is_believed(repository: Repository) -> None:
    repository.commit({"data/train.csv": predicting.table(range(500, 1_500))})
    repository.script("compare", "--no-origin", "--model", "tiny", "--result", "result.json")

    content = (repository.folder / "result.json").read_bytes()
    made = result.from_bytes(content, head=repository.head, model="tiny")

    assert made.comparison is not None
    assert made.comparison.baselines[0].evidence is not None


def test_a_terminal_gets_the_answer_and_a_report_all_of_it(
    repository: Repository, tmp_path: Path
) -> None:
    repository.commit({"code/rule": "0.7\n"})

    finished = repository.script("compare", "--no-origin", "--report", str(tmp_path / "all.md"))
    summary = tmp_path / "summary.md"
    repository.script("compare", "--no-origin", GITHUB_STEP_SUMMARY=str(summary))

    whole = (tmp_path / "all.md").read_text()
    assert "Both on the same 200 rows." in finished.stderr
    assert "<details>" not in finished.stderr
    assert "<summary>Flips" in whole
    assert summary.read_text().strip() == whole.strip()


def test_the_live_release_is_a_column_of_its_own(tmp_path: Path) -> None:
    repository = predicting.released(tmp_path)
    repository.commit({"code/rule": "0.6\n"})
    repository.commit({"code/rule": "0.55\n"})

    finished = repository.script("compare")

    compared = read(repository)
    assert finished.returncode == 0, finished.stderr
    assert compared.gate == "live"
    for base in compared.baselines:
        assert base.evidence is not None, base.no_evidence
        assert base.evidence.rows.how == "paired"
    parent, live = (compared.baseline(name) for name in ("parent", "live"))
    assert parent is not None
    assert live is not None
    differences = [base.findings[0].difference or 0 for base in (parent, live)]
    assert differences[0] > 0 > differences[1]


def against_parent(repository: Repository, *flags: str) -> tuple[Comparison, Baseline]:
    finished = repository.script("compare", "--no-origin", *flags)
    assert finished.returncode == 0, finished.stderr
    compared = read(repository)
    base = compared.baseline("parent")
    assert base is not None
    return compared, base


def read(repository: Repository) -> Comparison:
    return comparison.from_json((repository.folder / ".trainshed/comparison.json").read_bytes())
