"""Release: turn the run of main's newest commit into an annotated tag, if the gate lets it through.

The tag is the commit point. It and its ledger record go to the origin in one atomic push, or not at
all. Decisions are made again on a fresh view of the origin whenever somebody else was faster.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from trainshed import comparison, ledger, manifest, proposal, reconcile, run, times, version
from trainshed.comparison import Comparison, Side
from trainshed.config import Model
from trainshed.errors import ReleaseStateError
from trainshed.manifest import Manifest
from trainshed.origin import Change, Origin
from trainshed.project import Project
from trainshed.reconcile import Standing
from trainshed.training import Outcome, Trainings
from trainshed.world import World

Kind = Literal["released", "would-release", "already-released", "superseded", "blocked"]


class RunWasReverted(ReleaseStateError):
    """The same run was released before and reverted: it cannot be released again."""


class CommitIsNotPushed(ReleaseStateError):
    """The clone is ahead of the origin: a release is made of what everybody can see."""


class NothingToRelease(ReleaseStateError):
    """The origin has no commit on its default branch."""


@dataclass(frozen=True, kw_only=True)
class Released:
    """How a release ended. A blocked one is an answer, not an error."""

    kind: Kind
    why: str
    commit: str
    manifest: Manifest | None = None
    comparison: Comparison | None = None
    trained: Outcome | None = None
    proposed: str | None = None
    """How main's predictions compare with those of the pull request that it came from."""

    @property
    def told(self) -> str:
        """One sentence: what came of it, and why."""
        tag = self.manifest.tag if self.manifest else None
        what = {
            "released": f"{tag} is released",
            "would-release": f"{tag} would be released",
            "already-released": f"nothing to release from {self.commit[:12]}",
            "superseded": f"nothing to release from {self.commit[:12]}",
            "blocked": f"{self.commit[:12]} is not released",
        }[self.kind]
        return f"{what}: {self.why}"


@dataclass(frozen=True, kw_only=True)
class Releases:
    project: Project
    origin: Origin
    trainings: Trainings
    packages: Callable[[run.Run, Model], str] | None = None
    """Puts a run's image into its registry and returns it by digest; None: no image is made."""

    def release(
        self,
        model: str,
        *,
        commit: str | None = None,
        is_dry: bool = False,
        gated: Callable[[Comparison], None] = lambda _: None,
    ) -> Released:
        """Release a model from the newest commit of the origin's default branch (or an older one).

        Args:
            model: its name in trainshed.yml.
            commit: a full commit id; None for the newest.
            is_dry: decide all, push nothing.
            gated: is shown the comparison as soon as it is made.
        """
        world = self.origin.read()
        chosen = self._head(world) if commit is None else self._pushed(world, commit)
        standing = reconcile.fold(world)
        early = self._is_superseded(chosen, next(iter(standing.of(model)), None))
        if early is not None:
            return early
        trained = self.trainings.train_or_find(chosen, model)
        proposed = proposal.of(self.project.repository, world.ledger_commit, trained.run)
        if proposed is not None:
            self.trainings.tell(proposed)
        shown: list[Released] = []

        def build(world: World) -> Change | None:
            answer = self._decide(world, trained, commit=chosen, is_dry=is_dry)
            compared = answer.comparison
            if compared and compared not in [one.comparison for one in shown]:
                gated(compared)
            shown.append(answer)
            if answer.kind != "released" or answer.manifest is None:
                return None
            packaged = replace(answer.manifest, image=self._image(chosen, trained.run))
            shown[-1] = replace(answer, manifest=packaged)
            return self._change(packaged, trained.run)

        self.origin.change(build)
        return replace(shown[-1], proposed=proposed)

    def _image(self, commit: str, released: run.Run) -> str | None:
        """Package the run: the tag never names an image that cannot be pulled.

        Its server code and lock are those of the commit that is released, which may have found the
        run of an earlier one.
        """
        chosen = self.project.config_at(commit).models[released.model]
        if self.packages is None or chosen.image is None or not chosen.is_served:
            return None
        return self.packages(replace(released, commit=commit), chosen)

    def _head(self, world: World) -> str:
        if world.head is None:
            raise NothingToRelease(
                f"The origin has no branch {world.branch} yet.",
                fix=f"Push your first commit: `git push -u origin {world.branch}`.",
            )
        repository = self.project.repository
        here = repository.resolve("HEAD")
        is_main = repository.branch() == world.branch
        if is_main and here != world.head and repository.is_ancestor(world.head, here):
            raise CommitIsNotPushed(
                f"HEAD ({here[:12]}) is ahead of the origin's {world.branch} ({world.head[:12]}).",
                fix=f"`git push origin HEAD:{world.branch}` first, or name an older --commit.",
            )
        return world.head

    def _pushed(self, world: World, commit: str) -> str:
        if world.head is None or not self.project.repository.is_ancestor(commit, world.head):
            raise CommitIsNotPushed(
                f"The commit {commit[:12]} is not on the origin's {world.branch}.",
                fix=f"Merge it into {world.branch} first: only what is there can be released.",
            )
        return commit

    def _is_superseded(self, commit: str, newest: Manifest | None) -> Released | None:
        """Never release an ancestor of the newest release: main has moved on."""
        repository = self.project.repository
        if newest is None or newest.commit == commit or not repository.has(newest.commit):
            return None
        if not repository.is_ancestor(commit, newest.commit):
            return None
        why = f"{newest.tag} was released from a later commit ({newest.commit[:12]})"
        return Released(kind="superseded", why=why, commit=commit, manifest=newest)

    def _compare(self, commit: str, candidate: run.Run, newest: Manifest | None) -> Comparison:
        chosen = self.project.config_at(commit).models[candidate.model]
        return comparison.compare(
            model=candidate.model,
            candidate=comparison.side(candidate),
            parent=None,
            live=None if newest is None else side_of(newest),
            rules=chosen.metrics,
        )

    def _decide(self, world: World, trained: Outcome, *, commit: str, is_dry: bool) -> Released:
        """Decide on what the origin says now: it may have moved on since training began."""
        standing = reconcile.fold(world)
        newest = next(iter(standing.of(trained.run.model)), None)
        early = self._is_superseded(commit, newest)
        early = early or settled(world, standing, trained.run, commit=commit)
        if early is not None:
            return early
        reconcile.require_an_origin(world, standing)
        compared = self._compare(commit, trained.run, newest)
        why = f"the gate says {compared.verdict}"
        if compared.verdict not in {"pass", "warn"}:
            return Released(
                kind="blocked", why=why, commit=commit, comparison=compared, trained=trained
            )
        drafted = draft(world, standing, trained.run, compared=compared, commit=commit,
                        skipped=self._skipped(world, newest, commit))  # fmt: skip
        manifest.require_size(drafted)
        return Released(
            kind="would-release" if is_dry else "released", why=why, commit=commit,
            manifest=drafted, comparison=compared, trained=trained,
        )  # fmt: skip

    def _change(self, drafted: Manifest, released: run.Run) -> Change:
        tagger = f"{self.project.repository.identity()} {int(time.time())} +0000"
        tag = drafted.tag
        message = drafted.to_json()
        oid = self.origin.make_tag(tag, commit=drafted.commit, tagger=tagger, message=message)
        record = ledger.Release(manifest=drafted, tag_object=oid, tagger=tagger)
        return Change(
            records={
                **ledger.release_records(record),
                **ledger.run_records(released.model, released.run_id, run.summary(released)),
            },
            message=f"Release {tag}\n",
            create={tag.ref: oid},
        )

    def _skipped(self, world: World, newest: Manifest | None, commit: str) -> tuple[str, ...]:
        repository = self.project.repository
        if newest is None or not repository.has(newest.commit):
            return ()
        ever = {record.manifest.commit for record in world.ledger.of_model(newest.model)}
        between = repository.subjects(f"{newest.commit}..{commit}")
        return tuple(one for one, _ in between if one != commit and one not in ever)


def settled(
    world: World, standing: Standing, candidate: run.Run, *, commit: str
) -> Released | None:
    """Tell whether a run needs no release, because it is one already; None when it needs one.

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
        why = f"its run is {tag} already"
        return Released(kind="already-released", why=why, commit=commit, manifest=record.manifest)
    return None


def draft(
    world: World,
    standing: Standing,
    released: run.Run,
    *,
    compared: Comparison,
    commit: str,
    skipped: tuple[str, ...],
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
    )


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
