"""Caddy's configurations, and its admin API as a real Caddy answers it."""

import json
import secrets
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import pytest

from trainshed import engine, http_client
from trainshed.engine import Client
from trainshed.errors import ConflictError, OutsideError
from trainshed.settings import settings
from trainshed.targets import caddy, docker_caddy
from trainshed.targets.caddy import Admin, AnotherDeployerSwitched, EdgeRefused, State

pytest_plugins = ["containers"]

TOKEN = "trainshed-0a1b2c"
# Answers with its name: to /slow when somebody asked for /go, to /arrived once /slow is asked.
UPSTREAM = """\
import http.server, sys, threading

go, arrived = threading.Event(), threading.Event()

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/slow":
            arrived.set()
            go.wait()
        elif self.path == "/arrived":
            arrived.wait()
        elif self.path == "/go":
            go.set()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(sys.argv[1].encode())

    def log_message(self, *_):
        pass

http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()
"""


def test_a_door_without_a_domain_listens_on_the_port() -> None:
    server = live_server(caddy.door(edge="x-edge", port=8443, domain=None))

    assert server["listen"] == [":8443"]
    assert "match" not in server["routes"][0]


def test_a_door_with_a_domain_listens_on_443_and_answers_that_host() -> None:
    server = live_server(caddy.door(edge="x-edge", port=8080, domain="model.example.org"))

    assert server["listen"] == [":443"]
    assert server["routes"][0]["match"] == [{"host": ["model.example.org"]}]


def test_a_door_leads_to_the_edge_and_takes_no_orders() -> None:
    config = caddy.door(edge="x-edge", port=8080, domain=None)

    assert caddy.upstream_in(config) == f"x-edge:{caddy.EDGE_PORT}"
    assert config["admin"] == {"disabled": True}


@pytest.mark.parametrize("upstream", ["churn-v1.0.0:8000", '"quoted":1', ""])
def test_the_upstream_of_a_configuration_is_found_in_it(upstream: str) -> None:
    config = caddy.edge(token=TOKEN, upstream=upstream, turn="a")

    assert caddy.upstream_in(json.loads(json.dumps(config))) == upstream


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(None, id="untold"),
        pytest.param({}, id="empty"),
        pytest.param({"apps": {"http": {"servers": {"other": {}}}}}, id="another-server"),
        pytest.param({"apps": {"http": {"servers": {"live": {"routes": []}}}}}, id="no-route"),
        pytest.param(
            {"apps": {"http": {"servers": {"live": {"routes": [{"handle": [{}]}]}}}}},
            id="no-upstreams",
        ),
        pytest.param({"apps": []}, id="odd"),
    ],
)
def test_a_configuration_without_a_live_release_has_no_upstream(config: Any) -> None:
    assert caddy.upstream_in(config) is None
    assert State(config=config, etag="").upstream is None


def test_nobody_listening_is_told_as_the_edge_that_failed() -> None:
    with pytest.raises(EdgeRefused, match="GET /config/: ConnectionRefusedError") as caught:
        Admin(at=1, token=TOKEN).state()

    assert isinstance(caught.value, OutsideError)
    assert "What is live was not changed." in caught.value.fix


@dataclass(frozen=True)
class Stage:
    """An edge that runs as target `docker` runs it, with two releases behind it."""

    admin: Admin
    port: int

    def change(self, upstream: str, *, before: State | None = None) -> None:
        turn = secrets.token_hex(4)
        config = caddy.edge(token=TOKEN, upstream=upstream, turn=turn)
        self.admin.change(config, before=before or self.admin.state())

    def answer(self, path: str = "/") -> str:
        answer = http_client.get(self.port, path, timeout=30.0)
        return str(answer.body) if answer.is_ok else f"HTTP {answer.status}"


@pytest.fixture(scope="module")
def network(engine_client: Client) -> Iterator[str]:
    """A network on which two releases, a and b, answer with their names."""
    base = settings().base_image
    assert base is not None
    made = engine_client.networks.create(f"test-caddy-{secrets.token_hex(4)}", driver="bridge")
    started: list[Any] = []
    try:
        for name in ("a", "b"):
            argv = ["python3", "-c", UPSTREAM, name]
            one = engine_client.containers.run(
                base, argv, name=f"{made.name}-{name}", network=made.name, detach=True,
                ports={"8000/tcp": ("127.0.0.1", None)},
            )  # fmt: skip
            started.append(one)
        for one in started:
            until_it_listens(one)
        yield str(made.name)
    finally:
        for one in started:
            one.remove(force=True, v=True)
        made.remove()


@pytest.fixture
def stage(network: str) -> Iterator[Stage]:
    """An edge that was told nothing yet."""
    one = docker_caddy.create(
        engine.connect(),
        f"{network}-{secrets.token_hex(4)}",
        ["caddy", "run", "--resume"],
        network=network,
        ports={f"{port}/tcp": ("127.0.0.1", None) for port in (caddy.ADMIN_PORT, caddy.EDGE_PORT)},
        environment={"CADDY_ADMIN": f"0.0.0.0:{caddy.ADMIN_PORT}"},
    )
    try:
        docker_caddy.start(one, address="127.0.0.1", port=0)
        admin = Admin(at=engine.published(one, caddy.ADMIN_PORT), token=TOKEN)
        until_it_answers(admin)
        yield Stage(admin, engine.published_port(one, caddy.EDGE_PORT))
    finally:
        one.remove(force=True, v=True)


@pytest.mark.engine
def test_an_edge_says_what_it_was_told(stage: Stage, network: str) -> None:
    assert stage.admin.state().config is None

    stage.change(f"{network}-a:8000")

    assert stage.admin.state().upstream == f"{network}-a:8000"
    assert stage.answer() == "a"


@pytest.mark.engine
@pytest.mark.parametrize("is_first", [True, False], ids=["the-first-change", "a-later-one"])
def test_of_two_changes_based_on_the_same_state_the_second_is_refused(
    stage: Stage, network: str, is_first: bool
) -> None:
    if not is_first:
        stage.change(f"{network}-a:8000")
    before = stage.admin.state()
    stage.change(f"{network}-b:8000", before=before)

    with pytest.raises(AnotherDeployerSwitched) as caught:
        stage.change(f"{network}-a:8000", before=before)

    assert isinstance(caught.value, ConflictError)
    assert stage.admin.state().upstream == f"{network}-b:8000"
    assert stage.answer() == "b"


@pytest.mark.engine
def test_a_change_to_the_same_upstream_voids_what_was_based_on_the_state_before(
    stage: Stage, network: str
) -> None:
    stage.change(f"{network}-a:8000")
    before = stage.admin.state()
    stage.change(f"{network}-a:8000")

    with pytest.raises(AnotherDeployerSwitched):
        stage.change(f"{network}-b:8000", before=before)


@pytest.mark.engine
def test_of_many_changes_at_once_exactly_one_is_made(stage: Stage, network: str) -> None:
    stage.change(f"{network}-a:8000")
    before, barrier = stage.admin.state(), threading.Barrier(8)

    def change(number: int) -> int | None:
        barrier.wait()
        try:
            stage.change(f"{network}-b:{number}", before=before)
        except AnotherDeployerSwitched:
            return None
        return number

    with ThreadPoolExecutor(8) as pool:
        made = [number for number in pool.map(change, range(1, 9)) if number is not None]

    assert [f"{network}-b:{number}" for number in made] == [stage.admin.state().upstream]


@pytest.mark.engine
def test_every_change_is_made_though_each_starts_anew_the_api_that_others_are_asking(
    stage: Stage, network: str
) -> None:
    stage.change(f"{network}-a:8000")
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            assert stage.admin.state().upstream is not None

    with ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(ask) for _ in range(4)]
        try:
            for number in range(1, 101):
                stage.change(f"{network}-b:{number}")
                assert stage.admin.state().upstream == f"{network}-b:{number}"
        finally:
            done.set()
        for one in asking:
            one.result()


@pytest.mark.engine
def test_a_wrong_token_is_refused_once_the_edge_is_configured(stage: Stage, network: str) -> None:
    stage.change(f"{network}-a:8000")
    before = stage.admin.state()
    stranger = replace(stage, admin=replace(stage.admin, token="trainshed-guessed"))

    with pytest.raises(EdgeRefused, match="HTTP 403"):
        stranger.admin.state()
    with pytest.raises(EdgeRefused, match="HTTP 403"):
        stranger.change(f"{network}-b:8000", before=before)

    assert stage.admin.state() == before
    assert stage.answer() == "a"


@pytest.mark.engine
def test_a_configuration_that_caddy_does_not_take_changes_nothing(
    stage: Stage, network: str
) -> None:
    stage.change(f"{network}-a:8000")
    before = stage.admin.state()

    with pytest.raises(EdgeRefused, match="unknown module"):
        stage.admin.change({"apps": {"no-such-app": {}}}, before=before)

    assert stage.admin.state() == before
    assert stage.answer() == "a"


@pytest.mark.engine
def test_a_request_in_flight_is_answered_by_the_release_that_it_was_sent_to(
    stage: Stage, network: str
) -> None:
    stage.change(f"{network}-a:8000")
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(stage.answer, "/slow")
        assert asked(f"{network}-a", "/arrived") == "a"

        stage.change(f"{network}-b:8000")
        assert stage.answer() == "b"
        assert not slow.done()

        assert asked(f"{network}-a", "/go") == "a"
        assert slow.result() == "a"


def asked(container: str, path: str) -> str:
    """Ask a release itself, not over the edge."""
    one = engine.container(engine.connect(), container)
    return str(http_client.get(engine.published_port(one, 8000), path).body)


def until_it_listens(one: Any) -> None:
    one.reload()
    while not http_client.get(engine.published_port(one, 8000), "/").is_ok:
        pass


def until_it_answers(admin: Admin) -> None:
    while True:
        try:
            admin.state()
        except EdgeRefused:
            continue
        return


def live_server(config: Mapping[str, Any]) -> Mapping[str, Any]:
    (server,) = config["apps"]["http"]["servers"].values()
    return dict(server)
