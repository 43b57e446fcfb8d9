"""The statistician where the framework's environment has none of its libraries, as on a runner."""

import subprocess
from pathlib import Path

from trainshed import environment
from trainshed.settings import FRAMEWORK, settings

ASKS = """
import sys
from trainshed.question import Comparing, Predicted, Repeating
from trainshed.statistician import Statistician, has_libraries
from trainshed.errors import ProgramError

print("has libraries:", has_libraries())
with Statistician(tell=lambda text: print(text, file=sys.stderr)) as one:
    print("seeds:", one.noise(Repeating(values={"f1": (0.8, 0.82)}))["f1"].seeds)
    run = Predicted(run_id="a", predictions=sys.argv[1], source="the file")
    try:
        one.compare(Comparing(baseline=run, candidate=run, metrics=("f1",), rules={}))
    except ProgramError as error:
        print(error.slug, error.exit_code, error.problem)
print("numpy" in sys.modules)
"""


def test_it_gets_an_environment_of_its_own_and_errors_keep_their_names(tmp_path: Path) -> None:
    empty = tmp_path / "predictions.csv"
    empty.write_text("row_id,y_true,y_pred\n")
    made = environment.ensure(
        [FRAMEWORK / "requirements" / "framework.txt"],
        root=settings().environments,
        name="framework",
    )

    said = subprocess.run(
        [made.python, "-c", ASKS, empty], cwd=FRAMEWORK, capture_output=True, text=True, check=False
    )

    assert said.stdout.splitlines() == [
        "has libraries: False",
        "seeds: 2",
        "predictions-are-empty 3 the file has a header and no rows.",
        "False",
    ], said.stderr
