"""What a repository shows of itself before it is adopted: trainers, data, lock files, columns."""

import ast
import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from trainshed import config_file, git

_LARGEST_PROGRAM = 1_000_000  # bytes; a longer one was made by a program
_DATA = {".csv", ".tsv", ".parquet", ".jsonl", ".feather", ".arrow"}
_SHELL = {".sh", ".r", ".jl", ".js", ".rb", ".pl"}
_LOCK = re.compile(
    r"^(?:requirements[\w.-]*\.txt|requirements/[\w./-]+\.txt|.*/requirements[\w.-]*\.txt)$"
)
_METRIC = re.compile(r"\bmetric\.([A-Za-z0-9][\w.@/-]*)=")


@dataclass(frozen=True, kw_only=True)
class Trainer:
    """A program that looks like one that trains."""

    path: str
    options: frozenset[str] = frozenset()
    """Its command-line options, such as `--data`."""
    metrics: tuple[str, ...] = ()
    """The names that stand in its `metric.<name>=` lines; one that is worked out is not seen."""

    @property
    def command(self) -> tuple[str, ...] | None:
        """How it is started, where its options say it; None when a person must."""
        if not {"--data", "--out"} <= self.options:
            return None
        seed = ("--seed", "{seed}") if "--seed" in self.options else ()
        return ("python", self.path, "--data", "{data}", "--out", "{out}", *seed)


@dataclass(frozen=True, kw_only=True)
class Lock:
    path: str
    is_hashed: bool


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a project's folder holds. Paths are relative to it."""

    trainers: tuple[Trainer, ...]
    data: tuple[str, ...]
    columns: Mapping[str, tuple[str, ...]]
    """The header of each data file that has one."""
    locks: tuple[Lock, ...]
    uv_lock: str | None
    has_config: bool

    def trainer(self, path: str) -> Trainer | None:
        return next((one for one in self.trainers if one.path == path), None)


def find(folder: Path) -> Facts:
    """Look through a project's folder: what git tracks or would, nothing that it ignores."""
    listing = git.Repository(folder).run(
        "ls-files", "-z", "--cached", "--others", "--exclude-standard"
    )
    paths = sorted({path for path in listing.out.split("\0") if path and (folder / path).is_file()})
    data = tuple(path for path in paths if PurePosixPath(path).suffix.lower() in _DATA)
    headers = {path: header for path in data if (header := columns(folder / path))}
    return Facts(
        trainers=_trainers(folder, paths),
        data=data,
        columns=headers,
        locks=tuple(
            Lock(path=path, is_hashed="--hash=" in _text(folder / path))
            for path in paths
            if _LOCK.match(path)
        ),
        uv_lock=next((path for path in paths if PurePosixPath(path).name == "uv.lock"), None),
        has_config=(folder / config_file.NAME).is_file(),
    )


def trainer_in(path: str, text: str) -> Trainer | None:
    """Return the trainer that a program's text shows, or None when it shows none.

    A Python program is one when it has the options `--data` and `--out`, or names `metric.` in what
    it prints; a program in another language when it names both `metric.` and `artifact=`.
    """
    if PurePosixPath(path).suffix.lower() != ".py":
        if "metric." in text and "artifact=" in text:
            return Trainer(path=path, metrics=_names(text))
        return None
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return None
    options = frozenset(_options(tree))
    texts = _texts(tree)
    prints = any(one.startswith("metric.") for one in texts)
    if not prints and not {"--data", "--out"} <= options:
        return None
    return Trainer(path=path, options=options, metrics=_names("\n".join(texts)))


def columns(path: Path) -> tuple[str, ...]:
    """Return the header of a CSV or TSV file; empty when it is another kind, or unreadable."""
    kinds = {".csv": ",", ".tsv": "\t"}
    delimiter = kinds.get(path.suffix.lower())
    if delimiter is None:
        return ()
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return tuple(next(csv.reader([file.readline(1_000_000)], delimiter=delimiter), ()))
    except (OSError, UnicodeDecodeError, csv.Error):
        return ()


def _trainers(folder: Path, paths: list[str]) -> tuple[Trainer, ...]:
    """Return candidates, those whose command is known first."""
    found = [
        trainer
        for path in paths
        if _may_train(path) and (trainer := trainer_in(path, _text(folder / path))) is not None
    ]
    return tuple(sorted(found, key=lambda one: (one.command is None, not one.metrics, one.path)))


def _may_train(path: str) -> bool:
    pure = PurePosixPath(path)
    is_test = pure.name.startswith("test_") or pure.name == "conftest.py" or "tests" in pure.parts
    return pure.suffix.lower() in {".py", *_SHELL} and not is_test


def _options(tree: ast.AST) -> list[str]:
    return [
        argument.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "add_argument"
        for argument in node.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    ]


def _texts(tree: ast.AST) -> list[str]:
    """Return every text of a program, those between the braces of an f-string too."""
    constants = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return [value for value in constants if isinstance(value, str)]


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_METRIC.findall(text)))


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST_PROGRAM and path.suffix != ".txt":
            return ""
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
