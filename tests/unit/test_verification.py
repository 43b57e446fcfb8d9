"""Verification, with images in the real registry that are what a manifest says, or are not."""

import functools
import hashlib
import http.client
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import containers
import pytest
import records
import repositories
from repositories import Repo

from trainshed import engine, image, registry, verification
from trainshed.engine import Client, EngineIsNotThere
from trainshed.errors import ReleaseStateError
from trainshed.manifest import Manifest
from trainshed.run import File, Run
from trainshed.store import Store
from trainshed.verification import Checked, ReleaseCannotGoLiveAgain

pytest_plugins = ["containers"]

ARTIFACT = b"a model"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    repo: Repo = repositories.make(tmp_path / "project", repositories.project_files())
    return Store(repo.project)


@dataclass(frozen=True)
class Pushed:
    """A release's image in the registry, and no longer on the host."""

    client: Client
    repository: str
    digest: str
    run: Run

    @property
    def manifest(self) -> Manifest:
        return replace(
            repositories.manifest_of("churn@v1.0.0"),
            run_id=self.run.run_id,
            dataset=replace(repositories.manifest_of().dataset, digest=self.run.dataset.digest),
            artifact=self.run.artifact.digest,
            image=f"{self.repository}@{self.digest}",
        )

    def delete(self) -> None:
        """Delete the image in the registry, as a clean-up there does."""
        host, _, path = self.repository.partition("/")
        connection = http.client.HTTPConnection(host, timeout=10.0)
        connection.request("DELETE", f"/v2/{path}/manifests/{self.digest}")
        assert connection.getresponse().status == http.client.ACCEPTED
        connection.close()


@pytest.fixture
def push(engine_client: Client, model: str, tmp_path: Path) -> Callable[..., Pushed]:
    return functools.partial(_push, engine_client, model, tmp_path / "run")


def _push(
    client: Client,
    model: str,
    folder: Path,
    *,
    artifact: bytes | None = ARTIFACT,
    record: bytes | None = None,
    labels: dict[str, str] | None = None,
) -> Pushed:
    """Push the image of a run of ARTIFACT; the arguments make something in it another one."""
    place = File(path="model.pkl", digest=hashlib.sha256(ARTIFACT).hexdigest(), size=len(ARTIFACT))
    run = replace(records.RUN, model=model, artifact=place, examples=None)
    folder.mkdir()
    (folder / "run.json").write_bytes(run.to_json().encode() if record is None else record)
    if artifact is not None:
        (folder / "model.pkl").write_bytes(artifact)
    repository = containers.repository_of(model)
    said = {**image.labels(run), **(labels or {})}
    client.api.import_image_from_data(
        image.run_layer(folder, run), repository=repository, tag="one",
        changes=["CMD nothing", *(f"LABEL {name}={json.dumps(said[name])}" for name in said)],
    )  # fmt: skip
    digest = registry.push(client, repository, "one", tell=quiet)
    client.images.remove(f"{repository}:one", force=True)
    return Pushed(client, repository, digest, run)


@pytest.fixture
def whole(push: Callable[..., Pushed]) -> Pushed:
    return push()


@pytest.mark.engine
def test_a_release_that_is_what_its_manifest_says_has_no_problem(
    whole: Pushed, store: Store
) -> None:
    manifest = whole.manifest

    checked = verify(manifest, store)

    assert checked == Checked(tag="churn@v1.0.0", what=str(manifest.image), problem=None)
    verification.require([checked])


@pytest.mark.engine
@pytest.mark.parametrize("is_here", [True, False], ids=["on-the-host", "not-on-the-host"])
def test_an_image_that_was_deleted_from_the_registry_is_found(
    whole: Pushed, store: Store, is_here: bool
) -> None:
    if is_here:
        registry.pull(whole.client, str(whole.manifest.image), tell=quiet)
    whole.delete()

    assert verify(whole.manifest, store).problem == "the registry has no image of that digest"


@pytest.mark.engine
@pytest.mark.parametrize(
    ("changes", "names"),
    [
        pytest.param({"dataset": "0" * 64}, "dataset", id="dataset"),
        pytest.param({"run": "0" * 64, "artifact": ""}, "run, artifact", id="run-and-artifact"),
    ],
)
def test_labels_that_differ_from_the_manifest_are_found(
    push: Callable[..., Pushed], store: Store, changes: dict[str, str], names: str
) -> None:
    labels = {f"{image.LABEL}.{name}": value for name, value in changes.items()}

    problem = verify(push(labels=labels).manifest, store).problem

    assert problem == f"its image is labelled with another {names}"


@pytest.mark.engine
@pytest.mark.parametrize(
    ("inside", "says"),
    [
        pytest.param(
            {"artifact": b"another"}, "the artifact in its image is another one", id="another"
        ),
        pytest.param({"artifact": None}, "its image holds no artifact model.pkl", id="no-artifact"),
        pytest.param({"record": b"{}"}, "the run in its image cannot be read", id="half-a-run"),
        pytest.param({"record": b"]"}, "the run in its image cannot be read", id="no-json"),
    ],
)
def test_an_artifact_that_differs_inside_an_image_with_the_right_labels_is_found(
    push: Callable[..., Pushed], store: Store, inside: dict[str, Any], says: str
) -> None:
    problem = verify(push(**inside).manifest, store).problem

    assert problem is not None
    assert problem.startswith(says)


@pytest.mark.engine
def test_an_image_without_a_run_is_found(engine_client: Client, model: str, store: Store) -> None:
    run = replace(records.RUN, model=model)
    repository = containers.repository_of(model)
    containers.tiny_image(engine_client, repository, "one", labels=plain(image.labels(run)))
    digest = registry.push(engine_client, repository, "one", tell=quiet)

    problem = verify(Pushed(engine_client, repository, digest, run).manifest, store).problem

    assert problem == "its image holds no run"


@pytest.mark.engine
def test_a_registry_that_is_gone_is_a_problem_of_each_release_not_a_crash(
    engine_client: Client, model: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "_WAITS", ())
    nowhere = Pushed(engine_client, f"127.0.0.1:1/test/{model}", f"sha256:{'0' * 64}", records.RUN)
    manifests = [nowhere.manifest, replace(nowhere.manifest, version="1.1.0")]

    checked = verification.verify(manifests, store, connect=engine.connect, tell=quiet)

    assert [one.tag for one in checked] == ["churn@v1.0.0", "churn@v1.1.0"]
    assert all("connection refused" in str(one.problem) for one in checked)


@pytest.mark.engine
def test_verifying_leaves_no_container_behind(whole: Pushed, store: Store) -> None:
    verify(whole.manifest, store)

    mine = {"label": f"{image.LABEL}.model={whole.run.model}"}
    assert whole.client.containers.list(all=True, filters=mine) == []


def test_an_engine_that_is_gone_is_a_problem_of_the_release(store: Store) -> None:
    manifest = repositories.manifest_of(image=f"registry.example/churn@sha256:{'0' * 64}")

    (checked,) = verification.verify([manifest], store, connect=no_engine, tell=quiet)

    assert checked.problem == "No container engine answers."


def test_a_release_without_an_image_whose_run_is_missing_is_found(store: Store) -> None:
    checked = verify(repositories.manifest_of(), store)

    assert checked.what.startswith("run ")
    assert checked.problem == "its run is not in this machine's run store, and it has no image"


@pytest.mark.parametrize(
    ("artifact", "problem"),
    [
        pytest.param("", None, id="the-same"),
        pytest.param("0" * 64, "its artifact is another one", id="another"),
    ],
)
def test_a_release_without_an_image_is_checked_in_the_run_store(
    tmp_path: Path, artifact: str, problem: str | None
) -> None:
    repo = repositories.make(tmp_path / "project", repositories.project_files())
    released = repo.releases.release("churn").manifest
    assert released is not None
    manifest = replace(released, artifact=artifact or released.artifact)

    assert verify(manifest, Store(repo.project)).problem == problem


def test_releases_with_problems_are_named_and_what_to_do_about_them() -> None:
    checked = [
        Checked(tag=f"churn@v1.{number}.0", what="", problem="gone" if number else None)
        for number in range(8)
    ]

    with pytest.raises(ReleaseCannotGoLiveAgain, match=r"^7 releases could not go") as caught:
        verification.require(checked)

    assert isinstance(caught.value, ReleaseStateError)
    assert "churn@v1.1.0, churn@v1.2.0" in caught.value.problem
    assert "churn@v1.0.0" not in caught.value.problem


def verify(manifest: Manifest, store: Store) -> Checked:
    (checked,) = verification.verify([manifest], store, connect=engine.connect, tell=quiet)
    return checked


def no_engine() -> Client:
    raise EngineIsNotThere("No container engine answers.", fix="Start one.")


def plain(labels: dict[str, str]) -> dict[str, str]:
    return {name: json.dumps(value) for name, value in labels.items()}


def quiet(line: str) -> None:
    """Swallow a line."""
