"""Packaging, end to end: a trained run becomes an image in a real registry, or nothing at all."""

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import containers
import pytest
import yaml
from containers import LOCK, ROOT, PackagedProject, Project, eventually, make_project, run_script
from faulty_registry import MANIFEST_PUSHES, PUSHES, FaultyRegistry
from served_project import PREDICTOR

from trainshed import engine, http_client, image, image_build, registry
from trainshed.engine import Client
from trainshed.image_build import Builder, ImageCannotBeBuilt
from trainshed.package import FixedTagNamesAnotherRun
from trainshed.run import Run
from trainshed.settings import settings
from trainshed.targets.docker_caddy import file_in

pytest_plugins = ["containers"]

HERE = f"/{image.RUN_FOLDER}"
LIES = PREDICTOR.replace('["x"]', '["x"] + 0.01')
INSPECTS = """\
import importlib.metadata, importlib.util, json, os, pathlib

def can_write(path):
    try:
        pathlib.Path(path).write_text("")
    except OSError:
        return False
    return True

places = ["/trainshed/run/run.json", "/trainshed/code/new", "/opt/model/new", "/var/tmp/new"]
print(json.dumps({
    "user": os.getuid(),
    "packages": sorted(one.name for one in importlib.metadata.distributions()),
    "h11": importlib.metadata.version("h11"),
    "pip": importlib.util.find_spec("pip") is not None,
    "written": [place for place in places if can_write(place)],
    "capabilities": [
        line.split()[1] for line in open("/proc/self/status") if line.startswith("CapEff")
    ],
}))
"""


@pytest.fixture
def project(tmp_path: Path, model: str) -> Project:
    """A project of the test's own, with an image in the real registry."""
    return make_project(tmp_path, model)


@pytest.fixture
def elsewhere(tmp_path: Path, model: str, faulty_registry: FaultyRegistry) -> Project:
    """A project whose images go to the registry that can fail."""
    return make_project(tmp_path, model, registry=faulty_registry.address)


@pytest.fixture
def own_base(engine_client: Client, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A base with a label, which every stage built on it inherits: all can be removed again."""
    base = settings().base_image
    assert base is not None
    labelled = f"FROM {base}\nLABEL {image.LABEL}.model={model}\n"
    made, _ = engine_client.images.build(fileobj=io.BytesIO(labelled.encode()), rm=True)
    monkeypatch.setenv("TRAINSHED_BASE_IMAGE", made.id)


@pytest.mark.engine
def test_the_run_lies_in_the_image_as_it_was_stored(packaged: PackagedProject) -> None:
    run, folder = packaged.run, packaged.project.store.folder(packaged.run.run_id)

    with made_of(packaged.image) as one:
        assert file_in(one, f"{HERE}/run.json") == (folder / "run.json").read_bytes()
        for file in (run.artifact, run.examples, run.schema):
            assert file is not None
            content = file_in(one, f"{HERE}/{file.path}")
            assert content is not None
            assert hashlib.sha256(content).hexdigest() == file.digest


@pytest.mark.engine
def test_the_images_labels_are_the_run_half_of_a_manifest(packaged: PackagedProject) -> None:
    run, labels = packaged.run, packaged.image.labels

    assert {name: labels[name] for name in image.labels(run)} == image.labels(run)
    assert labels["dev.trainshed.predictor"] == "app.predict:predict"
    assert labels["dev.trainshed.artifact"] == run.artifact.digest


@pytest.mark.engine
def test_the_code_that_serving_includes_lies_in_the_image_and_no_other(
    packaged: PackagedProject,
) -> None:
    with made_of(packaged.image) as one:
        assert file_in(one, "/trainshed/code/app/predict.py") == PREDICTOR.encode()
        assert file_in(one, "/trainshed/code/pipelines/train.py") is None
        assert file_in(one, "/trainshed/framework/trainshed/serving/app.py") is not None
        assert file_in(one, "/trainshed/framework/trainshed/release.py") is None


@pytest.mark.engine
def test_an_image_runs_without_root_reads_only_and_becomes_healthy(
    packaged: PackagedProject,
) -> None:
    with running(packaged.image) as one:
        eventually(lambda: health(one) == "healthy")
        port = engine.published_port(one, image.PORT)
        answer = http_client.post(port, "/predict", {"rows": [{"x": 10}]})
        inside = inspected(one)

    assert answer.body["predictions"] == [20.0]
    assert inside["user"] == 65532
    assert inside["written"] == []
    assert inside["capabilities"] == ["0000000000000000"]
    assert packaged.image.attrs["Config"]["User"] == "65532:65532"


@pytest.mark.engine
def test_the_models_own_lock_decides_its_libraries_and_no_installer_is_left(
    packaged: PackagedProject,
) -> None:
    with running(packaged.image) as one:
        inside = inspected(one)

    assert "h11==0.14.0" in LOCK
    assert "h11==0.14.0" not in (ROOT / "requirements" / "serve.txt").read_text()
    assert inside["h11"] == "0.14.0"
    assert inside["packages"] == ["click", "h11", "uvicorn"]
    assert not inside["pip"]


@pytest.mark.engine
def test_both_tags_name_the_image_that_the_release_names_by_digest(
    packaged: PackagedProject, engine_client: Client
) -> None:
    names = packaged.packaged.names
    found = {registry.digest_of(engine_client, f"{names.repository}:{tag}")
             for tag in (names.fixed, names.moving)}  # fmt: skip

    assert {f"{names.repository}@{digest}" for digest in found} == {packaged.packaged.reference}
    assert names.moving == f"data-{packaged.run.dataset.digest[:12]}"
    assert packaged.told[-3] == "2 golden rows are answered equally inside the image"


@pytest.mark.engine
def test_a_run_that_is_packaged_already_is_found_and_nothing_is_built(
    packaged: PackagedProject,
) -> None:
    told: list[str] = []

    again = packaged.project.package(packaged.run, tell=told.append)

    assert (again.was_found, again.reference) == (True, packaged.packaged.reference)
    assert told == []


@pytest.mark.engine
def test_the_run_is_the_same_layer_in_builds_without_cache_from_two_clones(
    packaged: PackagedProject, engine_client: Client, own_base: None, tmp_path: Path
) -> None:
    first = packaged.project
    second = Project(first.repo.clone(f"another-{tmp_path.name}"), first.model)
    copy_backwards(
        first.store.folder(packaged.run.run_id), second.store.folder(packaged.run.run_id)
    )

    built = [build_anew(engine_client, one, packaged.run) for one in (first, second)]

    assert len({one.id for one in built}) == 2
    assert built[0].attrs["RootFS"]["Layers"][-1] == built[1].attrs["RootFS"]["Layers"][-1]
    assert built[0].attrs["RootFS"]["Layers"][-1] == packaged.image.attrs["RootFS"]["Layers"][-1]


@pytest.mark.engine
def test_the_datas_tag_moves_to_the_newest_image_and_the_fixed_one_stays(
    project: Project, engine_client: Client
) -> None:
    before = project.package(project.train())
    project.repo.commit_and_push({"pipelines/notes.txt": "the same data, another run"})

    after = project.package(project.train())

    assert after.names.moving == before.names.moving
    assert after.names.fixed != before.names.fixed
    for reference, expected in [
        (f"{after.names.repository}:{after.names.moving}", after.reference),
        (after.names.fixed_reference, after.reference),
        (before.names.fixed_reference, before.reference),
    ]:
        digest = registry.digest_of(engine_client, reference)
        assert f"{after.names.repository}@{digest}" == expected
    assert after.reference != before.reference


@pytest.mark.engine
def test_another_runs_image_under_the_fixed_tag_is_neither_used_nor_replaced(
    project: Project, engine_client: Client
) -> None:
    run = project.train()
    names = image.names(containers.repository_of(project.model), owner=None, run=run)
    labels = {f"{image.LABEL}.run": "0" * 64, f"{image.LABEL}.dataset": run.dataset.digest}
    containers.tiny_image(engine_client, names.repository, names.fixed, labels=labels)
    digest = registry.push(engine_client, names.repository, names.fixed, tell=lambda _: None)

    with pytest.raises(FixedTagNamesAnotherRun, match=r"differ in run, artifact") as caught:
        project.package(run)

    assert caught.value.exit_code == 2
    assert names.fixed_reference in caught.value.problem
    assert registry.digest_of(engine_client, names.fixed_reference) == digest


@pytest.mark.engine
def test_a_predictor_that_lies_is_not_pushed_and_one_that_is_mended_is(
    project: Project, engine_client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    project.repo.commit_and_push({"app/predict.py": LIES})
    run = project.train()

    assert run_script("release", "--repository", project.repo.folder) == 3

    said = capsys.readouterr().err
    assert "error[golden-rows-differ]" in said
    assert "answers 2 of its 2 examples otherwise" in said
    assert in_registry(engine_client, project, run) == []
    assert (project.repo.tag_names(), project.repo.ledger_paths()) == ([], [])
    assert containers_of(engine_client, project) == []

    # The run is the same, for training does not read the predictor.
    project.repo.commit_and_push({"app/predict.py": PREDICTOR})
    assert project.train().run_id == run.run_id
    assert run_script("release", "--repository", project.repo.folder) == 0
    assert project.repo.tag_names() == [f"{project.model}@v1.0.0"]


@pytest.mark.engine
def test_a_lock_that_cannot_be_installed_is_told_with_what_the_build_said(
    project: Project, engine_client: Client
) -> None:
    run = project.train()
    lock = LOCK.replace("sha256:e3", "sha256:00")
    commit = project.repo.commit_and_push({"requirements/bad.txt": lock})
    chosen = project.repo.project.config_at(commit).models[project.model]
    builder = Builder(project=project.repo.project, client=engine_client, tell=lambda _: None)

    with pytest.raises(ImageCannotBeBuilt, match="DO NOT MATCH THE HASHES") as caught:
        builder.build_only(
            run,
            project.store.folder(run.run_id),
            chosen.model_copy(update={"lock": "requirements/bad.txt"}),
            commit=commit,
        )

    assert caught.value.exit_code == 3
    assert "h11==0.14.0" in caught.value.problem
    assert "The lock must install on the base image" in caught.value.fix


FAULTS = {
    "gone": lambda one: one.gone(),
    "refuses-all": lambda one: one.failing(403, code="DENIED"),
    "refuses-pushes": lambda one: one.failing(403, on=PUSHES, code="DENIED"),
    "broken": lambda one: one.failing(500, on=MANIFEST_PUSHES),
    "full": lambda one: one.failing(507, on=MANIFEST_PUSHES),
}


@pytest.mark.engine
@pytest.mark.parametrize("fault", FAULTS)
def test_a_registry_that_fails_leaves_no_release_and_the_next_run_makes_it(
    elsewhere: Project,
    faulty_registry: FaultyRegistry,
    fault: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(registry, "_WAITS", (0.0, 0.0))
    before = elsewhere.repo.refs()
    failing: AbstractContextManager[Any] = FAULTS[fault](faulty_registry)

    with failing:
        assert run_script("release", "--repository", elsewhere.repo.folder) == 4
    assert "error[registry-failed]" in capsys.readouterr().err
    assert elsewhere.repo.refs() == before

    assert run_script("release", "--repository", elsewhere.repo.folder) == 0
    assert elsewhere.repo.tag_names() == [f"{elsewhere.model}@v1.0.0"]
    (record,) = elsewhere.repo.world().ledger.releases.values()
    assert record.manifest.image is not None
    assert record.manifest.image.startswith(f"{faulty_registry.address}/test/{elsewhere.model}@")
    assert f"image={record.manifest.image}" in capsys.readouterr().out


@pytest.mark.engine
@pytest.mark.parametrize("tag", ["d-", "data-"])
def test_a_packager_that_ended_between_its_two_tags_is_made_good_by_the_next(
    elsewhere: Project, faulty_registry: FaultyRegistry, engine_client: Client, tag: str
) -> None:
    run = elsewhere.train()
    push = rf"^PUT .*/manifests/{tag}"

    with faulty_registry.failing(403, on=push), pytest.raises(registry.RegistryFailed):
        elsewhere.package(run)
    packaged = elsewhere.package(run)

    names = packaged.names
    digests = {registry.digest_of(engine_client, f"{names.repository}:{tag}")
               for tag in (names.fixed, names.moving)}  # fmt: skip
    assert {f"{names.repository}@{digest}" for digest in digests} == {packaged.reference}


@pytest.mark.engine
def test_packaging_needs_no_docker_program_and_shows_no_password(
    elsewhere: Project, faulty_registry: FaultyRegistry, tmp_path: Path
) -> None:
    elsewhere.train()
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("git", "python3"):
        (programs / name).symlink_to(shutil.which(name) or name)

    with faulty_registry.locked("ada", "s3cret"):
        finished = subprocess.run(
            [sys.executable, ROOT / "scripts" / "package.py"],
            cwd=elsewhere.repo.folder,
            env={
                **os.environ,
                "PATH": str(programs),
                "TRAINSHED_REGISTRY_USER": "ada",
                "TRAINSHED_REGISTRY_PASSWORD": "s3cret",
            },
            capture_output=True,
            text=True,
            check=False,
        )

    assert finished.returncode == 0, finished.stderr
    assert "found=false" in finished.stdout
    assert "s3cret" not in finished.stdout + finished.stderr


def test_a_model_that_is_not_served_is_released_without_image_and_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_project(tmp_path, "lifetime", serve="none")
    finished = subprocess.run(
        [sys.executable, ROOT / "scripts" / "release.py"],
        cwd=project.repo.folder,
        env={**os.environ, "DOCKER_HOST": f"unix://{tmp_path}/nowhere"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert finished.returncode == 0, finished.stderr
    assert "\nimage=\n" in f"\n{finished.stdout}\n"
    (record,) = project.repo.world().ledger.releases.values()
    assert record.manifest.image is None


@contextmanager
def made_of(built: Any) -> Iterator[Any]:
    """Make a container to look into; it is never started."""
    one = built.client.containers.create(built.id, ["nothing"])
    try:
        yield one
    finally:
        one.remove(force=True)


@contextmanager
def running(built: Any) -> Iterator[Any]:
    """Run an image as a release runs."""
    options = image_build.server_options(predictor=built.labels["dev.trainshed.predictor"])
    options["tmpfs"]["/trainshed/log"] = f"rw,uid={image.USER}"
    one = built.client.containers.run(built.id, **options)
    try:
        one.reload()
        yield one
    finally:
        one.remove(force=True, v=True)


def health(one: Any) -> str:
    one.reload()
    return one.attrs["State"]["Health"]["Status"]


def inspected(one: Any) -> dict[str, Any]:
    """Ask from inside a container what it is made of and what it may."""
    code, said = one.exec_run(["python", "-c", INSPECTS])
    assert code == 0, said
    return json.loads(said)


def build_anew(client: Client, project: Project, run: Run) -> Any:
    here = project.repo.project
    builder = Builder(project=here, client=client, tell=lambda _: None, use_cache=False)
    chosen = here.config_at(run.commit).models[project.model]
    return builder.build_only(run, project.store.folder(run.run_id), chosen, commit=run.commit)


def copy_backwards(source: Path, target: Path) -> None:
    """Copy a folder, its last file first; nothing of the copies' times is the originals'."""
    for path in sorted(source.rglob("*"), reverse=True):
        if path.is_file():
            place = target / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(path.read_bytes())
            os.utime(place, (1, 1))


def in_registry(client: Client, project: Project, run: Run) -> list[str]:
    """Return which of a run's tags the registry has."""
    template = yaml.safe_load((project.repo.folder / "trainshed.yml").read_text())
    names = image.names(template["models"][project.model]["image"], owner=None, run=run)
    return [
        tag
        for tag in (names.fixed, names.moving)
        if registry.digest_of(client, f"{names.repository}:{tag}") is not None
    ]


def containers_of(client: Client, project: Project) -> list[Any]:
    mine = {"label": f"{image.LABEL}.model={project.model}"}
    return client.containers.list(all=True, filters=mine)
