"""Target `docker` on a host: engine, registry, Caddy, git, and a real SSH server between them."""

import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import containers
import pytest
import yaml
from docker_project import MODEL, Hosted, staged, tag_of
from locked_registry import PASSWORD, USER
from sshd import Sshd, forget_connections, make_key, processes_with, require_program

from trainshed import engine, targets, verification
from trainshed.engine import EngineIsNotReachable
from trainshed.store import Store
from trainshed.targets.docker import DockerTarget

pytest_plugins = ["containers", "docker_project", "locked_registry", "sshd"]
pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("host")]

DRIVER = Path(__file__).with_name("killed_deployer.py")
V0, V1 = tag_of(1), tag_of(2)


@pytest.fixture
def hosted(sshd: Sshd, tmp_path: Path) -> Iterator[Hosted]:
    """v1.0.0 is live, v1.1.0 is released; the environment is on a host that SSH leads to."""
    with staged(tmp_path) as here:
        yield put_on(here, sshd)
        forget_connections()


def put_on(hosted: Hosted, sshd: Sshd, **changes: Any) -> Hosted:
    """Commit where the environment's host is; `changes` replace what its section says."""
    path = hosted.repo.folder / "trainshed.yml"
    content = yaml.safe_load(path.read_text())
    about = {"host": sshd.url, "host_key": sshd.host_key, **changes}
    content["environments"][hosted.environment] |= about
    hosted.repo.commit_and_push({"trainshed.yml": yaml.safe_dump(content, sort_keys=False)}, "Host")
    return hosted


def test_the_first_release_starts_the_environment_over_there(sshd: Sshd, tmp_path: Path) -> None:
    with staged(tmp_path, releases=1, live=0) as here:
        hosted = put_on(here, sshd)

        finished = hosted.deploy("run", "--forward")

        assert finished.returncode == 0, finished.stderr
        hosted.assert_live(V0)
        assert sshd.connections == 1


def test_a_deployment_and_a_rollback_are_one_connection_each(hosted: Hosted, sshd: Sshd) -> None:
    with hosted.asked() as answers:
        forward = hosted.deploy("run", "--forward")
        assert (forward.returncode, sshd.connections) == (0, 1), forward.stderr
        hosted.repo.delete_tag(V1)
        back = hosted.deploy()

    assert (back.returncode, sshd.connections) == (0, 2), back.stderr
    assert answers.releases == [V0, V1, V0]
    hosted.assert_live(V0)
    assert hosted.told() == [(V0, "live", None), (V1, "live", V0), (V0, "live", V1)]
    assert hosted.containers() == {V0: "running", V1: "exited"}
    assert processes_with(str(sshd.port)) == []


def test_the_engine_and_all_http_go_through_the_connection(hosted: Hosted, sshd: Sshd) -> None:
    finished = hosted.deploy("run", "--forward")

    assert finished.returncode == 0, finished.stderr
    ports = {hosted.part("edge").ports["2019/tcp"][0]["HostPort"]}
    ports |= {hosted.part(V1).ports["8000/tcp"][0]["HostPort"]}
    for port in ports:
        assert f"target 127.0.0.1 port {port}" in sshd.log
    assert "/var/run/docker.sock" in sshd.log


def test_status_and_verify_ask_over_there(hosted: Hosted, sshd: Sshd) -> None:
    status = hosted.deploy("status")
    chosen = [hosted.repo.project.config().environments[hosted.environment]]
    manifests = [hosted.manifest(tag) for tag in (V0, V1)]
    checked = verification.verify(
        manifests, Store(hosted.repo.project), connect=lambda: targets.engine_of(chosen),
        tell=lambda _: None,
    )  # fmt: skip

    (line,) = status.stdout.splitlines()[1:]
    assert line.split()[:3] == [hosted.environment, MODEL, V0]
    assert "answers" in line
    assert [(one.tag, one.problem) for one in checked] == [(V0, None), (V1, None)]
    assert sshd.connections == 2


def test_a_host_of_another_key_is_not_deployed_to(
    hosted: Hosted, sshd: Sshd, tmp_path: Path
) -> None:
    put_on(hosted, sshd, host_key=make_key(tmp_path / "other"))
    before = hosted.everything()

    finished = hosted.deploy("run", "--forward")

    assert finished.returncode == 4
    assert "error[host-key-differs]" in finished.stderr
    assert "userauth-request" not in sshd.log
    assert (hosted.everything(), hosted.answering()) == (before, V0)


def test_a_user_who_may_not_use_the_engine_is_told_so(sshd: Sshd) -> None:
    if os.getuid() != 0:
        pytest.skip("only an SSH server that runs as root lets another user in")

    with pytest.raises(EngineIsNotReachable, match=r"docker\.sock does not answer") as caught:
        engine.connect_to(sshd.host(user="nobody"))

    assert "usermod -aG docker nobody" in caught.value.fix


def test_a_user_who_may_do_nothing_but_forward_is_enough(sshd: Sshd) -> None:
    public = sshd.folder / "user_key.pub"
    public.write_text(f'restrict,port-forwarding,command="/bin/false" {public.read_text()}')

    client = engine.connect_to(sshd.host())

    assert client.ping()
    assert client.connection is not None
    assert client.connection.trouble("testing") is None


@pytest.mark.parametrize(
    "option", ["AllowTcpForwarding no", "AllowStreamLocalForwarding no", "PermitOpen none"]
)
def test_a_server_that_forbids_forwarding_is_told_with_what_to_allow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    require_program()
    server = Sshd(tmp_path, option)
    monkeypatch.setenv("TRAINSHED_SSH_KEY", server.key)
    try:
        with pytest.raises(EngineIsNotReachable) as caught:
            engine.connect_to(server.host())
    finally:
        server.stop()

    assert option.split(maxsplit=1)[0] in caught.value.fix
    assert processes_with(str(server.port)) == []


def test_a_host_that_goes_away_before_the_switch_keeps_what_is_live(
    hosted: Hosted, sshd: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    switch = DockerTarget.switch

    def goes_away(target: DockerTarget, manifest: Any) -> None:
        sshd.stop()
        switch(target, manifest)

    with hosted.asked() as answers:
        monkeypatch.setattr(DockerTarget, "switch", goes_away)
        lost = hosted.here("run", "--forward")
        monkeypatch.undo()
        monkeypatch.setenv("TRAINSHED_SSH_KEY", sshd.key)
        assert hosted.answering() == V0

        forget_connections()
        sshd.start()
        again = hosted.here("run", "--forward")

    assert lost.returncode == 4
    assert "error[host-went-away]" in lost.stderr
    assert f"The connection to {sshd.user}@127.0.0.1:{sshd.port} was lost" in lost.stderr
    assert again.returncode == 0, again.stderr
    assert answers.releases == [V0, V1]
    hosted.assert_live(V1)
    assert hosted.told() == [(V0, "live", None), (V1, "failed", V0), (V1, "live", V0)]


@pytest.mark.parametrize("at", ["await_ready", "check_golden_rows"])
def test_a_host_that_goes_away_while_a_release_is_checked_is_not_the_releases_fault(
    hosted: Hosted, sshd: Sshd, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    checks = getattr(targets.fitness, at)

    def goes_away(*positional: Any, **named: Any) -> Any:
        sshd.stop()
        return checks(*positional, **named)

    monkeypatch.setattr(targets.fitness, at, goes_away)

    lost = hosted.here("run", "--forward")

    assert (lost.returncode, hosted.answering()) == (4, V0)
    assert "error[host-went-away]" in lost.stderr


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_killed_deployer_leaves_no_connection_and_the_next_run_converges(
    hosted: Hosted, sshd: Sshd, when: str
) -> None:
    what = "trainshed.targets.docker:DockerTarget.switch"
    with hosted.asked() as answers:
        killed = subprocess.run(
            [sys.executable, DRIVER, when, what, "1", "run", "--forward"],
            cwd=hosted.repo.folder, env=os.environ, capture_output=True, check=False,
        )  # fmt: skip
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        containers.eventually(lambda: not sshd.sessions() and not processes_with(str(sshd.port)))
        again = hosted.deploy("run", "--forward")

    assert again.returncode == 0, again.stderr
    assert answers.releases == [V0, V1]
    hosted.assert_live(V1)


def test_of_two_deployers_neither_undoes_what_the_other_did(hosted: Hosted) -> None:
    clones = [hosted, replace(hosted, repo=hosted.repo.clone("beside"))]

    with hosted.asked() as answers:
        started = [one.started("deploy", "run", "--forward") for one in clones]
        said = [one.communicate()[1] for one in started]
        assert {one.returncode for one in started} <= {0, 6}, said
        again = hosted.deploy("run", "--forward")

    assert again.returncode == 0, again.stderr
    assert answers.releases == [V0, V1]
    hosted.assert_live(V1)


@pytest.mark.parametrize("brings", ["variables", "docker-login"])
def test_an_image_behind_a_password_is_pulled_with_our_credentials(
    hosted: Hosted,
    locked_registry: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    brings: str,
) -> None:
    """The engine over there never logged in: each pull brings what it needs."""
    repository = containers.repository_of(MODEL, registry=locked_registry)
    for name, value in (("USER", USER), ("PASSWORD", PASSWORD)):
        monkeypatch.setenv(f"TRAINSHED_REGISTRY_{name}", value)
    hosted.push_elsewhere(V1, repository)
    released = hosted.released_again(V1, 3, repository=repository)
    for name in ("USER", "PASSWORD"):
        monkeypatch.delenv(f"TRAINSHED_REGISTRY_{name}")

    refused = hosted.deploy("run", "--forward")
    assert refused.returncode == 4
    assert "error[registry-failed]" in refused.stderr
    assert hosted.answering() == V0

    if brings == "variables":
        variables = {"TRAINSHED_REGISTRY_USER": USER, "TRAINSHED_REGISTRY_PASSWORD": PASSWORD}
    else:
        token = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        left = {"auths": {locked_registry: {"auth": token}}}
        (tmp_path / "config.json").write_text(json.dumps(left))
        variables = {"DOCKER_CONFIG": str(tmp_path)}
    finished = hosted.deploy("run", "--forward", **variables)

    assert finished.returncode == 0, finished.stderr
    assert hosted.part(str(released.tag)).status == "running"
    hosted.assert_live(str(released.tag))
