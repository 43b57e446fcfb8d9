"""What a hostile fork gets of scripts/comment.py: nothing but an honest answer."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import comment_story
import pytest
import rendered
import repositories
import results
from comment_story import Finished, Story, uploaded
from results import HEAD

from trainshed import cml
from trainshed.trainer import TrainerFailed


@pytest.fixture
def story(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with comment_story.tell(tmp_path, tmp_path_factory) as telling:
        yield telling


@pytest.fixture
def fork(story: Story) -> Story:
    return comment_story.from_fork(story)


def archive(files: Mapping[str, bytes], change: Callable[[zipfile.ZipInfo], object]) -> bytes:
    """Return an archive whose entries `change` makes what no honest job uploads."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            change(info)
            file.writestr(info, content, zipfile.ZIP_DEFLATED)
    return made.getvalue()


def hostile_name(document: Any, name: str) -> None:
    """Rename a metric wherever it stands."""
    text = json.dumps(document).replace('"log_loss"', json.dumps(name))
    document.clear()
    document.update(json.loads(text))


HOSTILE_NAMES = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "@acme/everybody",
    "${{ secrets.GITHUB_TOKEN }}",
    "::set-output name=verdict::pass",
    "\n::add-mask::pass",
    "##[command]",
    "\x1b[2J\x1b]0;pwned\x07",
    "a\u202eb",
    "](https://example.org)",
    "../../etc/passwd",
]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_name_that_no_trainer_may_give_is_refused_and_shown_nowhere(
    fork: Story, name: str
) -> None:
    content = results.content(results.compared(), lambda made: hostile_name(made, name))

    finished = fork.script(fork.ran(uploaded(content)))

    assert finished.code == 0
    assert fork.comment.startswith("❌ **not believed**: churn: ")
    assert fork.statuses["trainshed/churn"][0] == "error"
    for text in (fork.comment, finished.err, finished.out, finished.summary):
        assert name.strip() not in text
    assert_harmless(finished)


def assert_harmless(finished: Finished) -> None:
    """No line of the log is a workflow command but an error of ours; no byte drives a terminal."""
    for line in (finished.out + finished.err).splitlines():
        assert not line.lstrip().startswith("::") or line.startswith("::error::")
        assert "##[" not in line
        assert line.replace("\u200b", "").isprintable()


TRAINERS_WORDS = (
    "sh train.sh failed ::set-output name=x::y \x1b[2J @octocat #1 <b>${{ github.token }}</b>:\n"
    "::add-mask::pass\n::set-env name=PATH::/evil\n\x1b]0;pwned\x07\n```\n</details>\n@octocat\n"
    "<script>alert(1)</script>\n````\n![](https://example.org/leak.png)"
)


def test_the_words_of_a_trainer_are_shown_and_do_nothing(fork: Story) -> None:
    made = results.failed(TrainerFailed(TRAINERS_WORDS, fix="Mend it."))

    finished = fork.script(fork.ran(uploaded(made)))

    body = fork.comment
    kinds = {token.type for token in rendered.tokens(body.rsplit("\n", 1)[0])}
    assert "image" not in kinds
    (fence,) = [token for token in rendered.tokens(body) if token.type == "fence"]
    assert "![](https://example.org/leak.png)" in fence.content
    assert "@octocat" not in body.replace(fence.content, "")
    assert "\x1b" not in body
    assert "\x1b" not in fork.statuses["trainshed/churn"][1]
    assert_harmless(finished)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda made: made.update(head="99" * 20), "is of another commit than GitHub says"),
        (lambda made: made.update(model="lifetime"), "names another model than its artifact"),
        (lambda made: made["comparison"].update(verdict="warn"), "do not follow from its numbers"),
        (lambda made: made.update(pull_request=1, number=1), None),
    ],
)
def test_what_the_artifact_says_of_itself_is_never_followed(
    fork: Story, change: Callable[[Any], object], says: str | None
) -> None:
    content = results.content(results.compared(), change)

    finished = fork.script(fork.ran(uploaded(content)))

    assert finished.code == 0
    (comment,) = fork.double.state.repository.comments.values()
    assert comment.number == 2
    assert says is None or says in comment.body
    assert (fork.statuses["trainshed/churn"][0] == "success") == (says is None)


def test_a_result_of_100_megabytes_is_refused(fork: Story) -> None:
    run = fork.double.state.repository.runs[fork.ran()]
    artifact = fork.double.state.repository.add_artifact(
        run, "trainshed-churn", b"\0" * (100 << 20)
    )
    assert len(artifact.content) == 100 << 20

    finished = fork.script(run.id)

    assert finished.code == 0
    assert "is larger than 8388608 bytes" in fork.comment
    assert fork.statuses["trainshed/churn"][0] == "error"
    assert fork.double.asked("GET", ".*/zip") == []


def test_a_bomb_is_refused(fork: Story) -> None:
    made = archive({"result.json": b" " * (64 << 20)}, lambda info: None)
    run = fork.double.state.repository.runs[fork.ran()]
    fork.double.state.repository.add_artifact(run, "trainshed-churn", made)

    fork.script(run.id)

    assert "holds a result.json that has more than 8388608 bytes" in fork.comment


@pytest.mark.parametrize(
    "name", ["../../result.json", "/etc/cron.d/result.json", "a/../result.json", "C:\\result.json"]
)
def test_a_member_that_climbs_out_is_never_written(fork: Story, name: str) -> None:
    files = {name: b"pwned", "result.json": results.content(results.compared())}

    fork.script(fork.ran({"trainshed-churn": files}))

    assert fork.comment.startswith("✅ **pass**")
    assert not list(fork.folder.rglob("*pwned*"))
    written = {path.name for path in fork.folder.iterdir()}
    assert written == {"git", "cml", "output", "summary"}


def test_a_symlink_is_refused(fork: Story) -> None:
    def link(info: zipfile.ZipInfo) -> None:
        info.create_system = 3
        info.external_attr = 0o120777 << 16

    made = archive({"result.json": b"/etc/passwd"}, link)
    run = fork.double.state.repository.runs[fork.ran()]
    fork.double.state.repository.add_artifact(run, "trainshed-churn", made)

    fork.script(run.id)

    assert "that is not a plain file" in fork.comment
    assert "root:" not in fork.comment


def test_ten_thousand_metrics_make_one_comment_that_says_how_many_are_left_out(
    fork: Story,
) -> None:
    metrics = {f"metric_{number:05}": number / 7 for number in range(9_998)} | results.GOOD

    finished = fork.script(fork.ran(uploaded(results.compared(metrics, parent=metrics))))

    assert finished.code == 0
    assert 55_000 < len(fork.comment) <= 60_000
    left = 10_000 - fork.comment.count("| metric\\_") - 2
    assert f"\n{left} more metrics are left out" in fork.comment
    assert "`result.json` of its artifact `trainshed-churn`" in fork.comment
    assert fork.comment.endswith(cml.marker("churn", HEAD))
    (path,) = fork.repo.ledger_paths()
    assert len(fork.repo.bare.run("show", f"{repositories.LEDGER}:{path}").stdout) <= 64 << 10


def test_one_metric_too_many_is_refused(fork: Story) -> None:
    metrics = {f"metric_{number:05}": 0.5 for number in range(9_999)} | results.GOOD

    fork.script(fork.ran(uploaded(results.compared(metrics, parent=None))))

    assert "has more than 10000 metrics" in fork.comment


def test_a_run_with_hundreds_of_results_makes_few_comments(fork: Story) -> None:
    many = {f"trainshed-model-{number}": b"{}" for number in range(90)}

    finished = fork.script(fork.ran(uploaded(results.compared()) | many))

    assert finished.code == 0
    assert len(fork.comments) == 20
    assert fork.statuses["trainshed/churn"][0] == "success"


def test_artifacts_of_other_names_are_not_looked_at(fork: Story) -> None:
    others = {"logs": b"x", "trainshed-": b"x", "trainshed-../x": b"x", "trainshed-A": b"x"}

    finished = fork.script(fork.ran(others))

    assert (finished.code, fork.comments) == (0, [])
    assert list(fork.statuses) == ["trainshed/churn"]
    assert fork.double.asked("GET", ".*/zip") == []
