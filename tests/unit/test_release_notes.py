from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from goldens import Golden
from records import V1, V2, compare, manifest
from rendered import tables, tokens, words

from trainshed import release_notes
from trainshed.data_diff import DataDiff, Files, Rows
from trainshed.manifest import Data, Gate
from trainshed.release_notes import MOST_CHARACTERS, Notes

BEFORE = manifest("1.4.0", sequence=6, commit="b1" * 20, dataset=Data(path="data/a.csv", digest=V2))
NOW = manifest("1.5.0", image=f"ghcr.io/acme/churn@sha256:{'1f' * 32}", skipped=())
GOOD = {"f1": 0.8421, "log_loss": 0.231}
WAS = {"f1": 0.83, "log_loss": 0.24}
DIFF = DataDiff(before=BEFORE.dataset, after=NOW.dataset)
SKIPPED = [("d1" * 20, "Try *bold* things @octocat"), ("d2" * 20, "Fix #12 | <b>")]


def new_data() -> Notes:
    return notes(
        data=replace(DIFF, rows=Rows(added=1200, removed=30, common=4000)),
        predictions="The predictions equal those of pull request #12.",
        repository="https://github.com/acme/churn",
    )


def new_columns() -> Notes:
    rows = Rows(added=0, removed=0, common=7, columns_added=("age|x",), columns_removed=("b", "c"))
    return notes(data=replace(DIFF, rows=rows))


def new_files() -> Notes:
    many = tuple(f"images/{number:03}.png" for number in range(40))
    return notes(data=replace(DIFF, files=Files(added=many, removed=("a",), changed=(), common=3)))


def digests_only() -> Notes:
    return notes(data=replace(DIFF, why_not="the data is not in git"))


def same_data() -> Notes:
    before = replace(BEFORE, dataset=NOW.dataset)
    return notes(before=before, data=DataDiff(before=NOW.dataset, after=NOW.dataset))


def first() -> Notes:
    now = replace(NOW, image=None, gate=Gate(verdict="pass", baseline=None))
    return notes(manifest=now, before=None, comparison=compare(GOOD), data=None)


def skipped() -> Notes:
    now = replace(NOW, skipped=tuple(commit for commit, _ in SKIPPED))
    linked = "https://github.com/acme/churn"
    return notes(manifest=now, skipped=SKIPPED, repository=linked)


def notes(**changes: Any) -> Notes:
    compared = compare(GOOD, live=WAS)
    made = Notes(
        manifest=NOW,
        before=BEFORE,
        comparison=compared,
        data=replace(DIFF, rows=Rows(added=1, removed=0, common=1)),
    )
    return replace(made, **changes)


@pytest.mark.parametrize(
    "made", [new_data, new_columns, new_files, digests_only, same_data, first, skipped]
)
def test_notes_read_so(made: Callable[[], Notes], golden: Golden) -> None:
    golden(release_notes.markdown(made()), f"release_notes/{made.__name__}.md")


@pytest.mark.parametrize(
    ("before", "says"),
    [
        pytest.param(None, "the first release of churn", id="first"),
        pytest.param(replace(BEFORE, schema="0" * 64), "the input schema changed", id="schema"),
        pytest.param(BEFORE, "new data since churn@v1.4.0", id="data"),
        pytest.param(
            replace(BEFORE, dataset=NOW.dataset), "only code or parameters changed", id="code"
        ),
    ],
)
def test_the_first_line_says_what_kind_of_change_it_is(before: Any, says: str) -> None:
    told = plain(release_notes.markdown(notes(before=before)).splitlines()[1])

    assert told.startswith("**churn@v1.5.0**: ")
    assert says in told


def plain(text: str) -> str:
    """Markdown without its escapes."""
    return text.replace("\\", "").replace("\u200b", "")


def test_what_strangers_wrote_stays_text() -> None:
    rendered = release_notes.markdown(skipped())

    kinds = {token.type for token in tokens(rendered)}
    assert "html_inline" not in kinds
    assert {token.attrGet("href") for token in tokens(rendered) if token.type == "link_open"} == {
        f"https://github.com/acme/churn/commit/{one}" for one in ("c1" * 20, "d1" * 20, "d2" * 20)
    }
    assert "@octocat" not in rendered
    assert any("octocat" in word for word in words(rendered))


def test_a_table_of_rows_has_a_cell_for_each_column() -> None:
    for table in tables(release_notes.markdown(new_columns())):
        assert len({len(row) for row in table}) == 1


def test_notes_of_ten_thousand_metrics_fit_and_keep_what_decides() -> None:
    metrics = {f"recall.{number:05}": 0.5 for number in range(10_000)}
    many = compare({**metrics, **GOOD}, live={**metrics, **WAS})

    rendered = release_notes.markdown(notes(comparison=many))

    assert len(rendered) <= MOST_CHARACTERS
    assert "f1" in rendered
    assert rendered.rstrip().endswith("and this tag.")


def test_notes_that_nothing_shortens_are_cut_at_a_line() -> None:
    long = tuple((f"{number:040x}", "x" * 200) for number in range(2000))
    now = replace(NOW, skipped=tuple(commit for commit, _ in long))

    rendered = release_notes.markdown(notes(manifest=now, skipped=long))

    assert len(rendered) <= MOST_CHARACTERS
    assert rendered.endswith("`manifest.json` has everything.)\n")


def test_templates_are_in_the_package() -> None:
    folder = Path(release_notes.__file__).parent / "templates"
    assert {path.name for path in folder.iterdir()} >= {"release-notes.md.j2", "model-card.md.j2"}


def test_the_data_before_is_named_by_its_digest_too() -> None:
    assert V1[:12] in release_notes.markdown(new_data())
    assert V2[:12] in release_notes.markdown(new_data())
