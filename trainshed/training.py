"""Train a model from a clean checkout of a commit, or find the run that was already made of it."""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from trainshed import (
    checkout,
    config,
    environment,
    run_files,
    times,
    trainer,
    training_data,
)
from trainshed.config_file import model_of
from trainshed.errors import ReleaseStateError
from trainshed.project import Project
from trainshed.run import Dataset, Ingredients, Run
from trainshed.settings import outside_environment, settings, users_environment
from trainshed.store import Store

Tell = Callable[[str], None]


class RunIsNotTrained(ReleaseStateError):
    """The run is not in the store, and this job may not train: another one should have done it."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a training would do: told by `--dry-run`, executed otherwise."""

    model: str
    commit: str
    settings: config.Model
    ingredients: Ingredients
    dataset: Dataset

    @property
    def run_id(self) -> str:
        return self.ingredients.run_id


@dataclass(frozen=True, kw_only=True)
class Outcome:
    run: Run
    folder: Path
    was_found: bool
    seconds: float
    """Wall time of everything, the trainer included."""

    @property
    def told(self) -> str:
        how = "found, not trained again" if self.was_found else "trained"
        return f"run {self.run.run_id[:12]} {how}"


@dataclass(frozen=True, kw_only=True)
class Trainings:
    """All that training needs to know, once: project, store, and whom to tell."""

    project: Project
    store: Store
    tell: Tell
    output: Tell
    """Takes the trainer's own lines, and those of `fetch:`."""
    may_train: bool = True
    """False where credentials lie that no trainer should come near: runs are found, never made."""

    @cached_property
    def python(self) -> environment.Python:
        """The Python of the training environments, whose minor version is part of every run id.

        It is the framework's own unless TRAINSHED_TRAINING_PYTHON names another, which is started
        once to ask. A model without a lock runs in whatever the PATH holds, in any language, so
        there the same version stands for "this machine's set-up": who wants it exact writes a lock.
        """
        return environment.python_of(settings().training_python)

    def plan(self, commit: str, model: str | None, *, seed: int | None = None) -> Plan:
        """Work out the run of a commit without training; its data may be checked out to hash it."""
        configuration = self.project.config_at(commit)
        name = model_of(configuration, model)
        chosen = configuration.models[name]
        described = training_data.describe(self.project, self.store.digests, commit, chosen)
        return Plan(
            model=name,
            commit=commit,
            settings=chosen,
            dataset=described,
            ingredients=self._ingredients(commit, name, chosen, described, seed=seed),
        )

    def train_or_find(
        self, commit: str, model: str | None, *, seed: int | None = None, again: bool = False
    ) -> Outcome:
        """Return the run of a commit, trained now unless the store has it (or `again` is set).

        Raises:
            RunIsNotTrained: it would have to be trained, and `may_train` is off.
        """
        started = time.monotonic()
        plan = self.plan(commit, model, seed=seed)
        waiting = f"another process is training run {plan.run_id[:12]}: waiting for it"
        with ExitStack() as stack:
            found = None if again else self.store.find(plan.run_id)
            if found is None:
                self._require_training(plan)
                stack.enter_context(self.store.lock(plan.run_id, waiting=waiting, tell=self.tell))
                found = None if again else self.store.find(plan.run_id)
            done = found or self._train(plan, again=again)
        return Outcome(
            run=done,
            folder=self.store.folder(done.run_id),
            was_found=found is not None,
            seconds=time.monotonic() - started,
        )

    def _require_training(self, plan: Plan) -> None:
        if not self.may_train:
            raise RunIsNotTrained(
                f"Run {plan.run_id[:12]} of {plan.model} (commit {plan.commit[:12]}) is not in "
                f"{self.store.home}, and nothing is trained here.",
                fix="Train it first, in the job before this one: scripts/train.py "
                f"--model {plan.model} --commit {plan.commit}; and hand its run on to this one.",
            )

    def _ingredients(
        self, commit: str, name: str, chosen: config.Model, described: Dataset, *, seed: int | None
    ) -> Ingredients:
        lock = None
        if chosen.lock is not None:
            lock = self.project.kept_lock(commit, chosen.lock).stem
        return Ingredients(
            model=name,
            code=self._code(commit, chosen),
            dataset=described.digest,
            command=tuple(chosen.train),
            params={"seed": str(chosen.seed if seed is None else seed), **_named(chosen.env)},
            lock=lock,
            python=self.python.version,
        )

    def _code(self, commit: str, chosen: config.Model) -> Mapping[str, str]:
        repository, prefix = self.project.repository, self.project.prefix
        if chosen.inputs is None:
            return {".": repository.tree_of(commit, prefix.rstrip("/"))}
        checkout.require(self.project, commit, chosen.inputs)
        entries = repository.entries(commit, [f"{prefix}{path}" for path in chosen.inputs])
        return {entry.path.removeprefix(prefix): entry.oid for entry in entries}

    def _train(self, plan: Plan, *, again: bool) -> Run:
        chosen = plan.settings
        with checkout.of(self.project, plan.commit, only=_needed(chosen)) as folder:
            variables = self._variables(plan)
            training_data.provide(
                folder, chosen, expected=plan.dataset, variables=variables, tell=self.tell,
                output=self.output,
            )  # fmt: skip
            training_data.require_target(folder, chosen)
            out = chosen.out or f"models/{plan.model}"
            run_files.make_place(folder, out)
            with self.store.scratch() as files:
                trained = self._train_in(folder, plan, out=out, files=files, variables=variables)
                return self.store.put(trained, files=files, replaces=again)

    def _train_in(
        self, folder: Path, plan: Plan, *, out: str, files: Path, variables: Mapping[str, str]
    ) -> Run:
        chosen = plan.settings
        fill = _filler(data=chosen.data.path, out=out, seed=plan.ingredients.params["seed"])
        trained = trainer.train(
            [fill(part) for part in chosen.train],
            data=chosen.data.path,
            checkout=folder,
            variables={**variables, **{key: fill(value) for key, value in chosen.env.items()}},
            log=files / "train.log",
            timeout=chosen.timeout,
            metrics=frozenset(chosen.metrics),
            hint=_hint(chosen),
            tell=self.output,
        )
        reported = trained.report.files.items()
        kept = {key: run_files.keep(folder, key, path, files) for key, path in reported}
        return Run(
            run_id=plan.run_id,
            model=plan.model,
            commit=plan.commit,
            dataset=plan.dataset,
            ingredients=plan.ingredients,
            metrics=trained.report.metrics,
            params=trained.report.params,
            artifact=kept["artifact"],
            predictions=kept.get("predictions"),
            examples=kept.get("examples"),
            schema=kept.get("schema"),
            training_rows=kept.get("training_rows"),
            created=times.now(),
            seconds=round(trained.seconds, 3),
        )

    def _variables(self, plan: Plan) -> Mapping[str, str]:
        """Return the whole environment of the trainer: never the framework's own."""
        if plan.settings.lock is None:
            return outside_environment()
        lock = self.project.kept_lock(plan.commit, plan.settings.lock)
        root = settings().environments
        made = environment.ensure(
            [lock], root=root, name="train", python=self.python.path, tell=self.tell
        )
        return users_environment(made.variables(), without=made.without)


def _needed(chosen: config.Model) -> list[str] | None:
    if chosen.inputs is None:
        return None
    tracked = [] if chosen.data.fetch else [chosen.data.path]
    return [*chosen.inputs, *tracked, *([chosen.lock] if chosen.lock else [])]


def _named(env: Mapping[str, str]) -> dict[str, str]:
    return {f"env.{key}": value for key, value in env.items()}


def _filler(**values: str) -> Callable[[str], str]:
    def fill(template: str) -> str:
        for name, value in values.items():
            template = template.replace(f"{{{name}}}", value)
        return template

    return fill


def _hint(chosen: config.Model) -> str:
    if chosen.inputs is None:
        return "Run the same command by hand in a clean clone to see it fail."
    return (
        "Mend the program. It ran in a checkout that holds only what `inputs:` names "
        f"({', '.join(chosen.inputs)}) and the data: if it needs another file, add it there."
    )
