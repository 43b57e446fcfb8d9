"""The guide's own commands, to the letter, in a clean clone of what git would hold."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import trainers

ROOT = Path(__file__).parents[2]
GUIDE = """\
python -m venv .venv
source .venv/bin/activate
pip install -r requirements.txt
python pipelines/train.py --data data/v1/train.csv --out models/churn.pkl
"""


def test_the_guides_commands_train_a_model_in_a_clean_clone(tmp_path: Path) -> None:
    clone = clean_clone(tmp_path)

    finished = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", GUIDE],
        cwd=clone,
        env=a_persons_environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )

    assert finished.returncode == 0, finished.stderr
    lines = finished.stdout[finished.stdout.index("dataset=") :].splitlines()
    artifact = lines.index("artifact=models/churn.pkl")
    assert lines[0] == "dataset=data/v1/train.csv"
    assert lines[1].startswith("metric.f1=0.8")
    assert all(line.startswith("metric.") for line in lines[1:artifact])
    assert (clone / "models/churn.pkl").stat().st_size > 0
    assert (clone / "models/churn.metrics.json").is_file()
    status = ["git", "status", "--porcelain"]
    assert subprocess.run(status, cwd=clone, capture_output=True, check=True).stdout == b""


def clean_clone(folder: Path) -> Path:
    """Clone what this repository holds: committed, or not ignored and so about to be."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / "source" / name)
    source = trainers.Repository(folder / "source")
    source.git("init", "--quiet")
    source.commit()
    return source.clone(folder / "clone").folder


def a_persons_environment(folder: Path) -> dict[str, str]:
    """Return an environment in which `python` is the one that runs this, and nothing is ours."""
    (folder / "bin").mkdir()
    base = Path(sys.base_prefix) / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}"
    (folder / "bin/python").symlink_to(base)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    kept.pop("VIRTUAL_ENV", None)
    return {**kept, "PATH": f"{folder / 'bin'}{os.pathsep}{kept['PATH']}"}
