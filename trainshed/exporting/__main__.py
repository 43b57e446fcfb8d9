"""Convert a run's scikit-learn artifact to ONNX, and keep the result when it answers equally.

This runs in the model's own environment with requirements/export.txt beside it. The artifact's
digest is checked before it is loaded. A model that cannot be converted, or answers differently, is
no error: `onnx.json` says why, and the original is what is served.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trainshed import script
from trainshed.exporting import export, record
from trainshed.exporting import rows as rows_of_data
from trainshed.serving import golden
from trainshed.serving.served import first_examples, read, require_recorded_artifact, schema_of

EXAMPLES = """\
  python -m trainshed.exporting --run .trainshed/runs/3f2a… --data data/v1/train.csv --out onnx"""


def main(argv: Sequence[str] | None = None) -> None:
    args = _arguments(argv)
    served = read(args.run)
    require_recorded_artifact(served)
    if args.code is not None:
        sys.path.insert(0, str(args.code.resolve()))
    schema = schema_of(served, first_examples(served))
    examples = golden.read(served.examples) if served.examples else ()
    found = rows_of_data.read(args.data, schema) if args.data else None
    inputs = [example.input for example in examples]
    made = export.of(
        served.artifact,
        schema,
        data=found.fitting if found else (),
        examples=[row for row in inputs if not schema.validate([row])],
    )
    facts = record.write(
        args.out, made, artifact=served.artifact_digest, private=frozenset(args.private)
    )
    if found and found.others:
        print(f"{found.others} rows of {args.data} do not fit the schema and were not asked")
    print(_told(served.artifact.name, facts))


def _told(artifact: str, facts: dict[str, Any]) -> str:
    shown = facts["proof"]
    if facts["model"] is None:
        return f"{artifact} stays as it is: {facts['why']}"
    asked = shown["data"] + shown["examples"] + shown["perturbed"]
    return (
        f"{record.MODEL} answers as {artifact} does on {asked:,} rows "
        f"(largest difference {shown['largest_difference']:.1g})"
    )


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = script.parser(__doc__, examples=EXAMPLES)
    parser.prog = "python -m trainshed.exporting"
    parser.add_argument("--run", type=Path, required=True, help="folder that holds run.json")
    parser.add_argument("--data", type=Path, help="CSV or Parquet whose rows are asked, too")
    parser.add_argument("--out", type=Path, required=True, help="folder for model.onnx, onnx.json")
    parser.add_argument("--code", type=Path, help="folder of the code that unpickling needs")
    parser.add_argument(
        "--private", action="append", default=[], metavar="COLUMN", help="never written, even so"
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    raise SystemExit(script.run(main))
