"""Target `docker`, end to end: real engine, registry, Caddy and git; the port is asked all along."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docker_project import LOG, MODEL, Hosted, staged, tag_of
from served_project import free_port

from trainshed import engine, ports, tags
from trainshed.reconcile import Current
from trainshed.targets.docker_caddy import file_in

pytest_plugins = ["containers", "docker_project"]
pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("host")]

V0, V1, V2 = tag_of(1), tag_of(2), tag_of(3)


@pytest.fixture
def first(tmp_path: Path) -> Iterator[Hosted]:
    """v1.0.0 is live."""
    with staged(tmp_path) as hosted:
        yield hosted


@pytest.fixture
def second(tmp_path: Path) -> Iterator[Hosted]:
    """v1.1.0 is live, and v1.0.0 was before, by the ledger: no container of it is there."""
    with staged(tmp_path, releases=2) as hosted:
        yield hosted


def test_the_first_release_starts_the_environment(tmp_path: Path) -> None:
    with staged(tmp_path, live=False) as hosted:
        waits = hosted.deploy("run")
        assert (waits.returncode, hosted.everything()) == (0, [])
        assert "waits: nothing was released there yet" in waits.stderr

        assert hosted.deploy("run", "--forward").returncode == 0

        hosted.assert_live(V0)
        assert hosted.told() == [(V0, "live", None)]


def test_a_release_moves_forward_and_a_deleted_tag_starts_the_kept_container_again(
    first: Hosted,
) -> None:
    kept = first.part(V0).id
    first.release()

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


def test_a_rollback_needs_no_container_that_was_kept(second: Hosted) -> None:
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
        assert first.deploy("run", "--forward").returncode == 0

    assert answers.releases == [V0]
    assert (first.repo.refs(), first.everything(), first.target.current()) == before


@pytest.mark.parametrize("arguments", [["plan"], ["run", "--dry-run"], ["status"], ["history"]])
def test_looking_changes_nothing(second: Hosted, arguments: list[str]) -> None:
    second.repo.delete_tag(V1)
    before = (second.repo.refs(), second.everything())

    assert second.deploy(*arguments).returncode == 0

    assert (second.repo.refs(), second.everything()) == before


def test_five_releases_are_kept_stopped_and_of_older_ones_only_the_image(first: Hosted) -> None:
    released = [first.manifest(V0)]
    for number in range(2, 9):  # the same image will do: only names and order differ
        about = {key: getattr(released[0], key) for key in ("run_id", "dataset", "artifact")}
        released.append(first.repo.released(tag_of(number), image=released[0].image, **about))

    for manifest in released[1:]:
        target = first.target
        target.current()
        target.prepare(manifest)
        target.switch(manifest)
        target.retire()

    names = [str(manifest.tag) for manifest in released]
    kept = dict.fromkeys(names[2:7], "exited")
    assert first.containers() == {**kept, names[7]: "running"}
    assert engine.image(first.client, str(released[0].image)) is not None


def test_what_goes_no_longer_live_keeps_its_image(first: Hosted) -> None:
    first.release()
    assert first.deploy("run", "--forward").returncode == 0
    first.part(V0).remove()

    assert first.deploy().returncode == 0

    assert engine.image(first.client, str(first.manifest(V0).image)) is not None


def test_a_release_runs_without_root_and_cannot_write(first: Hosted) -> None:
    one = first.part(V0)

    def inside(*argv: str) -> tuple[int, str]:
        code, output = one.exec_run(list(argv))
        return code, output.decode()

    assert inside("id", "-u") == (0, "65532\n")
    _, status = inside("cat", "/proc/1/status")
    assert "CapEff:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status
    for place in ("/anywhere", "/trainshed/run/model", "/opt/model/bin/python"):
        code, said = inside("touch", place)
        assert code != 0, said
    assert "Read-only file system" in said


def test_only_the_door_is_open_and_only_where_it_should_be(first: Hosted) -> None:
    addresses = {
        kind: sorted(
            (inside, bound["HostIp"])
            for inside, those in first.part(kind).ports.items()
            for bound in those or []
        )
        for kind in ("door", "edge", V0)
    }

    assert addresses == {
        "door": [(f"{first.port}/tcp", "127.0.0.1")],
        "edge": [("2019/tcp", "127.0.0.1")],
        V0: [("8000/tcp", "127.0.0.1")],
    }
    assert first.part("door").ports[f"{first.port}/tcp"][0]["HostPort"] == str(first.port)


def test_the_inference_log_has_a_folder_per_release_and_survives_a_rollback(
    first: Hosted,
) -> None:
    assert first.answering() == V0
    first.release()
    assert first.deploy("run", "--forward").returncode == 0
    assert first.answering() == V1
    before = {tag: first_entry(first.part(V1), tag) for tag in (V0, V1)}
    first.repo.delete_tag(V1)
    assert first.deploy().returncode == 0

    assert first.answering() == V0

    assert {tag: entry["release"] for tag, entry in before.items()} == {V0: V0, V1: V1}
    assert {tag: first_entry(first.part(V0), tag) for tag in (V0, V1)} == before
    (mount,) = first.part(V0).attrs["Mounts"]
    assert (mount["Name"], mount["Destination"]) == (LOG, "/trainshed/log")


def first_entry(one: Any, tag: str) -> dict[str, Any]:
    content = file_in(one, f"/trainshed/log/{tag}/predictions.jsonl")
    assert content is not None
    entry: dict[str, Any] = json.loads(content.splitlines()[0])
    return entry


def test_status_history_and_verify_tell_where_things_stand(first: Hosted) -> None:
    first.release()
    assert first.deploy("run", "--forward").returncode == 0
    done = first.deploy("revert", V1, "--reason", "complaints", GITHUB_ACTOR="octocat")
    assert done.returncode == 0

    status, history, verify = (first.deploy(verb) for verb in ("status", "history", "verify"))

    manifest = first.manifest(V0)
    (line,) = status.stdout.splitlines()[1:]
    assert line.split()[:3] == [first.environment, MODEL, V0]
    data = f"{manifest.dataset.path} {manifest.dataset.digest[:12]}"
    assert line.endswith(f"answers  {data}  f1=0.9000")
    told = [line.split()[1:5] for line in history.stdout.splitlines()[1:]]
    place = f"{first.environment}/{MODEL}"
    assert told == [
        [place, V0, "live", "Test"],
        [place, V1, "live", "Test"],
        ["ledger", V1, "reverted", "octocat"],
        [place, V0, "live", "octocat"],
    ]
    assert history.stdout.splitlines()[3].endswith("octocat  complaints".replace("  ", " " * 25))
    assert (verify.returncode, verify.stdout.splitlines()[1:]) == (
        0,
        [f"{V0}  ok        {manifest.image}"],
    )


def test_a_new_port_takes_the_place_of_the_one_before(first: Hosted) -> None:
    edge, release = first.part("edge").id, first.part(V0).id
    moved = first.at(free_port())
    assert "does not answer: starts it again" not in moved.deploy("status").stdout

    finished = moved.deploy()

    assert finished.returncode == 0, finished.stderr
    moved.assert_live(V0)
    assert (first.answering(), moved.answering()) == (None, V0)
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


@pytest.mark.parametrize(
    ("kind", "is_known"),
    [
        pytest.param("edge", True, id="edge"),
        pytest.param("door", True, id="door"),
        pytest.param(V0, True, id="release"),
    ],
)
def test_what_is_dead_is_known_and_said_to_be_unhealthy(
    first: Hosted, kind: str, is_known: bool
) -> None:
    assert first.target.current() == Current(tag=tags.require(V0))

    first.part(kind).kill()

    assert first.target.current() == Current(tag=tags.require(V0), is_healthy=False)
    assert "DOES NOT ANSWER" in first.deploy("status").stdout
