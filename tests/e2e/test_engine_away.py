"""The engine goes away in the middle of a deployment: what was live goes on, and a fix is told."""

import subprocess
from pathlib import Path

import pytest
from cut_engine import cut
from docker_project import staged, tag_of

pytest_plugins = ["containers", "docker_project"]
pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("host")]

V0, V1 = tag_of(1), tag_of(2)
STEP = 6
"""Every so many requests are tried: all of them would take minutes."""


def test_wherever_the_engine_goes_away_the_live_release_answers_and_the_next_run_converges(
    tmp_path: Path,
) -> None:
    """Back and forth between two releases, the engine lost a little later each time."""
    with staged(tmp_path, live=2) as hosted:
        after, is_through = 0, False
        while not is_through:
            after += STEP
            goal, verb = goal_of(after)
            with hosted.asked() as answers:
                with cut(tmp_path, after=after) as between:
                    lost = hosted.here(*verb)
                    is_through = not between.is_cut
                assert_it_is_told(lost, is_cut=between.is_cut)
                again = hosted.here("run")

            assert again.returncode == 0, again.stderr
            assert answers.releases[-1] == goal
            assert len(answers.releases) <= 2, answers.releases
            hosted.assert_live(goal)
            assert hosted.told()[-1][:2] == (goal, "live")
        assert after > 4 * STEP


def goal_of(after: int) -> tuple[str, list[str]]:
    if after // STEP % 2:
        return V0, ["revert", V1, "--reason", "test"]
    return V1, ["revert", "--unrevert", V1, "--reason", "test"]


def assert_it_is_told(lost: "subprocess.CompletedProcess[str]", *, is_cut: bool) -> None:
    if not is_cut:
        assert lost.returncode == 0, lost.stderr
        return
    assert lost.returncode == 4, lost.stderr
    assert "error[engine-is-not-there]" in lost.stderr
    assert "Start " in lost.stderr
    assert "Traceback" not in lost.stderr
