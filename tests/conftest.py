"""Fixtures that keep every test away from the developer's own GitHub, git and home; goldens."""

import functools
import os
import signal
from collections import defaultdict
from collections.abc import Generator
from pathlib import Path

import goldens
import hypothesis
import pytest

ROOT = Path(__file__).parents[1]

# Test modules import these before pytest takes their fixtures from them.
pytest.register_assert_rewrite("containers", "docker_project", "locked_registry", "sshd")

# Who starts the tests in the background has them ignore Ctrl-C, and so would all that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# No test may fail because a machine is slow or busy.
hypothesis.settings.register_profile(
    "trainshed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("trainshed")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--refresh-golden",
        action="store_true",
        help="write what the tests got into tests/golden/; then read the difference",
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where CI is set, a part that is missing fails the test that needs it: CI has every part."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("CI") == "true":
        report.outcome = "failed"
        report.longrepr = f"CI refuses to skip: {report.longrepr}"
    return report


@pytest.fixture(autouse=True)
def isolate_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("GITHUB_", "RUNNER_", "ACTIONS_", "GIT_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Test Person")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "test@example.org")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> goldens.Golden:
    return functools.partial(
        goldens.check, is_refreshed=request.config.getoption("--refresh-golden")
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what tests recorded (`record_property`): a table for each header."""
    tables: dict[str, list[str]] = defaultdict(list)
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for header, line in report.user_properties:
            tables[header].append(str(line))
    for header, lines in tables.items():
        terminalreporter.section("measured")
        for line in (header, *sorted(lines)):
            terminalreporter.write_line(line)
