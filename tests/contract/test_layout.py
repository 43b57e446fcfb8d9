"""The layers hold: who may import whom, who may read the environment, and how a script teaches."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from records import MANIFEST

ROOT = Path(__file__).parents[2]
LIBRARY = sorted((ROOT / "trainshed").rglob("*.py"))
SCRIPTS = sorted(path for path in (ROOT / "scripts").glob("*.py") if path.name[0] != "_")
ML = {"pandas", "sklearn", "numpy", "scipy", "joblib"}
FRAMEWORK_ONLY = {"pydantic", "yaml", "rich", "jinja2"}


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone with a trainshed.yml, and one release on its bare origin."""
    folder = tmp_path_factory.mktemp("layout") / "clone"
    origin = folder.parent / "origin.git"

    def git(*arguments: str, stdin: str | None = None) -> None:
        identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
        subprocess.run(
            ["git", *identity, *arguments],
            cwd=folder.parent if arguments[0] == "init" else folder,
            input=stdin,
            capture_output=True,
            text=True,
            check=True,
        )

    git("init", "--bare", "-b", "main", origin.name)
    git("init", "-b", "main", folder.name)
    (folder / "trainshed.yml").write_text(
        "models: {churn: {data: a.csv, train: [sh, a.sh], metrics: {f1: {direction: maximize}}}}\n"
        "environments: {production: {target: process, port: 18099}}\n"
    )
    git("add", ".")
    git("commit", "-m", "Begin")
    git("tag", "-a", str(MANIFEST.tag), "--cleanup=verbatim", "-F", "-", stdin=MANIFEST.to_json())
    git("remote", "add", "origin", str(origin))
    git("push", "origin", "main", str(MANIFEST.tag))
    return folder


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_scripts_help_teaches_with_its_docstring_and_examples(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text()))

    finished = subprocess.run(
        [sys.executable, path, "--help"], capture_output=True, text=True, check=False
    )

    assert (finished.returncode, finished.stderr) == (0, "")
    assert docstring
    assert docstring.splitlines()[0] in finished.stdout
    assert re.search(r"^examples:\n +\S", finished.stdout, re.MULTILINE)


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["--help"], id="help"),
        pytest.param(["plan"], id="plan"),
        pytest.param(["run"], id="run"),
    ],
)
def test_deploying_imports_no_ml_library(clone: Path, arguments: list[str]) -> None:
    """A broken scikit-learn must not be able to stop a rollback."""
    finished = subprocess.run(
        [sys.executable, "-X", "importtime", ROOT / "scripts/deploy.py", *arguments],
        cwd=clone,
        capture_output=True,
        text=True,
        check=False,
    )

    imported = set(re.findall(r"^import time: .*\| +(\w+)", finished.stderr, re.MULTILINE))
    assert finished.returncode == 0, finished.stderr[-2000:]
    assert "trainshed" in imported
    assert not imported & ML
    if arguments == ["plan"]:
        assert f"releases of churn: {MANIFEST.tag}" in finished.stdout


def test_nothing_that_deploying_can_reach_imports_an_ml_library() -> None:
    """Not even later on, in a case that no test plays."""
    reached = closure([ROOT / "scripts/deploy.py"], only_on_import=False)

    assert "trainshed.targets.process" in {module_of(path) for path in reached}
    for path in reached:
        assert not {name.split(".")[0] for name in imports(path)} & ML, path


def test_what_serves_imports_nothing_that_only_the_framework_has() -> None:
    serving = [path for path in LIBRARY if path.parent.name == "serving"]

    reached = closure(serving)

    assert "trainshed.errors" in {module_of(path) for path in reached}
    for path in reached:
        assert not {name.split(".")[0] for name in imports(path)} & FRAMEWORK_ONLY, path


def test_the_users_programs_import_nothing_of_trainshed() -> None:
    programs = sorted((ROOT / "pipelines").rglob("*.py"))

    assert programs
    for path in programs:
        text = path.read_text()
        assert not [name for name in imports(path) if name.split(".")[0] == "trainshed"], path
        assert "import_module" not in text


def test_only_settings_reads_the_environment() -> None:
    readers = [
        path.relative_to(ROOT).as_posix()
        for path in LIBRARY
        if re.search(r"\benviron\b|\bgetenv\b", path.read_text())
    ]

    assert readers == ["trainshed/settings.py"]


def test_no_module_is_a_giant() -> None:
    assert not [path.name for path in LIBRARY if len(path.read_text().splitlines()) > 300]


def test_the_library_does_not_know_its_scripts() -> None:
    assert not [path for path in LIBRARY if {"_framework", "scripts"} & set(imports(path))]


def imports(path: Path, *, only_on_import: bool = False) -> set[str]:
    """Every module that a file names in an import, or those that importing it imports."""
    tree = ast.parse(path.read_text())
    nodes: Iterable[ast.AST] = _outside_functions(tree) if only_on_import else ast.walk(tree)
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            names |= {node.module or "", *(f"{node.module}.{one.name}" for one in node.names)}
    return names


def closure(start: Iterable[Path], *, only_on_import: bool = True) -> set[Path]:
    """The files of the library that importing some of them imports, or may ever import."""
    files = {module_of(path): path for path in LIBRARY}
    reached: set[Path] = set()
    waiting = list(start)
    while waiting:
        path = waiting.pop()
        if path not in reached:
            reached.add(path)
            names = imports(path, only_on_import=only_on_import)
            waiting += [
                files[one] for name in names for one in _with_packages(name) if one in files
            ]
    return reached


def _with_packages(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[: end + 1]) for end in range(len(parts))]


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield child
            yield from _outside_functions(child)
