"""Clone the repository at the event's commit, with as much history as was asked for."""

import base64
import os
import re
import subprocess
import sys
from pathlib import Path

TAGS = "+refs/tags/*:refs/tags/*"


def main() -> None:
    env = os.environ
    if env["REPOSITORY"] != env["GITHUB_REPOSITORY"]:
        sys.exit("the stand-in of actions/checkout knows this repository only")
    folder = Path(env["GITHUB_WORKSPACE"]) / env["FOLDER"]
    folder.mkdir(parents=True, exist_ok=True)
    git = Git(folder)
    url = f"{env['GITHUB_SERVER_URL']}/{env['GITHUB_REPOSITORY']}"
    header = f"http.{env['GITHUB_SERVER_URL']}/.extraheader"
    basic = base64.b64encode(f"x-access-token:{env['TOKEN']}".encode()).decode()

    if (folder / ".git").exists():
        sys.exit("the stand-in of actions/checkout clones into an empty folder only")
    git("init", "--quiet", "--template=", "--initial-branch=main", ".")
    git("remote", "add", "origin", url)
    git("config", "--local", "gc.auto", "0")
    git("config", "--local", header, f"AUTHORIZATION: basic {basic}")

    ref, commit = asked_for(env["REF"])
    depth = int(env["FETCH_DEPTH"])
    wanted = everything(ref, commit) if depth == 0 else only(ref, commit)
    if env["FETCH_TAGS"] == "true":
        wanted.append(TAGS)
    git(
        "-c", "protocol.version=2", "fetch", "--quiet", "--no-tags", "--prune",
        "--no-recurse-submodules",
        *([f"--depth={depth}"] if depth else []),
        *([f"--filter={env['FILTER']}"] if env["FILTER"] else []),
        "origin", *wanted,
    )  # fmt: skip
    check_out(git, ref, commit)
    if env["PERSIST_CREDENTIALS"] != "true":
        git("config", "--local", "--unset-all", header)
    with Path(env["GITHUB_OUTPUT"]).open("a") as outputs:
        outputs.write(f"ref={ref or commit}\ncommit={git.read('rev-parse', 'HEAD')}\n")


def asked_for(said: str) -> tuple[str, str]:
    """Return ref and commit; either may be empty."""
    if not said:
        return os.environ["GITHUB_REF"], os.environ["GITHUB_SHA"]
    if re.fullmatch("[0-9a-f]{40}", said):
        return "", said
    return said, ""


def only(ref: str, commit: str) -> list[str]:
    kind, _, name = ref.removeprefix("refs/").partition("/")
    if not ref:
        return [commit]
    if not ref.startswith("refs/"):
        return [f"+refs/{one}/{ref}*:{to}/{ref}*" for one, to in PLACES.items()]
    if kind == "tags":
        return [f"+{ref}:{ref}"]
    places = {"heads": "refs/remotes/origin", "pull": "refs/remotes/pull"}
    return [f"+{commit or ref}:{places[kind]}/{name}"]


PLACES = {"heads": "refs/remotes/origin", "tags": "refs/tags"}


def everything(ref: str, commit: str) -> list[str]:
    wanted = ["+refs/heads/*:refs/remotes/origin/*", TAGS]
    if ref.startswith("refs/pull/"):
        wanted.append(f"+{commit or ref}:refs/remotes/pull/{ref.removeprefix('refs/pull/')}")
    return wanted


def check_out(git: "Git", ref: str, commit: str) -> None:
    if ref.startswith("refs/pull/"):
        git("checkout", "--quiet", "--force", f"refs/remotes/pull/{ref.removeprefix('refs/pull/')}")
        return
    if ref.startswith("refs/tags/") or not ref:
        git("checkout", "--quiet", "--force", ref or commit)
        return
    branch = ref.removeprefix("refs/heads/")
    if ref == branch and not git.is_there(f"refs/remotes/origin/{branch}"):
        git("checkout", "--quiet", "--force", f"refs/tags/{branch}")
        return
    # The event's commit, although the branch may have moved on since.
    start = commit or f"refs/remotes/origin/{branch}"
    git("checkout", "--quiet", "--force", "-B", branch, start)


class Git:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=self.folder, check=True)

    def read(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.folder, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def is_there(self, ref: str) -> bool:
        command = ["git", "rev-parse", "--quiet", "--verify", ref]
        done = subprocess.run(command, cwd=self.folder, stdout=subprocess.DEVNULL, check=False)
        return done.returncode == 0


main()
