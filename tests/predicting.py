"""A project whose trainer writes predictions: standard library only, and a model to ask again.

The rule of its model is one number: rows whose x is above it are answered `yes`. The truth is that
of the data. Every fifth row is evaluation, by its id; a row never changes sides.
"""

import random
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import trainers
from trainers import Repository

MODEL = """\
import csv, json, sys

def read(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))

def is_evaluated(row):
    return int(row["id"]) % 5 == 0

def answers(rows, rule):
    for row in rows:
        score = min(1.0, max(0.0, 0.5 + (float(row["x"]) - rule) / 2))
        answer = "yes" if float(row["x"]) > rule else "no"
        yield [row["id"], row["y"], answer, f"{score:.6f}", row["group"]]

def write(path, rows):
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([["row_id", "y_true", "y_pred", "y_score", "group"], *rows])

def f1(rows):
    hits = sum(1 for _, truth, answer, *_ in rows if truth == answer == "yes")
    said = sum(1 for one in rows if one[2] == "yes")
    there = sum(1 for one in rows if one[1] == "yes")
    return 2 * hits / (said + there)
"""
TRAIN = """\
import csv, pathlib, sys
sys.path.insert(0, "code")
from model import *

data, out, seed = sys.argv[1:]
rule = float(pathlib.Path("code/rule").read_text()) + int(seed) / 1_000
rows = read(data)
evaluated = list(answers([row for row in rows if is_evaluated(row)], rule))
place = pathlib.Path(out)
place.parent.mkdir(parents=True, exist_ok=True)
place.write_text(json.dumps(rule))
write(f"{out}.csv", evaluated)
trained = [row["id"] for row in rows if not is_evaluated(row)]
pathlib.Path(f"{out}.rows").write_text("row_id\\n" + "".join(f"{one}\\n" for one in trained))
print(f"dataset={data}")
print(f"metric.f1={f1(evaluated):.6f}")
print(f"metric.profit={100 * f1(evaluated):.6f}")
print(f"artifact={out}")
print(f"predictions={out}.csv")
print(f"training_rows={out}.rows")
"""
EVALUATE = """\
import pathlib, sys
sys.path.insert(0, "code")
from model import *

model, data, out = sys.argv[1:]
write(out, answers(read(data), json.loads(pathlib.Path(model).read_text())))
"""
GOOD = 0.5
"""The rule that the data was made by: one row in ten is labelled against it."""


def table(rows: Iterable[int], *, seed: int = 0) -> str:
    """Return rows of data by their ids: the same id is always the same row."""
    lines = ["id,x,group,y"]
    for row in rows:
        chance = random.Random(f"{seed} {row}")
        x = chance.random()
        is_yes = (x > GOOD) != (chance.random() < 0.1)
        lines.append(f"{row},{x:.4f},{chance.choice('ab')},{'yes' if is_yes else 'no'}")
    return "\n".join(lines) + "\n"


KEYS: Mapping[str, Any] = {
    "train": ["python3", "code/train.py", "{data}", "{out}", "{seed}"],
    "evaluate": ["python3", "code/evaluate.py", "{model}", "{data}", "{out}"],
    "metrics": {"f1": {"direction": "maximize", "tolerance": 0.02}},
}
"""Of the model in trainshed.yml."""


def files(*, data: str = "data/train.csv", rows: int = 1_000) -> dict[str, str]:
    """Return the project's files, but for trainshed.yml: the good rule, on rows 0 to `rows`."""
    return {
        data: table(range(rows)),
        "code/model.py": MODEL,
        "code/train.py": TRAIN,
        "code/evaluate.py": EVALUATE,
        "code/rule": f"{GOOD}\n",
    }


def make(folder: Path, *, rows: int = 1_000, **keys: Any) -> Repository:
    """Make a repository with one commit; `keys` change the model."""
    return trainers.make(folder, files=files(rows=rows), **{**KEYS, **keys})


def released(folder: Path) -> Repository:
    """Make a repository with an origin, whose first commit is released."""
    made = make(folder / "repository")
    subprocess.run(["git", "init", "--quiet", "--bare", str(folder / "origin")], check=True)
    made.git("remote", "add", "origin", str(folder / "origin"))
    made.git("push", "--quiet", "origin", "main")
    finished = made.script("release")
    assert finished.returncode == 0, finished.stderr
    return made
