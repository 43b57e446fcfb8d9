"""Two deployers at once: in one clone they take turns, and the second finds nothing to do."""

import subprocess
from pathlib import Path

from served_project import Served, staged, version

from trainshed import locks

V0, V1 = version(1), version(2)
WAITS = "another deployment to production is running: waiting for it"


def test_of_two_deployers_the_second_waits_and_finds_it_done(tmp_path: Path) -> None:
    with staged(tmp_path, releases=2) as served:
        served.repo.delete_tag(V1)

        with served.asked() as answers:
            with held(served):
                both = [served.started("deploy", "run") for _ in range(2)]
                said = [until_it_waits(one) for one in both]
            said = [before + after for before, after in zip(said, map(ended, both), strict=True)]

        assert [one.returncode for one in both] == [0, 0], said
        assert answers.releases == [V1, V0]
        served.assert_runs(V0)
        assert served.told() == [(V0, "live", None), (V1, "live", None), (V0, "live", V1)]
        assert sorted("(rolls back)" in one for one in said) == [False, True]
        assert sorted("(runs what it should)" in one for one in said) == [False, True]


def test_a_deployer_of_another_environment_does_not_wait(tmp_path: Path) -> None:
    with staged(tmp_path, live=False, environments=("staging", "production")) as served:
        with held(served):
            finished = served.deploy("run", "--forward", "--environment", "staging")

        assert finished.returncode == 0, finished.stderr
        assert WAITS not in finished.stderr
        assert served.answering("staging") == V0


def held(served: Served):
    """Hold the environment's lock, as a third deployer would."""
    return locks.held(served.state / "environments" / "production.lock")


def until_it_waits(process: "subprocess.Popen[str]") -> str:
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if WAITS in line:
            break
    return "".join(lines)


def ended(process: "subprocess.Popen[str]") -> str:
    return process.communicate()[1]
