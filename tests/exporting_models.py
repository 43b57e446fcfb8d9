"""Small fitted models of every kind that exporting is asked for, with the rows they were fitted on.

All have the same columns, so that one schema and one table serve them all.
"""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn import ensemble, linear_model, naive_bayes, neighbors, svm, tree
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
)

from trainshed.serving import frame
from trainshed.serving.schema import Column, Row, Schema

NUMBERS = ["age", "balance", "ratio"]
TEXT = ["plan", "region"]
SCHEMA = Schema(
    columns=(
        Column(name="plan", type="string"),
        Column(name="age", type="integer"),
        Column(name="balance", type="number", nullable=True),
        Column(name="region", type="string", nullable=True),
        Column(name="ratio", type="number"),
        Column(name="vip", type="boolean"),
    )
)
TEXT_SCHEMA = Schema(columns=(Column(name="note", type="string"),))
_WORDS = ["late", "paid", "never", "good", "bad", "service", "price", "phone", "the", "a"]


@dataclass(frozen=True, kw_only=True)
class Fitted:
    model: Any
    schema: Schema
    rows: list[Row]

    def saved(self, folder: Path) -> Path:
        path = folder / "model.pkl"
        joblib.dump(self.model, path)
        return path


def rows(count: int = 300, *, seed: int = 0, regions: int = 70) -> list[Row]:
    """More regions than onnxruntime puts into one mask of categories."""
    chance = random.Random(seed)
    return [
        {
            "plan": chance.choice(["basic", "gold", "silver"]),
            "age": chance.randint(18, 90),
            "balance": None if chance.random() < 0.15 else round(chance.gauss(10, 40), 2),
            "region": None if chance.random() < 0.1 else f"R{chance.randrange(regions)}",
            "ratio": chance.random(),
            "vip": chance.random() < 0.3,
        }
        for _ in range(count)
    ]


def texts(count: int = 200) -> list[Row]:
    chance = random.Random(1)
    return [
        {"note": " ".join(chance.choices(_WORDS, k=chance.randint(1, 9)))} for _ in range(count)
    ]


def truth(table: list[Row]) -> list[float]:
    """A number that depends on every column, so that every column is used."""
    return [
        0.05 * row["age"]
        + (0.02 * row["balance"] if row["balance"] is not None else -1)
        + math.sin(hash_of(row["region"]))
        + {"basic": 0, "gold": 2, "silver": 1}[row["plan"]]
        + 3 * row["ratio"] * row["vip"]
        for row in table
    ]


def hash_of(text: str | None) -> int:
    return sum(map(ord, text or "none"))


def labels(table: list[Row], classes: list[Any]) -> list[Any]:
    values = np.array(truth(table))
    edges = np.quantile(values, np.linspace(0, 1, len(classes) + 1)[1:-1])
    return [classes[int(index)] for index in np.searchsorted(edges, values)]


def classifier(model: Any, classes: list[Any] | None = None, **more: Any) -> Fitted:
    table = rows(**more)
    return fitted(model, table, labels(table, classes or ["no", "yes"]))


def regressor(model: Any) -> Fitted:
    table = rows()
    return fitted(model, table, truth(table))


def fitted(model: Any, table: list[Row], answers: list[Any]) -> Fitted:
    model.fit(frame.of(table, SCHEMA, trained_on=None), answers)
    return Fitted(model=model, schema=SCHEMA, rows=table)


def of_text(*steps: Any) -> Fitted:
    table = texts()
    model = make_pipeline(make_column_transformer((steps[0], "note")), *steps[1:])
    model.fit(
        frame.of(table, TEXT_SCHEMA, trained_on=None), ["late" in one["note"] for one in table]
    )
    return Fitted(model=model, schema=TEXT_SCHEMA, rows=table)


def ordinal(*, text: list[str] = TEXT) -> Any:
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
    return make_column_transformer((encoder, text), remainder="passthrough")


def one_hot(*numbers: Any) -> Any:
    steps = numbers or (SimpleImputer(strategy="median"), StandardScaler())
    return make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), TEXT),
        (make_pipeline(*steps), NUMBERS),
        ("passthrough", ["vip"]),
    )


def bins(kind: Any = ensemble.HistGradientBoostingClassifier, **options: Any) -> Any:
    return make_pipeline(
        ordinal(), kind(categorical_features=[0, 1], max_iter=15, random_state=0, **options)
    )


def older(model: Any) -> Any:
    """A pipeline for trees that know no missing values and no categories."""
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    text = make_pipeline(SimpleImputer(strategy="most_frequent"), encoder)
    return make_pipeline(
        make_column_transformer((text, TEXT), (SimpleImputer(), NUMBERS), remainder="passthrough"),
        model,
    )


def numeric(*steps: Any) -> Any:
    return make_pipeline(make_column_transformer((SimpleImputer(), NUMBERS)), *steps)


_THREE = ["basic", "gold", "silver"]

# Exporting must prove each of these.
EQUAL: dict[str, Callable[[], Fitted]] = {
    "boosted bins": lambda: classifier(bins()),
    "boosted bins, few categories": lambda: classifier(bins(), regions=5),
    "boosted bins, three classes": lambda: classifier(bins(), _THREE),
    "boosted bins, regression": lambda: regressor(bins(ensemble.HistGradientBoostingRegressor)),
    "boosted bins without categories": lambda: classifier(
        make_pipeline(ordinal(), ensemble.HistGradientBoostingClassifier(max_iter=10))
    ),
    "boosted trees": lambda: classifier(
        older(ensemble.GradientBoostingClassifier(n_estimators=20))
    ),
    "boosted trees, exponential": lambda: classifier(
        older(ensemble.GradientBoostingClassifier(n_estimators=20, loss="exponential"))
    ),
    "boosted trees, three classes": lambda: classifier(
        older(ensemble.GradientBoostingClassifier(n_estimators=10)), _THREE
    ),
    "boosted trees, regression": lambda: regressor(
        older(ensemble.GradientBoostingRegressor(n_estimators=20))
    ),
    "forest": lambda: classifier(older(ensemble.RandomForestClassifier(20, random_state=0))),
    "forest, integer classes": lambda: classifier(
        older(ensemble.RandomForestClassifier(10, random_state=0)), [0, 1, 7]
    ),
    "forest, boolean classes": lambda: classifier(
        older(ensemble.ExtraTreesClassifier(10, random_state=0)), [False, True]
    ),
    "forest that knows missing values": lambda: classifier(
        make_pipeline(ordinal(), ensemble.RandomForestClassifier(10, random_state=0))
    ),
    "forest, regression": lambda: regressor(
        older(ensemble.RandomForestRegressor(10, random_state=0))
    ),
    "one tree": lambda: classifier(older(tree.DecisionTreeClassifier(max_depth=5))),
    "tree that is one leaf": lambda: regressor(
        older(tree.DecisionTreeRegressor(max_depth=1, min_samples_leaf=200))
    ),
    "logistic regression": lambda: classifier(
        make_pipeline(one_hot(), linear_model.LogisticRegression())
    ),
    "logistic regression, three classes": lambda: classifier(
        make_pipeline(one_hot(), linear_model.LogisticRegression()), _THREE
    ),
    "logistic regression, robust scaler": lambda: classifier(
        make_pipeline(one_hot(SimpleImputer(), RobustScaler()), linear_model.LogisticRegression())
    ),
    "logistic regression, range scaler": lambda: classifier(
        make_pipeline(one_hot(SimpleImputer(), MinMaxScaler()), linear_model.LogisticRegression())
    ),
    "linear regression": lambda: regressor(make_pipeline(one_hot(), linear_model.Ridge())),
    "linear regression, dropped categories": lambda: regressor(
        make_pipeline(
            make_column_transformer(
                (OneHotEncoder(drop="first", handle_unknown="ignore"), TEXT),
                (SimpleImputer(), NUMBERS),
            ),
            linear_model.LinearRegression(),
        )
    ),
    "words counted": lambda: of_text(CountVectorizer(), linear_model.LogisticRegression()),
    "text": lambda: of_text(TfidfVectorizer(), linear_model.LogisticRegression()),
}

# These may be proved or not, as their parts allow; nothing may be served unproved.
EITHER: dict[str, Callable[[], Fitted]] = {
    "polynomial": lambda: regressor(numeric(PolynomialFeatures(2), linear_model.Ridge())),
    "binned numbers": lambda: classifier(
        numeric(KBinsDiscretizer(4, encode="ordinal"), linear_model.LogisticRegression())
    ),
    "support vectors": lambda: classifier(numeric(StandardScaler(), svm.SVC(probability=True))),
    "linear support vectors": lambda: classifier(numeric(StandardScaler(), svm.LinearSVC())),
    "ridge classifier": lambda: classifier(numeric(linear_model.RidgeClassifier())),
    "neighbours": lambda: classifier(numeric(neighbors.KNeighborsClassifier())),
    "naive bayes": lambda: classifier(numeric(naive_bayes.GaussianNB())),
    "network": lambda: classifier(numeric(StandardScaler(), MLPClassifier(max_iter=50))),
    "calibrated": lambda: classifier(
        numeric(CalibratedClassifierCV(linear_model.LogisticRegression()))
    ),
    "voting": lambda: classifier(
        numeric(
            ensemble.VotingClassifier(
                [("a", linear_model.LogisticRegression()), ("b", tree.DecisionTreeClassifier())],
                voting="soft",
            )
        )
    ),
    "adaboost": lambda: classifier(numeric(ensemble.AdaBoostClassifier(n_estimators=5))),
    "bagging": lambda: classifier(numeric(ensemble.BaggingClassifier(n_estimators=5))),
    "characters": lambda: of_text(
        TfidfVectorizer(analyzer="char", ngram_range=(1, 2)), linear_model.LogisticRegression()
    ),
    "strict one-hot": lambda: classifier(
        make_pipeline(
            make_column_transformer((OneHotEncoder(), TEXT), (SimpleImputer(), NUMBERS)),
            linear_model.LogisticRegression(max_iter=2_000),
        )
    ),
    "columns by type": lambda: classifier(
        make_pipeline(
            make_column_transformer(
                (SimpleImputer(), make_column_selector(dtype_include="number"))
            ),
            linear_model.LogisticRegression(),
        )
    ),
}
