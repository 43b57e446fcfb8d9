import re
from pathlib import Path

import pytest

from trainshed import error_index
from trainshed.error_index import KINDS, Listed
from trainshed.errors import TrainshedError

ROOT = Path(__file__).parents[2]
ERRORS = error_index.all_errors()


@pytest.fixture(params=ERRORS, ids=lambda one: one.slug)
def listed(request: pytest.FixtureRequest) -> Listed:
    one: Listed = request.param
    return one


def test_every_class_that_a_module_defines_is_listed() -> None:
    kinds = "|".join(kind.__name__ for kind in KINDS)
    source = "\n".join(path.read_text() for path in (ROOT / "trainshed").rglob("*.py"))
    defined = set(re.findall(rf"^class \w+\((?:{kinds})\):", source, re.MULTILINE))

    assert len(ERRORS) == len(defined) - (len(KINDS) - 1)


def test_no_two_errors_share_a_slug() -> None:
    assert len({one.slug for one in ERRORS}) == len(ERRORS)


def test_an_error_is_a_sentence_of_several_words(listed: Listed) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", listed.slug)


def test_an_errors_meaning_is_one_sentence(listed: Listed) -> None:
    assert re.fullmatch(r"\S[^\n|]*\.", listed.meaning)
    assert not re.search(r"[.!?] +[A-Z]", listed.meaning)


def test_an_error_is_of_one_of_the_six_kinds(listed: Listed) -> None:
    assert (listed.exit_code, listed.kind) in [(kind.exit_code, kind.kind) for kind in KINDS]


def test_the_exit_codes_are_six() -> None:
    assert [kind.exit_code for kind in KINDS] == [1, 2, 3, 4, 5, 6]
    assert {one.exit_code for one in ERRORS} == {1, 2, 3, 4, 5, 6}


def test_the_page_explains_each_kind_and_lists_each_error_once() -> None:
    page = error_index.markdown()

    for kind in KINDS:
        assert len(re.findall(rf"^\| {kind.exit_code} \| {kind.kind} \|", page, re.MULTILINE)) == 1
    for one in ERRORS:
        assert page.count(f"\n| `{one.slug}` | {one.meaning} |\n") == 1


def test_an_error_of_somebody_else_is_not_listed() -> None:
    class PluginIsOdd(TrainshedError):
        """It is not ours."""

    assert "plugin-is-odd" not in {one.slug for one in error_index.all_errors()}
