import re
from typing import Any

import adopting
import pytest
import yaml
from goldens import Golden

from trainshed import adoption, adoption_files, adoption_framework, adoption_workflows, config_file
from trainshed.adoption import Choices, Data, Place
from trainshed.config import Metric
from trainshed.config_file import ConfigIsMalformed
from trainshed.settings import FRAMEWORK

TOP = Place(prefix="", branch="main", ignored="")
BELOW = Place(prefix="models/churn/", branch="main", ignored="")
# Nobody's Trainshed but the files of this folder, whatever is committed.
REAL = adoption_framework.of(f"acme/trainshed@{'f' * 40}").framework


def choices(**changes: Any) -> Choices:
    known: dict[str, Any] = {
        "model": "churn",
        "data": Data(path="data/train.csv"),
        "target": "churn",
        "train": ("python", "train.py", "--data", "{data}", "--out", "{out}"),
        "metrics": {"f1": Metric(direction="maximize", min=0.8, tolerance=0.01)},
        "environments": {},
    }
    return Choices(**{**known, **changes})


def adapted(
    text: str, *, folder: str = "", branch: str = "main", fetching: Any = adopting.NOTHING
) -> str:
    return adoption_workflows.adapted(
        text, framework=adopting.framework(), folder=folder, branch=branch, fetching=fetching
    )


def steps(text: str, job: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.load(text, config_file._UniqueKeyLoader)["jobs"][job][
        "steps"
    ]
    return found


def test_the_diff_of_a_first_adoption_matches_its_golden_file(golden: Golden) -> None:
    place = Place(prefix="models/churn/", branch="trunk", ignored="__pycache__/\n")
    wanted = adoption.files(
        choices(
            lock="requirements/train.txt",
            inputs=("pipelines/",),
            image="ghcr.io/{owner}/churn",
            environments={"production": {"target": "docker", "port": 8080}},
        ),
        place=place,
        framework=adopting.framework(),
        fetching=adopting.CREDENTIALS,
    )
    there = {"models/churn/.gitignore": "__pycache__/\n"}
    changes = [
        adoption_files.Change(path=path, before=there.get(path), after=after)
        for path, after in wanted.items()
    ]

    golden(adoption_files.shown(changes), "init/diff.txt")


@pytest.mark.parametrize("folder", ["", "models/churn"])
@pytest.mark.parametrize("fetching", [adopting.NOTHING, adopting.CREDENTIALS])
@pytest.mark.parametrize("name", adoption_workflows.NAMES)
def test_trainsheds_own_workflows_become_an_adopters(name: str, folder: str, fetching: Any) -> None:
    source = REAL.workflows[name]
    made = adoption_workflows.adapted(
        source, framework=REAL, folder=folder, branch="trunk", fetching=fetching
    )
    again = adoption_workflows.adapted(
        made, framework=REAL, folder=folder, branch="trunk", fetching=fetching
    )

    assert again == made
    assert "./actions" not in made
    assert "# init:" not in made
    assert yaml.safe_load(made)["name"] == yaml.safe_load(source)["name"]
    assert yaml.load(made, config_file._UniqueKeyLoader)["permissions"] == {}  # no key twice
    ours = re.findall(r"uses: acme/trainshed/actions/[a-z]+@f{40} # \S+", made)
    assert len(ours) == source.count("uses: ./actions/")
    assert made.count(f"folder: {folder}\n" if folder else "folder: ") == (
        len(ours) if folder else 0
    )
    kept = [line for line in source.splitlines() if "#" in line and "# init:" not in line]
    assert not [line for line in kept if line not in made and "uses: ./actions" not in line]


def test_every_step_of_ours_gets_the_folder_among_its_inputs() -> None:
    made = adapted(adopting.PULL_REQUEST, folder="models/churn")

    checkout, setup, compare, comment = steps(made, "experiment")
    assert "folder" not in checkout["with"]
    assert setup["with"] == {"folder": "models/churn"}
    assert compare["with"] == {"folder": "models/churn", "model": "churn"}
    assert comment["with"] == {"folder": "models/churn", "token": "${{ github.token }}"}
    assert made.count("with:") == 4


def test_at_the_top_no_folder_is_named() -> None:
    assert "folder" not in adapted(adopting.PULL_REQUEST)


def test_an_action_that_takes_no_folder_gets_none() -> None:
    made = adoption_workflows.adapted(
        adopting.PULL_REQUEST,
        framework=adopting.framework(takes_folder=frozenset({"setup"})),
        folder="models",
        branch="main",
        fetching=adopting.NOTHING,
    )

    assert [step.get("with", {}).get("folder") for step in steps(made, "experiment")] == [
        None, "models", None, None,
    ]  # fmt: skip


def test_an_odd_folder_is_quoted() -> None:
    made = adapted(adopting.RELEASE, folder="models #1: churn")

    assert steps(made, "train")[0]["with"]["folder"] == "models #1: churn"


def test_a_comment_beside_a_use_stays_after_the_version() -> None:
    line = f"uses: acme/trainshed/actions/compare@{adopting.COMMIT} # v1.2.0 # trains both"

    assert line in adapted(adopting.PULL_REQUEST)


def test_a_workflow_of_the_same_repository_stays_one() -> None:
    assert "uses: ./.github/workflows/deploy.yml" in adapted(adopting.RELEASE, folder="models")


@pytest.mark.parametrize("branch", ["main", "trunk", "release/1.x", "8", "on", "x\\1"])
def test_a_push_to_the_default_branch_releases(branch: str) -> None:
    made = yaml.safe_load(adapted(adopting.RELEASE, branch=branch))

    assert made[True]["push"]["branches"] == [branch]  # YAML 1.1 reads `on` as true


def test_a_fork_gets_no_environment_and_so_no_credentials() -> None:
    made = yaml.safe_load(adapted(adopting.PULL_REQUEST, fetching=adopting.CREDENTIALS))

    assert made["jobs"]["experiment"]["environment"] == {
        "name": "${{ github.event.pull_request.head.repo.full_name == github.repository && "
        "'data' || '' }}",
        "deployment": False,
    }
    assert steps(adapted(adopting.PULL_REQUEST, fetching=adopting.CREDENTIALS), "experiment")[2][
        "env"
    ] == {
        "TRAINSHED_FETCH_AWS_ACCESS_KEY_ID": "${{ secrets.AWS_ACCESS_KEY_ID }}",
        "TRAINSHED_FETCH_AWS_SECRET": "${{ secrets.AWS_SECRET }}",
    }


def test_main_trains_with_the_credentials() -> None:
    made = yaml.safe_load(adapted(adopting.RELEASE, fetching=adopting.CREDENTIALS))

    assert made["jobs"]["train"]["environment"] == {"name": "data", "deployment": False}


def test_what_was_written_for_fetching_is_found_again() -> None:
    made = adapted(adopting.PULL_REQUEST, fetching=adopting.CREDENTIALS)

    assert adoption_workflows.fetching_of(made) == adopting.CREDENTIALS
    assert adoption_workflows.fetching_of(adapted(adopting.PULL_REQUEST)) == adopting.NOTHING


def test_the_pins_of_a_workflow_are_found() -> None:
    assert list(adoption_workflows.pins(adapted(adopting.RELEASE))) == [
        ("acme/trainshed", "train", adopting.COMMIT)
    ]
    assert list(adoption_workflows.pins(adopting.RELEASE)) == []


def test_a_configuration_says_what_was_chosen() -> None:
    text = adoption.configuration(
        choices(
            data=Data(path="data/big.parquet", fetch=("dvc", "pull"), sha256="0a" * 32),
            target="is: churned #1",
            image="ghcr.io/{owner}/churn",
            is_served=False,
            out="models/churn.pkl",
            environments={"production": {"target": "docker", "port": 8080}},
        ),
        adopting.framework(),
    )

    read = config_file.load(text)
    model = read.models["churn"]
    assert (model.target, model.is_served, model.out) == (
        "is: churned #1", False, "models/churn.pkl",
    )  # fmt: skip
    assert (model.data.path, model.data.fetch) == ("data/big.parquet", ["dvc", "pull"])
    assert model.metrics["f1"].min == 0.8
    assert read.environments["production"].port == 8080


def test_an_answer_that_does_not_fit_is_told_with_its_place() -> None:
    with pytest.raises(ConfigIsMalformed, match="models/churn/data"):
        adoption.configuration(choices(data=Data(path="../train.csv")), adopting.framework())


def test_trainshed_yml_is_the_last_file_and_is_left_out_without_choices() -> None:
    both = [
        adoption.files(one, place=BELOW, framework=adopting.framework(), fetching=adopting.NOTHING)
        for one in (choices(), None)
    ]

    assert list(both[0])[-1] == "models/churn/trainshed.yml"
    assert set(both[0]) - set(both[1]) == {"models/churn/trainshed.yml"}
    assert ".github/workflows/release.yml" in both[1]


@pytest.mark.parametrize(
    ("ignored", "line"),
    [
        pytest.param("", ".trainshed/\n", id="none"),
        pytest.param("a\n", "a\n.trainshed/\n", id="one"),
        pytest.param("a", "a\n.trainshed/\n", id="no-line-break"),
        pytest.param("a\r\n", "a\r\n.trainshed/\r\n", id="windows"),
        pytest.param("/.trainshed\n", None, id="there"),
    ],
)
def test_a_gitignore_gets_one_line_unless_it_has_it(ignored: str, line: str | None) -> None:
    place = Place(prefix="", branch="main", ignored=ignored)
    wanted = adoption.files(
        None, place=place, framework=adopting.framework(), fetching=adopting.NOTHING
    )

    assert wanted.get(".gitignore") == line


def test_a_line_at_the_repositorys_top_is_enough() -> None:
    place = Place(prefix="models/", branch="main", ignored="", ignored_above=".trainshed/\n")
    wanted = adoption.files(
        None, place=place, framework=adopting.framework(), fetching=adopting.NOTHING
    )

    assert "models/.gitignore" not in wanted


def test_every_action_of_ours_that_a_project_has_to_do_with_takes_a_folder() -> None:
    assert (FRAMEWORK / "actions").is_dir()
    assert {"setup", "train", "compare", "comment", "release", "deploy"} <= REAL.takes_folder
