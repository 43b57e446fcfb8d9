import io

import numpy as np
import pandas as pd
import pytest

from trainshed.serving import frame
from trainshed.serving.schema import UNKNOWN, Column, Schema

SCHEMA = Schema(
    columns=(
        Column(name="plan", type="string", nullable=True),
        Column(name="age", type="integer"),
        Column(name="balance", type="number", nullable=True),
        Column(name="vip", type="boolean"),
    )
)
ROWS = [
    {"vip": True, "balance": 1, "age": 3.0, "plan": "gold"},
    {"vip": False, "balance": None, "age": 4, "plan": None},
]


def test_the_types_are_those_of_reading_a_csv_file() -> None:
    """That is how most models are trained; and they hold for one row alone as well."""
    text = "plan,age,balance,vip\ngold,3,1.0,True\n,4,,False\n"
    read = pd.read_csv(io.StringIO(text))

    pd.testing.assert_frame_equal(frame.of(ROWS, SCHEMA, trained_on=None), read)
    for index, row in enumerate(ROWS):
        alone = frame.of([row], SCHEMA, trained_on=None)
        pd.testing.assert_frame_equal(alone, read.iloc[[index]].reset_index(drop=True))


def test_a_gap_in_integers_makes_them_floats() -> None:
    schema = Schema(columns=(Column(name="age", type="integer", nullable=True),))

    made = frame.of([{"age": 3}, {"age": None}], schema, trained_on=None)

    assert made["age"].dtype == np.float64
    assert made["age"].isna().tolist() == [False, True]


@pytest.mark.parametrize("schema", [SCHEMA, UNKNOWN])
def test_columns_come_in_the_order_that_the_model_was_trained_on(schema: Schema) -> None:
    order = ["age", "vip", "plan", "balance"]

    assert list(frame.of(ROWS, schema, trained_on=order).columns) == order


def test_other_columns_than_those_of_the_model_are_its_own_matter() -> None:
    made = frame.of(ROWS, SCHEMA, trained_on=["age"])

    assert list(made.columns) == ["plan", "age", "balance", "vip"]
