"""CML's marker, which finds a comment again, and which comment CML itself would take for it.

What CML 0.20.6 does is written down here from its own sources (src/watermark.js, src/cml.js).
"""

import pytest
from results import HEAD

from trainshed import cml
from trainshed.cml import Written

ME = "github-actions[bot]"
MARKED = f'![](https://cml.dev/watermark.png#{HEAD} "CML watermark churn")'


def test_a_marker_is_cmls_own() -> None:
    assert cml.marker("churn", HEAD) == MARKED
    assert cml.with_marker("Text", "churn", HEAD) == f"Text\n\n{MARKED}"


def test_a_title_is_escaped_as_cml_escapes_it() -> None:
    assert '"CML watermark a\\_b\\*c\\[d]\\<e>"' in cml.marker("a_b*c[d]<e>", HEAD)


@pytest.mark.parametrize("commit", ["a", HEAD, "ABCDEF0123", "f" * 64])
def test_a_marker_is_found_whatever_commit_it_names(commit: str) -> None:
    assert cml.has_marker(f"Text\n\n{cml.marker('churn', commit)}", "churn")
    assert cml.ends_with_marker(f"Text\n\n{cml.marker('churn', commit)}\n", "churn")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Text",
        MARKED.replace("churn", "churn-eu"),
        MARKED.replace(" churn", ""),
        MARKED.replace(f"#{HEAD}", ""),
        MARKED.replace(HEAD, "xyz"),
        MARKED.replace("cml.dev", "cmlxdev"),
        MARKED.replace("![]", "[]"),
    ],
)
def test_nothing_else_is_a_marker(text: str) -> None:
    assert not cml.has_marker(text, "churn")
    assert not cml.ends_with_marker(text, "churn")


@pytest.mark.parametrize("text", [f"> {MARKED}", f"{MARKED}\n\nWhat is this?", f"See {MARKED}"])
def test_cml_takes_a_quotation_for_its_own_and_we_do_not(text: str) -> None:
    assert cml.has_marker(text, "churn")
    assert not cml.ends_with_marker(text, "churn")


def written(*comments: tuple[str, str]) -> list[Written]:
    return [
        Written(id=number, author=author, body=body, url=f"https://example.org/{number}")
        for number, (author, body) in enumerate(comments)
    ]


TALK = ("octocat", "Looks good")
OURS = (ME, f"Text\n\n{MARKED}")
THEIRS = ("mallory", f"Text\n\n{MARKED}")
QUOTE = (ME, f"> {MARKED}\n\nHm")


@pytest.mark.parametrize(
    ("comments", "does_right"),
    [
        ([], True),
        ([TALK], True),
        ([OURS, TALK], True),
        ([OURS, TALK, OURS], True),
        ([THEIRS, OURS], True),
        ([OURS, THEIRS], False),
        ([THEIRS], False),
        ([QUOTE], False),
        ([OURS, QUOTE], False),
        ([TALK] * 29 + [OURS], True),
        ([TALK] * 30 + [OURS], False),
        ([OURS] + [TALK] * 30 + [OURS], False),
        ([OURS] + [TALK] * 30 + [THEIRS], True),
    ],
)
def test_cml_is_asked_only_where_it_would_touch_what_we_would(
    comments: list[tuple[str, str]], does_right: bool
) -> None:
    assert cml.does_right(written(*comments), model="churn", author=ME) is does_right


def test_ours_are_those_that_end_with_the_marker_and_are_by_us() -> None:
    found = cml.ours(written(OURS, THEIRS, QUOTE, TALK, OURS), model="churn", author=ME)

    assert [one.id for one in found] == [0, 4]
