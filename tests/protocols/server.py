"""A server of one run that knows the protocols, and nothing else: for their real clients."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from trainshed.serving import invocations, open_inference, predictor, schema
from trainshed.serving.open_inference import Model
from trainshed.serving.predictor import Predictor
from trainshed.serving.protocol import Call, Headers, Response
from trainshed.serving.request import RequestIsRefused
from trainshed.serving.schema import Schema


@dataclass(frozen=True)
class Served:
    """One run, as its protocols see it."""

    model: Model
    schema: Schema
    predict: Predictor

    def answer(self, method: str, path: str, headers: Headers, body: bytes) -> Response:
        if (what := open_inference.asked(path)) is not None and method == what.method:
            try:
                return self._open_inference(what, headers, body)
            except RequestIsRefused as error:
                return open_inference.refusal(error)
        try:
            if (method, path) == ("GET", "/ping"):
                return invocations.ping(is_ready=True)
            if (method, path) == ("POST", "/invocations"):
                return self._called(invocations.call(body, headers, self.schema))
        except RequestIsRefused as error:
            return invocations.refusal(error)
        return invocations.failure(404, f"There is nothing at {path}.")

    def _open_inference(
        self, what: open_inference.Asked, headers: Headers, body: bytes
    ) -> Response:
        open_inference.require(self.model, what)
        match what.place:
            case "server":
                return open_inference.server_metadata(version="1")
            case "live":
                return open_inference.live()
            case "ready":
                return open_inference.ready(is_ready=True)
            case "model-ready":
                return open_inference.ready(is_ready=True, model=self.model)
            case "model":
                example = {"prediction": "yes", "score": 0.7}
                return open_inference.model_metadata(
                    self.model, self.schema, platform="sklearn_joblib", example=example
                )
        return self._called(open_inference.call(body, headers, self.schema, model=self.model))

    def _called(self, call: Call) -> Response:
        return call.render(self.predict(call.rows) if call.rows else [])


def load(run: Path) -> Served:
    columns = schema.read(run / "schema.json")
    predict = predictor.load(run / "model.pkl", reference=None, schema=columns)
    return Served(model=Model(name=run.name, version="1.1.0"), schema=columns, predict=predict)


@contextmanager
def serve(served: Served) -> Iterator[str]:
    """Serve on a free port; yield the address, such as `127.0.0.1:43210`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = [
                (name.lower().encode(), value.encode()) for name, value in self.headers.items()
            ]
            response = served.answer(self.command, self.path, headers, body)
            self.send_response(response.status)
            self.send_header("Content-Type", response.content_type)
            self.send_header("Content-Length", str(len(response.body)))
            for name, value in response.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(response.body)

        do_POST = do_GET  # noqa: N815

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            """Say nothing."""

    one = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=one.serve_forever, args=[0.01], daemon=True).start()
    try:
        yield f"127.0.0.1:{one.server_port}"
    finally:
        one.shutdown()
        one.server_close()
