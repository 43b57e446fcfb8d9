import json
import re
from dataclasses import replace

import records
import repositories
import results
from goldens import Golden
from records import INGREDIENTS, RUN, V2

from trainshed import experiment_record, finding, ledger_runs, mlflow_run, run_table
from trainshed.evidence import Flips, Measured, Rows
from trainshed.ledger_runs import Known
from trainshed.run import Dataset, Run
from trainshed.run_evidence import Compared

OTHER_INGREDIENTS = replace(
    INGREDIENTS, dataset=V2, params={"seed": "1"}, lock=None, code={"pipelines/": "beef" * 10}
)
OTHER = replace(
    RUN,
    run_id=OTHER_INGREDIENTS.run_id,
    model="life-time",
    dataset=Dataset(path="data/v2/train.csv", digest=V2),
    ingredients=OTHER_INGREDIENTS,
    metrics={"f1": 0.8501, "log_loss": 0.231, "auc": 0.931},
    commit="d2" * 20,
)
MANY = replace(RUN, metrics={f"metric-{number}": float(number) for number in range(9)})
PROPOSED = experiment_record.of_result(
    results.compared(
        dataset=Dataset(path="data/\x1b[31m/" + "long/" * 20 + "train.csv", digest=V2),
        params={"note": "two\nlines\x1b[2J"},
    ),
    pull_requests=[12, 14],
    when="2026-01-02T04:00:00+00:00",
)
FINDINGS = tuple(
    finding.of(
        name,
        OTHER.metrics[name],
        RUN.metrics.get(name),
        rule=records.RULES.get(name),
        measured=measured,
        judges_numbers=True,
    )
    for name, measured in {
        "f1": Measured(
            baseline=0.8444, candidate=0.8512, difference=0.0068, interval=(-0.002, 0.0161),
            level=0.975,
        ),
        "log_loss": Measured(
            baseline=0.232, candidate=0.231, difference=-0.001, interval=(-0.004, 0.002), level=0.95
        ),
        "auc": Measured(why_not="it is not computed from the predictions"),
    }.items()
)  # fmt: skip
FLIPS = Flips(
    right_to_wrong=12,
    wrong_to_right=1020,
    both_right=5000,
    both_wrong=3,
    p_value=0.00123,
    is_exact=True,
    surest=(),
)


def stored(run: Run) -> Known:
    return Known(summary=ledger_runs.summary_of(run), run=run)


def of_ledger() -> Known:
    """A run that main recorded, released, and two pull requests found before."""
    released = repositories.manifest_of("churn@v1.0.0", run_id=RUN.run_id)
    return replace(
        stored(RUN), run=None, is_of_main=True, experiments=(PROPOSED,), releases=(released,)
    )


def proposed() -> Known:
    return Known(summary=PROPOSED.run, experiments=(PROPOSED,))


def test_a_listing_has_a_line_per_run_and_says_where_it_is_known_from(golden: Golden) -> None:
    runs = [stored(RUN), stored(OTHER), stored(MANY), of_ledger(), proposed()]

    golden(run_table.listing(runs), "run_table/listing.txt")


def test_a_listing_shows_the_metrics_first_that_were_asked_for() -> None:
    asked = ["metric-8", "metric-0", "other"]

    assert run_table.listing([stored(MANY)], first=asked).endswith(
        " metric-8=8.0000 metric-0=0.0000 metric-1=1.0000 metric-2=2.0000\n"
    )


def test_an_empty_listing_says_how_a_run_is_made() -> None:
    assert run_table.listing([]) == (
        "There is no such run. scripts/train.py makes one; it is kept in the run store.\n"
    )


def test_details_tell_all_that_made_a_run(golden: Golden) -> None:
    golden(run_table.details(stored(RUN)), "run_table/details.txt")


def test_details_of_a_run_of_the_ledger_tell_what_is_known(golden: Golden) -> None:
    golden(run_table.details(of_ledger()), "run_table/details_of_ledger.txt")


def test_details_of_a_run_without_a_lock_say_so() -> None:
    assert re.search(r"^lock +none$", run_table.details(stored(OTHER)), re.MULTILINE)


def test_a_record_that_was_cut_says_so() -> None:
    cut = replace(proposed(), experiments=(replace(PROPOSED, is_cut=True),))

    assert "its metrics and parameters were too many for the ledger" in run_table.details(cut)


def test_a_strangers_text_is_one_line_that_commands_no_terminal() -> None:
    shown = run_table.listing([proposed()]) + run_table.details(proposed())

    assert all(one.isprintable() for one in shown.replace("\n", ""))
    assert re.search(r"^param note +two lines�\[2J$", shown, re.MULTILINE)
    assert run_table.text("x" * 300) == "x" * 200 + "…"


def test_a_comparison_tells_what_differs_then_metric_by_metric(golden: Golden) -> None:
    compared = Compared(
        before=stored(RUN),
        after=stored(OTHER),
        findings=FINDINGS,
        rows=Rows(
            how="paired", compared=6035, baseline=6040, candidate=6100, only_baseline=5,
            only_candidate=60, trained_on=5,
        ),
        flips=FLIPS,
    )  # fmt: skip

    golden(run_table.comparison(compared), "run_table/comparison.txt")


def test_a_comparison_by_numbers_alone_says_why(golden: Golden) -> None:
    numbers = tuple(replace(one, interval=None, level=None, why_not="") for one in FINDINGS)
    why = "19a4c4f2157d is not in the run store, so its predictions are not here"
    compared = Compared(before=of_ledger(), after=stored(OTHER), findings=numbers, why_not=why)

    golden(run_table.comparison(compared), "run_table/comparison_by_numbers.txt")


def test_runs_that_answered_other_rows_are_told_to_be_unpaired() -> None:
    rows = Rows(how="unpaired", compared=100, baseline=90, candidate=100, why="nobody asked it")
    compared = Compared(before=stored(RUN), after=stored(OTHER), findings=FINDINGS, rows=rows)

    assert "Each on its own rows, 90 and 100, unpaired: nobody asked it.\n" in (
        run_table.comparison(compared)
    )


def test_a_command_is_compared_only_where_it_differs() -> None:
    command = replace(INGREDIENTS, command=("bash", "train.sh"))
    other = stored(replace(RUN, ingredients=command))

    text = run_table.comparison(Compared(before=stored(RUN), after=other, findings=()))

    assert re.search(r"^command +python pipelines/train.py .* +bash train.sh +differs$", text, re.M)


def test_a_run_compared_with_itself_is_the_same_throughout() -> None:
    compared = Compared(before=stored(RUN), after=stored(RUN), findings=())

    assert "differs" not in run_table.comparison(compared)


def test_no_line_ends_with_spaces() -> None:
    compared = Compared(before=stored(RUN), after=stored(OTHER), findings=FINDINGS)
    for text in (run_table.listing([stored(RUN)]), run_table.comparison(compared)):
        assert all(line == line.rstrip() for line in text.splitlines())


def test_an_export_is_told_run_by_run_and_in_sum() -> None:
    run = mlflow_run.of(stored(RUN), uploads=[mlflow_run.Upload(path="/x", folder="")])

    assert run_table.export_plan([run]) == (
        "run           experiment  what\n19a4c4f2157d  churn       3 metrics, 3 params, 1 file\n"
    )
    assert run_table.export_plan([]) == "There is no such run, so nothing would be exported.\n"
    assert run_table.exported(run, "exported") == (
        "19a4c4f2157d  churn: exported (3 metrics, 3 params, 1 file)"
    )
    assert run_table.exported(run, "there") == "19a4c4f2157d  churn: there already"
    assert run_table.outcomes({"there": 2, "exported": 1}) == "1 exported, 2 there already"


def test_as_json_has_one_shape_wherever_a_run_is_known_from() -> None:
    first, second = json.loads(run_table.as_json(iter([stored(RUN), of_ledger()])))

    assert first.keys() == second.keys()
    assert first["artifact"] == second["artifact"] == "f1" * 32
    assert first["ingredients"]["params"] == {"seed": "0", "env.LEVEL": "high"}
    assert (second["ingredients"], first["places"]["store"]) == (None, True)
    assert second["places"] == {
        "store": False,
        "main": True,
        "releases": ["churn@v1.0.0"],
        "experiments": [
            {
                "pull_requests": [12, 14],
                "head": results.HEAD,
                "verdict": "pass",
                "when": "2026-01-02T04:00:00+00:00",
            }
        ],
    }
