from random import Random

from hypothesis import given
from hypothesis import strategies as st
from records import V1, V2, manifest

from trainshed import version
from trainshed.manifest import Data, Manifest
from trainshed.tags import Version

DATASETS = st.sampled_from([V1, V2])
SCHEMAS = st.sampled_from([None, "5c" * 32, "5d" * 32])


def release(number: str, *, dataset: str = V1, schema: str | None = "5c" * 32) -> Manifest:
    return manifest(number, dataset=Data(path="data.csv", digest=dataset), schema=schema)


def following(
    *ever: Manifest,
    live: Manifest | None = None,
    dataset: str = V1,
    schema: str | None = "5c" * 32,
    taken: tuple[Version, ...] = (),
) -> str:
    return str(version.following(ever=ever, live=live, schema=schema, dataset=dataset, taken=taken))


def test_the_first_release_is_one() -> None:
    assert following() == "1.0.0"


def test_new_code_or_parameters_are_a_patch() -> None:
    assert following(release("1.4.2"), live=release("1.4.2")) == "1.4.3"


def test_new_data_is_a_minor_version() -> None:
    assert following(release("1.4.2"), live=release("1.4.2"), dataset=V2) == "1.5.0"


def test_a_new_schema_is_a_major_version_whatever_else_changed() -> None:
    live = release("1.4.2")

    assert following(live, live=live, schema="5d" * 32) == "2.0.0"
    assert following(live, live=live, schema="5d" * 32, dataset=V2) == "2.0.0"


def test_a_schema_that_appears_or_goes_is_a_new_schema() -> None:
    assert following(release("1.4.2", schema=None)) == "2.0.0"
    assert following(release("1.4.2"), schema=None) == "2.0.0"


def test_the_version_of_a_reverted_release_is_not_given_again() -> None:
    live, reverted = release("1.4.0"), release("1.5.0", dataset=V2)

    assert following(live, reverted, live=live, dataset=V2) == "1.6.0"


def test_the_number_is_of_the_greater_change_after_a_revert() -> None:
    live, reverted = release("1.4.0"), release("2.0.0", schema="5d" * 32)

    assert following(live, reverted, live=live) == "3.0.0"
    assert following(live, reverted, live=live, schema="5d" * 32) == "3.0.0"


def test_numbers_are_compared_as_numbers() -> None:
    assert following(release("1.9.0"), release("1.10.0"), live=release("1.10.0")) == "1.10.1"


def test_when_everything_was_reverted_the_number_still_goes_up() -> None:
    assert following(release("1.4.0"), live=None) == "1.4.1"


def test_a_version_that_somebody_tagged_by_hand_is_passed_over() -> None:
    taken = (Version(1, 4, 3), Version(1, 4, 4))

    assert following(release("1.4.2"), live=release("1.4.2"), taken=taken) == "1.4.5"
    assert following(taken=(Version(1, 0, 0),)) == "1.0.1"


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Manifest], list[Manifest]]:
    """Releases as they follow each other, any of them reverted on the way: (ever, standing)."""
    ever: list[Manifest] = []
    standing: list[Manifest] = []
    for _ in range(draw(st.integers(0, 8))):
        dataset, schema = draw(DATASETS), draw(SCHEMAS)
        live = standing[-1] if standing else None
        number = version.following(ever=ever, live=live, schema=schema, dataset=dataset)
        ever.append(release(str(number), dataset=dataset, schema=schema))
        standing.append(ever[-1])
        while standing and draw(st.integers(0, 2)) == 0:
            standing.pop()
    return ever, standing


@given(histories(), DATASETS, SCHEMAS, st.sets(st.builds(Version, *[st.integers(0, 3)] * 3)))
def test_a_version_is_never_reused_and_always_goes_up(
    history: tuple[list[Manifest], list[Manifest]],
    dataset: str,
    schema: str | None,
    taken: set[Version],
) -> None:
    ever, standing = history
    live = standing[-1] if standing else None

    new = version.following(ever=ever, live=live, schema=schema, dataset=dataset, taken=taken)

    numbers = [one.tag.version for one in ever]
    assert new > max(numbers, default=Version(0, 0, 0))
    assert new not in taken
    assert numbers == sorted(set(numbers))


@given(histories(), DATASETS, SCHEMAS)
def test_the_number_never_understates_what_changed(
    history: tuple[list[Manifest], list[Manifest]], dataset: str, schema: str | None
) -> None:
    ever, standing = history
    live = standing[-1] if standing else None

    new = version.following(ever=ever, live=live, schema=schema, dataset=dataset)

    if live is not None and live.schema != schema:
        assert new.major > live.tag.version.major
    elif live is not None and live.dataset.digest != dataset:
        assert new[:2] > live.tag.version[:2]


@given(histories(), DATASETS, SCHEMAS, st.randoms())
def test_the_order_of_the_ledger_does_not_matter(
    history: tuple[list[Manifest], list[Manifest]],
    dataset: str,
    schema: str | None,
    order: Random,
) -> None:
    ever, standing = history
    live = standing[-1] if standing else None
    shuffled = list(ever)
    order.shuffle(shuffled)

    assert version.following(
        ever=shuffled, live=live, schema=schema, dataset=dataset
    ) == version.following(ever=ever, live=live, schema=schema, dataset=dataset)
