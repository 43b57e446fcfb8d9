"""Serve one model over HTTP: POST /predict, and /healthz, /readyz, /info, /openapi.json.

This runs in the model's own environment. The artifact's digest is checked before anything is
loaded; every prediction is in the inference log before its answer goes out.
"""

import argparse
import gc
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from trainshed import ports, script
from trainshed.serving import predictor, server
from trainshed.serving.app import App
from trainshed.serving.inference_log import InferenceLog
from trainshed.serving.predictor import Predictor
from trainshed.serving.schema import Schema
from trainshed.serving.served import (
    Served,
    first_examples,
    read,
    require_recorded_artifact,
    schema_of,
)
from trainshed.settings import settings

EXAMPLES = """\
  python -m trainshed.serving --run .trainshed/runs/3f2a… --port 8080
  python -m trainshed.serving --run RUN --manifest manifest.json --port 8080 --log logs
  curl -d '{"rows": [{"age": 41, "plan": "basic"}]}' http://127.0.0.1:8080/predict"""


def main(argv: Sequence[str] | None = None) -> None:
    start = time.perf_counter()
    args = _arguments(argv)
    listener = ports.bind(args.host, args.port)
    host, port = listener.getsockname()[:2]
    served = read(args.run, args.manifest, text=settings().manifest)
    examples = first_examples(served)
    schema = schema_of(served, examples)
    app = App(
        served=served,
        schema=schema,
        example=examples[0].input if examples else None,
        instance=args.instance,
        log=InferenceLog(args.log, served) if args.log else None,
    )
    if args.code is not None:
        sys.path.insert(0, str(args.code.resolve()))

    def ready() -> None:
        name = served.release or f"{served.model} (run {served.run_id[:12]}, unreleased)"
        seconds = time.perf_counter() - start
        print(f"{name} is ready on http://{host}:{port}, loaded in {seconds:.2f} s", flush=True)

    server.run(app, listener=listener, load=_loader(served, args.predictor, schema), ready=ready)


def _loader(served: Served, reference: str | None, schema: Schema) -> Callable[[], Predictor]:
    def load() -> Predictor:
        require_recorded_artifact(served)
        gc.disable()  # importing makes many objects and no garbage: a tenth of the time was its
        try:
            return predictor.load(served.artifact, reference=reference, schema=schema)
        finally:
            gc.freeze()
            gc.enable()

    return load


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = script.parser(__doc__, examples=EXAMPLES)
    parser.prog = "python -m trainshed.serving"
    parser.add_argument("--run", type=Path, required=True, help="folder that holds run.json")
    parser.add_argument("--manifest", type=Path, help="the release's manifest; none: unreleased")
    parser.add_argument("--port", type=int, required=True, help="0 takes any free one")
    parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
    parser.add_argument("--log", type=Path, metavar="FOLDER", help="where to log predictions")
    parser.add_argument("--code", type=Path, help="folder of the code that unpickling needs")
    parser.add_argument("--predictor", metavar="MODULE:FUNCTION", help="called with the rows")
    parser.add_argument("--instance", metavar="TOKEN", help="told by /info: which process this is")
    return parser.parse_args(argv)


if __name__ == "__main__":
    raise SystemExit(script.run(main))
