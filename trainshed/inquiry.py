"""Look into a candidate and a baseline: what their predictions, data and ingredients say of them.

What cannot be looked into is told with its reason, and never taken for a finding.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from trainshed import (
    attribution,
    comparison,
    determinism,
    leakage_limit,
    live_run,
    prediction_question,
    release_draft,
    repetition,
)
from trainshed.attribution import Attribution
from trainshed.comparison import Against, Comparison, Side
from trainshed.config import Model
from trainshed.cross_run import CrossRuns
from trainshed.data_evidence import Leakage
from trainshed.data_question import DataQuestions
from trainshed.errors import ProgramError
from trainshed.evidence import Evidence, Noise, Rows
from trainshed.manifest import Manifest
from trainshed.mirror import OriginCannotBeRead
from trainshed.origin import Origin
from trainshed.prediction_question import Answering
from trainshed.question import Comparing, Repeating
from trainshed.scoring import Scorings
from trainshed.statistician import Statistician
from trainshed.training import Outcome, Trainings

_OF_BOTH = {"row-ids-name-other-rows", "labels-differ"}
"""Errors that say that two runs answer different questions: neither alone is to blame."""


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What two runs' predictions say, or why they say nothing."""

    evidence: Evidence | None = None
    why_not: str = ""
    cannot_compare: str = ""
    """Why the two must not be compared at all, not even by their numbers."""


@dataclass(frozen=True, kw_only=True)
class Inquiries:
    trainings: Trainings
    statistician: Statistician
    origin: Origin | None
    """Where commits that a shallow clone lacks are fetched from."""
    attributes: bool = False
    """Whether a cross run parts what the data did from what the code did."""
    _heard: dict[tuple[str, str], Heard] = field(default_factory=dict)

    def compare(
        self,
        candidate: Outcome,
        *,
        parent: Outcome | None,
        live: Manifest | None,
        chosen: Model,
    ) -> Comparison:
        """Compare a candidate with its baselines by all that is known of them.

        Args:
            live: the live release; None when there is none.

        Raises:
            EvaluationWasTrainedOn: the candidate's metrics flatter it.
            ProgramError: the candidate's predictions cannot be read.
        """
        leakage = self._leakage(candidate, chosen)
        before = comparison.side(parent.run) if parent else None
        promised = release_draft.side_of(live) if live else None
        run, why = self._run_of(live, candidate)
        known = [one for one in (candidate, run, parent) if one is not None]
        proof = determinism.find(candidate.folder, candidate.run.run_id)
        return comparison.compare(
            model=candidate.run.model,
            candidate=comparison.side(candidate.run),
            parent=self._against(candidate, parent, "", before, chosen) if before else None,
            live=self._against(candidate, run, why, promised, chosen) if promised else None,
            rules=chosen.metrics,
            policy=comparison.policy_of(chosen.gate),
            noise=self._noise(known),
            leakage=leakage,
            determinism=proof.level if proof else None,
        )

    def _run_of(self, live: Manifest | None, candidate: Outcome) -> tuple[Outcome | None, str]:
        """Return the run of the live release, or why it is not here; nothing is got for nothing."""
        if live is None or live.run_id == candidate.run.run_id:
            return None, ""
        for who, one in (("candidate", candidate.run), ("live release", live)):
            if one.predictions is None:
                return None, f"the {who}'s trainer wrote no predictions"
        if self.origin is not None:
            try:
                self.origin.fetch_commit(live.commit)
            except OriginCannotBeRead as error:
                self.trainings.tell(error.problem)
                return None, f"the commit of {live.tag} cannot be fetched"
        return live_run.find(live, trainings=self.trainings, tell=self.trainings.tell)

    def _against(
        self, candidate: Outcome, baseline: Outcome | None, why: str, side: Side, chosen: Model
    ) -> Against:
        if side.run_id == candidate.run.run_id:
            return Against(side=side)
        if baseline is None:
            return Against(side=side, no_evidence=why)
        changed = attribution.changed(baseline.run.ingredients, candidate.run.ingredients)
        heard = self._hear(candidate, baseline, chosen)
        data, no_data = self._data.between(baseline, candidate, chosen=chosen)
        return Against(
            side=side,
            evidence=heard.evidence,
            no_evidence=heard.why_not,
            cannot_compare=heard.cannot_compare,
            changed=changed,
            data=data,
            no_data=no_data,
            attribution=self._attribution(candidate, baseline, changed, chosen),
        )

    def _hear(self, candidate: Outcome, baseline: Outcome, chosen: Model) -> Heard:
        """Hear two runs once: the state before a change is often what is live, too."""
        key = (candidate.run.run_id, baseline.run.run_id)
        if key not in self._heard:
            self._heard[key] = self._ask(candidate, baseline, chosen)
        return self._heard[key]

    def _ask(self, candidate: Outcome, baseline: Outcome, chosen: Model) -> Heard:
        for who, one in (("candidate", candidate), ("baseline", baseline)):
            if one.run.predictions is None:
                return Heard(why_not=f"the {who}'s trainer wrote no predictions")
        question = prediction_question.of(
            _answering(baseline, "the baseline"), _answering(candidate, "the candidate"), chosen
        )
        try:
            evidence = self._examine(question, candidate, baseline)
        except ProgramError as error:
            if error.slug in _OF_BOTH:
                return Heard(cannot_compare=error.problem)
            if question.baseline.source in error.problem:  # which nobody can mend any more
                return Heard(why_not=error.problem)
            raise
        return Heard(evidence=evidence)

    def _examine(self, question: Comparing, candidate: Outcome, baseline: Outcome) -> Evidence:
        """Look at the rows first: where they differ, the baseline is to answer the candidate's."""
        ask = self.statistician.compare
        if not rows_differ(ask(replace(question, metrics=(), rules={})).rows):
            return ask(question)
        path, why = Scorings(trainings=self.trainings).attempt(baseline, candidate)
        try:
            if path is not None:
                return ask(replace(question, scored=str(path)))
        except ProgramError as error:  # of what the command wrote: the runs' own answers stand
            self.trainings.tell(str(error))
            why = error.problem.splitlines()[0].rstrip(".")
        return ask(replace(question, why=why))

    def _attribution(
        self, candidate: Outcome, baseline: Outcome, changed: tuple[str, ...], chosen: Model
    ) -> Attribution | None:
        if not self.attributes or not attribution.is_of_both(changed):
            return None
        cross = CrossRuns(trainings=self.trainings).train(baseline, candidate)
        return attribution.of(
            baseline, cross, candidate, lambda one, other: self._hear(other, one, chosen).evidence
        )

    def _leakage(self, candidate: Outcome, chosen: Model) -> Leakage | None:
        found = self._data.leakage(candidate, chosen)
        if found is not None:
            leakage_limit.require(found, limit=chosen.leakage)
        return found

    def _noise(self, runs: list[Outcome]) -> Mapping[str, Noise] | None:
        """Return what repeating found out: of the candidate, else of one that it is compared to."""
        for one in runs:
            found = repetition.find(one.folder, one.run.ingredients)
            if found is not None:
                return self.statistician.noise(Repeating(values=found.metrics))
        return None

    @property
    def _data(self) -> DataQuestions:
        return DataQuestions(
            trainings=self.trainings, statistician=self.statistician, origin=self.origin
        )


def rows_differ(rows: Rows) -> bool:
    return bool(rows.only_baseline or rows.only_candidate or rows.relabelled)


def _answering(one: Outcome, who: str) -> Answering:
    return Answering(run=one.run, folder=one.folder, name=f"{who} ({one.run.run_id[:12]})")
