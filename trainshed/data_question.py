"""Ask what the data of two runs differs in: it is got onto the disk, and the statistician is asked.

What cannot be looked into is told with its reason, in words for a reader of the comparison.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from trainshed import config
from trainshed.data_evidence import DataDifference, Leakage
from trainshed.drift import table
from trainshed.drift.table import TableCannotBeRead
from trainshed.errors import TrainshedError
from trainshed.origin import Origin
from trainshed.question import Differing, Leaking
from trainshed.statistician import Statistician
from trainshed.training import Outcome, Plan, Trainings

FETCHES_NOTHING = "the data is fetched, and this job fetches nothing"

Found = Outcome | tuple[str, str]
"""A run, or where one comes from: a commit and the model's name."""


@dataclass(frozen=True, kw_only=True)
class DataQuestions:
    trainings: Trainings
    statistician: Statistician
    origin: Origin | None = None
    """Where commits that a shallow clone lacks are fetched from."""

    def between(
        self, before: Found, after: Found, *, chosen: config.Model
    ) -> tuple[DataDifference | None, str]:
        """Say what the data of two runs differs in; None with the reason, empty for equal data.

        Args:
            chosen: says which columns are key, target and private, of both.
        """
        try:
            old, new = self._plan(before), self._plan(after)
            if old.dataset.digest == new.dataset.digest:
                return None, ""
            if not self.trainings.may_train and (_is_fetched(old) or _is_fetched(new)):
                return None, FETCHES_NOTHING
            return self._differ(old, new, chosen), ""
        except TrainshedError as error:
            return None, error.problem.rstrip(".")

    def leakage(self, candidate: Outcome, chosen: config.Model) -> Leakage | None:
        """Say which rows of its evaluation a run was trained on; None when it does not say.

        Rows of equal content count where the ids are a key of tracked data; nothing is fetched.

        Raises:
            ProgramError: its predictions or training rows cannot be read.
        """
        run = candidate.run
        if run.training_rows is None or run.predictions is None:
            return None
        question = Leaking(
            predictions=str(candidate.folder / run.predictions.path),
            training_rows=str(candidate.folder / run.training_rows.path),
            source=f"run {run.run_id[:12]}",
            key=tuple(chosen.key),
        )
        found = self._leakage_by_content(question, candidate, chosen)
        if found is None:
            found = self.statistician.leakage(question)
        is_private = not set(chosen.private).isdisjoint(chosen.key)
        return replace(found, examples=()) if is_private else found

    def _leakage_by_content(
        self, question: Leaking, candidate: Outcome, chosen: config.Model
    ) -> Leakage | None:
        if len(chosen.key) != 1 or chosen.data.fetch is not None:
            return None
        try:
            with self._on_disk(self._plan(candidate)) as data:
                table.look_at(data).places(chosen.key)
                return self.statistician.leakage(replace(question, data=str(data)))
        except TableCannotBeRead:  # an image's name is an id, too
            return None

    def _differ(self, before: Plan, after: Plan, chosen: config.Model) -> DataDifference:
        with ExitStack() as stack:
            paths = [stack.enter_context(self._on_disk(plan)) for plan in (before, after)]
            tables = [table.look_at(path) for path in paths]
            tables[1].places(chosen.key)
            # A key that the data before lacks is a new one: rows are then known by content alone.
            is_known = set(chosen.key) <= set(tables[0].header)
            return self.statistician.differ(
                Differing(
                    before=str(paths[0]),
                    after=str(paths[1]),
                    target=chosen.target,
                    key=tuple(chosen.key) if is_known else (),
                    private=tuple(chosen.private),
                )
            )

    def _plan(self, found: Found) -> Plan:
        commit, model = (found.commit, found.run.model) if isinstance(found, Outcome) else found
        if self.origin is not None:
            self.origin.fetch_commit(commit)
        return self.trainings.plan(commit, model)

    @contextmanager
    def _on_disk(self, plan: Plan) -> Iterator[Path]:
        """Yield data on the disk; an error names it as trainshed.yml does, wherever it lay."""
        with self.trainings.data(plan) as path:
            try:
                yield path
            except TableCannotBeRead as error:
                place = str(path).removesuffix(plan.dataset.path)
                raise TableCannotBeRead(error.problem.replace(place, ""), fix=error.fix) from None


def _is_fetched(plan: Plan) -> bool:
    return plan.settings.data.fetch is not None
