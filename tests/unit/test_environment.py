import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from trainshed import environment
from trainshed.environment import (
    Environment,
    EnvironmentCannotBeBuilt,
    LockFileIsMissing,
    PythonCannotBeRun,
)

ROOT = Path(__file__).parents[2]

# A package whose build says that it began, then waits until it may go on.
SLOW_BACKEND = """\
import pathlib, shutil, sys, time
here = pathlib.Path(__file__).parent

def build_wheel(folder, config_settings=None, metadata_directory=None):
    with (here / "began").open("a") as file:
        file.write("x")
    while not (here / "go").exists():
        time.sleep(0.01)
    return pathlib.Path(shutil.copy(here / "tiny-1.0-py3-none-any.whl", folder)).name
"""
ENSURE = """\
import pathlib, sys
from trainshed import environment
lock, root = map(pathlib.Path, sys.argv[1:])
made = environment.ensure([lock], root=root, name="slow", tell=lambda text: print(text, flush=True))
print(made.python)
"""


@pytest.fixture(params=["uv", "pip"])
def installer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let the build find uv, or hide it."""
    name: str = request.param
    if name == "pip":
        monkeypatch.setenv("PATH", os.defpath)
    elif shutil.which("uv") is None:
        pytest.skip("uv is not on PATH: building with uv was NOT tested")
    assert (shutil.which("uv") is None) == (name == "pip")
    return name


def test_an_environment_holds_what_its_lock_names_compiled(
    installer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    told: list[str] = []

    made = environment.ensure(
        [lock_of(make_wheel(tmp_path, "1.0"))], root=tmp_path, name="x", tell=told.append
    )

    assert version_in(made) == "1.0"
    assert list(made.folder.glob("lib/python*/site-packages/__pycache__/tiny.*.pyc"))
    assert told[0] == f"{made.folder.name}: making the environment with {installer}"


def test_the_later_lock_decides_what_both_name(installer: str, tmp_path: Path) -> None:
    locks = [lock_of(make_wheel(tmp_path, version)) for version in ("2.0", "1.0")]

    assert version_in(environment.ensure(locks, root=tmp_path, name="x")) == "1.0"


def test_a_failed_build_says_why_and_is_built_once_it_can_be(
    installer: str, tmp_path: Path
) -> None:
    wheel = make_wheel(tmp_path, "1.0")
    lock = lock_of(wheel)
    hidden = wheel.rename(tmp_path / "elsewhere")

    with pytest.raises(EnvironmentCannotBeBuilt) as error:
        environment.ensure([lock], root=tmp_path, name="x")
    hidden.rename(wheel)

    assert "installing tiny-1.0.txt failed (exit code" in error.value.problem
    assert wheel.name in error.value.problem.splitlines()[-1]
    assert f"-r {lock}" in error.value.fix
    assert version_in(environment.ensure([lock], root=tmp_path, name="x")) == "1.0"


def test_once_one_package_has_a_hash_every_package_must_have_the_right_one(
    installer: str, tmp_path: Path
) -> None:
    wheel = make_wheel(tmp_path, "1.0")
    other = make_wheel(tmp_path, "1.0", name="other")
    right = f"./{wheel.name} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}"
    wrong = f"./{wheel.name} --hash=sha256:{'0' * 64}"
    lock = tmp_path / "lock.txt"

    for refused in (f"{right}\n./{other.name}", wrong):
        lock.write_text(refused)
        with pytest.raises(EnvironmentCannotBeBuilt, match="hash"):
            environment.ensure([lock], root=tmp_path, name="x")
    lock.write_text(right)

    assert version_in(environment.ensure([lock], root=tmp_path, name="x")) == "1.0"


def test_the_same_locks_are_found_again_and_nothing_is_built(tmp_path: Path) -> None:
    lock = lock_of(make_wheel(tmp_path, "1.0"))
    first = environment.ensure([lock], root=tmp_path, name="x")
    told: list[str] = []
    (tmp_path / "copy").mkdir()
    copy = Path(shutil.copy(lock, tmp_path / "copy"))

    again = environment.ensure([copy], root=tmp_path, name="x", tell=told.append)

    assert (again, told) == (first, [])


def test_a_folder_is_named_by_name_python_and_the_content_of_the_locks(tmp_path: Path) -> None:
    lock = tmp_path / "empty.txt"
    lock.write_text("# nothing\n")
    made = environment.ensure([lock], root=tmp_path / "envs", name="train")
    lock.write_text("# nothing else\n")
    other = environment.ensure([lock], root=tmp_path / "envs", name="train")

    version = "{}.{}".format(*sys.version_info)
    content = hashlib.sha256(b"# nothing\n\0").hexdigest()[:16]
    assert made.folder == tmp_path / "envs" / f"train-py{version}-{content}"
    assert other.folder != made.folder


def test_an_environment_is_made_with_the_python_that_is_given(tmp_path: Path) -> None:
    lock = tmp_path / "empty.txt"
    lock.write_text("")
    one = environment.ensure([lock], root=tmp_path, name="one")

    two = environment.ensure([lock], root=tmp_path, name="two", python=one.python)

    real = Path(sys.executable).resolve()
    assert [one.python.resolve(), two.python.resolve()] == [real, real]


def test_an_environment_whose_python_is_gone_is_built_again(tmp_path: Path) -> None:
    lock = lock_of(make_wheel(tmp_path, "1.0"))
    made = environment.ensure([lock], root=tmp_path, name="x")
    made.python.unlink()
    made.python.symlink_to(tmp_path / "uninstalled")

    assert version_in(environment.ensure([lock], root=tmp_path, name="x")) == "1.0"


def test_activating_puts_the_environment_first_and_names_what_must_not_leak_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    made = Environment(folder=tmp_path)

    assert made.variables() == {
        "PATH": f"{tmp_path}/bin:/usr/bin:/bin",
        "VIRTUAL_ENV": str(tmp_path),
    }
    assert set(made.without) == {"PYTHONHOME", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE"}


def test_a_missing_lock_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(LockFileIsMissing, match=r"no lock file at .*absent\.txt"):
        environment.ensure([tmp_path / "absent.txt"], root=tmp_path, name="x")


def test_a_python_that_does_not_run_is_named(tmp_path: Path) -> None:
    lock = tmp_path / "empty.txt"
    lock.write_text("")

    with pytest.raises(PythonCannotBeRun, match="absent/python"):
        environment.ensure([lock], root=tmp_path, name="x", python=tmp_path / "absent/python")


def test_the_module_needs_no_installed_package() -> None:
    command = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import trainshed.environment"

    subprocess.run([sys.executable, "-I", "-S", "-c", command], check=True)


class Builders:
    """Processes that each ensure the same environment, whose one package is slow to build."""

    def __init__(self, folder: Path) -> None:
        self.package = folder / "package"
        self.root = folder / "envs"
        self.lock = folder / "lock.txt"
        self.lock.write_text("./package\n")
        self.package.mkdir()
        make_wheel(self.package, "1.0")
        (self.package / "backend.py").write_text(SLOW_BACKEND)
        (self.package / "pyproject.toml").write_text(
            '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
            '[project]\nname = "tiny"\nversion = "1.0"\n'
        )
        self.started: list[subprocess.Popen[str]] = []

    def start(self, *, until: str) -> subprocess.Popen[str]:
        """Start one, and return when it has told `until`."""
        process = subprocess.Popen(
            [sys.executable, "-c", ENSURE, self.lock, self.root],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            start_new_session=True,
        )
        self.started.append(process)
        assert any(until in line for line in output(process))
        return process

    def wait_for_build(self) -> None:
        """Return when the package's build has begun: an installer is at work."""
        while not (self.package / "began").exists():
            assert all(process.poll() is None for process in self.started)
            time.sleep(0.01)

    def release(self) -> None:
        (self.package / "go").touch()


@pytest.fixture
def builders(installer: str, tmp_path: Path) -> Iterator[Builders]:
    builders = Builders(tmp_path)
    yield builders
    builders.release()
    for process in builders.started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def test_two_at_once_build_once(builders: Builders) -> None:
    first = builders.start(until="installing")
    builders.wait_for_build()
    second = builders.start(until="another process is building it")
    builders.release()

    answers = [list(output(process))[-1].strip() for process in (first, second)]

    assert answers[0] == answers[1]
    assert [first.wait(), second.wait()] == [0, 0]
    assert (builders.package / "began").read_text() == "x"


def test_a_killed_build_is_removed_and_built_again(builders: Builders) -> None:
    first = builders.start(until="installing")
    builders.wait_for_build()
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    (left,) = (path for path in builders.root.iterdir() if path.is_dir())
    (left / "left-behind").touch()
    builders.release()

    made = environment.ensure([builders.lock], root=builders.root, name="slow")

    assert made.folder == left
    assert version_in(made) == "1.0"
    assert not (left / "left-behind").exists()


def test_an_installer_that_outlives_its_killed_parent_is_waited_for(builders: Builders) -> None:
    first = builders.start(until="installing")
    builders.wait_for_build()
    first.kill()
    first.wait()
    second = builders.start(until="another process is building it")
    builders.release()

    answer = list(output(second))[-1].strip()

    assert second.wait() == 0
    assert version_in(Environment(folder=Path(answer).parents[1])) == "1.0"


def make_wheel(folder: Path, version: str, *, name: str = "tiny") -> Path:
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"VERSION = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"])
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for file, content in files.items():
            wheel.writestr(file, content)
    return path


def lock_of(wheel: Path) -> Path:
    lock = wheel.with_name("-".join(wheel.name.split("-")[:2]) + ".txt")
    lock.write_text(f"./{wheel.name}\n")
    return lock


def version_in(made: Environment) -> str:
    command = [made.python, "-c", "import tiny; print(tiny.VERSION)"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def output(process: subprocess.Popen[str]) -> IO[str]:
    assert process.stdout is not None
    return process.stdout
