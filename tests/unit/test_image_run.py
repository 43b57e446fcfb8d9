"""Archives that come out of images: plain runs, and what must never reach the disk."""

import io
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import records
from hypothesis import given
from hypothesis import strategies as st

from trainshed import image, image_run, private_columns, run
from trainshed.image_run import ImageHoldsNoRun
from trainshed.private_columns import Removed
from trainshed.run import File, Run
from trainshed.serving import digest

ANSWERS = b"row_id,y_true,y_pred,email\n1,yes,no,ada@example.org\n2,no,no,bob@example.org\n"


def member(name: str, kind: bytes = tarfile.REGTYPE, **changes: Any) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type = kind
    for key, value in changes.items():
        setattr(made, key, value)
    return made


def packed(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for made, content in members:
            if made.isreg():
                made.size = made.size or len(content)
            archive.addfile(made, io.BytesIO(content))
    return file.getvalue()


def pieces(archive: bytes, size: int = 1000) -> Iterator[bytes]:
    return (archive[at : at + size] for at in range(0, len(archive), size))


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., tuple[Path, Run]]:
    """Makes a run's folder, as the store has it."""

    def make(**changes: Any) -> tuple[Path, Run]:
        folder = tmp_path / "made"
        files = {"artifact/m": b"model", "predictions/p.csv": ANSWERS, "training_rows/t": b"7\n8\n"}
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True)
            (folder / name).write_bytes(content)
        kept = {
            name.partition("/")[0]: File(
                path=name, digest=digest.of(folder / name), size=len(files[name])
            )
            for name in files
        }
        one = replace(records.RUN, examples=None, schema=None, **kept)
        one = replace(one, **changes)
        (folder / "run.json").write_text(one.to_json())
        return folder, one

    return make


def taken(layer: bytes, folder: Path, **limits: int) -> Run:
    """Take a layer's run out, as an engine hands it over: one folder named run."""
    folder.mkdir()
    image_run.extract(pieces(_of_engine(layer)), folder, **limits)
    return image_run.read(folder)


def _of_engine(layer: bytes) -> bytes:
    found = []
    with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
        for one in archive.getmembers():
            if one.name.startswith(image.RUN_FOLDER):
                file = archive.extractfile(one)
                one.name = one.name.removeprefix("trainshed/")
                found.append((one, file.read() if file else b""))
    return packed(*found)


def test_a_run_comes_out_of_its_layer_as_it_went_in(made: Any, tmp_path: Path) -> None:
    folder, one = made()

    found = taken(image.run_layer(folder, one), tmp_path / "out")

    assert found == one == image_run.record(tmp_path / "out")
    assert (tmp_path / "out/predictions/p.csv").read_bytes() == ANSWERS


def test_without_its_private_columns_a_run_has_predictions_of_their_own_digest(
    made: Any, tmp_path: Path
) -> None:
    folder, one = made()

    found = taken(image.run_layer(folder, one, private=["email"]), tmp_path / "out")

    content = (tmp_path / "out/predictions/p.csv").read_bytes()
    assert content == b"row_id,y_true,y_pred\n1,yes,no\n2,no,no\n"
    assert found.predictions is not None
    assert found.predictions.digest == digest.of(tmp_path / "out/predictions/p.csv")
    assert replace(found, predictions=one.predictions) == one
    assert image_run.record(tmp_path / "out") == one


def test_what_was_left_out_is_not_there(made: Any, tmp_path: Path) -> None:
    folder, one = made()

    found = taken(image.run_layer(folder, one, private=["row_id"]), tmp_path / "out")

    assert (found.predictions, found.training_rows) == (None, None)
    assert sorted(path.name for path in (tmp_path / "out").rglob("*") if path.is_file()) == [
        "m",
        "private.json",
        "run.json",
    ]


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(member("run/x", tarfile.SYMTYPE, linkname="/etc/passwd"), id="a-link"),
        pytest.param(member("run/x", tarfile.LNKTYPE, linkname="run/run.json"), id="a-hard-link"),
        pytest.param(member("run/x", tarfile.FIFOTYPE), id="a-pipe"),
        pytest.param(member("run/x", tarfile.CHRTYPE, devmajor=1, devminor=3), id="a-device"),
        pytest.param(member("/run/x"), id="absolute"),
        pytest.param(member("run/../../x"), id="upwards"),
        pytest.param(member(".."), id="upwards-alone"),
        pytest.param(member("x"), id="no-folder"),
        pytest.param(member("run", tarfile.SYMTYPE, linkname="/etc"), id="the-folder-a-link"),
        pytest.param(member("run/x", tarfile.GNUTYPE_SPARSE), id="sparse"),
    ],
)
def test_what_is_no_plain_file_inside_is_refused_and_not_written(
    tmp_path: Path, bad: tarfile.TarInfo
) -> None:
    folder = tmp_path / "a/b"
    folder.mkdir(parents=True)

    with pytest.raises(ImageHoldsNoRun):
        image_run.extract(pieces(packed((bad, b""))), folder)

    assert [path for path in tmp_path.rglob("*") if not path.is_dir() or path.is_symlink()] == []


def test_nothing_is_written_through_a_link_that_came_before(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    link = member("run/a", tarfile.SYMTYPE, linkname=str(tmp_path / "elsewhere"))

    with pytest.raises(ImageHoldsNoRun):
        image_run.extract(pieces(packed((link, b""), (member("run/a/x"), b"x"))), tmp_path / "out")

    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("names", [["run/a", "run/a"], ["run/a", "run/a/b"], ["run/a/b", "run/a"]])
def test_two_files_in_one_place_are_refused(tmp_path: Path, names: list[str]) -> None:
    archive = packed(*((member(name), b"x") for name in names))

    with pytest.raises(ImageHoldsNoRun, match="in one place"):
        image_run.extract(pieces(archive), tmp_path)


def test_too_much_is_refused_before_it_is_written(tmp_path: Path) -> None:
    def endless() -> Iterator[bytes]:
        yield member("run/x", size=1 << 40).tobuf()
        while True:
            yield bytes(1 << 16)

    with pytest.raises(ImageHoldsNoRun, match="larger"):
        image_run.extract(endless(), tmp_path, most_bytes=1 << 20)

    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 1 << 20


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_run, "MOST_FILES", 3)
    archive = packed(*((member(f"run/{number}"), b"") for number in range(4)))

    with pytest.raises(ImageHoldsNoRun, match="more than 3 files"):
        image_run.extract(pieces(archive), tmp_path)


@given(st.binary(max_size=2000), st.integers(0, 3000))
def test_no_archive_is_more_than_refused(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes, cut: int
) -> None:
    whole = packed((member("run/a"), b"x" * 700), (member("run/b"), b"y"))
    for archive in (noise, whole[:cut], whole[:cut] + noise):
        folder = tmp_path_factory.mktemp("out")
        try:
            image_run.extract(pieces(archive), folder)
        except ImageHoldsNoRun:
            continue


RECORDS = {
    "not-json": b"{",
    "of-another-shape": b"[]",
    "newer": b'{"format": 99}',
    "not-utf-8": b"\xff",
}


@pytest.mark.parametrize("record", [None, *RECORDS.values()], ids=["none", *RECORDS])
def test_a_record_that_cannot_be_read_is_refused(tmp_path: Path, record: bytes | None) -> None:
    if record is not None:
        (tmp_path / "run.json").write_bytes(record)

    with pytest.raises(ImageHoldsNoRun, match="cannot be read"):
        image_run.read(tmp_path)


@pytest.mark.parametrize("name", ["artifact/m", "predictions/p.csv", "training_rows/t"])
@pytest.mark.parametrize("how", ["changed", "gone"])
def test_a_file_that_is_not_the_records_is_refused(made: Any, name: str, how: str) -> None:
    folder, _ = made()
    (folder / name).unlink()
    if how == "changed":
        (folder / name).write_text("poison")

    with pytest.raises(ImageHoldsNoRun, match=name):
        image_run.read(folder)


@pytest.mark.parametrize("path", ["/etc/passwd", "../made/artifact/m", "artifact/../../x", ""])
def test_a_record_that_names_a_file_elsewhere_is_refused(made: Any, path: str) -> None:
    folder, one = made()
    (folder / "run.json").write_text(
        replace(one, artifact=replace(one.artifact, path=path)).to_json()
    )

    with pytest.raises(ImageHoldsNoRun, match="names a file whose path"):
        image_run.read(folder)


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(b"{", id="not-json"),
        pytest.param(Removed(columns=(), predictions="0" * 64).to_json().encode(), id="wrong"),
    ],
)
def test_a_word_on_private_columns_that_is_not_true_is_refused(made: Any, said: bytes) -> None:
    folder, _ = made()
    (folder / private_columns.NAME).write_bytes(said)

    with pytest.raises(ImageHoldsNoRun):
        image_run.read(folder)


def test_a_predictions_path_elsewhere_is_refused_with_private_columns_too(made: Any) -> None:
    folder, one = made()
    predictions = File(path="../../secret", digest="0" * 64, size=1)
    (folder / "run.json").write_text(replace(one, predictions=predictions).to_json())
    said = Removed(columns=("email",), predictions="0" * 64)
    (folder / private_columns.NAME).write_text(said.to_json())

    with pytest.raises(ImageHoldsNoRun):
        image_run.read(folder)


def test_a_record_is_read_as_a_run_is(made: Any) -> None:
    folder, one = made()

    assert image_run.record(folder) == run.from_json(one.to_json())
