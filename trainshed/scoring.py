"""Let a baseline answer the candidate's rows: its own `evaluate:` command, on the candidate's data.

The command is that of the baseline's commit, and runs as its training ran: a clean checkout, the
environment of its lock, no secret. What it wrote is kept in
`.trainshed/scores/<run id>/<key>/predictions.csv`, and found again.
"""

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from trainshed import checkout, config, dataset, locks, paths, program
from trainshed.config_file import model_of
from trainshed.errors import ConfigurationError, ProgramError, ReleaseStateError, TrainshedError
from trainshed.training import Outcome, Trainings, filler, needed

_FOLDER = "trainshed-evaluate"
"""Where the command finds the model in its checkout, and writes its answers."""
_ANSWERS = "predictions.csv"


class EvaluateIsMissing(ProgramError):
    """The `evaluate:` command cannot be started, or the commit has none."""


class EvaluateFailed(ProgramError):
    """The `evaluate:` command ended with an error."""


class EvaluateTookTooLong(ProgramError):
    """The `evaluate:` command ran into the model's time limit and was stopped."""


class EvaluateWroteNothing(ProgramError):
    """The `evaluate:` command ended well, but wrote no plain file with content to {out}."""


class EvaluateHasNoPlace(ConfigurationError):
    """Something in the commit lies where `evaluate:` should find the model or the data."""


class DataIsNotOfTheCommit(ReleaseStateError):
    """The data that a cross run was made of cannot be had from its commit."""


class ArtifactIsAnotherOne(ReleaseStateError):
    """A stored model is not the one that its run made: it is not started."""


@dataclass(frozen=True, kw_only=True)
class Scorings:
    trainings: Trainings

    def attempt(self, baseline: Outcome, candidate: Outcome) -> tuple[Path | None, str]:
        """Return the baseline's answers, or why there are none in one sentence for a reader.

        A comparison does not depend on it: what fails is told in full, and is a reason.
        """
        try:
            found = self.find(baseline, candidate)
            why = self.why_not(baseline) if found is None else None
            if why is not None:
                return None, why
            return found or self.score(baseline, candidate), ""
        except TrainshedError as error:
            self.trainings.tell(str(error))
            return None, error.problem.splitlines()[0].rstrip(".:")

    def find(self, baseline: Outcome, candidate: Outcome) -> Path | None:
        """Return answers that were given before; no code runs for them."""
        command = self._settings(baseline).evaluate
        answers = self._place(command, baseline, candidate) / _ANSWERS if command else None
        return answers if answers is not None and _is_whole(answers) else None

    def why_not(self, baseline: Outcome) -> str | None:
        """Say why a baseline cannot be asked; None when it can be."""
        if not self.trainings.may_train:
            return "this job runs no code of a trainer"
        if self._settings(baseline).evaluate is None:
            return f"its commit {baseline.commit[:12]} has no `evaluate:` in trainshed.yml"
        made, here = baseline.run.ingredients.python, self.trainings.python.version
        if made != here:
            return f"it was trained with Python {made}, and here is {here}"
        return None

    def score(self, baseline: Outcome, candidate: Outcome) -> Path:
        """Return a predictions file: the baseline's answers for every row of the candidate's data.

        Raises:
            EvaluateIsMissing, EvaluateFailed, EvaluateTookTooLong, EvaluateWroteNothing
            EvaluateHasNoPlace, ArtifactIsAnotherOne, DataIsNotOfTheCommit
        """
        chosen = self._settings(baseline)
        if chosen.evaluate is None:
            raise EvaluateIsMissing(
                f"{baseline.run.model} has no `evaluate:` at commit {baseline.commit[:12]}.",
                fix="Add one to trainshed.yml (docs/contract.md); it counts for what is trained "
                "from then on.",
            )
        place = self._place(chosen.evaluate, baseline, candidate)
        waiting = "another process asks the same baseline: waiting for it"
        lock = self.trainings.project.state / "locks" / f"score-{place.name}"
        with locks.held(lock, waiting=lambda: self.trainings.tell(waiting)):
            if not _is_whole(place / _ANSWERS):
                self._ask(chosen, baseline, candidate, place)
        return place / _ANSWERS

    def _ask(
        self, chosen: config.Model, baseline: Outcome, candidate: Outcome, place: Path
    ) -> None:
        only = needed(chosen, has_data=False)
        with checkout.of(self.trainings.project, baseline.commit, only=only) as folder:
            data = self._bring_data(candidate, folder)
            model = _bring_model(baseline, folder)
            out = _cleared(folder, f"{_FOLDER}/{_ANSWERS}")
            self._run(chosen, baseline, folder, data=data, model=model)
            if out.is_symlink() or not paths.is_inside(out, folder) or not _is_whole(out):
                raise EvaluateWroteNothing(
                    "The `evaluate:` command ended well, but wrote no predictions.",
                    fix="Write a plain CSV file to the path that is passed as {out}, a row for "
                    "each row of {data} (docs/contract.md).",
                )
            _keep(out, place)

    def _bring_data(self, candidate: Outcome, folder: Path) -> str:
        """Put the candidate's data into the baseline's checkout; return its path there."""
        plan = self.trainings.plan(candidate.commit, candidate.run.model)
        if plan.dataset.digest != candidate.run.dataset.digest:
            raise DataIsNotOfTheCommit(
                f"Run {candidate.run.run_id[:12]} was made of other data than its commit "
                f"{candidate.commit[:12]} has: a cross run.",
                fix="Compare the run whose data it is with the baseline first.",
            )
        path = plan.settings.data.path
        with self.trainings.data(plan) as source:
            source.rename(_cleared(folder, path))
        return path

    def _run(
        self, chosen: config.Model, baseline: Outcome, folder: Path, *, data: str, model: str
    ) -> None:
        run = baseline.run
        seed = run.ingredients.params["seed"]
        fill = filler(model=model, data=data, out=f"{_FOLDER}/{_ANSWERS}", seed=seed)
        argv = [fill(part) for part in chosen.evaluate or ()]
        own = {key: fill(value) for key, value in chosen.env.items()}
        self.trainings.tell(f"run {run.run_id[:12]} answers the rows of {data}")
        try:
            ended = program.run(
                argv, folder=folder, timeout=chosen.timeout, tell=self.trainings.output,
                variables={**self.trainings.variables(baseline.commit, chosen), **own},
            )  # fmt: skip
        except program.ProgramCannotBeStarted as error:
            raise EvaluateIsMissing(
                f"The `evaluate:` command cannot be started: {argv[0]}: {error}.",
                fix="Name a program that the model's environment has; it is looked for as "
                "`train:` is.",
            ) from None
        if ended.code is None:
            raise EvaluateTookTooLong(
                f"The `evaluate:` command took too long: {ended.told}.\n"
                f"Its last lines:\n{ended.tail}",
                fix="Raise `timeout:` of the model: answering has as much time as training has.",
            )
        if ended.code != 0:
            raise EvaluateFailed(
                f"The `evaluate:` command failed: {ended.told}.\nIts last lines:\n{ended.tail}",
                fix=f"It is the command of commit {baseline.commit[:12]}, on newer data ({data}): "
                "mended, it counts for what is trained from then on.",
            )

    def _settings(self, baseline: Outcome) -> config.Model:
        configuration = self.trainings.project.config_at(baseline.commit)
        return configuration.models[model_of(configuration, baseline.run.model)]

    def _place(self, command: list[str], baseline: Outcome, candidate: Outcome) -> Path:
        """Return the folder of what decides the answers: a run's id says what its training read."""
        run, asked = baseline.run, candidate.run.dataset
        parts = [run.artifact.digest, asked.digest, asked.path, command]
        key = hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode()).hexdigest()
        return self.trainings.project.state / "scores" / run.run_id / key


def _bring_model(baseline: Outcome, folder: Path) -> str:
    """Copy the baseline's artifact into the checkout, where nothing else can spoil the stored one.

    The copy is what is hashed: no other bytes than those of the run are ever loaded.
    """
    artifact = baseline.run.artifact
    path = f"{_FOLDER}/model/{PurePosixPath(artifact.path).name}"
    source, target = baseline.folder / artifact.path, _cleared(folder, path)
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True)
    else:
        shutil.copyfile(source, target)
    if dataset.digest(target).sha256 != artifact.digest:
        raise ArtifactIsAnotherOne(
            f"The model in {baseline.folder} is not the one that run "
            f"{baseline.run.run_id[:12]} made.",
            fix="Delete that folder; the run is then brought or trained again.",
        )
    return path


def _cleared(folder: Path, path: str) -> Path:
    """Return a place in the checkout at which nothing lies, in a folder that is there."""
    place = folder / path
    try:
        is_odd = not paths.is_inside(place.parent, folder)
        if not is_odd:
            place.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        is_odd = True
    if is_odd:
        raise EvaluateHasNoPlace(
            f"{path} cannot be put into the checkout: a file or link of the commit is in its way.",
            fix="Remove from git what lies there, or move the data.",
        )
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)
    return place


def _is_whole(answers: Path) -> bool:
    return answers.is_file() and answers.stat().st_size > 0


def _keep(written: Path, place: Path) -> None:
    """Store what was written, whole or not at all; whoever calls holds the lock of its key."""
    aside = place.with_name(f".new-{place.name}")
    for left in (aside, place):  # by a process that was killed, or a disk that was full
        shutil.rmtree(left, ignore_errors=True)
    aside.mkdir(parents=True)
    shutil.copyfile(written, aside / _ANSWERS)
    with (aside / _ANSWERS).open("rb") as file:
        os.fsync(file.fileno())
    aside.rename(place)
