from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from served_project import free_port

from trainshed import http_client, ports, processes, state_files
from trainshed.ports import PortIsInUse
from trainshed.targets import EdgeCannotStart
from trainshed.targets.process_edge import Edge


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[Edge]:
    made = Edge(folder=tmp_path, port=free_port())
    yield made
    made.stop()


def test_an_edge_answers_as_soon_as_it_is_ensured(edge: Edge) -> None:
    assert not edge.is_alive

    edge.ensure()

    assert http_client.get(edge.port, "/readyz").status == 503  # it has no server to ask yet
    assert edge.is_alive


def test_an_edge_that_runs_is_left_alone(edge: Edge) -> None:
    edge.ensure()
    (before,) = running(edge)

    edge.require_port()
    edge.ensure()

    assert running(edge) == [before]


def test_an_edge_that_was_never_recorded_is_found_again(edge: Edge) -> None:
    edge.ensure()
    (before,) = running(edge)
    (edge.folder / "edge.json").unlink()

    assert edge.is_alive
    edge.ensure()

    assert running(edge) == [before]
    assert state_files.read(edge.folder / "edge.json") == {
        "pid": before.pid,
        "started": before.started,
        "port": edge.port,
    }


def test_an_edge_moves_to_another_port(edge: Edge) -> None:
    edge.ensure()
    moved = replace(edge, port=free_port())
    assert not moved.is_alive

    moved.ensure()

    assert http_client.get(moved.port, "/readyz").status == 503
    assert http_client.get(edge.port, "/readyz").status == 0
    assert len(running(edge)) == 1


def test_a_port_that_another_program_holds_is_found_out_before(edge: Edge) -> None:
    with ports.bind("127.0.0.1", edge.port), pytest.raises(PortIsInUse):
        edge.require_port()


def test_an_edge_that_cannot_start_says_why(edge: Edge) -> None:
    with ports.bind("127.0.0.1", edge.port), pytest.raises(EdgeCannotStart, match="is in use"):
        edge.ensure()

    assert running(edge) == []


def test_a_stopped_edge_is_gone_and_its_port_free(edge: Edge) -> None:
    edge.ensure()

    edge.stop()

    assert (edge.is_alive, running(edge)) == (False, [])
    edge.require_port()


def running(edge: Edge) -> list[processes.Process]:
    return processes.find("trainshed.edge", str(edge.upstream))
