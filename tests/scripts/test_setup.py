import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "requirements.txt"
LOCKS = [GUIDE, *sorted(ROOT.glob("requirements/*.txt"))]
PIN = re.compile(r"^([a-z0-9-]+)==([^ ;]+)", re.MULTILINE)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for all tests here, so that what one makes another finds."""
    return tmp_path_factory.mktemp("cache")


def test_help_teaches_the_parts_and_shows_examples(cache: Path) -> None:
    finished = setup(cache, "--help")

    assert finished.returncode == 0
    assert "framework   what trainshed/ and scripts/ import" in finished.stdout
    assert "PYTHON=$(python3 scripts/setup.py --part dev --print-python)" in finished.stdout


def test_an_unknown_part_is_refused_and_the_known_ones_are_named(cache: Path) -> None:
    finished = setup(cache, "--part", "server")

    assert finished.returncode == 2
    assert "invalid choice: 'server'" in finished.stderr
    assert "'serve'" in finished.stderr


def test_standard_output_is_the_path_of_a_python_that_has_the_part(cache: Path) -> None:
    finished = setup(cache, "--part", "serve", "--print-python")

    python = finished.stdout.removesuffix("\n")
    assert finished.returncode == 0
    assert Path(python).is_relative_to(cache / "environments")
    subprocess.run([python, "-c", "import uvicorn"], check=True)


def test_the_python_is_a_step_output_and_is_found_again(cache: Path, tmp_path: Path) -> None:
    python = setup(cache, "--part", "serve", "--print-python").stdout.strip()

    finished = setup(cache, "--part", "serve", GITHUB_OUTPUT=str(tmp_path / "output"))

    assert (finished.returncode, finished.stdout, finished.stderr) == (0, "", "")
    assert re.match(rf"python<<(\w+)\n{python}\n\1\n$", (tmp_path / "output").read_text())


def test_each_of_several_parts_has_an_output_and_the_first_is_the_python(cache: Path) -> None:
    finished = setup(cache, "--part", "serve", "--part", "framework")

    outputs = dict(line.split("=", 1) for line in finished.stdout.splitlines())
    assert set(outputs) == {"python", "python-serve", "python-framework"}
    assert outputs["python"] == outputs["python-serve"] != outputs["python-framework"]
    imports = "import jinja2, psutil, pydantic, rich, yaml"
    subprocess.run([outputs["python-framework"], "-c", imports], check=True)


def test_a_runner_gets_a_python_an_installer_and_a_key_for_its_cache(
    cache: Path, tmp_path: Path
) -> None:
    files = {f"GITHUB_{name}": str(tmp_path / name) for name in ("OUTPUT", "ENV", "PATH")}

    told = setup(cache, "--print-cache", "true")
    untold = setup(cache, "--print-cache", "false")
    finished = setup(
        cache, "--for-actions", "--training-python", "python3.10", PATH="/usr/bin:/bin", **files
    )

    outputs = dict(line.split("=", 1) for line in told.stdout.splitlines())
    assert outputs["key"].startswith("trainshed-setup-")
    assert outputs["paths"] == str(cache / "setup")
    assert "key=\n" in untold.stdout
    assert finished.returncode == 0, finished.stderr
    variables = (tmp_path / "ENV").read_text().splitlines()
    python = Path(variables[1])
    assert variables[0].startswith("TRAINSHED_PYTHON<<")
    assert "python3.10" in variables
    assert python.is_relative_to(cache / "setup")
    subprocess.run([python, "-c", "import docker, github, jinja2, pydantic, yaml"], check=True)
    (folder,) = (tmp_path / "PATH").read_text().splitlines()
    assert os.listdir(folder) == ["uv"]  # noqa: PTH208


def test_a_project_is_described_for_the_matrix_of_a_workflow(cache: Path) -> None:
    finished = setup(cache, "--describe", str(ROOT))

    assert finished.stdout == 'models=["churn"]\nenvironments=["production"]\n'


def test_a_python_that_is_too_old_is_told_so_before_anything_is_imported(tmp_path: Path) -> None:
    """No older Python is needed to see it: this one is made to say that it is."""
    start = (
        f"import runpy, sys; sys.path.insert(0, {str(ROOT / 'scripts')!r}); "
        "sys.version_info = (3, 8, 20, 'final', 0); "
        f"runpy.run_path({str(ROOT / 'scripts/setup.py')!r}, run_name='__main__')"
    )
    finished = subprocess.run(
        [sys.executable, "-I", "-c", start], capture_output=True, text=True, check=False
    )

    assert finished.returncode == 1
    assert finished.stderr.startswith("Trainshed needs Python 3.11 or newer; this is Python 3.8")


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_lock_has_hashes_and_names_no_host_or_folder(lock: Path) -> None:
    text = lock.read_text()

    assert PIN.findall(text)
    assert len(re.findall(r"^\S+==.* \\\n +--hash=sha256:", text, re.MULTILINE)) == len(
        PIN.findall(text)
    )
    assert not re.search(r"https?:|file:|/|--(extra-)?index|--find-links", text)


@pytest.mark.parametrize("lock", LOCKS[1:], ids=lambda path: path.stem)
def test_every_lock_agrees_with_the_guides(lock: Path) -> None:
    guide, part = dict(PIN.findall(GUIDE.read_text())), dict(PIN.findall(lock.read_text()))

    assert {name: part[name] for name in guide.keys() & part.keys()} == {
        name: guide[name] for name in guide.keys() & part.keys()
    }
    assert lock.stem in {"ci", "dev", "engine", "export", "mlflow"} or part.keys() <= guide.keys()


def setup(cache: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the script as a person does on a fresh machine: no PYTHONPATH, nothing installed."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [sys.executable, "-S", ROOT / "scripts/setup.py", *arguments],
        env={**environment, "TRAINSHED_CACHE": str(cache), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
