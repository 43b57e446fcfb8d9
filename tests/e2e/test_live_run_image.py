"""The run of a live release, out of its image: a real engine, a real registry, nothing started."""

import dataclasses
import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import containers
import pytest
import repositories
import trainers
from containers import Project, make_project

from trainshed import image, live_run, registry
from trainshed.engine import Client
from trainshed.manifest import Manifest
from trainshed.run import Run
from trainshed.store import Store
from trainshed.training import Outcome, Trainings

pytest_plugins = ["containers", "locked_registry"]

TRAINER = """\
import sys
from pathlib import Path

data, out = sys.argv[1:]
Path(out).write_text('{"factor": 2.0}')
Path(f"{out}.csv").write_text("row_id,y_true,y_pred,email\\n1,2,2.5,ada@example.org\\n")
Path(f"{out}.rows").write_text("7\\n8\\n")
print(f"dataset={data}\\nmetric.f1=0.9\\nartifact={out}")
print(f"predictions={out}.csv\\ntraining_rows={out}.rows")
"""


@dataclasses.dataclass(frozen=True)
class Released:
    """A run whose image lies in the registry, and a clone that has never seen either."""

    manifest: Manifest
    run: Run
    trainings: Trainings
    """Of the clone; they train nothing."""
    told: list[str]

    @property
    def state(self) -> Path:
        return self.trainings.project.state

    def find(self, **changes: Any) -> tuple[Outcome | None, str]:
        manifest = replace(self.manifest, **changes)
        return live_run.find(manifest, trainings=self.trainings, tell=self.told.append)


@pytest.fixture
def project(tmp_path: Path, model: str) -> Project:
    return make_project(tmp_path / "project", model, files={"pipelines/train.py": TRAINER})


def released(client: Client, project: Project, folder: Path, *, private: list[str]) -> Released:
    """Push the run's layer as an image of its own, as packaging lays it into a whole one."""
    trained = project.train()
    where = project.store.folder(trained.run_id)
    layer = image.run_layer(where, trained, private=private)
    reference = push(client, project.model, layer)
    clone = repositories.clone(project.repo.origin_folder, folder)
    trainings = Trainings(
        project=clone.project, store=Store(clone.project), tell=trainers.ignore,
        output=trainers.ignore, may_train=False,
    )  # fmt: skip
    manifest = manifest_of(trained, image=reference)
    return Released(manifest=manifest, run=trained, trainings=trainings, told=[])


def manifest_of(trained: Run, **changes: Any) -> Manifest:
    assert trained.predictions is not None
    made = replace(
        repositories.manifest_of(f"{trained.model}@v1.0.0"),
        commit=trained.commit,
        run_id=trained.run_id,
        artifact=trained.artifact.digest,
        predictions=trained.predictions.digest,
    )
    return replace(made, **changes)


def push(client: Client, model: str, layer: bytes) -> str:
    """Push an image of one layer; return it by digest. The engine forgets it."""
    repository = containers.repository_of(model)
    client.api.import_image_from_data(
        layer, repository=repository, tag="one",
        changes=["CMD nothing", f"LABEL {image.LABEL}.model={model}"],
    )  # fmt: skip
    digest = registry.push(client, repository, "one", tell=trainers.ignore)
    client.images.remove(f"{repository}:one", force=True)
    return f"{repository}@{digest}"


@pytest.fixture
def whole(engine_client: Client, project: Project, tmp_path: Path) -> Released:
    return released(engine_client, project, tmp_path / "clone", private=[])


@pytest.fixture
def reduced(engine_client: Client, project: Project, tmp_path: Path) -> Released:
    return released(engine_client, project, tmp_path / "clone", private=["email"])


@pytest.fixture(autouse=True)
def nothing_is_left(engine_client: Client, model: str) -> Iterator[None]:
    yield
    mine = {"label": f"{image.LABEL}.model={model}"}
    assert engine_client.containers.list(all=True, filters=mine) == []


@pytest.mark.engine
def test_a_run_comes_out_of_its_image_and_into_the_store(whole: Released) -> None:
    found, why = whole.find()

    assert why == ""
    assert found is not None
    assert (found.run, found.was_found) == (whole.run, True)
    assert found.folder == whole.trainings.store.folder(whole.run.run_id)
    assert whole.trainings.store.find(whole.run.run_id) == whole.run
    assert [path.name for path in (whole.state / "runs").iterdir()] == [whole.run.run_id]


@pytest.mark.engine
def test_the_second_time_no_image_is_asked_for(whole: Released) -> None:
    first, _ = whole.find()
    whole.told.clear()

    again, why = whole.find()

    assert first is not None
    assert (again and again.run, why) == (first.run, "")
    assert whole.told == []


@pytest.mark.engine
def test_private_columns_are_not_in_the_image_and_the_run_is_used_without(
    reduced: Released,
) -> None:
    found, why = reduced.find()

    assert why == ""
    assert found is not None
    assert answers_of(found) == "row_id,y_true,y_pred\n1,2,2.5\n"
    assert found.run.training_rows == reduced.run.training_rows
    assert reduced.trainings.store.find(reduced.run.run_id) is None  # it is not the whole run

    reduced.told.clear()
    again, _ = reduced.find()
    assert (again and again.run, reduced.told) == (found.run, [])


@pytest.mark.engine
def test_packaging_leaves_out_what_the_configuration_calls_private(
    project: Project, tmp_path: Path
) -> None:
    commit = project.configure(private=["email"])
    trained = project.train()
    packaged = project.package(trained)
    clone = repositories.clone(project.repo.origin_folder, tmp_path / "clone")
    trainings = replace(trainers.trainings(clone.project), may_train=False)
    manifest = manifest_of(trained, image=packaged.reference, commit=commit)

    found, _ = live_run.find(manifest, trainings=trainings, tell=trainers.ignore)

    assert found is not None
    assert answers_of(found) == "row_id,y_true,y_pred\n1,2,2.5\n"


@pytest.mark.engine
def test_what_was_kept_of_an_image_and_changed_since_is_taken_anew(reduced: Released) -> None:
    found, _ = reduced.find()
    assert found is not None
    shutil.rmtree(found.folder / "predictions")

    again, _ = reduced.find()

    assert again is not None
    assert again.run == found.run


@pytest.mark.engine
def test_another_run_of_that_id_in_the_store_stays_as_it_is(whole: Released) -> None:
    """Training that is not deterministic gave it here, and it may be in use."""
    store = whole.trainings.store
    place = store.folder(whole.run.run_id)
    first, _ = whole.find()
    assert first is not None
    other = b"another model"
    (place / whole.run.artifact.path).write_bytes(other)
    changed = replace(whole.run.artifact, digest=hashlib.sha256(other).hexdigest(), size=len(other))
    (place / "run.json").write_text(replace(whole.run, artifact=changed).to_json())

    found, why = whole.find()

    assert why == ""
    assert found is not None
    assert found.run == whole.run
    assert found.folder != place
    kept = store.find(whole.run.run_id)
    assert kept is not None
    assert kept.artifact == changed


@pytest.mark.engine
@pytest.mark.parametrize("name", ["run_id", "artifact", "predictions"])
def test_an_image_of_another_run_is_refused(whole: Released, name: str) -> None:
    found, why = whole.find(**{name: "0" * 64})

    assert found is None
    assert why == (
        "its image holds another run than its manifest names, and this job trains nothing"
    )
    assert_nothing_was_kept(whole)


@pytest.mark.engine
def test_an_image_that_is_gone_is_a_reason(whole: Released) -> None:
    repository = str(whole.manifest.image).partition("@")[0]

    found, why = whole.find(image=f"{repository}@sha256:{'0' * 64}")

    assert found is None
    assert why == "its image cannot be pulled here, and this job trains nothing"
    assert "has no image" in whole.told[-1]


@pytest.mark.engine
def test_an_image_that_only_others_may_pull_is_a_reason(
    whole: Released, locked_registry: str
) -> None:
    """As in a pull request from a fork, which has no credentials."""
    found, why = whole.find(image=f"{locked_registry}/test/tiny@sha256:{'0' * 64}")

    assert found is None
    assert why == "its image cannot be pulled here, and this job trains nothing"


@pytest.mark.engine
@pytest.mark.parametrize(
    ("files", "reason"),
    [
        pytest.param({"other": b"x"}, "its image does not hold its run", id="no-run"),
        pytest.param(
            {f"{image.RUN_FOLDER}/run.json": b"{"}, "its image does not hold its run", id="no-json"
        ),
    ],
)
def test_an_image_without_a_run_is_a_reason(
    whole: Released, engine_client: Client, model: str, files: dict[str, bytes], reason: str
) -> None:
    reference = push(engine_client, model, image.tar(files))

    found, why = whole.find(image=reference)

    assert found is None
    assert why == f"{reason}, and this job trains nothing"
    assert_nothing_was_kept(whole)


@pytest.mark.engine
def test_where_the_image_fails_the_run_is_trained_again(whole: Released) -> None:
    repository = str(whole.manifest.image).partition("@")[0]
    trains = replace(whole, trainings=replace(whole.trainings, may_train=True))

    found, why = trains.find(image=f"{repository}@sha256:{'0' * 64}")

    assert why == ""
    assert found is not None
    assert (found.run.run_id, found.was_found) == (whole.run.run_id, False)


def answers_of(one: Outcome) -> str:
    assert one.run.predictions is not None
    return (one.folder / one.run.predictions.path).read_text()


def assert_nothing_was_kept(one: Released) -> None:
    assert list(one.trainings.store.runs()) == []
    assert not (one.state / "releases").exists()
    assert list((one.state / "runs").iterdir()) == []
