"""What a run's release would be: its manifest, unless the run is a release already."""

from collections.abc import Mapping
from dataclasses import replace
from typing import get_args

from trainshed import comparison, manifest, run, times, version
from trainshed.comparison import Against, Comparison, Side, Verdict
from trainshed.config import Metric
from trainshed.errors import ReleaseStateError
from trainshed.evidence import Evidence
from trainshed.manifest import Manifest, Override
from trainshed.reconcile import Standing
from trainshed.world import World


class RunWasReverted(ReleaseStateError):
    """The same run was released before and reverted: it cannot be released again."""


def settled(world: World, standing: Standing, candidate: run.Run) -> Manifest | None:
    """Return the release that a run is already; None when it needs one.

    Raises:
        RunWasReverted: it was one, and was reverted.
    """
    for record in world.ledger.of_model(candidate.model):
        if record.manifest.run_id != candidate.run_id:
            continue
        tag = record.manifest.tag
        tombstone = world.ledger.tombstone(tag)
        if tombstone is not None or standing.manifest(tag) is None:
            reason = f"{tombstone.why} ({tombstone.who})" if tombstone else "it is gone or marked"
            raise RunWasReverted(
                f"This run ({candidate.run_id[:12]}) was released as {tag} and reverted: {reason}.",
                fix="Merge a change that mends it; or bring the same release back on purpose: "
                f"scripts/deploy.py revert --unrevert {tag}",
            )
        return record.manifest
    return None


def draft(
    world: World,
    standing: Standing,
    released: run.Run,
    *,
    compared: Comparison,
    commit: str,
    skipped: tuple[str, ...],
    override: Override | None = None,
) -> Manifest:
    """Write the manifest of the next release; sequence and version come from the world."""
    ever = [record.manifest for record in world.ledger.of_model(released.model)]
    live = next(iter(standing.of(released.model)), None)
    numbers = [one.sequence for one in [*ever, *standing.of(released.model)]]
    schema = released.schema.digest if released.schema else None
    following = version.following(
        ever=[*ever, *standing.of(released.model)],
        live=live,
        schema=schema,
        dataset=released.dataset.digest,
        taken={tag.version for tag in {*world.tags, *world.marks} if tag.model == released.model},
    )
    return Manifest(
        model=released.model,
        version=str(following),
        sequence=max(numbers, default=0) + 1,
        commit=commit,
        run_id=released.run_id,
        dataset=manifest.Data(path=released.dataset.path, digest=released.dataset.digest),
        artifact=released.artifact.digest,
        metrics=released.metrics,
        gate=manifest.Gate(verdict=compared.verdict, baseline=str(live.tag) if live else None),
        released=times.now(),
        schema=schema,
        predictions=released.predictions.digest if released.predictions else None,
        examples=released.examples.digest if released.examples else None,
        python=released.ingredients.python,
        skipped=skipped,
        override=override,
        evidence=_evidence_of(compared),
    )


def _evidence_of(compared: Comparison) -> Evidence | None:
    """Return the evidence that the gate judged by, and no more: a tag's message is small."""
    base = compared.baseline(compared.gate)
    if base is None or base.evidence is None:
        return None
    gating = {one.metric for one in base.findings if one.is_gating and one.interval is not None}
    metrics = {name: one for name, one in base.evidence.metrics.items() if name in gating}
    return Evidence(rows=base.evidence.rows, metrics=metrics) if metrics else None


def side_of(released: Manifest) -> Side:
    """Return a release as a side of a comparison: what it promised when it was released."""
    return Side(
        run_id=released.run_id,
        commit=released.commit,
        release=str(released.tag),
        dataset=released.dataset.digest,
        dataset_path=released.dataset.path,
        metrics=released.metrics,
    )


def compared_again(
    released: Manifest, before: Manifest | None, *, rules: Mapping[str, Metric]
) -> Comparison:
    """Return the comparison of a release with the one before it, as their manifests keep it.

    Args:
        rules: of the commit that was released.
    """
    known = released.evidence if before and str(before.tag) == released.gate.baseline else None
    made = comparison.compare(
        model=released.model,
        candidate=side_of(released),
        parent=None,
        live=Against(side=side_of(before), evidence=known) if before else None,
        rules=rules,
    )
    said = next((one for one in get_args(Verdict) if one == released.gate.verdict), made.verdict)
    return replace(made, verdict=said)
