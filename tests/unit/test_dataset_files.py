import os
import socket
from pathlib import Path

import pytest

from trainshed import dataset_files
from trainshed.errors import TrainshedError


def test_files_are_listed_in_the_order_of_their_bytes(tmp_path: Path) -> None:
    for path in ["b", "a/z", "a-", "a/é", "\N{OGHAM SPACE MARK}", "\N{PILE OF POO}", "ﬀ"]:
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(path)

    found = list(dataset_files.list_folder(tmp_path).files)

    assert len(found) == 7
    assert found == sorted(found, key=os.fsencode)


def test_a_stamp_tells_size_and_last_change(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    os.utime(tmp_path / "a", ns=(0, 5))
    facts = (tmp_path / "a").stat()

    stamp = dataset_files.stamp_of(facts)

    assert dataset_files.size_of(stamp) == 3
    assert dataset_files.changed_ns(stamp) == facts.st_ctime_ns


@pytest.mark.parametrize("path", ["nothing", "file/below"])
def test_a_missing_dataset_is_an_error(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(dataset_files.DatasetIsMissing):
        dataset_files.look_at(tmp_path / path)


@pytest.mark.parametrize("target", ["file", "folder", "nothing"])
def test_a_dataset_that_is_a_symbolic_link_is_refused(tmp_path: Path, target: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(target)

    with pytest.raises(dataset_files.DatasetHasASymlink, match=rf"link is .* \(to {target}\)"):
        dataset_files.look_at(tmp_path / "link")


@pytest.mark.parametrize("target", ["file", "folder", "nothing"])
def test_a_symbolic_link_inside_is_refused_by_name(tmp_path: Path, target: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/link").symlink_to(f"../{target}")

    with pytest.raises(dataset_files.DatasetHasASymlink, match="folder/link is"):
        dataset_files.list_folder(tmp_path)


def test_a_folder_on_the_way_may_be_a_symbolic_link(tmp_path: Path) -> None:
    (tmp_path / "real/data").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real")

    assert dataset_files.look_at(tmp_path / "link/data")[0] == "folder"


def test_a_pipe_is_refused_by_name(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(dataset_files.DatasetHasASpecialFile, match="pipe is neither"):
        dataset_files.list_folder(tmp_path)
    with pytest.raises(dataset_files.DatasetHasASpecialFile):
        dataset_files.look_at(tmp_path / "pipe")


def test_a_socket_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")

        with pytest.raises(dataset_files.DatasetHasASpecialFile):
            dataset_files.list_folder(tmp_path)


def test_a_device_is_refused() -> None:
    with pytest.raises(dataset_files.DatasetHasASpecialFile):
        dataset_files.look_at(Path(os.devnull))


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(b"a\nb", id="line-feed"),
        pytest.param(b"a\rb", id="carriage-return"),
        pytest.param(b"a\\b", id="backslash"),
        pytest.param(b"a\xffb", id="not-utf8"),
        pytest.param(b"a\nb/c", id="folder"),
    ],
)
def test_an_odd_name_is_refused_and_shown_escaped(tmp_path: Path, name: bytes) -> None:
    path = tmp_path / os.fsdecode(name)
    path.parent.mkdir(exist_ok=True)
    path.touch()

    with pytest.raises(dataset_files.DatasetHasAnOddName) as raised:
        dataset_files.list_folder(tmp_path)
    assert ascii(os.fsdecode(name)) in raised.value.problem


@pytest.mark.parametrize("below", ["", "/file"])
def test_names_that_differ_only_in_unicode_form_are_refused(tmp_path: Path, below: str) -> None:
    for name in ("caf\u00e9", "cafe\u0301"):
        path = tmp_path / f"{name}{below}"
        path.parent.mkdir(exist_ok=True)
        path.touch()

    with pytest.raises(dataset_files.DatasetHasAnOddName, match="read the same"):
        dataset_files.list_folder(tmp_path)


@pytest.mark.parametrize("name", ["with space", "tab\there", "café", "表.csv", ".hidden", "#%$'\""])
def test_a_usual_name_in_any_script_is_fine(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()

    assert list(dataset_files.list_folder(tmp_path).files) == [name]


def test_empty_subfolders_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)

    assert not dataset_files.list_folder(tmp_path).files


def test_a_refusal_by_the_system_keeps_its_reason_and_names_the_file(tmp_path: Path) -> None:
    error = dataset_files.cannot_be_read(tmp_path / "a", PermissionError(13, "Permission denied"))

    assert isinstance(error, dataset_files.DatasetCannotBeRead)
    assert error.problem == f"{tmp_path / 'a'} cannot be read: Permission denied."


def test_a_path_too_long_for_the_system_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(TrainshedError, match="cannot be read: File name too long"):
        dataset_files.look_at(tmp_path / ("x" * 300))


def test_without_permission_it_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0)
    user = os.geteuid()
    if user == 0:  # whom no permission stops
        os.seteuid(65534)
    try:
        with pytest.raises(dataset_files.DatasetCannotBeRead, match="Permission denied"):
            dataset_files.list_folder(tmp_path / "closed")
    finally:
        os.seteuid(user)
