"""Releases of a real repository, with a trainer that reports what the test wants."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
import repositories
from repositories import LEDGER, Repo, model_files, project_files, report_of

from trainshed import comparison, experiment_record, release, result, tags, tombstone
from trainshed.errors import TrainshedError
from trainshed.manifest import ManifestIsTooLarge, Override
from trainshed.mirror import OriginWasReplaced
from trainshed.origin import OriginRefusesThePush
from trainshed.release import (
    CommitIsNotPushed,
    NothingToRelease,
    OverrideNeedsAReason,
    Released,
)
from trainshed.release_draft import RunWasReverted
from trainshed.store import Store

WHO = "Someone Else <else@example.org>"
REPORT = "pipelines/churn/report.txt"
SCHEMA = "pipelines/churn/schema.json"
DATA = "data/churn.csv"
PREDICTS = f"""{repositories.TRAINER}
echo row_id,y_true,y_pred >"$out.csv"
echo 1,yes,yes >>"$out.csv"
echo "predictions=$out.csv"
"""


def with_a_project(folder: Path) -> Repo:
    """One model, f1 = 0.9, pushed and not released."""
    return repositories.make(folder, project_files())


def with_a_release(folder: Path) -> Repo:
    """The same, released as churn@v1.0.0."""
    repo = with_a_project(folder)
    assert churn(repo).kind == "released"
    return repo


@pytest.fixture
def unreleased(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Repo:
    return repositories.copy_of(with_a_project, tmp_path, tmp_path_factory)


@pytest.fixture
def repo(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Repo:
    return repositories.copy_of(with_a_release, tmp_path, tmp_path_factory)


def churn(repo: Repo, *, commit: str | None = None, is_dry: bool = False) -> Released:
    return repo.releases.release("churn", commit=commit, is_dry=is_dry)


def tag_of(released: Released) -> str:
    return str(released.manifest.tag) if released.manifest else ""


def test_the_first_release_is_an_annotated_tag_that_holds_its_manifest(unreleased: Repo) -> None:
    released = churn(unreleased)

    manifest = released.manifest
    assert manifest is not None
    assert (released.kind, tag_of(released), manifest.sequence) == ("released", "churn@v1.0.0", 1)
    content = unreleased.bare.run("cat-file", "tag", "churn@v1.0.0").out
    assert content.partition("\n\n")[2] == manifest.to_json()
    assert unreleased.bare.read("rev-parse", "churn@v1.0.0^{commit}") == manifest.commit
    assert unreleased.ledger_paths() == [
        "releases/churn@v1.0.0.json",
        f"runs/churn/{manifest.run_id}.json",
    ]


def test_a_manifest_says_what_the_release_is_made_of(unreleased: Repo) -> None:
    manifest = churn(unreleased).manifest
    assert manifest is not None

    data = (unreleased.folder / DATA).read_bytes()
    artifact = data + (unreleased.folder / REPORT).read_bytes()  # what the trainer writes
    assert manifest.commit == unreleased.git("rev-parse", "HEAD")
    assert manifest.dataset.path == DATA
    assert manifest.dataset.digest == hashlib.sha256(data).hexdigest()
    assert manifest.artifact == hashlib.sha256(artifact).hexdigest()
    assert manifest.metrics == {"f1": 0.9}
    assert (manifest.gate.verdict, manifest.gate.baseline) == ("pass", None)
    assert (manifest.schema, manifest.skipped) == (None, ())


@pytest.mark.parametrize(
    "files", [pytest.param({}, id="nothing"), pytest.param({"README.md": "New.\n"}, id="no-input")]
)
def test_where_nothing_that_decides_the_run_changed_there_is_nothing_to_release(
    repo: Repo, files: dict[str, str]
) -> None:
    if files:
        repo.commit_and_push(files)
    before = repo.refs()

    again = churn(repo)

    assert (again.kind, tag_of(again)) == ("already-released", "churn@v1.0.0")
    assert repo.refs() == before


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({REPORT: report_of(f1=0.91)}, "1.0.1", id="code"),
        pytest.param({DATA: "a,b\n1,2\n3,4\n"}, "1.1.0", id="data"),
        pytest.param({SCHEMA: "{}"}, "2.0.0", id="schema"),
        pytest.param({DATA: "a,b\n", REPORT: report_of(f1=0.91)}, "1.1.0", id="data-and-code"),
        pytest.param({DATA: "a,b\n", SCHEMA: "{}"}, "2.0.0", id="data-and-schema"),
    ],
)
def test_the_version_tells_what_changed(repo: Repo, files: dict[str, str], expected: str) -> None:
    repo.commit_and_push(files)

    released = churn(repo)

    assert released.manifest is not None
    assert (released.kind, released.manifest.version) == ("released", expected)
    assert released.manifest.sequence == 2
    assert released.manifest.gate.baseline == "churn@v1.0.0"


@pytest.mark.parametrize("data", ["a,b\n3,4\n", "a,b\n1,2\n"], ids=["new", "as-it-was"])
def test_a_version_is_never_reused_and_never_understates_the_change(repo: Repo, data: str) -> None:
    """After a revert the data differs from that of what is live, or of the highest version."""
    repo.commit_and_push({DATA: "a,b\n3,4\n"})
    assert tag_of(churn(repo)) == "churn@v1.1.0"
    tombstone.revert(repo.origin, tags.require("churn@v1.1.0"), who=WHO, why="bad data")
    repo.delete_tag("churn@v1.1.0")
    repo.commit_and_push({DATA: data, REPORT: report_of(f1=0.91)})

    released = churn(repo)

    assert released.manifest is not None
    assert (tag_of(released), released.manifest.sequence) == ("churn@v1.2.0", 3)
    assert released.manifest.gate.baseline == "churn@v1.0.0"


@pytest.mark.parametrize("name", ["churn@v1.0.1", "churn@v1.0.1!"])
def test_a_name_that_was_taken_by_hand_is_left_alone(repo: Repo, name: str) -> None:
    repo.git("tag", name)
    repo.push(f"refs/tags/{name}")
    repo.commit_and_push({REPORT: report_of(f1=0.91)})
    before = repo.refs()[f"refs/tags/{name}"]

    assert tag_of(churn(repo)) == "churn@v1.0.2"
    assert repo.refs()[f"refs/tags/{name}"] == before


def test_a_name_that_is_taken_while_the_gate_decides_is_left_alone(repo: Repo) -> None:
    other = repo.clone()
    repo.commit_and_push({REPORT: report_of(f1=0.91)})

    def take_the_name(_: object) -> None:
        if "churn@v1.0.1" not in repo.tag_names():
            other.git("tag", "churn@v1.0.1")
            other.push("refs/tags/churn@v1.0.1")

    released = repo.releases.release("churn", gated=take_the_name)

    assert (released.kind, tag_of(released)) == ("released", "churn@v1.0.2")


@pytest.mark.parametrize(
    ("report", "told"),
    [
        pytest.param(report_of(f1=0.88), "worse", id="worse-than-the-live-release"),
        pytest.param(report_of(f1=0.4), "worse", id="below-the-threshold"),
    ],
)
def test_what_the_gate_blocks_is_an_answer_and_only_its_run_is_kept(
    repo: Repo, report: str, told: str
) -> None:
    repo.commit_and_push({REPORT: report})
    tags, paths = repo.tag_names(), repo.ledger_paths()

    blocked = churn(repo)

    assert (blocked.kind, tag_of(blocked)) == ("blocked", "")
    assert blocked.comparison is not None
    assert blocked.comparison.verdict == "fail"
    assert [one.judgement for one in blocked.comparison.baselines[0].findings] == [told]
    assert blocked.trained is not None
    run_id = blocked.trained.run.run_id
    assert repo.tag_names() == tags
    assert sorted({*repo.ledger_paths()} - {*paths}) == [f"runs/churn/{run_id}.json"]
    before = repo.refs()
    assert churn(repo).kind == "blocked"
    assert repo.refs() == before


def test_an_override_lets_a_release_pass_and_stands_in_its_manifest(repo: Repo) -> None:
    repo.commit_and_push({REPORT: report_of(f1=0.7)})
    override = Override(reason="the labels are stricter now", who="Ada <ada@example.org>")

    released = repo.releases.release("churn", override=override)

    assert (released.kind, tag_of(released)) == ("released", "churn@v1.0.1")
    assert "and Ada <ada@example.org> overrides it: the labels are stricter now" in released.why
    (newest, *_) = repo.standing().of("churn")
    assert newest.override == override
    assert newest.gate.verdict == "fail"


def test_an_override_that_was_not_needed_is_not_written_down(repo: Repo) -> None:
    repo.commit_and_push({REPORT: report_of(f1=0.95)})

    repo.releases.release("churn", override=Override(reason="to be sure", who="Ada"))

    assert repo.standing().of("churn")[0].override is None


@pytest.mark.parametrize("reason", ["", "  "])
def test_an_override_needs_a_reason(repo: Repo, reason: str) -> None:
    repo.commit_and_push({REPORT: report_of(f1=0.7)})
    before = repo.refs()

    with pytest.raises(OverrideNeedsAReason, match="needs a reason"):
        repo.releases.release("churn", override=Override(reason=reason, who="Ada"))

    assert repo.refs() == before


def test_thresholds_alone_decide_on_a_first_release(unreleased: Repo) -> None:
    unreleased.commit_and_push({REPORT: report_of(f1=0.4)})

    blocked = churn(unreleased)

    assert blocked.kind == "blocked"
    assert blocked.comparison is not None
    assert [one.metric for one in blocked.comparison.broken] == ["f1"]
    assert unreleased.tag_names() == []


def by_tombstone(repo: Repo) -> None:
    tombstone.revert(repo.origin, tags.require("churn@v1.0.0"), who=WHO, why="complaints")


def by_deleting_its_tag(repo: Repo) -> None:
    repo.delete_tag("churn@v1.0.0")


def by_a_mark(repo: Repo) -> None:
    repo.mark("churn@v1.0.0")


@pytest.mark.parametrize("revert", [by_tombstone, by_deleting_its_tag, by_a_mark])
def test_a_reverted_run_cannot_be_released_again(
    repo: Repo, revert: Callable[[Repo], None]
) -> None:
    revert(repo)
    repo.commit_and_push({"README.md": "The run is the same.\n"})
    before = repo.refs()

    with pytest.raises(RunWasReverted, match=r"was released as churn@v1\.0\.0 and reverted") as it:
        churn(repo)

    assert it.value.exit_code == 5
    assert "revert --unrevert churn@v1.0.0" in it.value.fix
    assert repo.refs() == before


def test_nothing_is_released_while_every_tag_that_the_ledger_knows_is_gone(repo: Repo) -> None:
    repo.delete_tag("churn@v1.0.0")
    repo.commit_and_push({REPORT: report_of(f1=0.99)})
    before = repo.refs()

    with pytest.raises(OriginWasReplaced, match=r"gone from the origin \(churn@v1\.0\.0\)"):
        churn(repo)

    assert repo.refs() == before


def test_after_a_revert_the_next_release_is_compared_with_what_is_live_again(repo: Repo) -> None:
    repo.commit_and_push({REPORT: report_of(f1=0.99)})
    assert tag_of(churn(repo)) == "churn@v1.0.1"
    repo.delete_tag("churn@v1.0.1")
    repo.commit_and_push({REPORT: report_of(f1=0.9, accuracy=0.5)})

    released = churn(repo)

    assert released.manifest is not None
    assert (tag_of(released), released.manifest.gate.baseline) == ("churn@v1.0.2", "churn@v1.0.0")


def test_an_ancestor_of_the_newest_release_is_never_released(repo: Repo) -> None:
    older = repo.commit_and_push({REPORT: report_of(f1=0.91)})
    repo.commit_and_push({REPORT: report_of(f1=0.92)})
    assert tag_of(churn(repo)) == "churn@v1.0.1"
    before = repo.refs()

    superseded = churn(repo, commit=older)

    assert (superseded.kind, tag_of(superseded)) == ("superseded", "churn@v1.0.1")
    assert superseded.trained is None
    assert older not in {run.commit for run in Store(repo.project).runs()}
    assert repo.refs() == before


def test_an_older_commit_of_main_can_be_released_before_a_later_one(repo: Repo) -> None:
    older = repo.commit_and_push({REPORT: report_of(f1=0.91)})
    repo.commit_and_push({REPORT: report_of(f1=0.92)})

    released = churn(repo, commit=older)

    assert (released.kind, released.commit) == ("released", older)
    assert tag_of(churn(repo)) == "churn@v1.0.2"


def test_skipped_commits_are_listed_newest_first(repo: Repo) -> None:
    skipped = [
        repo.commit({REPORT: report_of(f1=0.91)}, "One"),
        repo.commit({}, "Two: \u2028 a line break, to some\x0c"),
    ]
    repo.commit_and_push({REPORT: report_of(f1=0.92)}, "Three")

    released = churn(repo)

    assert released.manifest is not None
    assert list(released.manifest.skipped) == skipped[::-1]


def test_a_commit_that_was_released_and_reverted_was_not_skipped(repo: Repo) -> None:
    repo.commit_and_push({REPORT: report_of(f1=0.91)})
    assert tag_of(churn(repo)) == "churn@v1.0.1"
    repo.delete_tag("churn@v1.0.1")
    skipped = repo.commit({}, "Nothing")
    repo.commit_and_push({REPORT: report_of(f1=0.92)})

    released = churn(repo)

    assert released.manifest is not None
    assert released.manifest.skipped == (skipped,)


def test_a_clone_that_is_ahead_of_the_origin_is_refused(repo: Repo) -> None:
    repo.commit({REPORT: report_of(f1=0.91)})
    before = repo.refs()

    with pytest.raises(CommitIsNotPushed, match="is ahead of the origin's main") as caught:
        churn(repo)

    assert caught.value.exit_code == 5
    assert "git push origin HEAD:main" in caught.value.fix
    assert repo.refs() == before


@pytest.mark.parametrize("is_pushed", [False, True], ids=["only-here", "on-another-branch"])
def test_a_commit_that_is_not_on_the_origins_main_is_refused(repo: Repo, is_pushed: bool) -> None:
    commit = repo.commit({REPORT: report_of(f1=0.91)})
    if is_pushed:
        repo.push("HEAD:refs/heads/idea")
    before = repo.refs()

    with pytest.raises(CommitIsNotPushed, match="is not on the origin's main"):
        churn(repo, commit=commit)

    assert repo.refs() == before


def test_a_clone_that_is_behind_releases_the_origins_newest_commit(repo: Repo) -> None:
    behind = repo.clone()
    newest = repo.commit_and_push({REPORT: report_of(f1=0.91)})

    released = churn(behind)

    assert (released.kind, released.commit) == ("released", newest)
    assert behind.git("rev-parse", "HEAD") != newest


def test_a_shallow_clone_can_release(repo: Repo) -> None:
    repo.commit_and_push({REPORT: report_of(f1=0.91)})

    released = churn(repo.clone(depth=1))

    assert (released.kind, tag_of(released)) == ("released", "churn@v1.0.1")


def test_a_shallow_clone_lists_what_was_skipped_and_knows_what_is_superseded(repo: Repo) -> None:
    skipped = [repo.commit({REPORT: report_of(f1=0.91 + n / 1000)}, str(n)) for n in range(3)]
    newest = repo.commit_and_push({REPORT: report_of(f1=0.92)})

    released = churn(repo.clone("shallow", depth=1))
    older = repo.clone("older", depth=2)
    superseded = churn(older, commit=older.git("rev-parse", "HEAD^1"))

    assert released.manifest is not None
    assert (released.commit, list(released.manifest.skipped)) == (newest, skipped[::-1])
    assert superseded.kind == "superseded"


def test_what_the_pull_request_predicted_is_compared_with_what_main_trained(repo: Repo) -> None:
    commit = repo.commit_and_push({"pipelines/churn/train.sh": PREDICTS})
    trained = repo.releases.trainings.train_or_find(commit, "churn").run
    compared = comparison.compare(
        model="churn", candidate=comparison.side(trained), parent=None, live=None, rules={}
    )
    answer = result.of_comparison(compared, run=trained, head="ab" * 20, base=None)
    record = experiment_record.of_result(answer, pull_requests=[12], when=trained.created)
    experiment_record.write(repo.origin, [record])

    released = churn(repo)

    assert released.kind == "released"
    assert released.proposed == "predictions equal those of pull request #12"


def test_without_a_pull_request_nothing_is_said_of_its_predictions(repo: Repo) -> None:
    repo.commit_and_push({"pipelines/churn/train.sh": PREDICTS})

    assert churn(repo).proposed is None


def test_an_origin_without_a_commit_has_nothing_to_release(tmp_path: Path) -> None:
    repo = repositories.make(tmp_path)
    repo.commit(project_files())

    with pytest.raises(NothingToRelease, match="has no branch main yet") as caught:
        churn(repo)

    assert caught.value.exit_code == 5
    assert repo.refs() == {}


def test_a_dry_run_decides_all_and_pushes_nothing(repo: Repo) -> None:
    repo.commit_and_push({DATA: "a,b\n3,4\n"})
    before = repo.refs()

    would = churn(repo, is_dry=True)

    assert (would.kind, tag_of(would)) == ("would-release", "churn@v1.1.0")
    assert repo.refs() == before
    real = churn(repo)
    assert (real.kind, tag_of(real)) == ("released", "churn@v1.1.0")


def test_an_origin_that_refuses_the_push_has_nothing_half_released(repo: Repo) -> None:
    repo.commit_and_push({REPORT: report_of(f1=0.91)})
    repo.hook("update", 'case "$1" in refs/tags/*) echo no tags today >&2; exit 1;; esac')
    before = repo.refs()

    with pytest.raises(OriginRefusesThePush) as caught:
        churn(repo)

    assert caught.value.exit_code == 4
    assert repo.refs() == before
    (repo.origin_folder / "hooks/update").unlink()
    assert (churn(repo).kind, repo.tag_names()) == ("released", ["churn@v1.0.0", "churn@v1.0.1"])


def test_a_manifest_that_is_too_large_is_refused_before_the_push(repo: Repo) -> None:
    many = {f"a_metric_with_a_long_name_{number:04d}": 0.5 for number in range(2000)}
    repo.commit_and_push({REPORT: report_of(f1=0.91, **many)})
    before = repo.refs()

    with pytest.raises(ManifestIsTooLarge):
        churn(repo)

    assert repo.refs() == before


def test_the_gate_decides_again_when_another_release_came_first(unreleased: Repo) -> None:
    """What passed with no baseline is worse than the one that was released meanwhile."""
    other = unreleased.clone()
    better = unreleased.commit_and_push({REPORT: report_of(f1=0.99)})
    unreleased.commit_and_push({REPORT: report_of(f1=0.9)})
    verdicts: list[str] = []

    def be_overtaken(compared: release.Comparison) -> None:
        verdicts.append(compared.verdict)
        if len(verdicts) == 1:
            other.git("fetch", "--quiet")
            assert churn(other, commit=better).kind == "released"

    blocked = unreleased.releases.release("churn", gated=be_overtaken)

    assert verdicts == ["pass", "fail"]
    assert blocked.kind == "blocked"
    assert unreleased.tag_names() == ["churn@v1.0.0"]


def test_a_release_that_is_overtaken_by_a_later_commit_is_superseded(repo: Repo) -> None:
    other = repo.clone()
    repo.commit_and_push({REPORT: report_of(f1=0.91)})

    def be_overtaken(_: object) -> None:
        if len(repo.tag_names()) == 1:
            other.git("pull", "--quiet")
            other.commit_and_push({REPORT: report_of(f1=0.92)})
            assert churn(other).kind == "released"

    overtaken = repo.releases.release("churn", gated=be_overtaken)

    assert (overtaken.kind, tag_of(overtaken)) == ("superseded", "churn@v1.0.1")
    assert repo.tag_names() == ["churn@v1.0.0", "churn@v1.0.1"]


@pytest.mark.parametrize("is_shared", [True, False], ids=["one-clone", "two-clones"])
def test_two_releases_at_once_make_one_tag(repo: Repo, is_shared: bool) -> None:
    repo.commit_and_push({REPORT: report_of(f1=0.91)})
    other = repo if is_shared else repo.clone()

    kinds = repositories.at_once(release_model, (repo, "churn"), (other, "churn"))

    # Both say "released" when they pushed the very same tag in the same second.
    assert set(kinds) <= {"released", "already-released"}
    assert "released" in kinds
    assert repo.tag_names() == ["churn@v1.0.0", "churn@v1.0.1"]
    assert [one.manifest.sequence for one in repo.world().ledger.of_model("churn")] == [1, 2]
    assert len(repo.standing().of("churn")) == 2


def test_two_models_at_once_are_both_released(tmp_path: Path) -> None:
    """They share a ledger, so that one loses the race and tries again."""
    repo = repositories.make(tmp_path, project_files("churn", "lifetime"))

    kinds = repositories.at_once(release_model, (repo, "churn"), (repo.clone(), "lifetime"))

    assert kinds == ["released", "released"]
    assert repo.tag_names() == ["churn@v1.0.0", "lifetime@v1.0.0"]
    assert repo.bare.read("rev-list", "--count", LEDGER) == "2"


def release_model(repo: Repo, model: str) -> str:
    return repo.releases.release(model).kind


def test_models_are_numbered_and_compared_each_for_itself(tmp_path: Path) -> None:
    repo = repositories.make(tmp_path, project_files("churn", "lifetime"))
    churn(repo)
    assert repo.releases.release("lifetime").kind == "released"
    repo.commit_and_push(model_files("lifetime", f1=0.95))

    released = repo.releases.release("lifetime").manifest

    assert released is not None
    assert (str(released.tag), released.sequence) == ("lifetime@v1.0.1", 2)
    assert released.gate.baseline == "lifetime@v1.0.0"
    assert churn(repo).kind == "already-released"


@pytest.mark.parametrize(
    ("report", "slug"),
    [
        pytest.param("metric.f1=nan\n", "trainer-broke-the-contract", id="nan"),
        pytest.param("no metric at all\n", "trainer-broke-the-contract", id="no-metric"),
        pytest.param(
            "metric.f1=0.9\nartifact=/etc/passwd\n", "trainer-broke-the-contract", id="out"
        ),
    ],
)
def test_a_trainer_that_breaks_its_contract_releases_nothing(
    repo: Repo, report: str, slug: str
) -> None:
    repo.commit_and_push({REPORT: report})
    before = repo.refs()

    with pytest.raises(TrainshedError) as caught:
        churn(repo)

    assert (caught.value.slug, caught.value.exit_code) == (slug, 3)
    assert repo.refs() == before
