"""What Trainshed adds to a training, and what it costs to find that nothing changed."""

import shutil
from pathlib import Path

from benchmarks import journey
from benchmarks.harness import Context, Measurement, benchmark, seconds
from trainshed import environment
from trainshed.settings import settings

_DVC = ["dvc==3.67.1"]
_STAGE = """stages:
  churn:
    cmd: python pipelines/train.py --data data/v1/train.csv --out models/churn.pkl
    deps: [data/v1/train.csv, pipelines/train.py]
    outs: [models/churn.pkl]
"""


@benchmark("overhead.train", unit="s", aim=1.0, better="lower")
def train(context: Context) -> Measurement:
    """Everything but the trainer's own process around one training of the churn model."""
    made = journey.prepare(context.scratch)
    context.tell("training once, so that the environment is there")
    made.script("train")

    def overhead() -> float:
        wall = made.script("train", "--again")
        return wall - made.trainer_seconds()

    return Measurement(value=context.medians({"trainshed": overhead})["trainshed"])


@benchmark("overhead.noop", unit="s", aim=0.5, better="lower")
def noop(context: Context) -> Measurement:
    """Nothing changed: the run is found. Beside it, `dvc repro` with nothing to do."""
    made = journey.prepare(context.scratch)
    context.tell("training once")
    made.script("train")
    contestants = {"trainshed": lambda: made.script("train")}
    programs = context.rival("dvc", _DVC)
    if programs is not None:
        repository = _dvc_repository(context, made, programs)
        contestants["dvc repro"] = lambda: _dvc(programs, repository, context, "repro", "--quiet")
    found = context.medians(contestants)
    return Measurement(value=found.pop("trainshed"), peers=found)


def _dvc_repository(context: Context, made: journey.Journey, programs: Path) -> Path:
    """Make a DVC project of the same data and trainer, its stage reproduced once."""
    folder = context.scratch / "dvc"
    folder.mkdir()
    for name in ("data", "pipelines", "requirements"):
        shutil.copytree(made.clone / name, folder / name)
    (folder / "dvc.yaml").write_text(_STAGE)
    seconds(["git", "init", "--quiet"], folder=folder)
    _dvc(programs, folder, context, "init", "--quiet")
    context.tell("dvc repro, once")
    _dvc(programs, folder, context, "repro", "--quiet")
    return folder


def _dvc(programs: Path, folder: Path, context: Context, *arguments: str) -> float:
    made = environment.ensure(
        [folder / "requirements/train.txt"], root=settings().environments, name="train"
    )
    variables = {
        **made.variables(),
        "DVC_NO_ANALYTICS": "1",
        "DVC_SITE_CACHE_DIR": str(context.scratch / "site"),
    }
    return seconds([programs / "dvc", *arguments], folder=folder, variables=variables)
