"""Target `process`, end to end: real git, real servers; the live port is asked all the time."""

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from served_project import PREDICTOR, TRAINER, Served, configuration, free_port, staged, version

from trainshed import http_client, ports

V0, V1, V2 = version(1), version(2), version(3)
WHO = "Test Person <test@example.org>"

RAISES_AT_LOAD = "def load(path):\n    raise RuntimeError('no such column')\n" + PREDICTOR.replace(
    "def load", "def _load"
)
RAISES_AT_PREDICT = PREDICTOR.replace("return [", "raise RuntimeError('not today')\n    return [")
ANSWERS_WRONGLY = PREDICTOR.replace('["x"]', '["x"] + 0.01')
WAITS_ON_TEN = """\
import time
from pathlib import Path

def predict(rows):
    if rows[0]["x"] == 10:
        Path("began").touch()
        while not Path("go-on").exists():
            time.sleep(0.01)
    return [3 * row["x"] for row in rows]
"""
REFUSES_DEPLOYMENTS = """\
while read old new ref; do
  git diff-tree -r --name-only "$old" "$new" | grep -q ^deployments/ && exit 1
done
exit 0
"""


@pytest.fixture
def first(tmp_path: Path) -> Iterator[Served]:
    """v1.0.0 is live."""
    with staged(tmp_path) as served:
        yield served


@pytest.fixture
def second(tmp_path: Path) -> Iterator[Served]:
    """v1.1.0 is live, and v1.0.0 was before."""
    with staged(tmp_path, releases=2) as served:
        yield served


def test_a_release_moves_the_environment_forward(first: Served) -> None:
    first.release()

    with first.asked() as answers:
        finished = first.deploy("run", "--forward")

    assert finished.returncode == 0, finished.stderr
    assert answers.releases == [V0, V1]
    first.assert_runs(V1)
    assert first.told() == [(V0, "live", None), (V1, "live", V0)]
    assert first.deployments()[-1].who == WHO


def test_a_request_that_is_under_way_at_the_switch_is_answered(first: Served) -> None:
    first.release({"app/predict.py": WAITS_ON_TEN})
    first.forward()
    first.release({"app/predict.py": PREDICTOR})
    (folder,) = first.place().glob("servers/*")
    (server,) = first.servers()
    port = int(server.cmdline()[server.cmdline().index("--port") + 1])

    with ThreadPoolExecutor() as pool:
        answered = pool.submit(first.answering)
        until((folder / "began").exists)
        deployed = pool.submit(first.deploy, "run", "--forward")
        until(lambda: http_client.get(port, "/info").status == 0)  # it takes no new ones
        (folder / "go-on").touch()

        assert answered.result() == V1
        assert deployed.result().returncode == 0
    first.assert_runs(V2)


def test_the_first_release_starts_the_environment(tmp_path: Path) -> None:
    with staged(tmp_path, live=False) as served:
        waits = served.deploy("run")
        assert (waits.returncode, served.servers()) == (0, [])
        assert "waits: nothing was released there yet" in waits.stderr

        assert served.deploy("run", "--forward").returncode == 0

        served.assert_runs(V0)
        assert served.told() == [(V0, "live", None)]


def test_an_environment_that_runs_what_it_should_is_left_alone(second: Served) -> None:
    before = (second.repo.refs(), second.servers(), second.edges())

    with second.asked() as answers:
        finished = second.deploy()

    assert finished.returncode == 0
    assert answers.releases == [V1]
    assert (second.repo.refs(), second.servers(), second.edges()) == before


@pytest.mark.parametrize("which", ["servers", "edges"])
def test_a_killed_process_is_started_again(second: Served, which: str) -> None:
    (process,) = getattr(second, which)()
    process.kill()
    process.wait()
    assert second.answering() is None

    finished = second.deploy()

    assert finished.returncode == 0, finished.stderr
    assert "does not answer: starts it again" in finished.stderr
    second.assert_runs(V1)
    assert second.told()[-1] == (V1, "live", V1)


def test_a_machine_that_started_anew_runs_again_what_it_ran(second: Served) -> None:
    for process in [*second.servers(), *second.edges()]:
        process.kill()
        process.wait()

    assert second.deploy().returncode == 0

    second.assert_runs(V1)


def test_deleting_the_tag_is_a_rollback(second: Served) -> None:
    second.repo.delete_tag(V1)

    with second.asked() as answers:
        finished = second.deploy()

    assert finished.returncode == 0, finished.stderr
    assert answers.releases == [V1, V0]
    second.assert_runs(V0)
    assert second.told()[1:] == [(V1, "live", None), (V0, "live", V1)]
    (tombstone,) = second.repo.world().ledger.tombstones.values()
    assert (tombstone[0].tag, tombstone[0].why) == (V1, "its tag was deleted")


@pytest.mark.parametrize(
    ("deletions", "expected"),
    [
        pytest.param([[V2], [V1]], [V2, V1, V0], id="one-after-the-other"),
        pytest.param([[V1], [V2]], [V2, V0], id="the-older-first"),
        pytest.param([[V1, V2]], [V2, V0], id="both-at-once"),
    ],
)
def test_a_deeper_rollback_goes_down_by_sequence(
    tmp_path: Path, deletions: Sequence[Sequence[str]], expected: list[str]
) -> None:
    with staged(tmp_path, releases=3) as served:
        with served.asked() as answers:
            for names in deletions:
                served.repo.delete_tag(*names)
                assert served.deploy().returncode == 0

        assert answers.releases == expected
        served.assert_runs(V0)


def test_a_tag_pushed_back_by_a_stale_clone_changes_nothing_and_says_why(second: Served) -> None:
    stale = second.repo.clone("stale")
    second.repo.delete_tag(V1)
    assert second.deploy().returncode == 0
    told, servers = second.told(), second.servers()

    stale.git("push", "--quiet", "origin", V1)
    with second.asked() as answers:
        finished = second.deploy()

    assert finished.returncode == 0
    assert f"{V1} is on the origin, but stays reverted: its tag was deleted ({WHO}" in (
        finished.stderr
    )
    assert answers.releases == [V0]
    assert (second.told(), second.servers()) == (told, servers)


def test_a_revert_mark_pushed_by_hand_is_a_rollback(second: Served) -> None:
    second.repo.mark(V1)

    with second.asked() as answers:
        finished = second.deploy()

    assert finished.returncode == 0, finished.stderr
    assert answers.releases == [V1, V0]
    second.assert_runs(V0)
    assert V1 in second.repo.tag_names()


def test_a_revert_is_written_down_with_its_reason(second: Served) -> None:
    with second.asked() as answers:
        finished = second.deploy(
            "revert", V1, "--reason", "complaints from support", GITHUB_ACTOR="octocat"
        )

    assert finished.returncode == 0, finished.stderr
    assert answers.releases == [V1, V0]
    second.assert_runs(V0)
    ((tombstone,),) = second.repo.world().ledger.tombstones.values()
    assert (tombstone.tag, tombstone.who) == (V1, "octocat")
    assert tombstone.why == "complaints from support"
    assert second.deployments()[-1].why == f"revert {V1}: complaints from support"
    assert second.deployments()[-1].who == "octocat"


def test_unreverting_brings_the_same_release_back(second: Served) -> None:
    tag = second.repo.refs()[f"refs/tags/{V1}"]
    second.repo.delete_tag(V1)
    assert second.deploy().returncode == 0

    with second.asked() as answers:
        finished = second.deploy("revert", "--unrevert", V1, "--reason", "it was the network")

    assert finished.returncode == 0, finished.stderr
    assert answers.releases == [V0, V1]
    second.assert_runs(V1)
    assert second.repo.refs()[f"refs/tags/{V1}"] == tag
    assert second.told()[-2:] == [(V0, "live", V1), (V1, "live", V0)]


def test_with_no_release_left_it_keeps_serving_and_fails(first: Served) -> None:
    with first.asked() as answers:
        reverted = first.deploy("revert", V0)
        again = first.deploy()

    assert (reverted.returncode, again.returncode) == (5, 5)
    assert f"it keeps running {V0}" in reverted.stderr
    assert "scripts/deploy.py revert --unrevert TAG" in again.stderr
    assert answers.releases == [V0]
    first.assert_runs(V0)


def test_when_every_tag_is_gone_it_fails_and_changes_nothing(second: Served) -> None:
    second.repo.delete_tag(V0, V1)
    before = (second.repo.refs(), second.servers())

    with second.asked() as answers:
        finished = second.deploy()

    assert finished.returncode == 5
    assert f"Every release that the ledger knows is gone from the origin ({V0}, {V1})" in (
        finished.stderr
    )
    assert (second.repo.refs(), second.servers()) == before
    assert answers.releases == [V1]


def test_a_schedule_never_moves_forward(first: Served) -> None:
    first.release()

    with first.asked() as answers:
        finished = first.deploy()

    assert finished.returncode == 0
    assert answers.releases == [V0]
    first.assert_runs(V0)
    assert first.told() == [(V0, "live", None)]


def test_environments_move_in_order(tmp_path: Path) -> None:
    with staged(tmp_path, environments=("staging", "production")) as served:
        served.release()
        with served.asked() as answers:
            staged_only = served.deploy("run", "--forward", "--environment", "staging")
            assert staged_only.returncode == 0, staged_only.stderr
            served.assert_runs(V1, "staging")
            served.assert_runs(V0, "production")
            assert served.deploy("run").returncode == 0
            assert answers.releases == [V0]
            everywhere = served.deploy("run", "--forward")

        assert everywhere.returncode == 0, everywhere.stderr
        served.assert_runs(V1)
        assert everywhere.stderr.index("staging/churn") < everywhere.stderr.index("production/")


def test_a_release_that_was_not_live_in_the_environment_before_stays_out(tmp_path: Path) -> None:
    with staged(tmp_path, environments=("staging", "production")) as served:
        served.release()

        planned = served.deploy("plan", "--forward", "--environment", "production")
        too_early = served.deploy("run", "--forward", "--environment", "production")
        assert (planned.returncode, too_early.returncode) == (0, 0), too_early.stderr
        assert f"→ {V1}" not in planned.stdout
        served.assert_runs(V0)

        for environment in ("staging", "production"):
            assert served.deploy("run", "--forward", "--environment", environment).returncode == 0
        served.assert_runs(V1)


def test_a_plan_for_all_environments_is_what_a_run_over_all_does(tmp_path: Path) -> None:
    with staged(tmp_path, live=False, environments=("staging", "production")) as served:
        planned = served.deploy("plan", "--forward")
        finished = served.deploy("run", "--forward")

        assert finished.returncode == 0, finished.stderr
        assert planned.stdout.count(V0) >= 2
        served.assert_runs(V0)


def test_what_fails_in_one_environment_moves_the_next_one_not_forward(tmp_path: Path) -> None:
    with staged(tmp_path, environments=("staging", "production")) as served:
        served.release()
        (edge,) = [one for one in served.edges() if f"{served.ports['staging']}" in one.cmdline()]
        edge.kill()
        edge.wait()

        with ports.bind("127.0.0.1", served.ports["staging"]), served.asked() as answers:
            finished = served.deploy("run", "--forward")

        assert finished.returncode == 4
        assert answers.releases == [V0]
        assert served.told("production") == [(V0, "live", None)]
        assert served.told("staging")[-1] == (V1, "failed", V0)
        assert served.deploy("run", "--forward").returncode == 0
        served.assert_runs(V1)


def test_a_rollback_is_tried_in_every_environment(tmp_path: Path) -> None:
    with staged(tmp_path, releases=2, environments=("staging", "production")) as served:
        served.repo.delete_tag(V1)
        (edge,) = [one for one in served.edges() if f"{served.ports['staging']}" in one.cmdline()]
        edge.kill()
        edge.wait()

        with ports.bind("127.0.0.1", served.ports["staging"]), served.asked() as answers:
            finished = served.deploy()

        assert finished.returncode == 4
        assert answers.releases == [V1, V0]
        assert served.deploy().returncode == 0
        served.assert_runs(V0)


def test_a_port_in_use_stops_a_first_deployment_before_anything_is_started(
    tmp_path: Path,
) -> None:
    with staged(tmp_path, live=False) as served:
        with ports.bind("127.0.0.1", served.ports["production"]):
            finished = served.deploy("run", "--forward")

        assert finished.returncode == 4
        assert f"Port {served.ports['production']} on 127.0.0.1 is in use" in finished.stderr
        assert (served.servers(), served.edges(), served.folders()) == ([], [], [])
        assert served.told() == [(V0, "failed", None)]


def test_a_port_in_use_leaves_what_is_live_untouched(second: Served) -> None:
    port = free_port()
    second.repo.commit({"trainshed.yml": configuration({"production": port})})
    servers = second.servers()

    with ports.bind("127.0.0.1", port), second.asked() as answers:
        finished = second.deploy()

    assert finished.returncode == 4
    assert f"Port {port} on 127.0.0.1 is in use" in finished.stderr
    assert answers.releases == [V1]
    assert second.servers() == servers


def test_a_new_port_takes_the_place_of_the_one_before(second: Served) -> None:
    port = free_port()
    second.repo.commit({"trainshed.yml": configuration({"production": port})})

    finished = second.deploy()

    assert finished.returncode == 0, finished.stderr
    Served(second.repo, {"production": port}).assert_runs(V1)


@pytest.mark.parametrize(
    ("predictor", "says"),
    [
        pytest.param(RAISES_AT_LOAD, "RuntimeError: no such column", id="never-healthy"),
        pytest.param(RAISES_AT_PREDICT, "with HTTP 500", id="raises-on-its-examples"),
        pytest.param(ANSWERS_WRONGLY, "2 of its 2 examples otherwise", id="answers-wrongly"),
    ],
)
def test_a_release_that_is_not_fit_never_goes_live(
    first: Served, predictor: str, says: str
) -> None:
    first.release({"app/predict.py": predictor})

    with first.asked() as answers:
        finished = first.deploy("run", "--forward")
        first.assert_runs(V0)
        again = first.deploy("run")

    assert finished.returncode == 3
    assert says in finished.stderr
    assert "The live release was not touched." in finished.stderr
    assert again.returncode == 0
    assert answers.releases == [V0]
    first.assert_runs(V0)
    assert first.told() == [(V0, "live", None), (V1, "failed", V0)]


def test_a_release_without_examples_goes_live_and_that_is_told(first: Served) -> None:
    trainer = TRAINER.replace('print(f"examples={out}.examples")\n', "")
    first.release({"pipelines/train.py": trainer})

    finished = first.deploy("run", "--forward")

    assert f"{V1} has no examples: its golden rows are not checked" in finished.stderr
    first.assert_runs(V1)


def test_a_run_that_is_not_in_the_store_is_made_again_by_the_command_that_is_told(
    second: Served,
) -> None:
    manifest = second.repo.world().ledger.of_model("churn")[0].manifest
    shutil.rmtree(second.state / "runs" / manifest.run_id)
    second.repo.delete_tag(V1)

    with second.asked() as answers:
        finished = second.deploy()
        command = f"scripts/train.py --model churn --commit {manifest.commit[:12]}"
        assert (finished.returncode, command in finished.stderr) == (5, True)
        assert answers.releases == [V1]
        assert second.told()[-1] == (V0, "failed", V1)

        assert second.script("train", *command.split()[1:]).returncode == 0
        assert second.deploy().returncode == 0

    assert answers.releases == [V1, V0]
    second.assert_runs(V0)


def test_an_origin_that_is_down_changes_nothing(second: Served) -> None:
    second.repo.delete_tag(V1)
    away = second.repo.origin_folder.rename(second.repo.origin_folder.with_name("away"))

    with second.asked() as answers:
        finished = second.deploy()

    away.rename(second.repo.origin_folder)
    assert finished.returncode == 4
    assert answers.releases == [V1]
    second.assert_runs(V1)


def test_a_forward_move_that_could_not_be_written_down_is_by_the_next_run(first: Served) -> None:
    first.release()
    first.repo.hook("pre-receive", REFUSES_DEPLOYMENTS)
    with first.asked() as answers:
        refused = first.deploy("run", "--forward")
        assert refused.returncode == 4
        assert answers.releases == [V0, V1]
        assert first.told() == [(V0, "live", None)]

        first.repo.hook("pre-receive", "exit 0")
        assert first.deploy().returncode == 0

    first.assert_runs(V1)
    assert first.told() == [(V0, "live", None), (V1, "live", V0)]


def test_a_rollback_that_could_not_be_written_down_is_by_the_next_run(second: Served) -> None:
    second.repo.delete_tag(V1)
    second.repo.hook("pre-receive", "exit 1")
    with second.asked() as answers:
        refused = second.deploy()
        assert refused.returncode == 4
        assert answers.releases == [V1, V0]
        assert second.repo.world().ledger.tombstones == {}

        second.repo.hook("pre-receive", "exit 0")
        assert second.deploy().returncode == 0

    second.assert_runs(V0)
    assert second.told()[-1] == (V0, "live", V1)
    assert len(second.repo.world().ledger.tombstones) == 1


def test_a_failure_is_told_even_when_it_cannot_be_written_down(first: Served) -> None:
    first.release({"app/predict.py": ANSWERS_WRONGLY})
    first.repo.hook("pre-receive", "exit 1")

    with first.asked():
        finished = first.deploy("run", "--forward")

    assert finished.returncode == 3
    assert "2 of its 2 examples otherwise" in finished.stderr
    first.assert_runs(V0)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(["plan"], f"{V1} → {V0} (rolls back)", id="plan"),
        pytest.param(["plan", "--forward"], f"{V1} → {V2} (moves forward)", id="plan-forward"),
        pytest.param(["run", "--dry-run"], f"{V1} → {V0} (rolls back)", id="run"),
        pytest.param(["revert", V0, "--dry-run"], "(rolls back)", id="revert"),
        pytest.param(["revert", "--unrevert", V1, "--dry-run"], "tombstone", id="unrevert"),
    ],
)
def test_a_plan_changes_nothing(second: Served, arguments: list[str], says: str) -> None:
    second.release()
    second.repo.delete_tag(V1)
    before = everything(second)

    with second.asked() as answers:
        finished = second.deploy(*arguments)

    assert finished.returncode == 0, finished.stderr
    assert says in finished.stdout + finished.stderr
    assert f"tombstone: {V1}, since its tag was deleted" in finished.stdout
    assert everything(second) == before
    assert answers.releases == [V1]


def until(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.01)


def everything(served: Served) -> list[Any]:
    """Return all that a deployment changes: refs on the origin, processes, files."""
    files = {
        path: path.read_bytes()
        for path in served.place().rglob("*")
        if path.is_file() and served.place() / "log" not in path.parents
    }
    return [served.repo.refs(), served.servers(), served.edges(), files]
