"""The demo: the whole journey in a throwaway clone, with every step checked for being true.

It uses nothing but what a person has: git, a bare repository as origin, and the scripts.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from trainshed import git, http_client, project
from trainshed.cmd import run as run_program
from trainshed.demo_stage import Stage
from trainshed.errors import TrainshedError
from trainshed.progress import Progress
from trainshed.simulation import GateBlocks, Simulation
from trainshed.store import Store

_ANSWER_SECONDS = 30.0


class DemoIsNotTrue(TrainshedError):
    """A step of the demo did not come out as it says."""


@dataclass(frozen=True)
class Demo:
    stage: Stage
    progress: Progress
    show: Callable[[str], None]
    """Takes the comment that a pull request would get, as Markdown."""

    def play(self) -> None:
        """Play the journey.

        Raises:
            DemoIsNotTrue: names the step, what was expected and what came.
        """
        self._first_release()
        self._better_data()
        self._merge()
        self._worse_model()
        self._delete_the_tag()
        self._push_it_back()

    @property
    def _simulation(self) -> Simulation:
        here = project.open_at(self.stage.clone)
        return Simulation(project=here, tell=self.progress.detail)

    @property
    def _clone(self) -> git.Repository:
        return git.Repository(self.stage.clone)

    def _first_release(self) -> None:
        with self.progress.step("First release, from main (data v1)") as step:
            tag = self._simulation.release(model=None)
            _expect("the first release", tag, "churn@v1.0.0")
            step.result = f"{tag} is live, {self._prediction('churn@v1.0.0')}"

    def _better_data(self) -> None:
        self._branch("more-data", "trainshed.yml", "data/v1/train.csv", "data/v2/train.csv",
                     message="Train on the newer data")  # fmt: skip
        with self.progress.step("A pull request moves to data v2") as step:
            request = self._simulation.pull_request("more-data", model=None)
            _expect("the verdict on more data", request.verdict, "warn")
            step.result = f"verdict {request.verdict}: a thousand rows do not tell f1 apart"
        self.show(request.markdown)

    def _merge(self) -> None:
        with self.progress.step("Merge: released and deployed") as step:
            tag = self._simulation.merge("more-data", model=None)
            _expect("the release after the merge", tag, "churn@v1.1.0")
            step.result = f"{tag} is live, {self._prediction('churn@v1.1.0')}"
        run_program(["git", "clone", "-q", str(self.stage.origin), str(self.stage.stale)],
                    cwd=self.stage.folder)  # fmt: skip

    def _worse_model(self) -> None:
        self._branch("simpler-model", "pipelines/train.py", "random_state=seed",
                     "random_state=seed, max_iter=12", message="Train faster")  # fmt: skip
        main = self._origin_head()
        with self.progress.step("A pull request with a worse model") as step:
            request = self._simulation.pull_request("simpler-model", model=None)
            _expect("the verdict on the worse model", request.verdict, "fail")
            blocked = False
            try:
                self._simulation.merge("simpler-model", model=None)
            except GateBlocks:
                blocked = True
            _expect("the gate blocks the merge", blocked, True)
            _expect("main after the blocked merge", self._origin_head(), main)
            step.result = f"verdict {request.verdict}, not merged"
        self.show(request.markdown)

    def _delete_the_tag(self) -> None:
        runs = self._runs()
        with self.progress.step("git push --delete origin churn@v1.1.0") as step:
            self._clone.run("push", "--quiet", "--delete", "origin", "churn@v1.1.0")
            self._simulation.reconcile()
            answer = self._prediction("churn@v1.0.0")
            _expect("runs trained by the rollback", self._runs() - runs, 0)
            step.result = f"churn@v1.0.0 is live again, {answer}, nothing was trained"

    def _push_it_back(self) -> None:
        stale = git.Repository(self.stage.stale)
        with self.progress.step("A stale clone pushes the deleted tag back") as step:
            stale.run("push", "--quiet", "origin", "churn@v1.1.0")
            said = self._simulation.reconcile()
            why = [line.strip() for line in said.splitlines() if "stays reverted" in line]
            _expect("the reconcile says why nothing changes", bool(why), True)
            self._prediction("churn@v1.0.0")
            step.result = "churn@v1.0.0 stays live"
        self.progress.tell(why[0])

    def _branch(self, name: str, path: str, old: str, new: str, *, message: str) -> None:
        """Make a branch off the origin's main that changes one line of one file."""
        clone = self._clone
        clone.run("fetch", "--quiet", "--no-tags", "origin", "main")
        clone.run("switch", "--quiet", "-c", name, "FETCH_HEAD")
        file = self.stage.clone / path
        text = file.read_text(encoding="utf-8")
        _expect(f"{path} has the line that the demo changes", old in text, True)
        file.write_text(text.replace(old, new), encoding="utf-8")
        clone.run("commit", "--quiet", "--all", "-m", message)
        clone.run("push", "--quiet", "origin", name)

    def _prediction(self, release: str) -> str:
        """Send a real request to the live port; the release that should answer must."""
        row = self._row()
        deadline = time.monotonic() + _ANSWER_SECONDS
        while True:
            answer = http_client.post(self.stage.port, "/predict", {"rows": [row]})
            if answer.is_ok or time.monotonic() > deadline:
                break
            time.sleep(0.05)
        body: Mapping[str, Any] = answer.body if isinstance(answer.body, dict) else {}
        _expect("the release that answers /predict", body.get("release", answer.body), release)
        said = body["predictions"][0]
        return f"POST /predict says {said['prediction']} ({said['score']:.4f})"

    def _row(self) -> Mapping[str, Any]:
        store = Store(project.open_at(self.stage.clone))
        first = next(iter(store.runs()))
        assert first.examples is not None
        examples = store.folder(first.run_id) / first.examples.path
        row: Mapping[str, Any] = json.loads(examples.read_text().splitlines()[0])["input"]
        return row

    def _runs(self) -> int:
        return sum(1 for _ in Store(project.open_at(self.stage.clone)).runs())

    def _origin_head(self) -> str:
        return git.Repository(self.stage.origin).resolve("main")


def _expect(what: str, came: object, expected: object) -> None:
    if came != expected:
        raise DemoIsNotTrue(
            f"{what}: expected {expected!r}, got {came!r}.",
            fix="Run `make demo KEEP=1` and look into the folder that it names; TRAINSHED_DEBUG=1 "
            "shows where it stopped.",
        )
