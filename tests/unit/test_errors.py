import pytest

from trainshed import errors
from trainshed.errors import ConfigurationError, TrainshedError


class DatasetIsMissing(ConfigurationError):
    """There is no dataset."""


def named(name: str) -> type[TrainshedError]:
    return type(name, (TrainshedError,), {})


def test_an_error_says_the_problem_and_then_the_fix() -> None:
    error = DatasetIsMissing("There is no data.csv.", fix="Commit it.")

    assert str(error) == "There is no data.csv.\nCommit it."
    assert (error.problem, error.fix) == ("There is no data.csv.", "Commit it.")


def test_an_error_has_the_exit_code_of_its_kind_and_a_slug_of_its_own() -> None:
    error = DatasetIsMissing("a", fix="b")

    assert (error.exit_code, error.kind, error.slug) == (2, "configuration", "dataset-is-missing")


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("DatasetIsMissing", "dataset-is-missing"),
        ("NotARepository", "not-a-repository"),
        ("DatasetHasASymlink", "dataset-has-a-symlink"),
        ("Sha256IsWrong", "sha256-is-wrong"),
        ("HTTPAnswerIsOdd", "http-answer-is-odd"),
        ("Odd", "odd"),
    ],
)
def test_a_slug_is_the_sentence_in_kebab_case(name: str, slug: str) -> None:
    assert errors.slug_of(named(name)) == slug


def test_the_six_kinds_have_six_exit_codes_and_names() -> None:
    kinds = [TrainshedError, *TrainshedError.__subclasses__()]
    ours = [one for one in kinds if one.__module__ == errors.__name__]

    assert [one.exit_code for one in ours] == [1, 2, 3, 4, 5, 6]
    assert len({one.kind for one in ours}) == 6
