from pathlib import Path

import pandas as pd
import pytest

from trainshed.exporting import rows
from trainshed.exporting.rows import DataCannotBeRead
from trainshed.serving.schema import Column, Schema

SCHEMA = Schema(
    columns=(
        Column(name="plan", type="string", nullable=True),
        Column(name="age", type="integer"),
        Column(name="balance", type="number", nullable=True),
        Column(name="vip", type="boolean"),
    )
)
CSV = """\
id,plan,age,balance,vip,churn
1,basic,31,0.5,true,no
2,,45,,false,yes
3,gold,,1.5,true,no
"""


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    (tmp_path / "data.csv").write_text(CSV)
    return tmp_path / "data.csv"


def test_rows_have_the_columns_and_types_that_a_caller_sends(csv: Path) -> None:
    found = rows.read(csv, SCHEMA)

    assert found.fitting == [
        {"plan": "basic", "age": 31, "balance": 0.5, "vip": True},
        {"plan": None, "age": 45, "balance": None, "vip": False},
    ]
    assert SCHEMA.validate(found.fitting) == ()


def test_a_row_that_the_server_would_refuse_is_left_out_and_counted(csv: Path) -> None:
    assert rows.read(csv, SCHEMA).others == 1


def test_codes_that_the_schema_calls_text_are_text(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("plan,age,balance,vip\n415,1,1,true\n")

    assert rows.read(tmp_path / "data.csv", SCHEMA).fitting[0]["plan"] == "415"


def test_a_folder_is_all_its_tables_and_parquet_is_one(csv: Path) -> None:
    pytest.importorskip("pyarrow")
    pd.read_csv(csv).to_parquet(csv.parent / "more.parquet")
    (csv.parent / "README.md").write_text("no table")

    assert len(rows.read(csv.parent, SCHEMA).fitting) == 4


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        pytest.param("data.csv", "plan,age\nx,1\n", "has no column 'balance'", id="column"),
        pytest.param("data.json", "[]", "is neither CSV nor Parquet", id="kind"),
        pytest.param("data.csv", "", "cannot be read", id="empty"),
    ],
)
def test_data_that_cannot_be_asked_is_an_error_that_says_why(
    tmp_path: Path, name: str, content: str, why: str
) -> None:
    (tmp_path / name).write_text(content)

    with pytest.raises(DataCannotBeRead, match=why):
        rows.read(tmp_path / name, SCHEMA)


def test_a_folder_without_a_table_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataCannotBeRead, match="holds no CSV or Parquet file"):
        rows.read(tmp_path, SCHEMA)
