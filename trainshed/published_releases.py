"""The pages of all releases at GitHub, made to agree with what the origin says.

Level-triggered: whoever runs first completes what is missing and tells what was reverted. A page is
made of the tag, the ledger and git alone, so it is the same whoever makes it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trainshed import (
    data_diff,
    experiment_record,
    github_api,
    github_release,
    model_card,
    proposal,
    reconcile,
    release_draft,
    release_notes,
    release_page,
)
from trainshed.config import Model
from trainshed.data_diff import DataDiff
from trainshed.errors import TrainshedError
from trainshed.github_api import GitHubCannotBeReached, GitHubLimitsUs, TokenMayNot
from trainshed.manifest import Manifest
from trainshed.model_card import Card
from trainshed.origin import Origin
from trainshed.project import Project
from trainshed.reconcile import Standing
from trainshed.release_notes import Notes
from trainshed.release_page import Attachment, Page, Wanted
from trainshed.world import World

if TYPE_CHECKING:
    from github.Repository import Repository

    from trainshed.settings import GitHub

MOST_AT_ONCE = 10
"""Missing pages that one run makes; the next makes more."""
MANIFEST = "manifest.json"
_NAMES = (MANIFEST, model_card.NAME)
_MOST_SUBJECTS = 1000
# The next page would fare no better.
_HOPELESS = (TokenMayNot, GitHubLimitsUs, GitHubCannotBeReached)


@dataclass(frozen=True, kw_only=True)
class PublishedReleases:
    project: Project
    origin: Origin
    repository: Repository
    """At GitHub."""
    address: str
    """The page of the repository, such as https://github.com/acme/churn."""
    tell: Callable[[str], None]

    @classmethod
    def at(
        cls, hub: GitHub, *, project: Project, origin: Origin, tell: Callable[[str], None]
    ) -> PublishedReleases:
        """Return those of the repository that a job belongs to; nothing is asked yet."""
        return cls(
            project=project,
            origin=origin,
            repository=github_api.repository(hub),
            address=f"{hub.server}/{hub.repository}",
            tell=tell,
        )

    def settle(self, world: World, *, first: Manifest | None = None) -> list[str]:
        """Make and complete the pages of standing releases, and say which were reverted.

        Args:
            world: the origin, as it is now.
            first: the release of this run: its failure is raised, that of an older one is told.

        Returns:
            The tags whose page was changed.
        """
        pages = github_release.listing(self.repository)
        standing = reconcile.fold(world)
        changed: list[str] = []
        known = {str(tag): one.manifest for tag, one in world.ledger.releases.items()}
        chosen = str(first.tag) if first else None
        for tag in due(standing, pages, known, first=chosen):
            try:
                changed += self._publish(world, standing, known[tag], pages)
            except TrainshedError as error:
                if tag == chosen:
                    raise
                self.tell(f"{tag} has no page yet, the next run tries again: {error.problem}")
                if isinstance(error, _HOPELESS):
                    break
        changed += self._tell_reverted(world, standing, pages)
        return changed

    def _publish(
        self, world: World, standing: Standing, one: Manifest, pages: Sequence[Page]
    ) -> list[str]:
        def is_there() -> bool:
            return reconcile.fold(self.origin.read()).manifest(one.tag) is not None

        wanted = self._wanted(world, standing, one)
        mine = release_page.pages_of(pages, wanted.tag)
        if github_release.publish(self.repository, wanted, pages=mine, is_there=is_there):
            self.tell(f"{one.tag} has its page: {self.address}/releases/tag/{one.tag}")
            return [wanted.tag]
        return []

    def _tell_reverted(self, world: World, standing: Standing, pages: Sequence[Page]) -> list[str]:
        fallen = {
            str(tag): found
            for tag in world.ledger.tombstones
            if (found := world.ledger.tombstone(tag)) is not None
        }
        told = release_page.untold(pages, fallen, tags={str(tag) for tag in world.tags})
        for page in told:
            record = fallen[page.tag]
            github_release.tell_reverted(page, why=record.why, who=record.who, when=record.when)
            self.tell(f"the page of {page.tag} says that it was reverted")
        if any(not page.is_draft for page in told):
            newest = newest_of_all(standing)
            page_of_newest = [
                page
                for page in pages
                if newest and page.tag == str(newest.tag) and not page.is_draft
            ]
            if page_of_newest:
                github_release.make_latest(self.repository, page_of_newest[0])
        return [page.tag for page in told]

    def _wanted(self, world: World, standing: Standing, one: Manifest) -> Wanted:
        self.origin.fetch_commit(one.commit)
        settings = self.project.config_at(one.commit).models[one.model]
        before = _before(world, one)
        diff = self._diff(before, one)
        notes = Notes(
            manifest=one,
            before=before,
            comparison=release_draft.compared_again(one, before, rules=settings.metrics),
            data=diff,
            skipped=self._skipped(before, one),
            predictions=self._promise(world, one),
            repository=self.address,
        )
        card = model_card.markdown(self._card(world, one, settings, diff))
        return Wanted(
            tag=str(one.tag),
            body=release_notes.markdown(notes),
            attachments=(
                Attachment(name=MANIFEST, content=one.to_json().encode(), kind="application/json"),
                Attachment(name=model_card.NAME, content=card.encode(), kind="text/markdown"),
            ),
            is_latest=newest_of_all(standing) == one,
        )

    def _card(self, world: World, one: Manifest, settings: Model, diff: DataDiff | None) -> Card:
        rows = diff.rows.after if diff and diff.rows else None
        if rows is None:
            rows = data_diff.rows_of(self.project, one.commit, one.dataset)
        lock = settings.lock
        return Card(
            manifest=one,
            settings=settings,
            lock=self.project.kept_lock(one.commit, lock).stem if lock else None,
            run=self._run(world, one),
            rows=rows,
            repository=self.address,
        )

    def _run(self, world: World, one: Manifest) -> dict[str, Any] | None:
        """Read the run's record in the ledger."""
        if world.ledger_commit is None:
            return None
        path = f"runs/{one.model}/{one.run_id}.json"
        content = self.project.repository.file_at(world.ledger_commit, path)
        try:
            found = json.loads(content or "null")
        except ValueError:  # somebody changed it by hand: the card does without
            return None
        return found if isinstance(found, dict) else None

    def _diff(self, before: Manifest | None, one: Manifest) -> DataDiff | None:
        if before is None:
            return None
        try:
            self.origin.fetch_commit(before.commit)
            return data_diff.between(
                self.project, (before.commit, before.dataset), (one.commit, one.dataset)
            )
        except TrainshedError as error:
            why = error.problem.splitlines()[0].rstrip(".")
            return DataDiff(before=before.dataset, after=one.dataset, why_not=why)

    def _promise(self, world: World, one: Manifest) -> str:
        """Say whether main's predictions are those of the pull request, where that is known."""
        repository, commit = self.project.repository, world.ledger_commit
        records = experiment_record.find(repository, commit, one.model, one.run_id)
        told = proposal.told(records, predictions=one.predictions)
        return f"Its {told}." if told else ""

    def _skipped(self, before: Manifest | None, one: Manifest) -> list[tuple[str, str]]:
        """Name skipped commits by their subjects, where this clone has them."""
        subjects: dict[str, str] = {}
        if one.skipped and before is not None and self.project.repository.has(before.commit):
            between = f"{before.commit}..{one.commit}"
            subjects = dict(self.project.repository.subjects(between, limit=_MOST_SUBJECTS))
        return [(commit, subjects.get(commit, "")) for commit in one.skipped]


def due(
    standing: Standing,
    pages: Sequence[Page],
    known: Collection[str],
    *,
    first: str | None = None,
) -> list[str]:
    """Return which releases get their page now: the one of this run, then the newest others.

    Args:
        standing: which releases stand.
        pages: the listing. Where it was cut, what is not in it may be there all the same.
        known: the releases of the ledger: a tag made by hand gets no page.
        first: the release of this run.
    """
    stand = [one for those in standing.releases.values() for one in those]
    newest = sorted(stand, key=lambda one: one.released, reverse=True)
    names = [str(one.tag) for one in newest if str(one.tag) in known]
    if github_release.is_cut(pages):
        listed = {page.tag for page in pages}
        names = [tag for tag in names if tag in listed or tag == first]
    missing = release_page.missing(pages, names, _NAMES)
    others = [tag for tag in missing if tag != first]
    return [*(tag for tag in missing if tag == first), *others[: MOST_AT_ONCE - 1]]


def newest_of_all(standing: Standing) -> Manifest | None:
    """Return the release that GitHub is to show as the latest: the newest of some model.

    Within a model the sequence decides; among models only their dates are left.
    """
    newest = [those[0] for those in standing.releases.values() if those]
    return max(newest, key=lambda one: (one.released, one.model), default=None)


def _before(world: World, one: Manifest) -> Manifest | None:
    by_name = {str(tag): record.manifest for tag, record in world.ledger.releases.items()}
    return by_name.get(one.gate.baseline) if one.gate.baseline else None
