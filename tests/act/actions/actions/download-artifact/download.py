"""Unpack artifacts that earlier jobs of the same run uploaded."""

import os
import sys
import zipfile
from pathlib import Path

ENV = os.environ


def main() -> None:
    target = Path(ENV["GITHUB_WORKSPACE"]) / ENV["FOLDER"]
    stored = Path(ENV["STAND_IN_STORE"]) / "artifacts" / ENV["GITHUB_RUN_ID"]
    name = ENV["NAME"]
    if name:
        chosen = [stored / f"{name}.zip"]
        if not chosen[0].is_file():
            sys.exit(f"Artifact not found for name: {name}")
    else:
        chosen = sorted(stored.glob(f"{ENV['PATTERN'] or '*'}.zip"))
    for one in chosen:
        is_alone = name or ENV["MERGE_MULTIPLE"] == "true"
        zipfile.ZipFile(one).extractall(target if is_alone else target / one.stem)
    with Path(ENV["GITHUB_OUTPUT"]).open("a") as outputs:
        outputs.write(f"download-path={target}\n")


main()
