"""Target `docker` when something fails: the live release answers, and the next run converges."""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import containers
import pytest
from docker_project import MODEL, Hosted, staged, tag_of
from faulty_registry import FaultyRegistry
from served_project import PREDICTOR

from trainshed import image, ports, registry
from trainshed.targets import docker_release
from trainshed.targets.docker import DockerTarget

pytest_plugins = ["containers", "docker_project"]
pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("host")]

V0, V1, V2, V3 = map(tag_of, range(1, 5))

# All well while it is packaged. Released as v1.1.0 it ends, as v1.2.0 it lies, as v1.3.0 it hangs.
SICK = f"""\
import json
import os
import time

released = json.loads(os.environ.get("TRAINSHED_MANIFEST", "{{}}")).get("version")
{PREDICTOR.replace("def load", "def _load").replace("def predict", "def _predict")}

def load(path):
    if released == "1.1.0":
        raise RuntimeError("no such column")
    if released == "1.3.0":
        time.sleep(3600)
    _load(path)


def predict(rows):
    return [value + (released == "1.2.0") for value in _predict(rows)]
"""


@pytest.fixture
def first(tmp_path: Path) -> Iterator[Hosted]:
    """v1.0.0 is live, v1.1.0 is released."""
    with staged(tmp_path) as hosted:
        yield hosted


def assert_it_failed(hosted: Hosted, release: str, *, code: int, says: str, fix: str) -> None:
    """Move forward to a release, which must fail and leave v1.0.0 as it is; converge."""
    before = hosted.part(V0).id

    with hosted.asked() as answers:
        finished = hosted.here("run", "--forward")
        again = hosted.here("run")

    assert finished.returncode == code, finished.stderr
    assert says in finished.stderr
    assert fix in finished.stderr
    assert again.returncode == 0, again.stderr
    assert answers.releases == [V0]
    hosted.assert_live(V0)
    assert hosted.part(V0).id == before
    assert hosted.containers() == {V0: "running"}
    assert hosted.told() == [(V0, "live", None), (release, "failed", V0)]


@pytest.mark.parametrize(
    ("number", "says"),
    [
        pytest.param(2, "was started, but ended by itself. It said:", id="ends"),
        pytest.param(3, "answers 2 of its 2 examples otherwise than when it was", id="lies"),
        pytest.param(4, "was started, but is not ready after 2 s.", id="hangs"),
    ],
)
def test_a_candidate_that_is_not_fit_never_goes_live(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, says: str
) -> None:
    if number == 4:
        monkeypatch.setattr(docker_release, "_READY_SECONDS", 2.0)
    with staged(tmp_path, predictor=SICK) as hosted:
        for following in range(3, number + 1):
            hosted.released_again(V1, following)

        assert_it_failed(
            hosted, tag_of(number), code=3, says=f"{tag_of(number)} {says}",
            fix="The live release was not touched.",
        )  # fmt: skip


def test_a_registry_that_is_gone_matters_only_where_the_image_is_not_on_the_host(
    first: Hosted, faulty_registry: FaultyRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "_WAITS", (0.0,))
    elsewhere = containers.repository_of(MODEL, registry=faulty_registry.address)
    reference = first.released_again(V1, 3, repository=elsewhere).image

    with faulty_registry.gone():
        assert_it_failed(
            first, V2, code=4, says=f"{reference}: Get \"http://{faulty_registry.address}",
            fix="run the same command again",
        )  # fmt: skip

    assert first.here("run", "--forward").returncode == 0
    first.assert_live(V2)
    first.repo.delete_tag(V2)
    with faulty_registry.gone():
        assert first.here("run").returncode == 0
    first.assert_live(V0)


def test_an_image_that_is_gone_from_the_registry_is_told(first: Hosted) -> None:
    elsewhere = containers.repository_of(f"{secrets.token_hex(4)}/{MODEL}")
    first.push_elsewhere(V1, elsewhere)
    reference = first.released_again(V1, 3, repository=elsewhere).image
    first.unpublish_image(V2)

    assert_it_failed(
        first, V2, code=5, says=f"The registry has no image {reference}.", fix="Restore it there"
    )

    first.push_elsewhere(V1, elsewhere)
    assert first.here("run", "--forward").returncode == 0
    first.assert_live(V2)


def test_a_rollback_to_an_image_that_is_gone_keeps_what_is_live(first: Hosted) -> None:
    elsewhere = containers.repository_of(f"{secrets.token_hex(4)}/{MODEL}")
    first.push_elsewhere(V1, elsewhere)
    first.repo.deployed(first.released_again(V1, 3, repository=elsewhere), first.environment)
    first.unpublish_image(V2)
    first.put_live(first.release())
    first.repo.deployed(first.manifest(V3), first.environment)
    first.repo.delete_tag(V3)

    with first.asked() as answers:
        failed = first.here("run")
        assert (failed.returncode, "has no image" in failed.stderr) == (5, True)
        first.repo.delete_tag(V2)
        mended = first.here("run")

    assert mended.returncode == 0, mended.stderr
    assert answers.releases == [V3, V0]
    first.assert_live(V0)
    assert first.told()[-2:] == [(V2, "failed", V3), (V0, "live", V3)]


@pytest.mark.parametrize(
    ("changes", "says", "fix"),
    [
        pytest.param(
            {"image": None}, "was released without an image", "Give", id="it-was-made-without"
        ),
        pytest.param(
            {"run_id": "0" * 64, "artifact": "1" * 64}, "is labelled with another run, artifact",
            "Do not run it.", id="it-is-that-of-another-release",
        ),
    ],
)  # fmt: skip
def test_an_image_that_is_not_the_releases_is_never_started(
    first: Hosted, changes: dict[str, str | None], says: str, fix: str
) -> None:
    first.released_again(V1, 3, **changes)

    assert_it_failed(first, V2, code=5, says=says, fix=fix)


def test_a_port_in_use_stops_a_first_deployment(tmp_path: Path) -> None:
    with staged(tmp_path, releases=1, live=0) as hosted:
        with ports.bind("127.0.0.1", hosted.port):
            failed = hosted.deploy("run", "--forward")

        assert failed.returncode == 4
        assert f"Port {hosted.port} on 127.0.0.1 is in use by another program." in failed.stderr
        assert f"ss -ltnp 'sport = :{hosted.port}'" in failed.stderr
        assert hosted.containers() == {}
        assert hosted.told() == [(V0, "failed", None)]
        assert hosted.deploy("run", "--forward").returncode == 0
        hosted.assert_live(V0)


def test_a_port_that_was_taken_while_the_door_was_dead_is_told(first: Hosted) -> None:
    first.part("door").kill()

    with ports.bind("127.0.0.1", first.port):
        failed = first.here("run")

    assert failed.returncode == 4
    assert f"Port {first.port} on 127.0.0.1 is in use by another program." in failed.stderr
    assert first.told()[-1] == (V0, "failed", V0)
    assert first.here("run").returncode == 0
    first.assert_live(V0)


@pytest.fixture(scope="module")
def standing(host: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosted]:
    """v1.0.0 is live. Whatever a test breaks here, the next deployment mends."""
    with staged(tmp_path_factory.mktemp("standing"), releases=1) as hosted:
        yield hosted


def _hangs(hosted: Hosted) -> None:
    hosted.part(V0).kill("SIGSTOP")


def _is_damaged(hosted: Hosted) -> None:
    edge = hosted.part("edge")
    edge.put_archive("/", image.tar({"config/caddy/autosave.json": b'{"apps": {"ht'}))
    edge.kill()


def _loses_everything(hosted: Hosted) -> None:
    hosted.stop()


def killed(*kinds: str) -> Callable[[Hosted], None]:
    return lambda hosted: [hosted.part(kind).kill() for kind in kinds] and None


def removed(*kinds: str) -> Callable[[Hosted], None]:
    return lambda hosted: [hosted.part(kind).remove(force=True, v=True) for kind in kinds] and None


@pytest.mark.parametrize(
    "breaks",
    [
        pytest.param(killed("edge"), id="the-edge-is-killed"),
        pytest.param(killed("door"), id="the-door-is-killed"),
        pytest.param(killed(V0), id="the-release-is-killed"),
        pytest.param(killed("edge", "door", V0), id="all-are-killed"),
        pytest.param(removed("edge"), id="the-edge-is-removed"),
        pytest.param(removed("door"), id="the-door-is-removed"),
        pytest.param(removed(V0), id="the-release-is-removed"),
        pytest.param(removed("edge", "door", V0), id="all-are-removed"),
        pytest.param(_loses_everything, id="volumes-and-network-too"),
        pytest.param(_is_damaged, id="what-the-edge-saved-is-damaged"),
        pytest.param(_hangs, id="the-release-hangs"),
    ],
)
def test_what_was_broken_is_mended_by_the_next_deployment(
    standing: Hosted, breaks: Callable[[Hosted], None]
) -> None:
    records = len(standing.told())
    breaks(standing)

    finished = standing.here("run")

    assert finished.returncode == 0, finished.stderr
    assert f"{V0} (does not answer: starts it again)" in finished.stderr
    standing.assert_live(V0)
    assert [one[:2] for one in standing.told()[records:]] == [(V0, "live")]


def test_a_tag_that_vanishes_while_it_is_deployed_is_rolled_back_by_the_next_run(
    first: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    def vanishing(target: DockerTarget, *arguments: object) -> None:
        first.repo.delete_tag(V1)
        switch(target, *arguments)

    switch = DockerTarget.switch
    monkeypatch.setattr(DockerTarget, "switch", vanishing)
    with first.asked() as answers:
        assert first.here("run", "--forward").returncode == 0
        assert first.answering() == V1
        monkeypatch.undo()
        assert first.deploy("run").returncode == 0

    assert answers.releases == [V0, V1, V0]
    first.assert_live(V0)
    assert first.told() == [(V0, "live", None), (V1, "live", V0), (V0, "live", V1)]
    ((tombstone,),) = first.repo.world().ledger.tombstones.values()
    assert tombstone.tag == V1
