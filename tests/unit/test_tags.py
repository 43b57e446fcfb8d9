import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainshed import tags
from trainshed.config import MODEL_NAME
from trainshed.tags import NotAReleaseTag, Tag, Version

VERSIONS = st.builds(Version, *[st.integers(0, 10**6)] * 3)
TAGS = st.builds(Tag, st.from_regex(MODEL_NAME, fullmatch=True), VERSIONS, st.booleans())

# As gto/constants.py has it (GTO 1.10.1): what `gto show` takes for a version of an artifact.
GTO_NAME = r"[a-zA-Z0-9]([a-zA-Z0-9-/_]*[a-zA-Z0-9])?"
GTO_VERSION = r"v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
GTO = re.compile(rf"^(?P<artifact>{GTO_NAME})@(?P<version>{GTO_VERSION})(?P<cancel>!?)$")


@given(TAGS)
def test_a_tag_is_the_same_after_its_name(tag: Tag) -> None:
    assert tags.parse(str(tag)) == tag


@given(st.text() | st.from_regex(GTO))
def test_a_name_that_parses_is_the_name_of_its_tag(name: str) -> None:
    tag = tags.parse(name)

    assert tag is None or str(tag) == name


@given(TAGS)
def test_gto_reads_every_tag_as_we_do(tag: Tag) -> None:
    match = GTO.match(str(tag))

    assert match is not None
    assert (match["artifact"], match["version"]) == (tag.model, f"v{tag.version}")
    assert bool(match["cancel"]) is tag.is_mark


@pytest.mark.parametrize(
    ("name", "model", "version", "is_mark"),
    [
        pytest.param("churn@v1.4.0", "churn", (1, 4, 0), False, id="a-release"),
        pytest.param("churn@v1.4.0!", "churn", (1, 4, 0), True, id="a-revert-mark"),
        pytest.param("life-time-2@v0.0.10", "life-time-2", (0, 0, 10), False, id="a-long-name"),
    ],
)
def test_a_name_of_ours_is_read(
    name: str, model: str, version: tuple[int, int, int], is_mark: bool
) -> None:
    assert tags.parse(name) == Tag(model, Version(*version), is_mark=is_mark)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("v1.4.0", id="no-model"),
        pytest.param("churn@1.4.0", id="no-v"),
        pytest.param("churn@v1.4", id="two-numbers"),
        pytest.param("churn@v01.4.0", id="a-leading-zero"),
        pytest.param("churn@v1.4.0-rc1", id="a-prerelease"),
        pytest.param("churn@v1.4.0+build", id="build-metadata"),
        pytest.param("churn@v1.4.0!!", id="marked-twice"),
        pytest.param("churn@v1.4.0#1", id="a-counter"),
        pytest.param("churn#prod#1", id="a-stage-of-gto"),
        pytest.param("churn@deprecated", id="a-deprecation-of-gto"),
        pytest.param("Churn@v1.4.0", id="capitals"),
        pytest.param("my_churn@v1.4.0", id="an-underscore"),
        pytest.param("-churn@v1.4.0", id="a-leading-hyphen"),
        pytest.param("a/churn@v1.4.0", id="a-folder"),
        pytest.param("churn@v1.4.0\n", id="a-line-break"),
        pytest.param("churn@v1.٤.0", id="digits-of-another-script"),
        pytest.param("", id="nothing"),
    ],
)
def test_any_other_name_is_left_alone(name: str) -> None:
    assert tags.parse(name) is None


@given(TAGS)
def test_a_release_and_its_mark_name_each_other(tag: Tag) -> None:
    assert tag.mark.release == tag.release
    assert tag.release.mark == tag.mark
    assert str(tag.mark) == f"{tag.release}!"
    assert tag.ref == f"refs/tags/{tag}"


@given(VERSIONS, VERSIONS)
def test_versions_are_ordered_by_their_numbers(one: Version, other: Version) -> None:
    assert (one < other) == (tuple(one) < tuple(other))
    assert (Tag("churn", one) < Tag("churn", other)) == (one < other)


def test_a_release_may_be_named_by_its_tag_or_its_ref() -> None:
    assert tags.require("refs/tags/churn@v1.4.0") == tags.require("churn@v1.4.0")


@pytest.mark.parametrize("name", ["churn", "churn@v1.4.0!", "refs/heads/main", ""])
def test_what_a_person_gives_must_name_a_release(name: str) -> None:
    with pytest.raises(NotAReleaseTag, match="is not the name of a release") as raised:
        tags.require(name)

    assert "churn@v1.4.0" in raised.value.fix
