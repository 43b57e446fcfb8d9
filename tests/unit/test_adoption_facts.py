from pathlib import Path

import pytest
import trainers

from trainshed import adoption_facts
from trainshed.adoption_facts import Lock, Trainer

ARGPARSE = """\
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--data")
parser.add_argument("--out")
parser.add_argument("--seed", type=int)
"""


def test_a_program_with_data_and_out_is_started_with_them() -> None:
    found = adoption_facts.trainer_in("pipelines/train.py", ARGPARSE)

    assert found is not None
    assert found.command == (
        "python", "pipelines/train.py", "--data", "{data}", "--out", "{out}", "--seed", "{seed}",
    )  # fmt: skip


def test_the_metrics_that_stand_in_a_program_are_seen() -> None:
    text = 'print(f"metric.f1={x}")\nprint("metric.roc_auc=" + y)\nprint(f"metric.{name}={z}")\n'
    found = adoption_facts.trainer_in("a.py", text)

    assert found == Trainer(path="a.py", metrics=("f1", "roc_auc"))
    assert found.command is None


@pytest.mark.parametrize(
    ("path", "text"),
    [
        pytest.param("a.py", "def f(:\n", id="no-python"),
        pytest.param("a.py", "x = '\0'\0", id="zero-byte"),
        pytest.param("a.py", "print('hello')\n", id="another-program"),
        pytest.param("a.sh", "echo metric.f1=1\n", id="half-a-contract"),
    ],
)
def test_any_other_program_is_no_trainer(path: str, text: str) -> None:
    assert adoption_facts.trainer_in(path, text) is None


def test_a_shell_script_that_speaks_the_contract_is_one() -> None:
    found = adoption_facts.trainer_in("a.sh", "echo metric.f1=1\necho artifact=$2\n")

    assert found == Trainer(path="a.sh", metrics=("f1",))


def test_a_folder_shows_what_git_tracks_or_would(tmp_path: Path) -> None:
    made = trainers.make(tmp_path, files={
        "train.py": ARGPARSE,
        "tests/test_train.py": ARGPARSE,
        ".gitignore": "ignored/\n",
        "requirements.txt": "numpy\n",
        "requirements/train.txt": "numpy==1 \\\n    --hash=sha256:aa\n",
        "uv.lock": "version = 1\n",
        "data/odd.csv": b"\xff\xfe",
    })  # fmt: skip
    made.write({"ignored/train.csv": "a\n", "new.tsv": "x\ty\n1\t2\n"})

    facts = adoption_facts.find(tmp_path)

    assert [one.path for one in facts.trainers] == ["train.py", "code/train.sh"]
    assert facts.data == ("data/odd.csv", "data/train.csv", "new.tsv")
    assert facts.columns == {"data/train.csv": ("a", "y"), "new.tsv": ("x", "y")}
    assert facts.locks == (
        Lock(path="requirements.txt", is_hashed=False),
        Lock(path="requirements/train.txt", is_hashed=True),
    )
    assert (facts.uv_lock, facts.has_config) == ("uv.lock", True)


def test_paths_are_relative_to_the_projects_folder(tmp_path: Path) -> None:
    trainers.make(tmp_path, files={"models/a/train.py": ARGPARSE, "train.py": ARGPARSE})

    assert [one.path for one in adoption_facts.find(tmp_path / "models/a").trainers] == ["train.py"]


def test_a_header_may_have_quotes_and_a_mark_of_its_encoding(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b'\xef\xbb\xbf"a, b",c\r\n1,2\r\n')

    assert adoption_facts.columns(tmp_path / "a.csv") == ("a, b", "c")
