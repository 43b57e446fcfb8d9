"""Release: turn the run of main's newest commit into an annotated tag, if the gate lets it through.

The tag is the commit point. It and its ledger record go to the origin in one atomic push, or not at
all. Decisions are made again on a fresh view of the origin whenever somebody else was faster.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from trainshed import ledger, manifest, proposal, reconcile, release_draft, run
from trainshed.comparison import Comparison
from trainshed.config import Model
from trainshed.errors import ConfigurationError, ReleaseStateError
from trainshed.inquiry import Inquiries
from trainshed.manifest import Manifest, Override
from trainshed.origin import Change, Origin
from trainshed.project import Project
from trainshed.reconcile import Standing
from trainshed.training import Outcome, Trainings
from trainshed.world import World

Kind = Literal["released", "would-release", "already-released", "superseded", "blocked"]


class CommitIsNotPushed(ReleaseStateError):
    """The clone is ahead of the origin: a release is made of what everybody can see."""


class OverrideNeedsAReason(ConfigurationError):
    """A release was to pass the gate by somebody's word, and the word was empty."""


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
    inquiries: Inquiries
    packages: Callable[[run.Run, Model], str] | None = None
    """Puts a run's image into its registry and returns it by digest; None: no image is made."""

    def release(
        self,
        model: str,
        *,
        commit: str | None = None,
        is_dry: bool = False,
        override: Override | None = None,
        gated: Callable[[Comparison], None] = lambda _: None,
    ) -> Released:
        """Release a model from the newest commit of the origin's default branch (or an older one).

        Args:
            model: its name in trainshed.yml.
            commit: a full commit id; None for the newest.
            is_dry: decide all, push nothing.
            override: who lets it pass a gate that blocks, and why: it goes into the manifest.
            gated: is shown the comparison as soon as it is made.
        """
        if override is not None and not override.reason.strip():
            raise OverrideNeedsAReason(
                "A release that the gate blocks needs a reason to pass.",
                fix='Say it: --override "the new label rule is stricter, see issue 12".',
            )
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
            answer = self._decide(world, trained, commit=chosen, is_dry=is_dry, override=override)
            compared = answer.comparison
            if compared and compared not in [one.comparison for one in shown]:
                gated(compared)
            shown.append(answer)
            if answer.kind == "blocked" and not is_dry:
                return self._record(world, trained.run)
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

    def _decide(
        self,
        world: World,
        trained: Outcome,
        *,
        commit: str,
        is_dry: bool,
        override: Override | None,
    ) -> Released:
        """Decide on what the origin says now: it may have moved on since training began."""
        standing = reconcile.fold(world)
        newest = next(iter(standing.of(trained.run.model)), None)
        early = self._is_superseded(commit, newest)
        early = early or self._settled(world, standing, trained.run, commit=commit)
        if early is not None:
            return early
        reconcile.require_an_origin(world, standing)
        compared = self.inquiries.compare(
            trained,
            parent=None,
            live=newest,
            chosen=self.project.config_at(commit).models[trained.run.model],
        )
        why = f"the gate says {compared.verdict}"
        passes = compared.verdict in {"pass", "warn"}
        if not passes and override is None:
            return Released(
                kind="blocked", why=why, commit=commit, comparison=compared, trained=trained
            )
        if not passes and override is not None:
            why += f", and {override.who} overrides it: {override.reason}"
        drafted = release_draft.draft(
            world, standing, trained.run, compared=compared, commit=commit,
            skipped=self._skipped(world, newest, commit), override=None if passes else override,
        )  # fmt: skip
        manifest.require_size(drafted)
        return Released(
            kind="would-release" if is_dry else "released", why=why, commit=commit,
            manifest=drafted, comparison=compared, trained=trained,
        )  # fmt: skip

    @staticmethod
    def _settled(
        world: World, standing: Standing, candidate: run.Run, *, commit: str
    ) -> Released | None:
        there = release_draft.settled(world, standing, candidate)
        if there is None:
            return None
        why = f"its run is {there.tag} already"
        return Released(kind="already-released", why=why, commit=commit, manifest=there)

    def _record(self, world: World, trained: run.Run) -> Change | None:
        """Keep a run that the gate blocks: it is one of main all the same. Once."""
        records = ledger.run_records(trained.model, trained.run_id, run.summary(trained))
        (path,) = records
        known = world.ledger_commit
        if known is not None and self.project.repository.file_at(known, path) is not None:
            return None
        return Change(
            records=records,
            message=f"Record the run {trained.run_id[:12]} of {trained.model}\n",
        )

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
