"""A full disk: a real one of 2 MB, which only the script sees; then the same one, made larger."""

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import trainers
from trainers import REPORT, Content, Repository


@dataclass(frozen=True, kw_only=True)
class Full:
    """What fills the disk, and the error that this gives."""

    files: Mapping[str, Content]
    error: str = "error[disk-is-full]: No space is left on the disk (writing "


def trainer(program: str) -> Mapping[str, Content]:
    return {"code/train.sh": f"{program}\n{REPORT}"}


MOMENTS = {
    "while-the-checkout-is-made": Full(
        files={"code/weights": b"w" * 3_000_000}, error="error[command-failed]: `git "
    ),
    "while-the-trainer-logs": Full(files=trainer('echo model >"$2"; seq 1000000 1400000')),
    "while-the-trainer-writes": Full(files=trainer('set -e; head -c 3000000 /dev/zero >"$2"')),
    "while-the-artifact-is-kept": Full(files=trainer('head -c 1200000 /dev/zero >"$2"')),
    "while-a-folder-is-kept": Full(
        files=trainer('mkdir "$2"; for i in 1 2 3; do head -c 400000 /dev/zero >"$2/$i"; done')
    ),
}
PROGRAM = """
    find_leftovers() {{ find .trainshed/checkouts -mindepth 1; find .trainshed/runs -name '.*'; }}
    mount -t tmpfs -o size=2m none .trainshed
    {train} 2>error; echo "exit code $?"; find_leftovers
    mount -o remount,size=64m none .trainshed
    {train} 2>&1 | grep -o 'found=false'; find_leftovers
"""


@pytest.mark.parametrize("full", MOMENTS.values(), ids=MOMENTS)
def test_a_full_disk_is_one_error_and_nothing_half_written_is_left(
    tmp_path: Path, full: Full
) -> None:
    repository = trainers.make(tmp_path / "repository", files=full.files)
    (repository.folder / ".trainshed").mkdir()

    finished = in_a_namespace(repository, PROGRAM.format(train=" ".join(trainers.command("train"))))

    assert finished.stdout == "exit code 4\nfound=false\n"
    said = (repository.folder / "error").read_text()
    assert said.count(full.error) == said.count("error[") == 1
    assert "Traceback" not in said


def in_a_namespace(repository: Repository, program: str) -> subprocess.CompletedProcess[str]:
    """Run shell in which what is mounted is seen by nobody else, and gone when it ends."""
    unshare = ["unshare", "--mount", "--map-root-user"]
    attempt = [*unshare, "mount", "-t", "tmpfs", "none", str(repository.folder / ".trainshed")]
    if not shutil.which("unshare") or subprocess.run(attempt, check=False).returncode:
        pytest.skip("no small disk can be mounted here: THE FULL DISK IS NOT TESTED")
    return subprocess.run(
        [*unshare, "sh", "-c", program],
        cwd=repository.folder,
        capture_output=True,
        text=True,
        check=False,
    )
