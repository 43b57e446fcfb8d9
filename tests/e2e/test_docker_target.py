"""Target `docker`, end to end: engine, registry, Caddy, git; the live port is asked all along."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import containers
import pytest
from docker_project import LOG, MODEL, Hosted, staged, tag_of
from served_project import free_port

from trainshed import engine, ports, tags
from trainshed.reconcile import Current
from trainshed.targets.docker_caddy import file_in

pytest_plugins = ["containers", "docker_project"]
pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("host")]

V0, V1 = tag_of(1), tag_of(2)


@pytest.fixture
def first(tmp_path: Path) -> Iterator[Hosted]:
    """v1.0.0 is live, v1.1.0 is released."""
    with staged(tmp_path) as hosted:
        yield hosted


@pytest.fixture(scope="module")
def shown(host: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosted]:
    """v1.1.0 is live and its tag was deleted; to be looked at, not changed."""
    with staged(tmp_path_factory.mktemp("shown"), live=2) as hosted:
        hosted.repo.delete_tag(V1)
        yield hosted


def test_the_first_release_starts_the_environment(tmp_path: Path) -> None:
    with staged(tmp_path, releases=1, live=0) as hosted:
        waits = hosted.deploy("run")
        assert (waits.returncode, hosted.everything()) == (0, [])
        assert "waits: nothing was released there yet" in waits.stderr

        assert hosted.deploy("run", "--forward").returncode == 0

        hosted.assert_live(V0)
        assert hosted.told() == [(V0, "live", None)]


def test_a_deleted_tag_starts_the_container_that_was_kept(first: Hosted) -> None:
    kept = first.part(V0).id

    with first.asked() as answers:
        forward = first.deploy("run", "--forward")
        assert first.containers() == {V0: "exited", V1: "running"}
        first.repo.delete_tag(V1)
        back = first.deploy()

    assert (forward.returncode, back.returncode) == (0, 0), forward.stderr + back.stderr
    assert answers.releases == [V0, V1, V0]
    first.assert_live(V0)
    assert first.part(V0).id == kept
    assert first.containers() == {V0: "running", V1: "exited"}
    assert first.told() == [(V0, "live", None), (V1, "live", V0), (V0, "live", V1)]
    ((tombstone,),) = first.repo.world().ledger.tombstones.values()
    assert (tombstone.tag, tombstone.why) == (V1, "its tag was deleted")


def test_a_rollback_needs_no_container_that_was_kept(tmp_path: Path) -> None:
    with staged(tmp_path, live=2) as second:
        second.repo.delete_tag(V1)

        with second.asked() as answers:
            finished = second.deploy()

        assert finished.returncode == 0, finished.stderr
        assert answers.releases == [V1, V0]
        second.assert_live(V0)


def test_an_environment_that_runs_what_it_should_is_left_alone(first: Hosted) -> None:
    before = (first.repo.refs(), first.everything(), first.target.current())

    with first.asked() as answers:
        assert first.deploy().returncode == 0

    assert answers.releases == [V0]
    assert (first.repo.refs(), first.everything(), first.target.current()) == before


@pytest.mark.parametrize("arguments", [["plan"], ["run", "--dry-run"], ["status"], ["history"]])
def test_looking_changes_nothing(shown: Hosted, arguments: list[str]) -> None:
    before = (shown.repo.refs(), shown.everything())

    assert shown.deploy(*arguments).returncode == 0

    assert (shown.repo.refs(), shown.everything()) == before


def test_a_release_runs_without_root_and_cannot_write(shown: Hosted) -> None:
    def inside(*argv: str) -> tuple[int, str]:
        code, output = shown.part(V1).exec_run(list(argv))
        return code, output.decode()

    assert inside("id", "-u") == (0, "65532\n")
    _, status = inside("cat", "/proc/1/status")
    assert "CapEff:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status
    for folder in ("/", "/trainshed/run", "/opt/model", "/etc"):
        assert inside("touch", f"{folder}/new")[0] == 1
    assert "Read-only file system" in inside("touch", "/run/new")[1]


def test_only_the_live_port_and_two_of_this_machine_are_published(shown: Hosted) -> None:
    published = {
        (kind, inside): [bound["HostIp"] for bound in those]
        for kind in ("door", "edge", V1)
        for inside, those in shown.part(kind).ports.items()
        if those
    }

    assert published == {
        ("door", f"{shown.port}/tcp"): ["127.0.0.1"],
        ("edge", "2019/tcp"): ["127.0.0.1"],
        (V1, "8000/tcp"): ["127.0.0.1"],
    }


def test_five_releases_are_kept_stopped_and_every_image(first: Hosted) -> None:
    more = [first.released_again(V1, number) for number in range(3, 8)]

    for manifest in [first.manifest(V1), *more]:
        first.put_live(manifest)

    kept = dict.fromkeys(map(tag_of, range(2, 7)), "exited")
    assert first.containers() == {**kept, tag_of(7): "running"}
    assert engine.image(first.client, str(first.manifest(V0).image)) is not None


def test_the_inference_log_has_a_folder_per_release_and_survives_a_rollback(
    first: Hosted,
) -> None:
    assert first.answering() == V0
    first.put_live(first.manifest(V1))
    assert first.answering() == V1
    before = {tag: logged(first.part(V1), tag) for tag in (V0, V1)}

    first.put_live(first.manifest(V0))
    assert first.answering() == V0

    for tag, entries in before.items():
        assert {entry["release"] for entry in entries} == {tag}
    assert logged(first.part(V0), V1) == before[V1]
    assert logged(first.part(V0), V0)[:-1] == before[V0]
    (mount,) = first.part(V0).attrs["Mounts"]
    assert (mount["Name"], mount["Destination"]) == (LOG, "/trainshed/log")


def logged(one: Any, tag: str) -> list[dict[str, Any]]:
    """Return a release's predictions but for the golden rows, which are asked at each start."""
    content = file_in(one, f"/trainshed/log/{tag}/predictions.jsonl")
    assert content is not None
    entries = [json.loads(line) for line in content.splitlines()]
    return [entry for entry in entries if entry["input"] == {"x": 10}]


def test_status_history_and_verify_tell_where_things_stand(first: Hosted) -> None:
    assert first.deploy("run", "--forward").returncode == 0
    done = first.deploy("revert", V1, "--reason", "complaints", GITHUB_ACTOR="octocat")
    assert done.returncode == 0, done.stderr

    status, history, verify = (first.deploy(verb) for verb in ("status", "history", "verify"))

    manifest, place = first.manifest(V0), f"{first.environment}/{MODEL}"
    (line,) = status.stdout.splitlines()[1:]
    assert line.split()[:3] == [first.environment, MODEL, V0]
    data = f"{manifest.dataset.path} {manifest.dataset.digest[:12]}"
    assert line.endswith(f"answers  {data}  f1=0.9000")
    assert [line.split()[1:5] for line in history.stdout.splitlines()[2:]] == [
        [place, V1, "live", "Test"],
        ["ledger", V1, "reverted", "octocat"],
        [place, V0, "live", "octocat"],
    ]
    assert verify.stdout.splitlines()[1:] == [f"{V0}  ok        {manifest.image}"]


def test_a_new_port_takes_the_place_of_the_one_before(first: Hosted) -> None:
    edge, release = first.part("edge").id, first.part(V0).id
    moved = first.at(free_port())

    finished = moved.deploy()

    assert finished.returncode == 0, finished.stderr
    moved.assert_live(V0)
    assert first.answering() is None
    assert (moved.part("edge").id, moved.part(V0).id) == (edge, release)


def test_a_new_port_that_is_in_use_leaves_what_is_live_untouched(first: Hosted) -> None:
    moved = first.at(free_port())

    with first.asked() as answers, ports.bind("127.0.0.1", moved.port):
        finished = moved.deploy()

    assert finished.returncode == 4
    assert f"Port {moved.port} on 127.0.0.1 is in use by another program." in finished.stderr
    assert answers.releases == [V0]
    assert moved.told()[-1] == (V0, "failed", V0)
    assert moved.deploy().returncode == 0
    moved.assert_live(V0)


def test_a_part_that_is_dead_tells_what_was_live_and_that_it_does_not_answer(
    first: Hosted,
) -> None:
    live = Current(tag=tags.require(V0))
    assert first.target.current() == live

    for kind in ("edge", "door", V0):
        first.part(kind).kill()
        assert first.target.current() == Current(tag=live.tag, is_healthy=False)
        first.part(kind).start()
        containers.eventually(lambda: first.target.current() == live)
