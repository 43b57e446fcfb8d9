from pathlib import Path

import pytest
from goldens import Golden

from trainshed import action_docs

MANIFEST = """\
name: Weigh
description: Weigh a model.
inputs:
  model:
    description: Name of the model. Empty for the only one.
    required: false
    default: ""
  folder:
    description: >
      Folder of the project,
      `.` | any other.
    default: .
  token:
    description: Token that reads.
    required: true
outputs:
  grams:
    description: What it weighs.
    value: ${{ steps.weigh.outputs.grams }}
runs:
  using: composite
  steps: []
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "actions/weigh"
    folder.mkdir(parents=True)
    (folder / "action.yml").write_text(MANIFEST)
    return tmp_path


def write(root: Path, texts: dict[str, str]) -> None:
    for path, text in texts.items():
        (root / path).write_text(text)


def test_an_action_without_a_readme_gets_one(root: Path, golden: Golden) -> None:
    texts = action_docs.documents(root)

    assert list(texts) == ["actions/weigh/README.md", "actions/README.md"]
    golden(texts["actions/weigh/README.md"], "action_docs/action.md")
    golden(texts["actions/README.md"], "action_docs/index.md")


def test_what_was_written_is_what_would_be_written_again(root: Path) -> None:
    texts = action_docs.documents(root)
    write(root, texts)

    assert action_docs.documents(root) == texts


def test_what_a_person_wrote_around_the_tables_is_kept(root: Path) -> None:
    write(root, action_docs.documents(root))
    readme = root / "actions/weigh/README.md"
    mine = f"# Mine\n\\1 and an example\n{readme.read_text()}\nMore of mine.\n"
    readme.write_text(mine)
    manifest = root / "actions/weigh/action.yml"
    manifest.write_text(MANIFEST.replace("What it weighs", "How heavy \\\\1 is"))

    again = action_docs.documents(root)["actions/weigh/README.md"]

    assert again == mine.replace("What it weighs", "How heavy \\\\1 is")


def test_a_readme_without_tables_gets_them_at_its_end() -> None:
    made = action_docs.with_tables("# Weigh\nBy hand.\n\n\n", "| new |\n")

    assert made.startswith("# Weigh\nBy hand.\n\n<!-- Made by ")
    assert action_docs.with_tables(made, "| newer |\n") == made.replace("new", "newer")


def test_where_there_is_no_action_there_is_no_page(tmp_path: Path) -> None:
    assert action_docs.documents(tmp_path) == {}
