"""The HTTP interface: a plain ASGI application over one model.

Every answer is JSON and carries the request's id; every refusal says what to change.
"""

import asyncio
import functools
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from trainshed.serving import openapi
from trainshed.serving.exchange import (
    Answer,
    ClientHasLeft,
    Message,
    Receive,
    Request,
    Send,
    body_of,
    refusal,
    request_of,
    send_answer,
)
from trainshed.serving.inference_log import InferenceLog, LogCannotBeWritten
from trainshed.serving.predictor import Predictor
from trainshed.serving.request import RequestIsRefused, rows_of
from trainshed.serving.schema import Row, Schema
from trainshed.serving.served import Served
from trainshed.serving.worker import Worker

_MOST_PROBLEMS = 100  # that one answer lists

_log = logging.getLogger("trainshed.serving")


class App:
    """Serves one run. `predictor` is None while it loads, and is only called on `worker`."""

    def __init__(
        self,
        *,
        served: Served,
        schema: Schema,
        example: Row | None = None,
        instance: str | None = None,
        log: InferenceLog | None = None,
    ) -> None:
        self.served = served
        self.worker = Worker()
        self.predictor: Predictor | None = None
        self.draining = False
        self._schema = schema
        self._example = example
        self._instance = instance
        self._log = log
        self._pages: Mapping[str, Callable[[], Answer]] = {
            "/healthz": self._healthz,
            "/readyz": self._readyz,
            "/info": self._info,
            "/openapi.json": self._openapi,
        }

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = request_of(scope, receive)
        try:
            answer = await self._answer(request)
        except ClientHasLeft:
            return
        await send_answer(send, request, answer, last=self.draining)

    async def _answer(self, request: Request) -> Answer:
        try:
            return await self._route(request)
        except RequestIsRefused as error:
            problems = [asdict(problem) for problem in error.problems[:_MOST_PROBLEMS]]
            return refusal(request, error.status, str(error), problems=problems)

    async def _route(self, request: Request) -> Answer:
        if request.path == "/predict" and request.method == "POST":
            return await self._predict(request)
        if request.path in self._pages and request.method in {"GET", "HEAD"}:
            return self._pages[request.path]()
        if request.path == "/predict" or request.path in self._pages:
            takes = "POST" if request.path == "/predict" else "GET"
            message = f"{request.path} takes {takes}, not {request.method}."
            return refusal(request, 405, message, headers={"allow": takes})
        places = ", ".join(["/predict", *self._pages])
        return refusal(request, 404, f"There is nothing at {request.path}. Try {places}.")

    async def _predict(self, request: Request) -> Answer:
        rows = rows_of(await body_of(request), self._schema)
        if self.predictor is None:
            message = "The model is still loading. Ask /readyz."
            return refusal(request, 503, message, headers={"retry-after": "1"})
        work = functools.partial(self._predict_and_log, self.predictor, rows, request.id)
        try:
            predictions = await asyncio.wrap_future(self.worker.submit(work)) if rows else []
        except LogCannotBeWritten as error:
            _log.error("request %s: %s", request.id, error)
            message = "The inference log cannot be written, so no prediction is given."
            return refusal(request, 503, message, headers={"retry-after": "5"})
        except Exception:
            _log.exception("request %s: the predictor failed", request.id)
            message = "The predictor failed. The server's log says how, under this request's id."
            return refusal(request, 500, message)
        content = {
            "model": self.served.model,
            "release": self.served.release,
            "dataset": self.served.dataset,
            "request_id": request.id,
            "predictions": predictions,
        }
        return Answer(status=200, content=content)

    def _predict_and_log(
        self, predict: Predictor, rows: Sequence[Row], request_id: str
    ) -> list[Any]:
        start = time.perf_counter()
        predictions = predict(rows)
        latency_ms = 1000 * (time.perf_counter() - start)
        if self._log is not None:
            self._log.append(
                request_id=request_id, rows=rows, predictions=predictions, latency_ms=latency_ms
            )
        return predictions

    def _healthz(self) -> Answer:
        return Answer(status=200, content={"status": "alive"})

    def _readyz(self) -> Answer:
        if self.predictor is None:
            return Answer(status=503, content={"status": "loading"}, headers={"retry-after": "1"})
        return Answer(status=200, content={"status": "ready"})

    def _info(self) -> Answer:
        content = {
            "model": self.served.model,
            "release": self.served.release,
            "run_id": self.served.run_id,
            "dataset": self.served.dataset,
            "artifact": self.served.artifact_digest,
            "instance": self._instance,
            "manifest": self.served.manifest,
        }
        return Answer(status=200, content=content)

    def _openapi(self) -> Answer:
        content = openapi.document(self.served, self._schema, example=self._example)
        return Answer(status=200, content=content)
