"""Turn Trainshed's own workflows into an adopter's: text in, text out, every comment kept.

In Trainshed's repository an action is `./actions/train`; elsewhere it is that action of a commit of
Trainshed. What is adapted already stays as it is.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import yaml

NAMES = ("pull-request.yml", "comment.yml", "release.yml", "deploy.yml")
"""What an adopter gets, in the order of a change's journey."""

_USES = re.compile(
    r"^(?P<lead> *(?:- )?)uses: \./actions/(?P<action>[a-z-]+)(?P<rest>\s*(?:#.*)?)$"
)
_WITH = re.compile(r"^ *(?:- )?with:\s*(?:#.*)?$")
_BRANCHES = re.compile(r"^( +branches: )\[main\]", re.MULTILINE)
_ENVIRONMENT_MARK = "# init: data environment"
_SECRETS_MARK = "# init: fetch secrets"
_SAME_REPOSITORY = "github.event.pull_request.head.repo.full_name == github.repository"


@dataclass(frozen=True, kw_only=True)
class Framework:
    """The Trainshed that a repository's workflows use."""

    repository: str
    """owner/name on GitHub."""
    commit: str
    version: str
    """What people call that commit; stands in a comment beside it."""
    workflows: Mapping[str, str]
    """Its own workflows that adopters get: file name to text."""
    takes_folder: frozenset[str]
    """The actions that have an input `folder`."""


@dataclass(frozen=True, kw_only=True)
class Fetching:
    """What the steps that train need in order to fetch data that is not in git."""

    environment: str | None = None
    """The GitHub environment that holds the credentials."""
    secrets: tuple[str, ...] = ()


def adapted(
    text: str, *, framework: Framework, folder: str, branch: str, fetching: Fetching
) -> str:
    """Return a workflow for an adopter's repository.

    Args:
        text: one of Trainshed's own workflows.
        framework: whose actions it uses from now on.
        folder: the project's folder; empty when it is the repository's top.
        branch: the repository's default branch.
        fetching: what goes to the places that the workflow marks with `# init:`.
    """
    is_experiment = "\n  pull_request:" in text
    source = text.splitlines()
    told = _folders(source, folder, framework) if folder else {}
    lines: list[str] = []
    for number, line in enumerate(source):
        indent = line[: len(line) - len(line.lstrip())]
        uses = _USES.match(line)
        if line.strip() == _ENVIRONMENT_MARK:
            lines += _environment(indent, fetching, is_experiment=is_experiment)
        elif line.strip() == _SECRETS_MARK:
            lines += _secrets(indent, fetching)
        else:
            lines.append(line if uses is None else _pinned(uses, framework))
            lines += told.get(number, [])
    ending = "\n" if text.endswith("\n") else ""
    return _BRANCHES.sub(rf"\g<1>{_list(branch)}", "\n".join(lines) + ending)


def pins(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield (repository, action, ref) of each action of a Trainshed that a workflow uses."""
    for match in re.finditer(
        r"^\s*(?:- )?uses: ([\w.-]+/[\w.-]+)/actions/([a-z-]+)@(\S+)", text, re.MULTILINE
    ):
        yield match[1], match[2], match[3]


def fetching_of(text: str) -> Fetching:
    """Return what init once wrote into a workflow for fetching data."""
    secrets = re.findall(r"^ +TRAINSHED_FETCH_(\w+): ", text, re.MULTILINE)
    named = re.search(rf"^ +name: \$\{{\{{ {re.escape(_SAME_REPOSITORY)} && '([^']+)'", text, re.M)
    return Fetching(environment=named[1] if named else None, secrets=tuple(dict.fromkeys(secrets)))


def _pinned(uses: re.Match[str], framework: Framework) -> str:
    comment = uses["rest"].strip().removeprefix("#").strip()
    kept = f" # {comment}" if comment else ""
    at = f"{framework.repository}/actions/{uses['action']}@{framework.commit}"
    return f"{uses['lead']}uses: {at} # {framework.version}{kept}"


def _folders(lines: list[str], folder: str, framework: Framework) -> dict[int, list[str]]:
    """Return what is to be said of the folder, by the number of the line that it comes after."""
    found = {}
    for number, line in enumerate(lines):
        uses = _USES.match(line)
        if uses is None or uses["action"] not in framework.takes_folder:
            continue
        indent = " " * len(uses["lead"])
        said = f"{indent}  folder: {_scalar(folder)}"
        inputs = [at for at in _keys_of_step(lines, number) if _WITH.match(lines[at])]
        found[inputs[0] if inputs else number] = [said] if inputs else [f"{indent}with:", said]
    return found


def _keys_of_step(lines: list[str], number: int) -> list[int]:
    """List the lines that hold the keys of a step, given the line of its `uses:`."""
    uses = _USES.match(lines[number])
    assert uses is not None
    depth = len(uses["lead"])
    first = number
    while not lines[first].startswith("- ", depth - 2):
        first -= 1
    found = [first]
    for at in range(first + 1, len(lines)):
        here = len(lines[at]) - len(lines[at].lstrip())
        if lines[at].strip() and here < depth:
            break
        if lines[at].strip() and here == depth:
            found.append(at)
    return found


def _environment(indent: str, fetching: Fetching, *, is_experiment: bool) -> list[str]:
    if fetching.environment is None:
        return []
    name = fetching.environment
    if not is_experiment:
        told = f"{_scalar(name)} # what `fetch:` needs"
    else:
        told = f"${{{{ {_SAME_REPOSITORY} && '{name}' || '' }}}} # a fork gets no credentials"
    return [f"{indent}environment:", f"{indent}  name: {told}", f"{indent}  deployment: false"]


def _secrets(indent: str, fetching: Fetching) -> list[str]:
    if not fetching.secrets:
        return []
    return [
        f"{indent}env:",
        *(
            f"{indent}  TRAINSHED_FETCH_{name}: ${{{{ secrets.{name} }}}}"
            for name in fetching.secrets
        ),
    ]


def _list(branch: str) -> str:
    return f"[{_scalar(branch)}]".replace("\\", "\\\\")


def _scalar(text: str) -> str:
    dumped: str = yaml.safe_dump(text, default_flow_style=True, width=10**9, allow_unicode=True)
    return dumped.strip().removesuffix("...").strip()
