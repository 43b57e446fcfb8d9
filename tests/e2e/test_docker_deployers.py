"""Several deployers of one container host: of two clones no lock on a file tells the other one."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import containers
import pytest
from docker_project import Hosted, staged, tag_of

from trainshed.origin import Origin
from trainshed.targets.docker import DockerTarget
from trainshed.targets.docker_release import Containers

pytest_plugins = ["containers", "docker_project"]
pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("host")]

V0, V1, V2 = map(tag_of, range(1, 4))


@pytest.fixture
def first(tmp_path: Path) -> Iterator[Hosted]:
    """v1.0.0 is live, v1.1.0 is released."""
    with staged(tmp_path) as hosted:
        yield hosted


@pytest.fixture
def meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[type, str, Callable[[], object]], None]:
    """Do something once, just before a method is called for the first time."""

    def arrange(owner: type, name: str, act: Callable[[], object]) -> None:
        original = getattr(owner, name)

        def interrupted(*arguments: Any, **named: Any) -> Any:
            monkeypatch.setattr(owner, name, original)
            act()
            return original(*arguments, **named)

        monkeypatch.setattr(owner, name, interrupted)

    return arrange


def assert_it_lost(finished: Any) -> None:
    assert finished.returncode == 6, finished.stderr
    assert "Run the same command again to converge." in finished.stderr


def test_one_that_is_overtaken_by_the_same_move_says_so_and_all_is_well(
    first: Hosted, meanwhile: Any
) -> None:
    other = first.beside("other")
    meanwhile(DockerTarget, "switch", lambda: assert_it_moved(other.deploy("run", "--forward")))

    with first.asked() as answers:
        assert_it_lost(first.here("run", "--forward"))
        again = first.here("run", "--forward")

    assert (again.returncode, "runs what it should" in again.stderr) == (0, True)
    assert answers.releases == [V0, V1]
    first.assert_live(V1)
    assert [one for one in first.told() if one[1] == "live"] == [
        (V0, "live", None),
        (V1, "live", V0),
    ]


def test_one_whose_candidate_another_cleared_away_does_not_switch_to_it(
    first: Hosted, meanwhile: Any
) -> None:
    other = first.beside("other")
    meanwhile(DockerTarget, "switch", lambda: assert_it_moved(other.deploy("run")))

    with first.asked() as answers:
        assert_it_lost(first.here("run", "--forward"))
        assert first.answering() == V0
        again = first.here("run", "--forward")

    assert again.returncode == 0, again.stderr
    assert answers.releases == [V0, V1]
    first.assert_live(V1)


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        pytest.param(Origin, "read", id="it-reads-the-origin"),
        pytest.param(DockerTarget, "prepare", id="it-prepares"),
        pytest.param(DockerTarget, "switch", id="it-switches"),
    ],
)
def test_an_older_release_never_goes_live_after_a_newer_one(
    first: Hosted, meanwhile: Any, owner: type, name: str
) -> None:
    other = first.beside("other")

    def release_and_deploy() -> None:
        other.released_again(V1, 3)
        assert_it_moved(other.deploy("run", "--forward"))
        assert first.target.current().tag == other.manifest(V2).tag

    meanwhile(owner, name, release_and_deploy)

    assert_it_lost(first.here("run", "--forward"))

    first.assert_live(V2)
    assert first.here("run", "--forward").returncode == 0
    first.assert_live(V2)


def test_one_that_finds_the_other_making_the_same_container_leaves_it_to_that_one(
    first: Hosted, meanwhile: Any
) -> None:
    other = first.beside("other")
    meanwhile(Containers, "create", lambda: assert_it_moved(other.deploy("run", "--forward")))

    with first.asked() as answers:
        assert_it_lost(first.here("run", "--forward"))

    assert answers.releases == [V0, V1]
    first.assert_live(V1)


def test_one_whose_candidate_another_made_anew_while_it_was_checked_leaves_it_alone(
    first: Hosted, meanwhile: Any
) -> None:
    other = first.beside("other")
    meanwhile(Containers, "check", lambda: assert_it_moved(other.deploy("run", "--forward")))

    with first.asked() as answers:
        assert_it_lost(first.here("run", "--forward"))

    assert answers.releases == [V0, V1]
    first.assert_live(V1)


def test_of_two_clones_that_deploy_at_once_each_wins_or_says_that_it_lost(
    first: Hosted,
) -> None:
    clones = [first, first.beside("other")]

    with first.asked() as answers:
        for arguments in (["run", "--forward"], ["revert", V1], ["revert", "--unrevert", V1]):
            running = [one.started("deploy", *arguments) for one in clones]
            said = [one.communicate()[1] for one in running]
            codes = {one.returncode for one in running}
            assert codes <= {0, 6}, said
            containers.eventually(lambda: first.here("run", "--forward").returncode == 0)

    assert answers.releases == [V0, V1, V0, V1]
    first.assert_live(V1)


def assert_it_moved(finished: Any) -> None:
    assert finished.returncode == 0, finished.stderr
