import numpy as np
import pytest

pytest.importorskip("skl2onnx")

import exporting_models
from exporting_models import SCHEMA, classifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import StandardScaler

from trainshed.exporting import thresholds


def test_splits_of_boosted_bins_are_found_under_their_columns_though_categories_come_first() -> (
    None
):
    fitted = classifier(exporting_models.bins())

    found = thresholds.of(fitted.model, SCHEMA, fitted.rows)

    splits = {
        float(node["num_threshold"])
        for stage in fitted.model[-1]._predictors
        for node in stage[0].nodes
        if not node["is_leaf"] and not node["is_categorical"]
    }
    assert found.keys() >= {"age", "balance", "ratio"}
    assert "plan" not in found
    assert {one for all_ in found.values() for one in all_} <= splits
    assert all(0 < one < 1 for one in found["ratio"])


def test_splits_behind_a_scaler_are_traced_back_to_the_column() -> None:
    forest = RandomForestClassifier(3, random_state=0)
    fitted = classifier(exporting_models.numeric(StandardScaler(), forest))
    scaler = fitted.model[1]

    found = thresholds.of(fitted.model, SCHEMA, fitted.rows)

    scaled = sorted({
        float(at)
        for one in forest.estimators_
        for feature, at in zip(one.tree_.feature, one.tree_.threshold, strict=True)
        if feature == 2
    })  # fmt: skip
    wanted = sorted(at * scaler.scale_[2] + scaler.mean_[2] for at in scaled)
    assert np.allclose(found["ratio"], wanted)


def test_a_bare_tree_names_its_columns_by_their_order() -> None:
    table = [{name: row[name] for name in ("age", "ratio")} for row in exporting_models.rows()]
    schema = type(SCHEMA)(columns=tuple(one for one in SCHEMA.columns if one.name in table[0]))
    model = RandomForestClassifier(1, max_depth=1, max_features=None, bootstrap=False)
    model.fit([[row["age"], row["ratio"]] for row in table], [row["ratio"] > 0.5 for row in table])

    found = thresholds.of(model, schema, table)

    assert list(found) == ["ratio"]
    assert found["ratio"] == [model.estimators_[0].tree_.threshold[0]]


def test_a_model_without_trees_has_no_thresholds() -> None:
    assert thresholds.of(SimpleImputer(), SCHEMA, exporting_models.rows(1)) == {}
