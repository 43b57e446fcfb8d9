import struct
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainshed.serving import tensors
from trainshed.serving.request import RequestIsRefused


def read(
    datatype: str, data: Any = None, *, shape: Any = (1,), raw: bytes = b"", **more: Any
) -> Any:
    one = {"name": "x", "shape": list(shape), "datatype": datatype, "data": data, **more}
    return tensors.read(one, BytesIO(raw)).values


def read_binary(datatype: str, raw: bytes, *, shape: Any = (1,)) -> Any:
    return read(datatype, shape=shape, raw=raw, parameters={"binary_data_size": len(raw)})


@pytest.mark.parametrize(
    ("datatype", "value"),
    [
        ("BYTES", ""),
        ("BOOL", False),
        ("INT8", -128),
        ("INT16", 32767),
        ("INT32", -(2**31)),
        ("INT64", 2**63 - 1),
        ("UINT8", 255),
        ("UINT64", 2**64 - 1),
        ("FP16", 0.5),
        ("FP32", 7),
        ("FP64", 1e300),
        ("INT64", None),
        ("BYTES", None),
    ],
)
def test_a_value_of_its_datatype_is_taken(datatype: str, value: Any) -> None:
    assert read(datatype, [value]) == [value]


@pytest.mark.parametrize(
    ("datatype", "value", "got"),
    [
        ("BYTES", 1, "integer 1"),
        ("BOOL", 1, "integer 1"),
        ("INT8", 128, "integer 128"),
        ("UINT8", -1, "integer -1"),
        ("INT64", 1.5, "number 1.5"),
        ("INT64", True, "boolean true"),
        ("INT64", "1", 'string "1"'),
        ("FP64", "1", 'string "1"'),
        ("FP64", False, "boolean false"),
        ("FP64", {}, "object {}"),
        ("FP64", 2**63, f"integer {2**63}"),
    ],
)
def test_any_other_value_is_refused_by_row_and_column(datatype: str, value: Any, got: str) -> None:
    with pytest.raises(RequestIsRefused) as error:
        read(datatype, [None, None, value, None], shape=(2, 2))

    assert str(error.value) == f"row 1, column 'x': expected {datatype}, got {got}."


def test_data_may_be_nested() -> None:
    assert read("INT64", [[1, 2], [3, 4]], shape=(2, 2)) == [1, 2, 3, 4]
    assert read("INT64", [[[1]], [[2]]], shape=(2,)) == [1, 2]


@pytest.mark.parametrize(
    ("datatype", "layout", "values"),
    [
        ("INT8", "b", [-1, 2]),
        ("UINT16", "H", [1, 65535]),
        ("INT32", "i", [-5, 5]),
        ("FP16", "e", [0.5, 1.5]),
        ("FP32", "f", [0.5, -2.0]),
        ("FP64", "d", [0.1, 1e300]),
        ("BOOL", "?", [True, False]),
    ],
)
def test_numbers_are_little_endian_bytes(datatype: str, layout: str, values: list[Any]) -> None:
    raw = struct.pack(f"<2{layout}", *values)

    assert read_binary(datatype, raw, shape=(2,)) == values


def test_texts_are_bytes_behind_their_length() -> None:
    raw = b"\x02\0\0\0\xc3\xa9\0\0\0\0\x01\0\0\0a"

    assert read_binary("BYTES", raw, shape=(3,)) == ["é", "", "a"]


def test_nan_is_a_gap() -> None:
    assert read_binary("FP64", struct.pack("<2d", 1.0, float("nan")), shape=(2,)) == [1.0, None]


@pytest.mark.parametrize(
    ("datatype", "raw", "says"),
    [
        ("INT64", b"1234567", "7 bytes, which are no whole number of INT64"),
        ("BYTES", b"\x01\0", "ends within the length of a text"),
        ("BYTES", b"\x09\0\0\0abc", "ends within a text"),
        ("BYTES", b"\xff\xff\xff\xffabc", "ends within a text"),
        ("BYTES", b"\x01\0\0\0\xff", "row 0, column 'x': expected UTF-8 text"),
        ("INT8", b"12", "has 2 values, but its shape is [1]"),
        ("INT8", b"", "has 0 values, but its shape is [1]"),
    ],
)
def test_bytes_that_are_no_values_are_refused(datatype: str, raw: bytes, says: str) -> None:
    with pytest.raises(RequestIsRefused) as error:
        read_binary(datatype, raw)

    assert says in str(error.value)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        pytest.param({"name": 1}, "an object with a name", id="name"),
        pytest.param({"datatype": "TEXT"}, 'has the datatype string "TEXT"', id="datatype"),
        pytest.param({"datatype": None}, "has the datatype null", id="no-datatype"),
        pytest.param({"datatype": ["FP64"]}, 'has the datatype array ["FP64"]', id="datatypes"),
        pytest.param({"datatype": "BF16"}, "take BYTES, BOOL", id="bfloat"),
        pytest.param({"shape": None}, "has the shape null", id="no-shape"),
        pytest.param({"shape": []}, "has the shape array []", id="scalar"),
        pytest.param({"shape": [1, 1, 1]}, "it should be [rows]", id="cube"),
        pytest.param({"shape": [0, 1]}, "it should be [rows]", id="no-rows"),
        pytest.param({"shape": [-1]}, "it should be [rows]", id="negative"),
        pytest.param({"shape": [True]}, "it should be [rows]", id="boolean"),
        pytest.param({"shape": [1.0]}, "it should be [rows]", id="fraction"),
        pytest.param({"shape": [2]}, "has 1 values, but its shape is [2]", id="another-shape"),
        pytest.param({"data": 1}, "should have a list of data", id="data"),
        pytest.param({"data": None}, "should have a list of data", id="no-data"),
        pytest.param({"data": [1, [2]]}, "row 1, column 'x': expected INT64", id="uneven"),
        pytest.param({"parameters": 1}, "parameters that are not an object", id="parameters"),
        pytest.param({"parameters": {"binary_data_size": -1}}, "binary_data_size", id="size"),
        pytest.param({"parameters": {"binary_data_size": 8}},
                     "should have 8 bytes behind the JSON, but there are 0", id="no-bytes"),
        pytest.param({"parameters": {"shared_memory_region": "a"}}, "shared memory", id="memory"),
        pytest.param({"parameters": {"content_type": "base64"}}, "take np, pd or str", id="base64"),
        pytest.param({"parameters": {"content_type": "pd_json"}}, "take np, pd or str", id="json"),
    ],
)  # fmt: skip
def test_a_malformed_input_is_refused(changes: dict[str, Any], says: str) -> None:
    one = {"name": "x", "shape": [1], "datatype": "INT64", "data": [1], **changes}

    with pytest.raises(RequestIsRefused) as error:
        tensors.read(one, BytesIO())

    assert says in str(error.value)


@pytest.mark.parametrize(
    ("values", "datatype", "shape"),
    [
        ([True, False], "BOOL", (2, 1)),
        ([1, 2], "INT64", (2, 1)),
        ([1, 2.5], "FP64", (2, 1)),
        (["a", "b"], "BYTES", (2, 1)),
        ([[1, 2], [3, 4]], "INT64", (2, 2)),
        ([["a"], ["b"]], "BYTES", (2, 1)),
    ],
)
def test_answers_have_the_datatype_of_all_of_them(
    values: list[Any], datatype: str, shape: tuple[int, ...]
) -> None:
    tensor = tensors.of("predict", values)

    assert (tensor.datatype, tensor.shape) == (datatype, shape)


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([None, 1], ["null", "1"]),
        ([1, "a"], ["1", '"a"']),
        ([True, 1], ["true", "1"]),
        ([2**63], [str(2**63)]),
        ([10**400, 1.5], [str(10**400), "1.5"]),
        ([[1], [1, 2]], ["[1]", "[1, 2]"]),
        ([[1, "a"]], ['[1, "a"]']),
        ([{"a": 1}], ['{"a": 1}']),
        ([[]], ["[]"]),
    ],
)
def test_answers_that_have_no_datatype_are_text_of_json(
    values: list[Any], texts: list[str]
) -> None:
    tensor = tensors.of("predict", values)

    assert (tensor.datatype, tensor.shape) == ("BYTES", (len(values), 1))
    assert tensor.values == texts


@given(
    st.lists(st.booleans(), min_size=1)
    | st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1)
    | st.lists(st.floats(allow_nan=False), min_size=1)
    | st.lists(st.text(), min_size=1)
)
def test_what_is_packed_can_be_read_again(values: list[Any]) -> None:
    tensor = tensors.of("predict", values)
    raw = tensor.packed()

    again = tensors.read(tensor.head(binary_data_size=len(raw)), BytesIO(raw))

    assert (again.values, again.shape) == (values, (len(values), 1))
