import hashlib
import io
import json
import os
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import records
from hypothesis import given
from hypothesis import strategies as st

from trainshed import image, run
from trainshed.image import ImageNameIsOdd, mismatches, owner_of
from trainshed.run import Dataset, File, Run

DATA, ARTIFACT, COMMIT = "da7a" * 16, "a27f" * 16, "c0" * 20
FILES = {
    "run.json": b"{}\n",
    "artifact/model.pkl": b"model\0",
    "examples/examples.jsonl": b'{"input": {}, "output": 1}\n',
    "predictions/predictions.csv": b"row_id,y_true,y_pred\n",
}

names_of_files = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=12)
contents = st.dictionaries(
    st.lists(names_of_files, min_size=1, max_size=3).map(lambda parts: "/".join([*parts, "file"])),
    st.binary(max_size=200),
    max_size=8,
)


def run_of(**changes: Any) -> Run:
    made = replace(
        records.RUN,
        commit=COMMIT,
        dataset=Dataset(path="data/train.csv", digest=DATA),
        artifact=File(path="artifact/model.pkl", digest=ARTIFACT, size=6),
        examples=File(path="examples/examples.jsonl", digest="e0" * 32, size=27),
        predictions=File(path="predictions/predictions.csv", digest="b0" * 32, size=21),
    )
    return replace(made, **changes)


def folder_of(place: Path, order: list[str]) -> Path:
    """Write a run's folder, its files in this order."""
    for name in order:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(FILES[name])
    return place


def test_the_fixed_tag_names_data_artifact_and_commit_and_the_moving_one_only_the_data() -> None:
    names = image.names("ghcr.io/acme/churn", owner=None, run=run_of())

    assert names.repository == "ghcr.io/acme/churn"
    assert names.fixed == "d-da7ada7ada7a-m-a27fa27fa27f-c-c0c0c0c"
    assert names.moving == "data-da7ada7ada7a"
    assert names.fixed_reference == f"ghcr.io/acme/churn:{names.fixed}"


@pytest.mark.parametrize(
    ("changes", "fixed", "moving"),
    [
        pytest.param({"commit": "d1" * 20}, False, True, id="another-commit"),
        pytest.param(
            {"artifact": File(path="artifact/model.pkl", digest="0" * 64, size=6)},
            False,
            True,
            id="another-artifact",
        ),
        pytest.param({"dataset": Dataset(path="x", digest="1" * 64)}, False, False, id="more-data"),
        pytest.param({"created": "2030-01-01T00:00:00+00:00"}, True, True, id="trained-again"),
    ],
)
def test_what_changes_a_tag(changes: dict[str, Any], fixed: bool, moving: bool) -> None:
    before = image.names("ghcr.io/acme/churn", owner=None, run=run_of())
    after = image.names("ghcr.io/acme/churn", owner=None, run=run_of(**changes))

    assert (before.fixed == after.fixed, before.moving == after.moving) == (fixed, moving)


def test_the_owner_is_filled_in_in_lower_case() -> None:
    names = image.names("ghcr.io/{owner}/churn", owner="Acme-Corp", run=run_of())

    assert names.repository == "ghcr.io/acme-corp/churn"


def test_an_owner_that_is_needed_and_unknown_is_asked_for() -> None:
    with pytest.raises(ImageNameIsOdd, match=r"needs the owner") as caught:
        image.names("ghcr.io/{owner}/churn", owner=None, run=run_of())

    assert "ghcr.io/acme/churn" in caught.value.fix


@pytest.mark.parametrize(
    "template",
    ["127.0.0.1:5000/churn", "localhost:5000/a/b/c", "ghcr.io/acme/my_model.v2-x", "acme/churn"],
)
def test_a_repository_in_a_registry_is_taken(template: str) -> None:
    assert image.names(template, owner=None, run=run_of()).repository == template


@pytest.mark.parametrize(
    "template",
    [
        pytest.param("", id="empty"),
        pytest.param("churn", id="without-a-registry"),
        pytest.param("ghcr.io/Acme/churn", id="upper-case"),
        pytest.param("ghcr.io/acme/churn:v1", id="with-a-tag"),
        pytest.param("ghcr.io/acme/churn@sha256:00", id="with-a-digest"),
        pytest.param("https://ghcr.io/acme/churn", id="an-address"),
        pytest.param("ghcr.io/acme/churn/", id="a-slash-too-many"),
        pytest.param("ghcr.io//churn", id="nothing-between-slashes"),
        pytest.param("ghcr.io/acme/-churn", id="begins-with-a-dash"),
        pytest.param("ghcr.io/acme/a..b", id="two-dots"),
        pytest.param("ghcr.io/acme/churn\n", id="with-a-line-end"),
        pytest.param("ghcr.io/{model}/churn", id="an-unknown-placeholder"),
        pytest.param("ghcr.io/acme/churn --privileged", id="with-an-argument"),
    ],
)
def test_a_name_that_is_none_is_refused_with_an_example(template: str) -> None:
    with pytest.raises(ImageNameIsOdd, match="is not a repository") as caught:
        image.names(template, owner=None, run=run_of())

    assert template in caught.value.problem
    assert "ghcr.io/acme/churn" in caught.value.fix


@pytest.mark.parametrize(
    ("address", "owner"),
    [
        ("git@github.com:acme/churn.git", "acme"),
        ("https://github.com/Acme-Corp/churn", "Acme-Corp"),
        ("https://github.com/acme/churn/", "acme"),
        ("https://x-access-token:secret@github.com/acme/churn.git", "acme"),
        ("ssh://git@example.org:2222/acme/churn.git", "acme"),
        pytest.param("ssh://git@example.org:2222/churn.git", None, id="a-port-is-no-owner"),
        pytest.param("https://localhost/churn.git", None, id="a-host-is-no-owner"),
        pytest.param("file:///srv/git/churn.git", None, id="a-folder-is-no-owner"),
        ("/srv/git/churn.git", None),
        ("../acme/churn.git", None),
        ("", None),
    ],
)
def test_the_owner_stands_in_the_origins_address(address: str, owner: str | None) -> None:
    assert owner_of(address) == owner


def test_labels_are_the_run_half_of_a_manifest() -> None:
    labels = image.labels(run_of())

    assert labels == {
        "org.opencontainers.image.title": "churn",
        "org.opencontainers.image.revision": COMMIT,
        "org.opencontainers.image.created": records.RUN.created,
        "dev.trainshed.model": "churn",
        "dev.trainshed.run": records.RUN.run_id,
        "dev.trainshed.dataset": DATA,
        "dev.trainshed.artifact": ARTIFACT,
        "dev.trainshed.commit": COMMIT,
        "dev.trainshed.metrics": '{"f1": 0.8421, "log_loss": 0.231, "rows": 4000.0}',
    }


@pytest.mark.parametrize(
    ("changed", "different"),
    [
        pytest.param({}, (), id="equal"),
        pytest.param({"dev.trainshed.run": "0"}, ("run",), id="another-run"),
        pytest.param(
            {"dev.trainshed.dataset": "0", "dev.trainshed.artifact": "0"},
            ("dataset", "artifact"),
            id="another-data-and-artifact",
        ),
        pytest.param({"dev.trainshed.metrics": "{}", "more": "x"}, (), id="what-is-not-compared"),
    ],
)
def test_labels_that_differ_from_a_manifest_are_named(
    changed: dict[str, str], different: tuple[str, ...]
) -> None:
    found = {**image.labels(run_of()), **changed}

    names = mismatches(found, run_id=records.RUN.run_id, dataset=DATA, artifact=ARTIFACT)

    assert names == different


def test_an_image_without_our_labels_differs_in_everything() -> None:
    assert mismatches({}, run_id="1", dataset="2", artifact="3") == ("run", "dataset", "artifact")


def test_the_run_layer_is_the_same_bytes_wherever_and_whenever_its_files_were_written(
    tmp_path: Path,
) -> None:
    first = folder_of(tmp_path / "here", sorted(FILES))
    second = folder_of(tmp_path / "elsewhere" / "deeper", sorted(FILES, reverse=True))
    for path in second.rglob("*"):
        os.utime(path, (1, 1))
        path.chmod(0o700)

    layer = image.run_layer(first, run_of())

    assert layer == image.run_layer(second, run_of())
    assert content_of(layer) == {f"trainshed/run/{name}": FILES[name] for name in FILES}


def test_a_run_layer_holds_a_folder_as_artifact_and_nothing_that_the_run_does_not_name(
    tmp_path: Path,
) -> None:
    folder = folder_of(tmp_path, ["run.json", "predictions/predictions.csv"])
    for name in ("artifact/model/weights", "artifact/model/deep/tokens", "notes.txt", ".lock"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)

    artifact = File(path="artifact/model", digest=ARTIFACT, size=6)
    layer = image.run_layer(folder, run_of(artifact=artifact, examples=None, predictions=None))

    assert sorted(content_of(layer)) == [
        "trainshed/run/artifact/model/deep/tokens",
        "trainshed/run/artifact/model/weights",
        "trainshed/run/run.json",
    ]


def test_a_run_in_a_layer_can_be_read_again(tmp_path: Path) -> None:
    (tmp_path / "artifact").mkdir()
    (tmp_path / "artifact" / "model.pkl").write_bytes(b"model")
    made = run_of(examples=None, predictions=None)
    (tmp_path / "run.json").write_text(made.to_json())

    record = content_of(image.run_layer(tmp_path, made))["trainshed/run/run.json"]

    assert run.from_json(record) == made
    assert json.loads(record)["dataset"]["digest"] == DATA


@given(contents, st.randoms())
def test_a_tar_is_the_same_bytes_for_the_same_content(files: dict[str, bytes], random: Any) -> None:
    shuffled = list(files.items())
    random.shuffle(shuffled)

    assert image.tar(dict(shuffled)) == image.tar(files)


@given(contents)
def test_a_tar_holds_what_was_put_in_and_no_trace_of_who_did(files: dict[str, bytes]) -> None:
    packed = image.tar(files)

    assert content_of(packed) == files
    for member in members_of(packed):
        assert (member.mtime, member.uid, member.gid) == (0, 0, 0)
        assert (member.uname, member.gname) == ("", "")
        assert member.mode == (0o755 if member.isdir() else 0o644)


@given(contents, contents)
def test_another_content_is_another_tar(one: dict[str, bytes], other: dict[str, bytes]) -> None:
    assert (image.tar(one) == image.tar(other)) == (one == other)


def test_folders_come_before_what_they_hold_and_names_may_be_long() -> None:
    name = f"{'folder/' * 30}Größe {'x' * 120}.txt"

    packed = image.tar({name: b"content"})

    paths = [member.name for member in members_of(packed)]
    assert paths == [*["/".join(["folder"] * depth) for depth in range(1, 31)], name]


def test_a_program_can_be_run() -> None:
    (folder, script) = members_of(image.tar({"bin/start": b"#!"}, executable=["bin/start"]))

    assert (folder.mode, script.mode) == (0o755, 0o755)


def test_a_tar_does_not_change_between_versions_of_this_library() -> None:
    """A layer that changes by itself would be pushed and pulled again for every release."""
    packed = image.tar({"trainshed/run/run.json": b"{}\n", "code/a.py": b"a = 1\n"})

    assert hashlib.sha256(packed).hexdigest() == (
        "02f5e46ce9164dbc8cbcd01e981f3ecec925b8e87072bcab6516fd9ceb7b5174"
    )


def members_of(packed: bytes) -> list[tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        return archive.getmembers()


def content_of(packed: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        files = [member for member in archive.getmembers() if member.isfile()]
        return {member.name: archive.extractfile(member).read() for member in files}
