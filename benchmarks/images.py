"""The image of a release: its size over its base, a rebuild when only the model changed, its start.

Beside ours, the plain thing that people write: the same model behind FastAPI and pandas.
"""

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import journey
from benchmarks.harness import Context, MeasuredProgramFailed, Measurement, benchmark
from trainshed import engine, http_client, image, image_build, project
from trainshed.package import Packages
from trainshed.settings import settings
from trainshed.store import Store

_FASTAPI = "fastapi==0.121.0\nuvicorn==0.38.0\n"
_APP = """import joblib, pandas
from fastapi import FastAPI

app = FastAPI()
model = joblib.load("/app/model.pkl")

@app.get("/readyz")
def ready():
    return {}

@app.post("/predict")
def predict(body: dict):
    return {"predictions": model.predict(pandas.DataFrame(body["rows"])).tolist()}
"""
_DOCKERFILE = """ARG BASE
FROM ${BASE}
COPY requirements/ /tmp/requirements/
RUN if [ -f /tmp/requirements/ca.crt ]; then export PIP_CERT=/tmp/requirements/ca.crt; fi; \\
    python3 -m venv /opt/model && /opt/model/bin/pip install --no-cache-dir --quiet \\
    -r /tmp/requirements/model.txt -r /tmp/requirements/fastapi.txt
COPY app/ /app/
EXPOSE 8000
CMD ["/opt/model/bin/uvicorn", "--app-dir", "/app", "--host", "0.0.0.0", "main:app"]
"""


@benchmark("image.size", unit="MB", aim=None, better="lower")
def size(context: Context) -> Measurement:
    """Megabytes over the base image."""
    with _both(context) as (ours, peer):
        base = _size(settings().base_image or "")
        return Measurement(
            value=(_size(ours) - base) / 1e6, peers={"FastAPI + pandas": (_size(peer) - base) / 1e6}
        )


@benchmark("image.healthy", unit="s", aim=None, better="lower")
def healthy(context: Context) -> Measurement:
    """From `docker run` to ready."""
    with _both(context) as (ours, peer):
        found = context.medians(
            {
                "trainshed": lambda: _seconds_to_ready(
                    ours, image_build.server_options(predictor=None)
                ),
                "FastAPI + pandas": lambda: _seconds_to_ready(
                    peer, {"ports": {"8000/tcp": ("127.0.0.1", None)}, "detach": True}
                ),
            }
        )
        return Measurement(value=found.pop("trainshed"), peers=found)


@benchmark("image.rebuild", unit="s", aim=1.0, better="lower")
def rebuild(context: Context) -> Measurement:
    """A build when only the model changed: everything below it is cached."""
    packages = _packages(context)
    here = packages.project
    builder = image_build.Builder(project=here, client=engine.connect(), tell=context.tell)
    run = next(iter(packages.store.runs()))
    folder = packages.store.folder(run.run_id)
    chosen = here.config().models["churn"]
    context.tell("building once")
    builder.build_only(run, folder, chosen, commit=run.commit)
    artifact = folder / run.artifact.path

    def once() -> float:
        artifact.write_bytes(artifact.read_bytes() + secrets.token_bytes(8))
        start = time.perf_counter()
        builder.build_only(run, folder, chosen, commit=run.commit)
        return time.perf_counter() - start

    return Measurement(value=context.medians({"trainshed": once})["trainshed"])


def _packages(context: Context) -> Packages:
    made = journey.prepare(context.scratch, registry=settings().registry)
    context.tell("training once")
    made.script("train")
    here = project.open_at(made.clone)
    return Packages(project=here, store=Store(here), tell=context.tell)


@contextmanager
def _both(context: Context) -> Iterator[tuple[str, str]]:
    """Build our image and the plain one of the same run; yield their ids."""
    packages = _packages(context)
    here = packages.project
    run = next(iter(packages.store.runs()))
    folder = packages.store.folder(run.run_id)
    client = engine.connect()
    builder = image_build.Builder(project=here, client=client, tell=context.tell)
    ours = builder.build_only(run, folder, here.config().models["churn"], commit=run.commit)
    context.tell("building the plain image beside it")
    peer = _plain_image(client, here.kept_lock(run.commit, "requirements/train.txt"),
                        folder / run.artifact.path)  # fmt: skip
    yield str(ours.id), peer


def _plain_image(client: engine.Client, lock: Path, artifact: Path) -> str:
    files = {
        "Dockerfile": _DOCKERFILE.encode(),
        "requirements/model.txt": _without_hashes(lock).encode(),
        "requirements/fastapi.txt": _FASTAPI.encode(),
        "app/main.py": _APP.encode(),
        "app/model.pkl": artifact.read_bytes(),
    }
    ca = settings().build_ca
    if ca is not None and ca.is_file():
        files["requirements/ca.crt"] = ca.read_bytes()
    return image_build.build(client, image.tar(files), labels={}, tell=lambda _: None)


def _without_hashes(lock: Path) -> str:
    lines = (line.split(" \\")[0] for line in lock.read_text().splitlines())
    return "\n".join(line for line in lines if line and not line.startswith((" ", "#"))) + "\n"


def _size(reference: str) -> float:
    found = engine.image(engine.connect(), reference)
    if found is None:
        raise MeasuredProgramFailed(
            f"There is no image {reference or '(TRAINSHED_BASE_IMAGE is not set)'}.",
            fix="Run `make engine`, then `make bench`.",
        )
    return float(found.attrs["Size"])


def _seconds_to_ready(image_id: str, options: dict[str, Any]) -> float:
    client = engine.connect()
    if "tmpfs" in options:
        options["tmpfs"] |= {"/trainshed/log": f"rw,uid={image.USER}"}
    start = time.perf_counter()
    started = client.containers.run(image_id, **options)
    try:
        started.reload()
        port = engine.published_port(started, image.PORT)
        while not http_client.get(port, "/readyz").is_ok:
            if time.perf_counter() - start > 60:
                raise MeasuredProgramFailed(
                    f"{image_id} is not ready after a minute.", fix=json.dumps(options, default=str)
                )
            time.sleep(0.005)
        return time.perf_counter() - start
    finally:
        started.remove(force=True, v=True)
