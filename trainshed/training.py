"""Train a model from a clean checkout of a commit, or find the run that was already made of it."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from trainshed import (
    checkout,
    config,
    environment,
    ingredients,
    run_files,
    times,
    trainer,
    training_data,
)
from trainshed.config_file import model_of
from trainshed.errors import ReleaseStateError
from trainshed.project import Project
from trainshed.reference_profile import Profiles
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
    data_of: "Plan | None" = None
    """Of a cross run: whose data is taken, which `settings` and `dataset` then speak of too."""

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
    asked: str | None = None
    """The commit that it is the run of, where that was said: a found one may be of another."""

    @property
    def commit(self) -> str:
        """One that gives this run, and that this clone is likeliest to have."""
        return self.asked or self.run.commit

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

    def plan(
        self,
        commit: str,
        model: str | None,
        *,
        seed: int | None = None,
        data_of: str | None = None,
    ) -> Plan:
        """Work out the run of a commit without training; its data may be checked out to hash it.

        Args:
            data_of: another commit, whose data is taken instead: that is a cross run.
        """
        configuration = self.project.config_at(commit)
        name = model_of(configuration, model)
        chosen = configuration.models[name]
        other = None if data_of is None else self.plan(data_of, name)
        if other is not None:
            chosen = chosen.model_copy(update={"data": other.settings.data})
            described = other.dataset
        else:
            described = training_data.describe(self.project, self.store.digests, commit, chosen)
        read = ingredients.of(
            self.project, commit, name, chosen, dataset=described, seed=seed,
            python=self.python.version,
        )  # fmt: skip
        return Plan(
            model=name,
            commit=commit,
            settings=chosen,
            dataset=described,
            ingredients=read,
            data_of=other,
        )

    def train_or_find(
        self,
        commit: str,
        model: str | None,
        *,
        seed: int | None = None,
        again: bool = False,
        data_of: str | None = None,
    ) -> Outcome:
        """Return the run of a commit, trained now unless the store has it (or `again` is set).

        Args:
            data_of: another commit, whose data is taken instead: that is a cross run.

        Raises:
            RunIsNotTrained: it would have to be trained, and `may_train` is off.
        """
        started = time.monotonic()
        plan = self.plan(commit, model, seed=seed, data_of=data_of)
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
            asked=commit,
        )

    @contextmanager
    def data(self, plan: Plan) -> Iterator[Path]:
        """Yield the place of a plan's data on the disk, for a while, without training.

        Raises:
            FetchFailed, DatasetHasAnotherDigest: it is fetched, and that went wrong.
        """
        chosen = plan.settings
        only = [chosen.data.path] if chosen.data.fetch is None else needed(chosen)
        with checkout.of(self.project, plan.commit, only=only) as folder:
            self._provide(folder, plan)
            yield folder / chosen.data.path

    def _require_training(self, plan: Plan) -> None:
        if self.may_train:
            return
        how = f"scripts/train.py --model {plan.model} --commit {plan.commit}"
        if plan.data_of is not None:
            how = f"scripts/compare.py --model {plan.model} --attribute"
        raise RunIsNotTrained(
            f"Run {plan.run_id[:12]} of {plan.model} (commit {plan.commit[:12]}) is not in "
            f"{self.store.home}, and nothing is trained here.",
            fix=f"Train it first, in the job before this one: {how}; and hand its run on to this "
            "one.",
        )

    def _train(self, plan: Plan, *, again: bool) -> Run:
        chosen = plan.settings
        only = needed(chosen, has_data=plan.data_of is None)
        with checkout.of(self.project, plan.commit, only=only) as folder:
            if plan.data_of is None:
                self._provide(folder, plan)
            else:
                with self.data(plan.data_of) as other:
                    training_data.put(folder, chosen.data.path, other)
            training_data.require_target(folder, chosen)
            run_files.make_place(folder, _out(plan))
            with self.store.scratch() as files:
                profile = self._profiles.begin(folder, dataset=plan.dataset, chosen=chosen)
                trained = self._train_in(folder, plan, files=files)
                trained = replace(trained, profile=profile.keep(files))
                return self.store.put(trained, files=files, replaces=again)

    @property
    def _profiles(self) -> Profiles:
        return Profiles(home=self.project.state / "profiles", tell=self.tell)

    def _provide(self, folder: Path, plan: Plan) -> None:
        if plan.settings.data.fetch is not None:
            variables = self.variables(plan.commit, plan.settings)
            training_data.provide(
                folder, plan.settings, expected=plan.dataset, variables=variables, tell=self.tell,
                output=self.output,
            )  # fmt: skip

    def _train_in(self, folder: Path, plan: Plan, *, files: Path) -> Run:
        chosen = plan.settings
        variables = self.variables(plan.commit, chosen)
        fill = filler(data=chosen.data.path, out=_out(plan), seed=plan.ingredients.params["seed"])
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

    def variables(self, commit: str, chosen: config.Model) -> Mapping[str, str]:
        """Return the whole environment of a trainer: never the framework's own."""
        if chosen.lock is None:
            return outside_environment()
        lock = self.project.kept_lock(commit, chosen.lock)
        root = settings().environments
        made = environment.ensure(
            [lock], root=root, name="train", python=self.python.path, tell=self.tell
        )
        return users_environment(made.variables(), without=made.without)


def needed(chosen: config.Model, *, has_data: bool = True) -> list[str] | None:
    """Return what training may read of a commit; None: the whole tree.

    Args:
        has_data: whether the data is the commit's own.
    """
    if chosen.inputs is None:
        return None
    tracked = [chosen.data.path] if has_data and chosen.data.fetch is None else []
    return [*chosen.inputs, *tracked, *([chosen.lock] if chosen.lock else [])]


def _out(plan: Plan) -> str:
    return plan.settings.out or f"models/{plan.model}"


def filler(**values: str) -> Callable[[str], str]:
    """Return what puts values in the place of `{name}`: no shell, no other rule."""

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
