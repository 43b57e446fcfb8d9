"""A project whose model is served for real: trained, released, deployed, and asked over HTTP.

Its trainer and its predictor are a few lines of plain Python, so the serving environment is the
framework's own. Release number n multiplies by n + 1: an answer tells which release gave it. Each
number of releases is made once per test session, and copied.
"""

import os
import random
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import repositories
import yaml
from repositories import Repo

from trainshed import http_client, ports
from trainshed.deployment import Deployer
from trainshed.errors import OutsideError
from trainshed.ledger import Deployment
from trainshed.manifest import Manifest
from trainshed.progress import Progress
from trainshed.store import Store
from trainshed.targets.process import ProcessTarget

ROOT = Path(__file__).parents[1]
MODEL = "churn"
ENVIRONMENTS = ("staging", "production")

TRAINER = """\
import json
import sys
from pathlib import Path

data, out = sys.argv[1:]
first = Path(data).read_text().split()[1]
x, y = map(float, first.split(","))
Path(out).write_text(json.dumps({"factor": y / x}))
schema = {"columns": [{"name": "x", "type": "number"}]}
Path(f"{out}.schema").write_text(json.dumps(schema))
examples = [{"input": {"x": x}, "output": x * y} for x, y in ((1.0, y / x), (7.5, y / x))]
Path(f"{out}.examples").write_text("".join(json.dumps(one) + "\\n" for one in examples))
print(f"dataset={data}")
print("metric.f1=" + Path("pipelines/f1.txt").read_text().strip())
print(f"artifact={out}")
print(f"schema={out}.schema")
print(f"examples={out}.examples")
"""
PREDICTOR = """\
import json

model = {}


def load(path):
    model.update(json.loads(path.read_text()))


def predict(rows):
    return [model["factor"] * row["x"] for row in rows]
"""


@dataclass
class Answers:
    """What the live port said while something happened."""

    failures: list[str] = field(default_factory=list)
    releases: list[str] = field(default_factory=list)
    """Who answered, in order, without repetition."""


@dataclass(frozen=True)
class Served:
    """The project in a clone of its origin, and what runs of it on this machine."""

    repo: Repo
    ports: Mapping[str, int]
    """By environment."""

    @property
    def state(self) -> Path:
        return self.repo.project.state

    def place(self, environment: str = "production") -> Path:
        """The folder of all that target `process` keeps of the model in an environment."""
        return self.state / "environments" / environment / MODEL

    def script(self, name: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess:
        """Run a script as a person does, in the clone."""
        return subprocess.run(
            [sys.executable, ROOT / "scripts" / f"{name}.py", *arguments],
            cwd=self.repo.folder,
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            check=False,
        )

    def started(self, name: str, *arguments: str) -> "subprocess.Popen[str]":
        """Start a script in the clone; its output can be read while it runs."""
        return subprocess.Popen(
            [sys.executable, ROOT / "scripts" / f"{name}.py", *arguments],
            cwd=self.repo.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def deploy(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess:
        return self.script("deploy", *(arguments or ["run"]), **variables)

    def forward(self) -> None:
        """Move every environment to the newest release, as a release does."""
        project = self.repo.project
        Deployer(
            project=project,
            origin=self.repo.origin,
            store=Store(project),
            config=project.config(),
            progress=Progress(stream=_nowhere),
        ).run(environment=None, model=None, is_forward=True, why="test")

    def release(self, files: Mapping[str, str | None] | None = None) -> Manifest:
        """Commit newer data (and files), push, train and release; nothing is deployed."""
        number = len(self.repo.world().ledger.releases) + 1
        self.repo.commit_and_push({"data/train.csv": data(number), **(files or {})})
        released = self.repo.releases.release(MODEL)
        assert released.kind == "released", released.told
        assert released.manifest is not None
        return released.manifest

    def deployments(self, environment: str = "production") -> list[Deployment]:
        return list(self.repo.world().ledger.deployments.get((environment, MODEL), ()))

    def told(self, environment: str = "production") -> list[tuple[str, str, str | None]]:
        """Return the ledger's deployments to an environment: (tag, outcome, previous) each."""
        return [(one.tag, one.outcome, one.previous) for one in self.deployments(environment)]

    def answering(self, environment: str = "production") -> str | None:
        """Return the release that answers a prediction on the live port; None when none does."""
        answer = self._predict(environment)
        return answer.body["release"] if answer.is_ok else None

    def assert_runs(self, release: str, *environments: str) -> None:
        """Check that each environment runs a release, that the ledger says so, and nothing else is.

        One server, one edge and one folder for each environment of the project; nothing more.
        """
        for environment in environments or self.ports:
            live = [one.tag for one in self.deployments(environment) if one.outcome == "live"]
            assert (self.answering(environment), live[-1]) == (release, release)
        count = len(self.ports)
        assert (len(self.servers()), len(self.edges())) == (count, count)
        assert len(self.folders()) == count, self.folders()

    @contextmanager
    def asked(self, environment: str = "production") -> Iterator[Answers]:
        """Keep asking the live port for predictions; fail unless each was answered, and right."""
        answers, stopping, began = Answers(), threading.Event(), threading.Event()

        def ask() -> None:
            while not stopping.wait(0.02):
                self._note(answers, environment)
                began.set()

        thread = threading.Thread(target=ask)
        thread.start()
        began.wait()
        try:
            yield answers
        finally:
            stopping.set()
            thread.join()
        self._note(answers, environment)
        assert answers.failures == []

    def servers(self) -> list[psutil.Process]:
        return self._processes("trainshed.serving")

    def edges(self) -> list[psutil.Process]:
        return self._processes("trainshed.edge")

    def folders(self) -> list[str]:
        """List all that a deployment may leave behind: servers' folders, checkouts, new runs."""
        found = [*self.state.glob("environments/*/*/servers/*"), *self.state.glob("checkouts/*")]
        found += [*self.state.glob("runs/.*"), *self.repo.folder.glob(".git/worktrees/*")]
        return sorted(str(path.relative_to(self.repo.folder)) for path in found)

    def stop(self) -> None:
        """Stop every process by the target's own means; none may be left over."""
        for environment, port in self.ports.items():
            project = self.repo.project
            ProcessTarget(
                project, Store(project), environment=environment, model=MODEL, port=port,
                tell=lambda _: None,
            ).stop()  # fmt: skip
        left = [*self.servers(), *self.edges()]
        for process in left:
            process.kill()
        assert left == []

    def _predict(self, environment: str) -> http_client.Answer:
        return http_client.post(self.ports[environment], "/predict", {"rows": [{"x": 10}]})

    def _note(self, answers: Answers, environment: str) -> None:
        answer = self._predict(environment)
        if not answer.is_ok:
            answers.failures.append(f"{answer.status}: {answer.body}")
            return
        release = answer.body["release"]
        if answer.body["predictions"] != [10.0 * factor_of(release)]:
            answers.failures.append(f"a wrong answer: {answer.body}")
        if answers.releases[-1:] != [release]:
            answers.releases.append(release)

    def _processes(self, module: str) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter(["cmdline", "status"]):
            argv = process.info["cmdline"] or []
            is_ours = module in argv and any(str(self.state) in part for part in argv)
            if is_ours and process.info["status"] != psutil.STATUS_ZOMBIE:
                found.append(process)
        return found


@contextmanager
def staged(
    folder: Path,
    *,
    releases: int = 1,
    live: bool = True,
    environments: tuple[str, ...] = ("production",),
) -> Iterator[Served]:
    """Set up a copy of the project in a folder; whatever it starts is stopped at the end.

    Args:
        folder: a test's own (`tmp_path`); what is copied is kept beside it.
        releases: v1.0.0, v1.1.0, … All but the newest are on record as once live everywhere.
        live: deploy the newest, for real.
        environments: their names, in order.
    """
    shutil.copytree(_template(folder.parent, releases), folder / "served", symlinks=True)
    origin, clone = folder / "served" / "origin.git", folder / "served" / "clone"
    repo = Repo(clone, origin)
    repo.git("remote", "set-url", "origin", f"file://{origin}")
    chosen = {name: free_port() for name in environments}
    repo.commit_and_push({"trainshed.yml": configuration(chosen)}, "Choose ports")
    served = Served(repo, chosen)
    try:
        if live:
            served.forward()
        yield served
    finally:
        served.stop()


def _template(base: Path, releases: int) -> Path:
    """Make the project with so many releases, from the one with a release less."""
    made = base / f"served-{releases}"
    if made.exists():
        return made
    if releases == 0:
        return repositories.make(made, project_files()).folder.parent
    shutil.copytree(_template(base, releases - 1), made, symlinks=True)
    repo = Repo(made / "clone", made / "origin.git")
    repo.git("remote", "set-url", "origin", f"file://{repo.origin_folder}")
    served = Served(repo, {})
    for record in repo.world().ledger.releases.values():
        if str(record.manifest.tag) == version(releases - 1):
            for environment in ENVIRONMENTS:
                repo.deployed(record.manifest, environment)
    served.release()
    return made


def version(number: int) -> str:
    """Return the tag of the release with a number: the data changes from one to the next."""
    return f"{MODEL}@v1.{number - 1}.0"


def factor_of(release: str) -> int:
    return int(release.split(".")[1]) + 2


def data(number: int) -> str:
    return f"x,y\n2,{2 * (number + 1)}\n"


def project_files() -> dict[str, str]:
    return {
        "trainshed.yml": configuration(dict.fromkeys(ENVIRONMENTS, 8080)),
        "data/train.csv": data(1),
        "pipelines/train.py": TRAINER,
        "pipelines/f1.txt": "0.9\n",
        "app/predict.py": PREDICTOR,
    }


def configuration(chosen: Mapping[str, int]) -> str:
    model = {
        "data": "data/train.csv",
        "target": "y",
        "train": ["python3", "pipelines/train.py", "{data}", "{out}"],
        "inputs": ["pipelines/"],
        "metrics": {"f1": {"direction": "maximize", "min": 0.5, "tolerance": 0.01}},
        "serve": {"predictor": "app.predict:predict", "include": ["app/"]},
    }
    environments = {name: {"target": "process", "port": port} for name, port in chosen.items()}
    content = {"models": {MODEL: model}, "environments": environments}
    return yaml.safe_dump(content, sort_keys=False)


def free_port() -> int:
    """Return a free port that no connection, and no other test, is given by the system meanwhile.

    It lies below those that Linux hands out by itself: a live port may be bound much later.
    """
    while True:
        port = random.randrange(20_000, 32_000)
        try:
            ports.bind("127.0.0.1", port).close()
        except OutsideError:
            continue
        return port


_nowhere = Path(os.devnull).open("w")  # noqa: SIM115  # open as long as the tests run
