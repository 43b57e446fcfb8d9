import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import repositories
from hypothesis import given, settings
from hypothesis import strategies as st
from repositories import TAGGER, Repo, deployment_of, manifest_of, tombstone_of

from trainshed import git, ledger, tags
from trainshed.ledger import Ledger, LedgerIsMalformed
from trainshed.manifest import Data, Gate, Manifest

V1 = tags.require("churn@v1.0.0")
V2 = tags.require("churn@v1.1.0")

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
numbers = st.floats(allow_nan=False, allow_infinity=False)
manifests = st.builds(
    Manifest,
    model=st.sampled_from(["churn", "life-time-2"]),
    version=st.tuples(*[st.integers(0, 99)] * 3).map(lambda parts: "{}.{}.{}".format(*parts)),
    sequence=st.integers(1, 10**6),
    commit=texts,
    run_id=texts,
    dataset=st.builds(Data, path=texts, digest=texts),
    artifact=texts,
    metrics=st.dictionaries(texts, numbers, max_size=4),
    gate=st.builds(Gate, verdict=texts, baseline=st.none() | texts),
    released=texts,
    schema=st.none() | texts,
    predictions=st.none() | texts,
    examples=st.none() | texts,
    image=st.none() | texts,
    python=st.none() | texts,
    skipped=st.lists(texts, max_size=3).map(tuple),
)


@pytest.fixture
def repo(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Repo:
    return repositories.copy_of(with_one_commit, tmp_path, tmp_path_factory)


def with_one_commit(folder: Path) -> Repo:
    return repositories.make(folder, {"README.md": "A project.\n"})


@settings(deadline=None)
@given(manifests)
def test_a_release_is_read_back_as_it_was_written_to_the_letter(manifest: Manifest) -> None:
    """The same tag can be made again only if its message is the same, byte by byte."""
    release = ledger.Release(manifest=manifest, tag_object="7a" * 20, tagger=TAGGER)

    read = fold(ledger.release_records(release)).releases[manifest.tag]

    assert read == release
    assert read.manifest.to_json() == manifest.to_json()


def test_tombstones_and_deployments_are_read_back_as_they_were_written() -> None:
    tombstone = tombstone_of(V1, why='Ärger mit "Kunden"\n', who="Zoë <z@example.org>")
    deployment = deployment_of(V1, outcome="failed", previous=str(V2), image="registry/x@sha256:1")

    folded = fold(
        ledger.tombstone_records(Ledger(), tombstone),
        ledger.deployment_records(Ledger(), deployment),
    )

    assert folded.tombstones == {V1: (tombstone,)}
    assert folded.deployments == {("production", "churn"): (deployment,)}


def test_records_are_numbered_in_the_order_of_appending() -> None:
    folded, records = Ledger(), {}
    for is_lifted in [False, True] * 6:
        made = ledger.tombstone_records(folded, tombstone_of(V1, is_lifted=is_lifted))
        records |= made
        folded = fold(records)

    assert sorted(records) == [f"tombstones/{V1}/{n:06d}.json" for n in range(1, 13)]
    assert [one.is_lifted for one in folded.tombstones[V1]] == [False, True] * 6


def test_numbers_are_counted_per_release_and_per_place() -> None:
    folded = fold(
        ledger.tombstone_records(Ledger(), tombstone_of(V1)),
        ledger.deployment_records(Ledger(), deployment_of(V1, "staging")),
    )

    second = ledger.tombstone_records(folded, tombstone_of(V1))
    other = ledger.tombstone_records(folded, tombstone_of(V2))
    again = ledger.deployment_records(folded, deployment_of(V2, "staging"))
    elsewhere = ledger.deployment_records(folded, deployment_of(V1, "production"))
    assert [*second, *other, *again, *elsewhere] == [
        f"tombstones/{V1}/000002.json",
        f"tombstones/{V2}/000001.json",
        "deployments/staging/churn/000002.json",
        "deployments/production/churn/000001.json",
    ]


def test_the_last_tombstone_record_counts() -> None:
    once, lifted = tombstone_of(V1), tombstone_of(V1, is_lifted=True)

    assert tombstones_of(once).tombstone(V1) == once
    assert tombstones_of(once, lifted).tombstone(V1) is None
    assert tombstones_of(once, lifted, once).tombstone(V1) == once
    assert tombstones_of(once).tombstone(V2) is None


def test_only_what_went_live_in_an_environment_counts_as_deployed_there() -> None:
    records: dict[str, Any] = {}
    for one in (
        deployment_of(V1, "production"),
        deployment_of(V2, "production", outcome="failed"),
        deployment_of(V2, "staging"),
        deployment_of(tags.require("lifetime@v1.0.0"), "production"),
    ):
        records |= ledger.deployment_records(fold(records), one)

    assert fold(records).deployed("production", "churn") == {V1}
    assert fold(records).deployed("staging", "churn") == {V2}
    assert fold(records).deployed("nowhere", "churn") == frozenset()


def test_the_releases_of_a_model_are_in_the_order_of_their_sequence() -> None:
    made = [
        manifest_of("churn@v1.10.0", sequence=3),
        manifest_of("churn@v2.0.0", sequence=1),
        manifest_of("churn@v1.9.0", sequence=2),
        manifest_of("lifetime@v1.0.0", sequence=1),
    ]
    folded = fold(*(ledger.release_records(release_of(one)) for one in made))

    numbers = [one.manifest.sequence for one in folded.of_model("churn")]

    assert numbers == [1, 2, 3]


def test_a_key_that_a_newer_writer_added_is_ignored() -> None:
    record = {**asdict(tombstone_of(V1)), "severity": "high"}

    folded = ledger.fold({f"tombstones/{V1}/000001.json": json.dumps(record).encode()})

    assert folded.tombstone(V1) == tombstone_of(V1)


@pytest.mark.parametrize(
    ("path", "content", "told"),
    [
        pytest.param("releases/churn@v1.0.0.json", "not JSON", "Invalid JSON", id="not-json"),
        pytest.param("releases/churn@v1.0.0.json", "", "Invalid JSON", id="empty"),
        pytest.param("releases/churn@v1.0.0.json", "{}", "manifest: Field required", id="lacking"),
        pytest.param("tombstones/churn@v1.0.0/000001.json", '{"tag": 1}', "tag: ", id="kind"),
        pytest.param(
            "tombstones/churn@v1.0.0/000001.json",
            json.dumps({**asdict(tombstone_of(V1)), "tag": "nonsense"}),
            "nonsense is not the name of a release",
            id="tag",
        ),
        pytest.param(
            "deployments/production/churn/000001.json",
            json.dumps({**asdict(deployment_of(V1)), "outcome": "maybe"}),
            "outcome: Input should be 'live' or 'failed'",
            id="outcome",
        ),
    ],
)
def test_a_record_that_cannot_be_read_is_named(path: str, content: str, told: str) -> None:
    with pytest.raises(LedgerIsMalformed) as caught:
        ledger.fold({path: content.encode()})

    assert caught.value.problem.startswith(f"{path} on the branch trainshed-ledger cannot be read")
    assert told in caught.value.problem


def test_the_first_commit_has_no_parent_and_only_its_records(repo: Repo) -> None:
    made = ledger.commit(repo.repository, None, {"tombstones/a/000001.json": {"why": "ü"}},
                         message="One\n")  # fmt: skip

    assert repo.repository.parents(made) == []
    assert files_of(repo.repository, made) == {"tombstones/a/000001.json": '{\n  "why": "ü"\n}\n'}
    assert repo.git("log", "-1", "--format=%B|%an <%ae>", made) == (
        "One\n|Test Person <test@example.org>"
    )


def test_a_commit_keeps_all_that_its_parent_held(repo: Repo) -> None:
    records = {"releases/a.json": {"n": 1}, "runs/churn/1.json": {"n": 2}}
    first = ledger.commit(repo.repository, None, records, message="One\n")

    second = ledger.commit(repo.repository, first, {"releases/b.json": {"n": 3}}, message="Two\n")

    assert repo.repository.parents(second) == [first]
    assert files_of(repo.repository, second) == {
        **files_of(repo.repository, first),
        "releases/b.json": '{\n  "n": 3\n}\n',
    }


def test_committing_touches_neither_the_index_nor_the_folder_nor_a_ref(repo: Repo) -> None:
    repo.commit({"staged.txt": "as committed"})
    (repo.folder / "staged.txt").write_text("staged")
    repo.git("add", "staged.txt")
    before = (
        repo.git("status", "--porcelain"),
        repo.git("for-each-ref"),
        repo.git("rev-parse", "HEAD"),
    )

    ledger.commit(repo.repository, None, {"releases/a.json": {}}, message="One\n")

    assert (
        repo.git("status", "--porcelain"),
        repo.git("for-each-ref"),
        repo.git("rev-parse", "HEAD"),
    ) == before


def test_a_robot_without_a_name_can_still_write(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.delenv(f"GIT_{role}_NAME")
        monkeypatch.delenv(f"GIT_{role}_EMAIL")
    repo.git("config", "user.useConfigOnly", "true")

    made = ledger.commit(repo.repository, None, {"releases/a.json": {}}, message="One\n")

    assert repo.git("log", "-1", "--format=%an <%ae>", made) == "trainshed <trainshed@localhost>"


def test_a_ledger_that_is_not_there_yet_is_empty(repo: Repo) -> None:
    assert ledger.read(repo.repository, None) == Ledger()


def test_thousands_of_records_are_read_and_one_more_is_appended(repo: Repo) -> None:
    records: dict[str, Any] = {}
    for number in range(1, 2001):
        release = release_of(manifest_of(f"churn@v1.{number}.0", sequence=number))
        records |= ledger.release_records(release)
    many = commit_many(repo.repository, records)

    folded = ledger.read(repo.repository, many)
    tombstone = ledger.tombstone_records(folded, tombstone_of(V2))
    after = ledger.commit(repo.repository, many, tombstone, message="One more\n")

    assert len(folded.releases) == 2000
    assert [one.manifest.sequence for one in folded.of_model("churn")] == list(range(1, 2001))
    assert len(ledger.read(repo.repository, after).releases) == 2000
    assert ledger.read(repo.repository, after).tombstone(V2) is not None


def test_runs_are_kept_beside_but_not_folded(repo: Repo) -> None:
    records = ledger.run_records("churn", "ab" * 32, {"anything": ["goes"]})

    made = ledger.commit(repo.repository, None, records, message="Run\n")

    assert list(files_of(repo.repository, made)) == [f"runs/churn/{'ab' * 32}.json"]
    assert ledger.read(repo.repository, made) == Ledger()


def release_of(manifest: Manifest) -> ledger.Release:
    return ledger.Release(manifest=manifest, tag_object="7a" * 20, tagger=TAGGER)


def fold(*records: ledger.Records) -> Ledger:
    """Write records as the ledger does, and fold what was written."""
    written = {path: one for some in records for path, one in some.items()}
    return ledger.fold({path: as_written(one) for path, one in written.items()})


def tombstones_of(*those: ledger.Tombstone) -> Ledger:
    folded, records = Ledger(), {}
    for one in those:
        records |= ledger.tombstone_records(folded, one)
        folded = fold(records)
    return folded


def as_written(record: Any) -> bytes:
    return json.dumps(asdict(record), ensure_ascii=False).encode()


def files_of(repository: git.Repository, commit: str) -> dict[str, str]:
    names = repository.read("ls-tree", "-r", "--name-only", commit).splitlines()
    return {name: repository.run("cat-file", "blob", f"{commit}:{name}").out for name in names}


def commit_many(repository: git.Repository, records: ledger.Records) -> str:
    """Commit many records through one `git fast-import`: writing them singly would take long."""
    parts = ["commit refs/heads/many\ncommitter A <a@example.org> 1700000000 +0000\ndata 0\n"]
    for path, record in records.items():
        content = as_written(record).decode()
        size = len(content.encode())
        parts.append(f"M 100644 inline {path}\ndata {size}\n{content}\n")
    repository.run("fast-import", "--quiet", stdin="".join(parts).encode())
    return repository.resolve("refs/heads/many")


def test_events_come_in_the_order_in_which_they_were_written_whatever_their_clocks(
    repo: Repo,
) -> None:
    later, earlier = "2026-01-02T00:00:00+00:00", "2026-01-01T00:00:00+00:00"
    written = [
        deployment_of(V1, "production", when=later),
        tombstone_of(V1, when=earlier),
        deployment_of(V2, "staging", when=earlier),
        tombstone_of(V1, when=earlier, is_lifted=True),
    ]
    commit, folded = None, Ledger()
    for one in written:
        is_tombstone = isinstance(one, ledger.Tombstone)
        number = ledger.tombstone_records if is_tombstone else ledger.deployment_records
        commit = ledger.commit(repo.repository, commit, number(folded, one), message="Event\n")
        folded = ledger.read(repo.repository, commit)

    assert ledger.events(repo.repository, commit) == written
    assert ledger.events(repo.repository, None) == []
