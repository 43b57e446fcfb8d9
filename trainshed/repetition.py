"""How much does the seed alone move the metrics? One commit, trained with several seeds.

Each seed is a run of its own, in the run store like any other. Which runs they are is written down
beside the first, in `repetition.json`: a family is all runs that differ in nothing but their seed.
How far apart two of them may lie is derived from it, and never stored.
"""

import os
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from trainshed import config, decode, parallel, state_files
from trainshed.errors import ConfigurationError, TrainshedError
from trainshed.evidence import Noise
from trainshed.run import Ingredients, Run
from trainshed.training import Outcome, Plan, Tell, Trainings

FORMAT = 1
_SEED = "{seed}"
_NAME = "repetition.json"


class SeedIsNotUsed(ConfigurationError):
    """A model that does not take {seed} comes out the same with any: it cannot be repeated."""


@dataclass(frozen=True, kw_only=True)
class Repetition:
    """The runs of a family that were made to be compared with each other."""

    family: str
    model: str
    commit: str
    runs: Mapping[str, str]
    """Run id by seed, from the first seed on."""
    metrics: Mapping[str, tuple[float, ...]]
    """One value for each seed, in their order. Metrics that a run lacks are left out."""
    format: int = FORMAT


@dataclass(frozen=True, kw_only=True)
class Spread:
    """One metric over the seeds, in its own unit."""

    metric: str
    mean: float
    deviation: float
    """Standard deviation, of a sample."""
    lowest: float
    highest: float
    limit: float | None
    """Two trainings differ by less in 95 % of cases; None when nobody worked it out."""


def family_of(ingredients: Ingredients) -> str:
    """Return what names all runs that differ from this one in nothing but their seed."""
    others = {name: value for name, value in ingredients.params.items() if name != "seed"}
    return replace(ingredients, params=others).run_id


def plan(
    trainings: Trainings, commit: str, model: str | None, *, times: int, seed: int | None = None
) -> list[Plan]:
    """Work out the runs of `times` seeds: the model's own (or `seed`) and those after it.

    Raises:
        SeedIsNotUsed: the runs would be one training under several names.
    """
    first = trainings.plan(commit, model, seed=seed)
    _require_seed(first.model, first.settings)
    start = seed_of(first)
    others = [trainings.plan(commit, model, seed=start + more) for more in range(1, times)]
    return [first, *others]


def seed_of(planned: Plan) -> int:
    return int(planned.ingredients.params["seed"])


def jobs_of(plans: Sequence[Plan], asked: int | None) -> int:
    """Return how many train at once: unless it is asked for, one on each processor."""
    return min(len(plans), asked or os.cpu_count() or 1)


def train(
    trainings: Trainings, plans: Sequence[Plan], *, jobs: int, again: bool = False
) -> list[Outcome]:
    """Train or find the runs of plans, `jobs` of them at once.

    One that fails keeps no other from its end, and what is trained stays in the store.

    Raises:
        Exception: what the first that failed raised, when all have ended.
        KeyboardInterrupt: after all trainers were ended.
    """
    done: list[int] = []
    tell = parallel.one_at_a_time(trainings.tell)
    output = parallel.one_at_a_time(trainings.output)

    def train_one(one: Plan) -> Outcome:
        name = f"seed {seed_of(one)}"
        own = replace(
            trainings,
            tell=_after(f"{name}: ", tell),
            output=_after(f"{name}: ", output),
        )
        try:
            made = own.train_or_find(one.commit, one.model, seed=seed_of(one), again=again)
        except TrainshedError as error:
            first = error.problem.splitlines()[0]
            tell(f"{name} failed: {first.removesuffix(' Its last lines:')}")
            raise
        done.append(seed_of(one))
        tell(f"{name}: {made.told} ({len(done)} of {len(plans)})")
        return made

    return parallel.run([_bound(train_one, one) for one in plans], jobs=jobs)


def of(runs: Sequence[Run]) -> Repetition:
    """Return what the runs of one family say together."""
    first = runs[0]
    shared = [name for name in first.metrics if all(name in one.metrics for one in runs)]
    return Repetition(
        family=family_of(first.ingredients),
        model=first.model,
        commit=first.commit,
        runs={one.ingredients.params["seed"]: one.run_id for one in runs},
        metrics={name: tuple(one.metrics[name] for one in runs) for name in shared},
    )


def spreads(repeated: Repetition, noise: Mapping[str, Noise]) -> list[Spread]:
    """Return what the values of each metric are like, in the trainer's order."""
    return [
        Spread(
            metric=name,
            mean=statistics.fmean(values),
            deviation=statistics.stdev(values),
            lowest=min(values),
            highest=max(values),
            limit=noise[name].limit if name in noise else None,
        )
        for name, values in repeated.metrics.items()
    ]


def plain(repeated: Repetition, found: Sequence[Spread]) -> dict[str, Any]:
    """Return all of it as plain JSON values: an action's output, or part of another record."""
    metrics = {one.metric: asdict(one) for one in found}
    for one in metrics.values():
        del one["metric"]
    return {"seeds": dict(repeated.runs), "metrics": metrics}


def keep(folder: Path, repeated: Repetition) -> None:
    """Write a repetition down beside its first run, in the place of an earlier one.

    Args:
        folder: the run's, which goes with it wherever a cache takes it.
    """
    state_files.write(folder / _NAME, asdict(repeated))


def find(folder: Path, ingredients: Ingredients) -> Repetition | None:
    """Return the repetition beside a run; None when there is none that can be read."""
    family = family_of(ingredients)
    try:
        found = decode.from_json(Repetition, (folder / _NAME).read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return found if found.family == family and found.format <= FORMAT else None


def _require_seed(name: str, chosen: config.Model) -> None:
    if any(_SEED in part for part in [*chosen.train, *chosen.env.values()]):
        return
    raise SeedIsNotUsed(
        f"trainshed.yml: models/{name} uses {_SEED} neither in `train:` nor in `env:`, so every "
        "seed would train the same.",
        fix="Hand the seed to the program, which must use it:\n"
        f'  train: [{", ".join(chosen.train[:2])}, …, --seed, "{_SEED}"]\n'
        f'or, where it reads a variable:\n  env: {{SEED: "{_SEED}"}}',
    )


def _after(start: str, tell: Tell) -> Tell:
    return lambda line: tell(f"{start}{line}")


def _bound(call: Callable[[Plan], Outcome], one: Plan) -> Callable[[], Outcome]:
    return lambda: call(one)
