import shutil
from pathlib import Path

import pytest

from trainshed import installation
from trainshed.installation import Installation


def test_the_key_names_locks_python_and_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "framework.txt"
    lock.write_text("one==1\n")
    monkeypatch.setattr(installation, "_FRAMEWORK_LOCK", lock)
    before = Installation(tmp_path / "cache").cache
    elsewhere = Installation(tmp_path / "other").cache
    lock.write_text("one==2\n")
    after = Installation(tmp_path / "cache").cache

    assert before.key.startswith("trainshed-setup-")
    assert len({before.key, elsewhere.key, after.key}) == 3
    assert before.paths == (tmp_path / "cache" / "setup",)


def test_an_installer_that_is_there_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uv = tmp_path / "bin" / "uv"
    uv.parent.mkdir()
    uv.write_text("#!/bin/sh\n")
    uv.chmod(0o755)
    monkeypatch.setenv("PATH", str(uv.parent))

    assert Installation(tmp_path / "cache").installer(tell=print) is None
    assert not (tmp_path / "cache").exists()


def test_an_installer_of_our_own_brings_uv_to_the_path_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or the project's python and pip would be other ones after the setup action than before."""
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert shutil.which("uv") is None

    folder = Installation(tmp_path).installer(tell=print)
    again = Installation(tmp_path).installer(tell=print)

    assert folder is not None
    assert folder == again
    assert [path.name for path in folder.iterdir()] == ["uv"]
    assert shutil.which("uv", path=str(folder)) is not None
