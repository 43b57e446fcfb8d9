"""Run in tritonclient's environment: ask a server as Triton's clients do, and print what came."""

import json
import sys
from typing import Any

import numpy as np
import tritonclient.http as triton
from tritonclient.utils import np_to_triton_dtype

COLUMNS = {
    "plan": np.array([["basic"], ["gold"]], dtype=object),
    "age": np.array([[20], [52]], dtype=np.int64),
    "balance": np.array([[0.5], [np.nan]]),
    "vip": np.array([[False], [True]]),
}


def main(client: triton.InferenceServerClient) -> dict[str, Any]:
    small = {name: values.reshape(-1) for name, values in COLUMNS.items()}
    both = [
        triton.InferRequestedOutput("predict"),
        triton.InferRequestedOutput("predict_proba", binary_data=False),
    ]
    named = client.infer("churn", inputs(COLUMNS), request_id="request-1")
    return {
        "live": client.is_server_live(),
        "ready": client.is_server_ready(),
        "model ready": client.is_model_ready("churn"),
        "another version ready": client.is_model_ready("churn", "9"),
        "another model ready": client.is_model_ready("nobody"),
        "server": client.get_server_metadata(),
        "model": client.get_model_metadata("churn", "1.1.0"),
        "by default": shown(client.infer("churn", inputs(COLUMNS))),
        "one dimension": shown(client.infer("churn", inputs(small))),
        "in JSON": shown(client.infer("churn", inputs(COLUMNS, is_binary=False))),
        "of a version": shown(client.infer("churn", inputs(COLUMNS), model_version="1.1.0")),
        "both outputs": shown(client.infer("churn", inputs(COLUMNS), outputs=both)),
        "asynchronous": shown(client.async_infer("churn", inputs(COLUMNS)).get_result()),
        "id": named.get_response()["id"],
        "without a column": refusal(client, inputs({"plan": COLUMNS["plan"]})),
        "of another version": refusal(client, inputs(COLUMNS), model_version="9"),
        "compressed": refusal(client, inputs(COLUMNS), request_compression_algorithm="gzip"),
    }


def inputs(columns: dict[str, Any], *, is_binary: bool = True) -> list[triton.InferInput]:
    made = []
    for name, values in columns.items():
        kind = np_to_triton_dtype(values.dtype)
        one = triton.InferInput(name, list(values.shape), kind)
        one.set_data_from_numpy(values, binary_data=is_binary)
        made.append(one)
    return made


def shown(result: triton.InferResult) -> dict[str, Any]:
    """Return each output's values as its arrays hold them; bytes are text."""
    found = {}
    for output in result.get_response()["outputs"]:
        array = result.as_numpy(output["name"])
        values = [one.decode() if isinstance(one, bytes) else one for one in array.ravel().tolist()]
        found[output["name"]] = {"type": str(array.dtype), "shape": array.shape, "values": values}
    return found


def refusal(client: triton.InferenceServerClient, given: Any, **options: Any) -> list[str]:
    try:
        client.infer("churn", given, **options)
    except triton.InferenceServerException as error:
        return [error.status(), error.message()]
    return ["200", ""]


if __name__ == "__main__":
    with triton.InferenceServerClient(sys.argv[1]) as client:
        print(json.dumps(main(client)))
