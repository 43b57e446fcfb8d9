import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import serving_run

from trainshed.serving import served
from trainshed.serving.schema import UNKNOWN, Column, Schema
from trainshed.serving.served import ArtifactHasAnotherDigest, ManifestDoesNotFit, RunCannotBeServed


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return serving_run.write_run(tmp_path / "run", b"weights")


def test_an_unreleased_run_has_no_release(run: Path) -> None:
    found = served.read(run)

    assert (found.model, found.run_id, found.dataset) == ("churn", "ab" * 32, "da" * 32)
    assert found.release is None
    served.require_recorded_artifact(found)


def test_a_release_is_named_by_its_manifest(run: Path, tmp_path: Path) -> None:
    found = served.read(run, serving_run.write_manifest(tmp_path / "manifest.json", run))

    assert found.release == "churn@v1.1.0"
    served.require_recorded_artifact(found)


def test_the_digest_of_the_manifest_may_stand_in_an_object(run: Path, tmp_path: Path) -> None:
    digest = {"digest": hashlib.sha256(b"weights").hexdigest()}
    manifest = serving_run.write_manifest(tmp_path / "manifest.json", run, artifact=digest)

    served.require_recorded_artifact(served.read(run, manifest))


def test_an_artifact_that_changed_is_refused(run: Path) -> None:
    (run / "model.pkl").write_bytes(b"other weights")

    with pytest.raises(ArtifactHasAnotherDigest, match=r"but run\.json says"):
        served.require_recorded_artifact(served.read(run))


def test_an_artifact_that_is_not_the_releases_is_refused(run: Path, tmp_path: Path) -> None:
    manifest = serving_run.write_manifest(tmp_path / "manifest.json", run, artifact="0" * 64)

    with pytest.raises(ArtifactHasAnotherDigest, match=r"the manifest of churn@v1\.1\.0 says 000"):
        served.require_recorded_artifact(served.read(run, manifest))


def test_an_artifact_that_is_gone_is_named(run: Path) -> None:
    (run / "model.pkl").unlink()

    with pytest.raises(RunCannotBeServed, match=r"model\.pkl: the artifact cannot be read"):
        served.require_recorded_artifact(served.read(run))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param(None, "No such file", id="missing"),
        pytest.param("{", "cannot be read as JSON", id="not-json"),
        pytest.param("[]", "is not a JSON object", id="not-an-object"),
        pytest.param('{"model": "churn"}', "run_id", id="lacks-a-key"),
        pytest.param(
            '{"model": "m", "run_id": "r", "dataset": "d"}', "TypeError", id="wrong-shape"
        ),
    ],
)
def test_a_folder_that_holds_no_run_is_refused(tmp_path: Path, text: str | None, says: str) -> None:
    if text is not None:
        (tmp_path / "run.json").write_text(text)

    with pytest.raises(RunCannotBeServed, match=says):
        served.read(tmp_path)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        pytest.param({"model": "lifetime"}, r"lifetime@v1\.1\.0, but the run is of churn", id="m"),
        pytest.param({"version": 2}, "lacks a model or a version", id="no-version"),
        pytest.param({"artifact": None}, "lacks the artifact's digest", id="no-digest"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(
    run: Path, tmp_path: Path, changes: dict[str, Any], says: str
) -> None:
    manifest = serving_run.write_manifest(tmp_path / "manifest.json", run, **changes)

    with pytest.raises(ManifestDoesNotFit, match=says):
        served.read(run, manifest)


def test_the_trainers_schema_is_preferred_to_a_derived_one(tmp_path: Path) -> None:
    run = serving_run.write_run(
        tmp_path / "run",
        b"weights",
        schema={"path": "schema.json"},
        examples={"path": "examples.jsonl"},
    )
    (run / "schema.json").write_text(json.dumps({"columns": [{"name": "a", "type": "integer"}]}))
    (run / "examples.jsonl").write_text('{"input": {"a": 1}, "output": 1}\n')
    record = json.loads((run / "run.json").read_text())
    examples = served.first_examples(served.read(run))

    assert served.schema_of(served.read(run), examples) == Schema(
        columns=(Column(name="a", type="integer"),)
    )

    (run / "run.json").write_text(json.dumps({**record, "schema": None}))

    assert served.schema_of(served.read(run), examples) == Schema(
        columns=(Column(name="a", type="number", nullable=True),)
    )


def test_a_run_with_neither_schema_nor_examples_tells_nothing(run: Path) -> None:
    found = served.read(run)

    assert served.schema_of(found, served.first_examples(found)) is UNKNOWN


def test_an_artifact_may_be_a_folder(tmp_path: Path) -> None:
    line = f"{hashlib.sha256(b'weights').hexdigest()}  weights\n"
    artifact = {"path": "model", "digest": hashlib.sha256(line.encode()).hexdigest()}
    run = serving_run.write_run(tmp_path / "run", b"unused", artifact=artifact)
    (run / "model").mkdir()
    (run / "model" / "weights").write_bytes(b"weights")

    served.require_recorded_artifact(served.read(run))

    (run / "model" / "more").write_bytes(b"x")

    with pytest.raises(ArtifactHasAnotherDigest):
        served.require_recorded_artifact(served.read(run))
