"""The examples on our pages are ones that work: GitHub parses them, and what they name exists."""

import json
import re
import subprocess
import textwrap
from pathlib import Path
from typing import Any

import npm_packages
import pytest
import yaml
from workflow_files import ACTIONS, OWN, ROOT, WORKFLOWS, File, complaints, own_action, uses

from trainshed import config_file

PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "actions").rglob("*.md"),
        *(ROOT / "tests").glob("*.md"),
    ]
)
BLOCK = re.compile(r"^( *)```ya?ml\n(.*?)^\1```", re.MULTILINE | re.DOTALL)


def examples() -> list[File]:
    """Return every YAML block of every page, called by its page and its line there."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for block in BLOCK.finditer(text):
            line = text.count("\n", 0, block.start()) + 1
            name = f"{page.relative_to(ROOT).as_posix()}:{line}"
            found.append(File(name, textwrap.dedent(block[2])))
    return found


EXAMPLES = examples()
OF_PIPELINES = [one for one in EXAMPLES if re.search(r"^(jobs:|on:|- |steps:)", one.text, re.M)]
OF_PROJECTS = [one for one in EXAMPLES if re.search(r"^(models|environments):", one.text, re.M)]


@pytest.fixture(params=OF_PIPELINES, ids=lambda one: one.name)
def pipeline(request: pytest.FixtureRequest) -> File:
    """A workflow: a page shows one, or the part of one that matters."""
    return as_workflow(request.param)


def as_workflow(shown: File) -> File:
    text = shown.text
    if text.startswith("- "):
        text = f"steps:\n{textwrap.indent(text, '  ')}"
    if text.startswith("steps:"):
        job = f"runs-on: ubuntu-latest\n{text}"
        text = f"jobs:\n  job:\n{textwrap.indent(job, '    ')}"
    if not re.search(r"^on:", text, re.MULTILINE):
        text = f"on: push\n{text}"
    return File(shown.name, text)


def test_every_example_is_of_a_pipeline_or_of_a_project() -> None:
    assert len(EXAMPLES) == len(OF_PIPELINES) + len(OF_PROJECTS)
    assert len(OF_PROJECTS) >= 2
    for example in EXAMPLES:
        yaml.safe_load(example.text)


@pytest.mark.parametrize("name", ACTIONS)
def test_the_page_of_each_action_shows_a_job_that_uses_it(name: str) -> None:
    shown = [one for one in OF_PIPELINES if one.name.startswith(f"actions/{name}/")]

    used = [own_action(step.get("uses", "")) for one in shown for step in as_workflow(one).steps]

    assert {"setup", name} <= set(used)


def test_github_parses_every_example_of_a_pipeline(pipeline: File, tmp_path: Path) -> None:
    path = tmp_path / ".github/workflows/example.yml"
    path.parent.mkdir(parents=True)
    path.write_text(pipeline.text)

    finished = subprocess.run(
        [
            npm_packages.node(),
            ROOT / "tests/npm/parse_workflow.mjs",
            npm_packages.node_modules(),
            ".github/workflows/example.yml",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    assert json.loads(finished.stdout) == []


def test_an_example_passes_an_action_the_inputs_that_it_has(pipeline: File) -> None:
    assert not [told for step in pipeline.steps for told in complaints(step)]


def test_an_example_reads_the_outputs_that_an_action_has(pipeline: File) -> None:
    named = {step["id"]: own_action(step["uses"]) for step in pipeline.steps if "id" in step}

    for step, output in re.findall(r"steps\.(\w+)\.outputs\.([\w-]+)", pipeline.text):
        assert output in ACTIONS[str(named[step])].content["outputs"]


def test_an_example_pins_what_the_workflows_pin(pipeline: File) -> None:
    ours = [*WORKFLOWS.values(), *ACTIONS.values()]
    pinned = {pin for file in ours for pin in uses(file) if not pin[0].startswith("./")}

    for used in uses(pipeline):
        assert used in pinned or used[0].startswith((f"{OWN}/actions/", "./actions/"))


def test_an_example_grants_each_job_what_it_says_and_leaves_no_token(pipeline: File) -> None:
    for job in pipeline.jobs.values():
        assert job.get("permissions"), "a job without `permissions:` has those of the repository"
    for step in pipeline.steps:
        if "actions/checkout@" in step.get("uses", ""):
            assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("name", ["comment", "deploy"])
def test_the_example_grants_what_our_own_workflow_grants(name: str) -> None:
    (shown,) = [one for one in OF_PIPELINES if one.name.startswith(f"actions/{name}/")]

    assert shown.jobs[name]["permissions"] == WORKFLOWS[f"{name}.yml"].jobs[name]["permissions"]


def test_no_page_names_an_action_that_does_not_exist() -> None:
    for page in PAGES:
        for name in re.findall(r"trainshed/actions/([\w-]+)@", page.read_text(encoding="utf-8")):
            assert name in ACTIONS, page


@pytest.mark.parametrize("example", OF_PROJECTS, ids=lambda one: one.name)
def test_an_example_of_a_project_is_one_that_loads(example: File) -> None:
    """One that shows some keys only is laid over one that is whole."""
    whole = yaml.safe_load((ROOT / "trainshed.yml").read_text(encoding="utf-8"))

    config_file.load(yaml.safe_dump(laid_over(whole, yaml.safe_load(example.text))))


def laid_over(whole: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    both = dict(whole)
    for key, value in part.items():
        inner = whole.get(key)
        both[key] = (
            laid_over(inner, value)
            if isinstance(inner, dict) and isinstance(value, dict)
            else value
        )
    return both
