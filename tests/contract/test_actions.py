"""Every action keeps the same contract: documented inputs that reach its script safely."""

import re
from typing import Any

import pytest
from workflow_files import ACTIONS, ROOT, File, help_of, outputs_of_script, uses

VERBS = ["comment", "compare", "deploy", "package", "release", "setup", "train"]
SETTINGS = (ROOT / "trainshed/settings.py").read_text()

# What a script may use without an `env:` of its step: GitHub's, the shell's, what setup left.
GIVEN = {"GITHUB_ACTION_PATH", "RUNNER_TEMP", "PATH", "TRAINSHED_PYTHON"}

# What steps that run no script of ours set.
CACHE_OUTPUTS = {"cache-hit", "cache-primary-key", "cache-matched-key"}


@pytest.fixture(params=ACTIONS.values(), ids=lambda one: one.name)
def action(request: pytest.FixtureRequest) -> File:
    file: File = request.param
    return file


def script_of(action: File) -> str:
    return f"{action.name.replace('-', '_')}.py"


def variables(action: File) -> list[tuple[dict[str, Any], str, str]]:
    """Return each step that has an `env:`, with each name there and its value."""
    return [
        (step, name, value) for step in action.steps for name, value in step.get("env", {}).items()
    ]


def test_there_is_an_action_for_each_verb() -> None:
    assert list(ACTIONS) == VERBS


def test_every_input_reaches_a_step_under_its_own_name(action: File) -> None:
    """In capitals; what trainshed/settings.py reads has TRAINSHED_ before it, and so no flag."""
    forwarded = set()
    for step, name, value in variables(action):
        found = re.fullmatch(r"\$\{\{ inputs\.([a-z-]+) \}\}", value)
        assert found, f"{name} holds something else than one input: {value}"
        forwarded.add(found[1])
        word = found[1].upper().replace("-", "_")
        if name.startswith("TRAINSHED_"):
            of = {"TOKEN": "GITHUB_TOKEN"}.get(word, word)
            assert name == f"TRAINSHED_{of}"
            assert f'"{name}"' in SETTINGS, f"nobody reads {name}"
        else:
            assert name == word
            assert f"${{{name}" in step["run"], f"{name} is not used"

    assert forwarded == set(action.content["inputs"])


def test_nothing_else_is_said_of_inputs(action: File) -> None:
    said = re.findall(r"inputs\.([a-z-]+)", action.text)

    assert len(said) == len(variables(action))


def test_every_variable_that_a_step_uses_is_one_that_it_has(action: File) -> None:
    """The shell would end there: a variable without a value is an error to it."""
    for step in action.steps:
        used = set(re.findall(r"\$\{(\w+)", step.get("run", "")))
        assert used <= GIVEN | set(step.get("env", {}))


def test_what_is_planned_and_what_is_done_have_the_same_arguments() -> None:
    for name in ("compare", "train"):
        planned, done = ACTIONS[name].scripts
        assert planned.replace(" --dry-run", "") == done
        first, second = (step["env"] for step in ACTIONS[name].steps if "run" in step)
        assert first == second


def test_a_secret_reaches_a_script_by_its_environment_only(action: File) -> None:
    for name in action.content["inputs"]:
        if name in {"token", "ssh-key", "registry-user", "registry-password"}:
            assert not [one for one in action.scripts if name.upper().replace("-", "_") in one]


def test_no_expression_is_expanded_inside_a_shell_script(action: File) -> None:
    assert not [script for script in action.scripts if "${{" in script]


def test_action_runs_the_script_of_its_own_name(action: File) -> None:
    script = f"scripts/{script_of(action)}"

    assert (ROOT / script).is_file()
    assert any(f'"${{GITHUB_ACTION_PATH}}/../../{script}"' in one for one in action.scripts)


def test_action_runs_no_other_script(action: File) -> None:
    """But a release works out its runs as comparing does, so that both name the same ones."""
    run = set(re.findall(r"scripts/(\w+\.py)", action.text))

    assert run - {script_of(action)} == ({"compare.py"} if action.name == "release" else set())


def test_every_script_runs_in_the_environment_of_trainshed(action: File) -> None:
    python = "PYTHON" if action.name == "setup" else "TRAINSHED_PYTHON"

    for script in action.scripts:
        for line in re.findall(r".*GITHUB_ACTION_PATH.*", script):
            assert line.startswith((f'"${{{python}}}" ', '"${TRAINSHED_PYTHON}" '))


def test_every_flag_is_one_that_the_script_takes(action: File) -> None:
    for script in action.scripts:
        for name, line in re.findall(r"scripts/(\w+\.py)\"((?:[^\n]|(?<=\\)\n)*)", script):
            flags = set(re.findall(r"(?<![\w-])--[a-z-]+", line))
            verbs = ["run", "revert", "unrevert"] if name == "deploy.py" else []
            helps = [help_of(name, verb) for verb in verbs] or [help_of(name)]
            known = set(re.findall(r"--[a-z-]+", " ".join(helps)))
            assert flags
            assert not flags - known, name


def test_each_verb_of_deploying_is_one_that_the_script_takes() -> None:
    said = ACTIONS["deploy"].content["inputs"]["verb"]["description"]

    for verb in re.findall(r"`(\w+)`", said):
        assert help_of("deploy.py", verb)


def test_every_output_is_one_that_the_script_can_set(action: File) -> None:
    steps = {step["id"]: step for step in action.steps if "id" in step}
    told = [one["value"] for one in action.content["outputs"].values()]
    assert all(re.fullmatch(r"\$\{\{ steps\.\w+\.outputs\.[a-z-]+ \}\}", one) for one in told)

    for step, output in re.findall(r"steps\.(\w+)\.outputs\.([a-z-]+)", action.text):
        assert step in steps
        if "uses" in steps[step]:
            assert steps[step]["uses"].startswith("actions/cache/restore@")
            assert output in CACHE_OUTPUTS
        else:
            (script,) = re.findall(r"scripts/(\w+\.py)", steps[step]["run"])
            can = outputs_of_script(ROOT / "scripts" / script)
            assert output in can, f"{script} never sets {output}"


def test_every_output_has_the_name_that_the_script_gives_it(action: File) -> None:
    for name, one in action.content["outputs"].items():
        assert one["value"].endswith(f".outputs.{name} }}}}")


def test_a_step_looks_only_at_steps_before_it(action: File) -> None:
    seen: set[str] = set()
    for step in action.steps:
        assert set(re.findall(r"steps\.(\w+)\.", str(step))) <= seen
        seen |= {step["id"]} if "id" in step else set()


def test_every_third_party_action_is_pinned_to_a_commit_with_its_version(action: File) -> None:
    for used, comment in uses(action):
        assert re.fullmatch(r"[\w-]+/[\w/-]+@[0-9a-f]{40}", used)
        assert re.fullmatch(r"v\d+\.\d+\.\d+", comment)


def test_the_names_of_inputs_and_outputs_are_words_with_dashes(action: File) -> None:
    for name in [*action.content["inputs"], *action.content["outputs"]]:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", name)


def test_every_description_is_a_sentence(action: File) -> None:
    content = action.content
    told = [content, *content["inputs"].values(), *content["outputs"].values()]

    for one in told:
        assert re.match(r"[A-Z`]|sha256 ", one["description"])
        assert one["description"].endswith(".")


def test_an_input_is_required_or_has_a_default(action: File) -> None:
    for name, one in action.content["inputs"].items():
        assert one["required"] is ("default" not in one), name
        assert isinstance(one.get("default", ""), str)


def test_an_action_is_called_by_the_verb_of_its_folder(action: File) -> None:
    assert action.content["name"] == f"Trainshed {action.name}"


def test_every_step_has_a_name_and_a_careful_shell(action: File) -> None:
    for step in action.steps:
        assert step["name"]
        if "run" in step:
            assert step["shell"] == "bash"
            assert step["run"].startswith("set -euo pipefail\n")


def test_an_action_is_short_and_so_is_its_shell(action: File) -> None:
    assert len(action.text.splitlines()) < 130
    assert all(len(one.splitlines()) < 10 for one in action.scripts)


def test_a_run_is_cached_under_its_own_id_and_never_restored_by_a_part_of_it(action: File) -> None:
    assert "restore-keys" not in action.text
    for step in action.steps:
        if step.get("uses", "").startswith("actions/cache/") and action.name != "setup":
            plan = r"\$\{\{ steps\.plan\.outputs\.(base-|live-)?run-%s \}\}"
            assert re.fullmatch("trainshed-run-" + plan % "id", step["with"]["key"])
            assert re.fullmatch(plan % "folder", step["with"]["path"])


@pytest.mark.parametrize("name", ["comment", "deploy", "package", "release"])
def test_an_action_that_writes_fills_no_cache(name: str) -> None:
    assert "actions/cache/save" not in ACTIONS[name].text


def test_a_release_trains_nothing() -> None:
    for script in ACTIONS["release"].scripts:
        assert "scripts/train.py" not in script or "--dry-run" in script
        assert "scripts/release.py" not in script or "--no-train" in script
