import json
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from trainshed.serving.plain import NotJson, plain


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(np.float32(0.5), 0.5, id="numpy-float"),
        pytest.param(np.int64(3), 3, id="numpy-integer"),
        pytest.param(np.bool_(True), True, id="numpy-boolean"),
        pytest.param(np.str_("yes"), "yes", id="numpy-text"),
        pytest.param(np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]], id="numpy-array"),
        pytest.param(pd.Series([1.5, 2.5]), [1.5, 2.5], id="pandas-column"),
        pytest.param({np.int64(1): (np.float64(2.0),)}, {"1": [2.0]}, id="nested"),
        pytest.param(None, None, id="null"),
    ],
)
def test_becomes_json(value: Any, expected: Any) -> None:
    assert plain(value) == expected
    assert json.loads(json.dumps(plain(value))) == expected


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(float("nan"), id="nan"),
        pytest.param(np.float64("inf"), id="infinity"),
        pytest.param([1, {"a": np.array([np.nan])}], id="nested-nan"),
        pytest.param(date(2026, 1, 1), id="a-date"),
        pytest.param({1, 2}, id="a-set"),
        pytest.param(b"yes", id="bytes"),
    ],
)
def test_what_json_lacks_is_refused(value: Any) -> None:
    with pytest.raises(NotJson, match="has no form in JSON"):
        plain(value)
