"""What is served: a run from its folder, and the release it became, if it did."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainshed.errors import ConfigurationError, ReleaseStateError
from trainshed.serving import digest, golden, schema
from trainshed.serving.schema import Schema

_INPUTS_READ = 100  # examples from which a schema is derived when the trainer wrote none


class RunCannotBeServed(ConfigurationError):
    """The folder holds no run that can be served."""


class ManifestDoesNotFit(ReleaseStateError):
    """The manifest is malformed, or is that of another model than the run's."""


class ArtifactHasAnotherDigest(ReleaseStateError):
    """The artifact is not the one that the run or the release recorded, so it is never loaded."""


@dataclass(frozen=True, kw_only=True)
class Served:
    model: str
    run_id: str
    dataset: str
    """sha256 of the data."""
    artifact: Path
    artifact_digest: str
    """sha256, as the run recorded it."""
    examples: Path | None
    schema: Path | None
    manifest: Mapping[str, Any] | None

    @property
    def release(self) -> str | None:
        if self.manifest is None:
            return None
        return f"{self.manifest['model']}@v{self.manifest['version']}"


def read(folder: Path, manifest: Path | None = None, *, text: str | None = None) -> Served:
    """Read a run's `run.json` and a release's manifest, from a file or as text.

    Nothing else is opened yet.
    """
    path = folder / "run.json"
    run = _object(path, RunCannotBeServed, fix="Pass the folder of a finished run to --run.")
    try:
        served = Served(
            model=run["model"],
            run_id=run["run_id"],
            dataset=run["dataset"]["digest"],
            artifact=folder / run["artifact"]["path"],
            artifact_digest=run["artifact"]["digest"],
            examples=_path(folder, run.get("examples")),
            schema=_path(folder, run.get("schema")),
            manifest=_manifest(manifest, text),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise RunCannotBeServed(
            f"{path}: is not the record of a run ({type(error).__name__}: {error}).",
            fix="Train again: the run store makes the file.",
        ) from None
    _require_same_model(served, manifest)
    return served


def require_recorded_artifact(served: Served) -> None:
    """Compare the artifact's bytes with every record of them, before anything loads it."""
    try:
        actual = digest.of(served.artifact)
    except OSError as error:
        raise RunCannotBeServed(
            f"{served.artifact}: the artifact cannot be read ({error.strerror}).",
            fix="Train again, or serve from the release's image.",
        ) from None
    records = {"run.json": served.artifact_digest}
    if served.manifest is not None:
        records[f"the manifest of {served.release}"] = _recorded_digest(served.manifest)
    for record, expected in records.items():
        if actual != expected:
            raise ArtifactHasAnotherDigest(
                f"{served.artifact} has the sha256 {actual}, but {record} says {expected}.",
                fix="Do not load it. Remove the run's folder and train again, or redeploy.",
            )


def schema_of(served: Served, examples: tuple[golden.Example, ...]) -> Schema:
    """Return the trainer's schema, else one derived from the first examples, else none."""
    if served.schema is not None:
        return schema.read(served.schema)
    return schema.derived_from([example.input for example in examples])


def first_examples(served: Served) -> tuple[golden.Example, ...]:
    return golden.read(served.examples, limit=_INPUTS_READ) if served.examples else ()


def _manifest(path: Path | None, text: str | None) -> Mapping[str, Any] | None:
    fix = "Pass the manifest of this run's release: the message of its annotated tag."
    if path is not None:
        manifest = _object(path, ManifestDoesNotFit, fix=fix)
    elif text is not None:
        manifest = _object(text, ManifestDoesNotFit, fix=fix)
    else:
        return None
    if not all(isinstance(manifest.get(key), str) for key in ("model", "version")):
        raise ManifestDoesNotFit(
            f"{path or 'TRAINSHED_MANIFEST'}: lacks a model or a version.", fix=fix
        )
    if not isinstance(_recorded_digest(manifest), str):
        raise ManifestDoesNotFit(
            f"{path or 'TRAINSHED_MANIFEST'}: lacks the artifact's digest.", fix=fix
        )
    return manifest


def _recorded_digest(manifest: Mapping[str, Any]) -> Any:
    artifact = manifest.get("artifact")
    return artifact.get("digest") if isinstance(artifact, Mapping) else artifact


def _require_same_model(served: Served, path: Path | None) -> None:
    if served.manifest is not None and served.manifest["model"] != served.model:
        raise ManifestDoesNotFit(
            f"{path or 'TRAINSHED_MANIFEST'}: is the manifest of {served.release}, but the run is "
            f"of {served.model}.",
            fix="Pass the run and the manifest of one release.",
        )


def _object(
    source: Path | str, error_class: type[RunCannotBeServed | ManifestDoesNotFit], *, fix: str
) -> Mapping[str, Any]:
    path = source if isinstance(source, Path) else "TRAINSHED_MANIFEST"
    try:
        content = json.loads(source.read_bytes() if isinstance(source, Path) else source)
    except (OSError, ValueError) as error:
        raise error_class(f"{path}: cannot be read as JSON: {error}.", fix=fix) from None
    if not isinstance(content, dict):
        raise error_class(f"{path}: is not a JSON object.", fix=fix)
    return content


def _path(folder: Path, entry: Mapping[str, Any] | None) -> Path | None:
    return None if entry is None else folder / entry["path"]
