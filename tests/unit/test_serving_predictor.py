import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
import pytest
import serving_run
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LinearRegression

from trainshed.serving import golden, predictor, schema
from trainshed.serving.predictor import PredictorBrokeItsContract, PredictorCannotBeLoaded
from trainshed.serving.schema import UNKNOWN


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return serving_run.fitted_run(tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture
def user_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Write the user's module `their_predictor`, importable until the test ends."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(source: str) -> None:
        (tmp_path / "their_predictor.py").write_text(source)

    yield write
    sys.modules.pop("their_predictor", None)


def fitted(tmp_path: Path, model: Any, x: Any, y: Any) -> Path:
    joblib.dump(model.fit(x, y), tmp_path / "model.pkl")
    return tmp_path / "model.pkl"


def test_a_fitted_pipeline_answers_its_golden_rows(run: Path) -> None:
    examples = golden.read(run / "examples.jsonl")
    predict = predictor.load(
        run / "model.pkl",
        reference=None,
        schema=schema.read(run / "schema.json"),
    )

    assert golden.differences(examples, predict([example.input for example in examples])) == ()


def test_a_row_is_predicted_alone_as_among_others_and_in_any_order_of_its_columns(
    run: Path,
) -> None:
    """The row with a gap is alone the hard one: nothing in it shows that the column is numeric."""
    predict = predictor.load(
        run / "model.pkl", reference=None, schema=schema.derived_from(serving_run.ROWS[:3])
    )

    together = predict(serving_run.ROWS[:6])

    alone = [predict([dict(reversed(row.items()))])[0] for row in serving_run.ROWS[:6]]
    assert alone == together


def test_two_classes_give_the_score_of_the_second(tmp_path: Path) -> None:
    artifact = fitted(tmp_path, DummyClassifier(), [[0], [1], [1], [1]], ["no", "yes", "no", "no"])

    predict = predictor.load(artifact, reference=None, schema=UNKNOWN)

    assert predict([{"a": 0}]) == [{"prediction": "no", "score": 0.25}]


def test_more_classes_give_the_score_of_each(tmp_path: Path) -> None:
    artifact = fitted(tmp_path, DummyClassifier(), [[0], [0], [0], [0]], [1, 1, 2, 3])

    predict = predictor.load(artifact, reference=None, schema=UNKNOWN)

    assert predict([{"a": 0}]) == [{"prediction": 1, "scores": {"1": 0.5, "2": 0.25, "3": 0.25}}]


def test_a_regression_gives_plain_numbers(tmp_path: Path) -> None:
    artifact = fitted(tmp_path, LinearRegression(), pd.DataFrame({"a": [0.0, 1.0]}), [1.0, 3.0])

    predict = predictor.load(artifact, reference=None, schema=UNKNOWN)

    assert predict([{"a": 2.0}, {"a": 3.0}]) == pytest.approx([5.0, 7.0])


def test_a_users_predictor_is_loaded_once_with_the_artifact_and_gets_the_rows(
    tmp_path: Path, user_module: Any
) -> None:
    user_module(
        "weights = []\n"
        "def load(path): weights.append(float(path.read_text()))\n"
        "def predict(rows): return [weights[0] * row['a'] + len(weights) for row in rows]\n"
    )
    artifact = tmp_path / "weights.txt"
    artifact.write_text("10")

    predict = predictor.load(artifact, reference="their_predictor:predict", schema=UNKNOWN)

    assert predict([{"a": 1}, {"a": 2}]) == [11, 21]
    assert predict([{"a": 3}]) == [31]


@pytest.mark.parametrize(
    ("returned", "says"),
    [
        pytest.param("[1]", "1 predictions for 2 rows", id="too-few"),
        pytest.param("[1, 2, 3]", "3 predictions for 2 rows", id="too-many"),
        pytest.param("[1, float('nan')]", "nan has no form in JSON", id="nan"),
        pytest.param("[1, object()]", "object has no form in JSON", id="an-object"),
        pytest.param("'ab'", "returned str, not a list", id="text"),
        pytest.param("{0: 1, 1: 2}", "returned dict, not a list", id="a-dict"),
        pytest.param("None", "returned NoneType, not a list", id="nothing"),
    ],
)
def test_a_predictor_that_breaks_its_contract_is_told_how(
    tmp_path: Path, user_module: Any, returned: str, says: str
) -> None:
    user_module(f"def predict(rows): return {returned}\n")
    predict = predictor.load(tmp_path, reference="their_predictor:predict", schema=UNKNOWN)

    with pytest.raises(PredictorBrokeItsContract, match=says):
        predict([{}, {}])


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        pytest.param("no_such_module:predict", "No module named 'no_such_module'", id="module"),
        pytest.param("their_predictor:guess", "has no attribute 'guess'", id="function"),
        pytest.param("their_predictor", "module:function", id="form"),
        pytest.param("their_predictor:predict", "the weights are gone", id="its-own-load"),
    ],
)
def test_a_users_predictor_that_cannot_be_loaded_is_named(
    tmp_path: Path, user_module: Any, reference: str, says: str
) -> None:
    user_module(
        "def load(path): raise OSError('the weights are gone')\ndef predict(rows): return []\n"
    )

    with pytest.raises(PredictorCannotBeLoaded, match=says):
        predictor.load(tmp_path / "model.pkl", reference=reference, schema=UNKNOWN)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"not a pickle", id="not-a-pickle"),
        pytest.param(b"cno_such_module\nThing\n.", id="code-that-is-not-there"),
    ],
)
def test_an_artifact_that_cannot_be_unpickled_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.pkl").write_bytes(content)

    with pytest.raises(PredictorCannotBeLoaded, match=r"The artifact model\.pkl cannot be loaded"):
        predictor.load(tmp_path / "model.pkl", reference=None, schema=UNKNOWN)


def test_an_artifact_without_predict_is_refused_at_start(tmp_path: Path) -> None:
    joblib.dump({"weights": [1, 2]}, tmp_path / "model.pkl")

    with pytest.raises(PredictorCannotBeLoaded, match="no attribute 'predict'"):
        predictor.load(tmp_path / "model.pkl", reference=None, schema=UNKNOWN)
