import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]
V1 = ROOT / "data/v1/train.csv"
V2 = ROOT / "data/v2/train.csv"
METRICS = ["f1", "accuracy", "precision", "recall"]
METRICS += ["roc_auc", "average_precision", "log_loss", "brier"]
SLICES = ["area_code", "international_plan", "voice_mail_plan"]
JSON_TYPES = {"string": str, "integer": int, "number": float, "boolean": bool}


class Trained:
    """What one training printed and left beside the artifact."""

    def __init__(self, folder: Path, data: Path) -> None:
        self.folder = folder
        self.printed = train(ROOT, "--data", str(data), "--out", str(folder / "churn.pkl"))
        assert (self.printed.returncode, self.printed.stderr) == (0, "")
        self.model = joblib.load(folder / "churn.pkl")
        self.predictions = pd.read_csv(folder / "churn.predictions.csv", keep_default_na=False)
        self.columns = json.loads((folder / "churn.schema.json").read_text())["columns"]
        lines = (folder / "churn.examples.jsonl").read_text().splitlines()
        self.examples: list[dict[str, Any]] = [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def v1(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return Trained(tmp_path_factory.mktemp("v1"), V1)


@pytest.fixture(scope="module")
def v2(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return Trained(tmp_path_factory.mktemp("v2"), V2)


def test_the_guides_command_prints_the_contract_in_order(tmp_path: Path) -> None:
    (tmp_path / "data").symlink_to(ROOT / "data")

    printed = train(tmp_path, "--data", "data/v1/train.csv", "--out", "models/churn.pkl").stdout

    keys = [line.partition("=")[0] for line in printed.splitlines()]
    assert keys[: len(METRICS) + 6] == [
        "dataset",
        *[f"metric.{name}" for name in METRICS],
        *["artifact", "schema", "predictions", "examples", "training_rows"],
    ]
    assert "dataset=data/v1/train.csv\n" in printed
    assert re.search(r"^metric\.f1=0\.8\d{5}$", printed, re.MULTILINE)
    assert "artifact=models/churn.pkl\nschema=models/churn.schema.json\n" in printed
    assert "param.rows=4000\n" in printed
    for key in ("artifact", "schema", "predictions", "examples", "training_rows"):
        (path,) = re.findall(rf"^{key}=(.*)$", printed, re.MULTILINE)
        assert (tmp_path / path).is_file()


def test_the_printed_metrics_are_stored_beside_the_artifact(v1: Trained) -> None:
    stored = json.loads((v1.folder / "churn.metrics.json").read_text())

    printed = re.findall(r"^metric\.(\w+)=(.*)$", v1.printed.stdout, re.MULTILINE)
    assert {name: float(value) for name, value in printed} == stored


def test_training_twice_gives_the_same_bytes(v1: Trained, tmp_path: Path) -> None:
    again = Trained(tmp_path, V1)

    assert contents(again.folder) == contents(v1.folder)


def test_a_row_never_changes_sides_when_the_data_grows(v1: Trained, v2: Trained) -> None:
    before, after = set(v1.predictions["row_id"]), set(v2.predictions["row_id"])
    of_v1 = set(row_ids(V1))

    assert after & of_v1 == before
    assert 0.15 < len(before) / len(of_v1) < 0.25


def test_a_rows_id_is_the_hash_of_its_text_and_its_occurrence(v1: Trained) -> None:
    assert set(v1.predictions["row_id"]) <= set(row_ids(V1))
    assert v1.predictions["row_id"].is_unique


def test_copies_of_a_row_are_numbered_and_stay_on_one_side(v1: Trained, tmp_path: Path) -> None:
    header, *rows = V1.read_text().splitlines(keepends=True)
    doubled = tmp_path / "doubled.csv"
    doubled.write_text("".join([header, *rows, *rows]))

    trained = Trained(tmp_path, doubled)

    once = set(v1.predictions["row_id"])
    assert set(trained.predictions["row_id"]) == once | {name[:-1] + "1" for name in once}


def test_every_row_is_either_trained_on_or_evaluated(v1: Trained) -> None:
    trained_on = pd.read_csv(v1.folder / "churn.training_rows.csv")

    assert list(trained_on.columns) == ["row_id"]
    assert sorted([*trained_on["row_id"], *v1.predictions["row_id"]]) == sorted(row_ids(V1))


def test_an_older_model_answers_every_row_of_newer_data(
    v1: Trained, v2: Trained, tmp_path: Path
) -> None:
    out = tmp_path / "answers.csv"

    finished = evaluate(v1.folder / "churn.pkl", V2, out)

    assert (finished.returncode, finished.stderr) == (0, "")
    answers = pd.read_csv(out, keep_default_na=False).set_index("row_id")
    assert list(answers.index) == row_ids(V2)
    of_v2 = v2.predictions.set_index("row_id")
    assert list(answers.columns) == list(of_v2.columns)
    same = ["y_true", *SLICES]
    assert answers.loc[of_v2.index, same].equals(of_v2[same])


def test_what_a_model_answers_again_is_what_it_answered_at_training(
    v1: Trained, tmp_path: Path
) -> None:
    out = tmp_path / "answers.csv"

    evaluate(v1.folder / "churn.pkl", V1, out)

    trained = (v1.folder / "churn.predictions.csv").read_text().splitlines()
    assert set(trained) <= set(out.read_text().splitlines())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param("a,churn\n1,yes\n", r"evaluate\.py: .* cannot answer .*", id="columns"),
        pytest.param("a,b\n1,2\n", r"train\.py: .* has no column 'churn'", id="target"),
    ],
)
def test_data_that_an_older_model_cannot_answer_is_a_message(
    v1: Trained, tmp_path: Path, content: str, message: str
) -> None:
    data = tmp_path / "data.csv"
    data.write_text(content)

    finished = evaluate(v1.folder / "churn.pkl", data, tmp_path / "answers.csv")

    assert (finished.returncode, finished.stdout) == (1, "")
    assert re.match(message, finished.stderr)
    assert "Traceback" not in finished.stderr
    assert not (tmp_path / "answers.csv").exists()


def test_predictions_agree_with_the_artifact_and_hold_the_slices(v1: Trained) -> None:
    data = pd.read_csv(V1).assign(row_id=row_ids(V1)).set_index("row_id")
    rows = data.loc[v1.predictions["row_id"]]

    assert list(v1.predictions.columns) == ["row_id", "y_true", "y_pred", "y_score", *SLICES]
    assert list(v1.predictions["y_true"]) == list(rows["churn"])
    assert list(v1.predictions["y_pred"]) == list(v1.model.predict(rows.drop(columns="churn")))
    assert list(v1.predictions["area_code"]) == list(rows["area_code"])


def test_the_artifact_answers_its_own_examples(v1: Trained) -> None:
    inputs = [example["input"] for example in v1.examples]
    answers = [example["output"] for example in v1.examples]

    assert list(v1.model.classes_) == ["no", "yes"]
    assert answer(v1, inputs) == answers
    assert [answer(v1, [row])[0] for row in inputs] == answers
    assert [answer["prediction"] for answer in answers].count("yes") == 10
    assert len(answers) == 20


def test_an_integer_sent_for_a_number_answers_the_same(v1: Trained) -> None:
    numbers = [column["name"] for column in v1.columns if column["type"] == "number"]
    rounded = [
        example["input"] | {name: float(round(example["input"][name])) for name in numbers}
        for example in v1.examples
    ]
    integers = [row | {name: int(row[name]) for name in numbers} for row in rounded]

    assert answer(v1, integers) == answer(v1, rounded)


def test_a_category_never_seen_and_columns_in_any_order_are_answered(v1: Trained) -> None:
    row = v1.examples[0]["input"]
    backwards = dict(reversed(row.items()))

    assert answer(v1, [backwards]) == answer(v1, [row])
    assert answer(v1, [row | {"state": "Atlantis"}])[0]["prediction"] in {"yes", "no"}


def test_the_schema_names_every_column_and_both_versions_share_it(v1: Trained, v2: Trained) -> None:
    types = {column["name"]: column["type"] for column in v1.columns}

    assert list(types) == V1.read_text().split("\n", 1)[0].replace('"', "").split(",")[:-1]
    assert (types["state"], types["account_length"]) == ("string", "integer")
    assert types["total_day_minutes"] == "number"
    assert v1.columns == v2.columns
    for example in v1.examples:
        assert {name: type(value) for name, value in example["input"].items()} == {
            name: JSON_TYPES[kind] for name, kind in types.items()
        }


def test_a_column_with_gaps_is_nullable_and_sent_as_null(tmp_path: Path) -> None:
    data = pd.read_csv(V1)
    data.loc[::2, ["state", "total_day_minutes"]] = None
    data.to_csv(tmp_path / "gaps.csv", index=False)

    trained = Trained(tmp_path, tmp_path / "gaps.csv")

    nullable = [column["name"] for column in trained.columns if column.get("nullable")]
    inputs = [example["input"] for example in trained.examples]
    assert nullable == ["state", "total_day_minutes"]
    assert any(row["state"] is None for row in inputs)
    assert answer(trained, inputs) == [example["output"] for example in trained.examples]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(None, r"cannot read data\.csv: .*No such file", id="missing"),
        pytest.param("", r"cannot read data\.csv: No columns", id="empty"),
        pytest.param("a,churn\n", r"data\.csv has too few rows", id="header-only"),
        pytest.param("a,churn\n1,yes\n2,no\n", r"data\.csv has too few rows", id="two-rows"),
        pytest.param("a,b\n1,2\n", r"data\.csv has no column 'churn'; it has: a, b\.", id="target"),
        pytest.param(
            "a,churn\n1,maybe\n", r"should hold yes and no, but holds 'maybe'", id="value"
        ),
        pytest.param("a,churn\n1\n", r"should hold yes and no, but holds ", id="short-row"),
        pytest.param("a,churn\n1,no\n1,no,3\n", r"cannot read data\.csv: .*line 3", id="long-row"),
        pytest.param("a,churn\n\0\xff", r"cannot read data\.csv: .*utf-8", id="not-text"),
    ],
)
def test_data_that_cannot_be_used_is_a_short_message(
    tmp_path: Path, content: str | None, message: str
) -> None:
    if content is not None:
        (tmp_path / "data.csv").write_text(content, encoding="latin-1")

    finished = train(tmp_path, "--data", "data.csv", "--out", "models/churn.pkl")

    assert (finished.returncode, finished.stdout) == (1, "")
    assert re.match(rf"train\.py: .*({message})", finished.stderr)
    assert len(finished.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "models").exists()


def test_the_data_is_what_its_readme_says() -> None:
    readme = (ROOT / "data/README.md").read_text()

    for path in (V1, V2):
        assert hashlib.sha256(path.read_bytes()).hexdigest() in readme
    assert V2.read_bytes().startswith(V1.read_bytes())


def train(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the trainer as a person does; isolated, so that importing trainshed would fail."""
    return subprocess.run(
        [sys.executable, "-I", ROOT / "pipelines/train.py", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def evaluate(model: Path, data: Path, out: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "pipelines/evaluate.py", model, data, out],
        cwd=out.parent,
        capture_output=True,
        text=True,
        check=False,
    )


def answer(trained: Trained, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    frame = pd.DataFrame(rows)
    scores = trained.model.predict_proba(frame)[:, 1]
    return [
        {"prediction": prediction, "score": score}
        for prediction, score in zip(trained.model.predict(frame), scores, strict=True)
    ]


def row_ids(path: Path) -> list[str]:
    """The ids as their definition has them; this data holds no exact duplicates."""
    rows = pd.read_csv(path, dtype=str, keep_default_na=False).to_numpy().tolist()
    return [hashlib.sha256("\x1f".join(row).encode()).hexdigest()[:16] + "-0" for row in rows]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}
