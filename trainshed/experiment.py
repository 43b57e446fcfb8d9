"""A pull request is an experiment: its candidate against what it changes and what users get."""

from dataclasses import dataclass

from trainshed import reconcile
from trainshed.comparison import Comparison
from trainshed.config_file import model_of
from trainshed.errors import ConfigurationError, ProgramError, TrainshedError
from trainshed.inquiry import Inquiries
from trainshed.manifest import Manifest
from trainshed.origin import Origin
from trainshed.progress import Progress
from trainshed.statistician import Statistician
from trainshed.training import Outcome, Plan, Trainings


@dataclass(frozen=True, kw_only=True)
class Experiment:
    candidate: Outcome
    parent: Outcome | None
    comparison: Comparison


@dataclass(frozen=True, kw_only=True)
class Planned:
    """The runs that an experiment would train or find."""

    candidate: Plan
    parent: Plan | None
    live: str | None
    """Run id of the live release, unless it is the candidate's."""


@dataclass(frozen=True, kw_only=True)
class Experiments:
    trainings: Trainings
    origin: Origin | None
    """None: there is no origin, so there is no live release to compare with."""
    progress: Progress
    statistician: Statistician
    attributes: bool = False
    """Whether a cross run parts what new data did from what new code did."""

    def run(self, commit: str, *, parent: str | None, model: str | None) -> Experiment:
        """Train or find a candidate and its baselines, and compare them.

        Args:
            commit: the candidate: for a pull request, its merge result.
            parent: the commit before it; None when there is none. It is fetched where a shallow
                clone lacks it. One that has no such model (it is
                new), or that cannot be trained, is no baseline.
            model: its name; None for the only one.
        """
        configuration = self.trainings.project.config_at(commit)
        name = model_of(configuration, model)
        live = self._live(name)
        self._fetch(parent)
        candidate = self._train("the candidate", commit, name)
        before = self._before(parent, name) if parent is not None else None
        inquiries = Inquiries(
            trainings=self.trainings,
            statistician=self.statistician,
            origin=self.origin,
            attributes=self.attributes,
        )
        with self.progress.step("Comparing") as step:
            compared = inquiries.compare(
                candidate,
                parent=before,
                live=live,
                chosen=configuration.models[name],
            )
            step.result = compared.verdict
        return Experiment(candidate=candidate, parent=before, comparison=compared)

    def plan(self, commit: str, *, parent: str | None, model: str | None) -> Planned:
        """Work out the runs of an experiment, as `run` would, without training any."""
        candidate = self.trainings.plan(commit, model)
        self._fetch(parent)
        before = self._plan_before(parent, candidate.model)
        live = self._live(candidate.model)
        return Planned(
            candidate=candidate,
            parent=before,
            live=live.run_id if live and live.run_id != candidate.run_id else None,
        )

    def _live(self, model: str) -> Manifest | None:
        if self.origin is None:
            return None
        return next(iter(reconcile.fold(self.origin.read()).of(model)), None)

    def _fetch(self, parent: str | None) -> None:
        """Bring the commit before, which a shallow clone lacks."""
        if parent is None:
            return
        if self.origin is not None:
            self.origin.fetch_commit(parent)
        self.trainings.project.repository.resolve(parent)

    def _plan_before(self, parent: str | None, model: str) -> Plan | None:
        if parent is None or not self._has_model(parent, model):
            return None
        try:
            return self.trainings.plan(parent, model)
        except ConfigurationError as error:
            self._tell_of_no_baseline(error, parent, model)
            return None

    def _before(self, parent: str, model: str) -> Outcome | None:
        """Train what the candidate changes; where that fails, the candidate may be its mending."""
        if not self._has_model(parent, model):
            return None
        try:
            return self._train("the state before it", parent, model)
        except (ConfigurationError, ProgramError) as error:
            self._tell_of_no_baseline(error, parent, model)
            return None

    def _tell_of_no_baseline(self, error: TrainshedError, parent: str, model: str) -> None:
        self.progress.tell(error.problem)
        self.progress.tell(f"{model} cannot be trained at {parent[:12]}: no baseline there")

    def _has_model(self, commit: str, model: str) -> bool:
        try:
            has_model = model in self.trainings.project.config_at(commit).models
        except ConfigurationError as error:
            self.progress.tell(error.problem)
            has_model = False
        if not has_model:
            self.progress.tell(f"{model} is new since commit {commit[:12]}: no baseline there")
        return has_model

    def _train(self, what: str, commit: str, model: str) -> Outcome:
        with self.progress.step(f"Training {what}, commit {commit[:12]}") as step:
            outcome = self.trainings.train_or_find(commit, model)
            step.result = outcome.told
        return outcome
