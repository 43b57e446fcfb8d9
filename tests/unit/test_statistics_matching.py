from pathlib import Path
from typing import Any

import numpy as np
import predictions_samples as samples
import pytest

from trainshed.evidence import How
from trainshed.statistics import matching
from trainshed.statistics.matching import Matched
from trainshed.statistics.pairing import RowIdsNameOtherRows
from trainshed.statistics.predictions import text_of

COLUMNS = samples.binary(100)


def rows(first: int, last: int, **changed: Any) -> samples.Columns:
    cut = {name: list(values)[first:last] for name, values in COLUMNS.items()}
    return {**cut, **changed}


def match(folder: Path, baseline: Any, candidate: Any, scored: Any = None, **given: Any) -> Matched:
    read = [samples.of(folder, one) for one in (baseline, candidate)]
    if scored is not None:
        given["scored"] = samples.of(folder, scored)
    if "trained_on" in given:
        given["trained_on"] = np.array(sorted(given["trained_on"]), dtype=np.bytes_)
    return matching.match(*read, **given)


def ids(found: Matched) -> list[str]:
    assert np.array_equal(found.baseline.row_id, found.candidate.row_id)
    return [text_of(one) for one in found.candidate.row_id]


@pytest.mark.parametrize(
    ("facts", "how"),
    [
        pytest.param({"is_same": True, "common": 5, "candidate": 5}, "paired", id="same-rows"),
        pytest.param({"is_same": True, "common": 0, "candidate": 9}, "paired", id="none-is-left"),
        pytest.param({"scored": 30}, "scored", id="scored"),
        pytest.param({"scored": 30, "is_same": True}, "scored", id="same-rows-scored-anew"),
        pytest.param({"scored": 29}, "unpaired", id="too-few-scored"),
        pytest.param({"scored": 29, "common": 60}, "paired", id="too-few-scored-many-common"),
        pytest.param({"scored": 7, "candidate": 7}, "scored", id="all-of-few-scored"),
        pytest.param({"common": 50}, "paired", id="half-is-common"),
        pytest.param({"common": 49}, "unpaired", id="less-than-half-is-common"),
        pytest.param({"common": 29, "candidate": 40}, "unpaired", id="too-few-are-common"),
        pytest.param({}, "unpaired", id="nothing-is-common"),
    ],
)
def test_how_two_runs_are_compared(facts: dict[str, Any], how: How) -> None:
    given = {"candidate": 100, "common": 0, "is_same": False, "scored": None, **facts}

    assert matching.decide(**given) == how


def test_runs_of_the_same_rows_are_paired_and_their_reason_is_not_told(tmp_path: Path) -> None:
    found = match(tmp_path, rows(0, 100), rows(0, 100), why="it was not asked")

    assert found.rows.how == "paired"
    assert (found.rows.compared, found.rows.why) == (100, "")


def test_what_the_baseline_answered_later_pairs_all_rows_of_the_candidate(tmp_path: Path) -> None:
    """A row that was scored and not evaluated by the candidate does not count."""
    found = match(
        tmp_path, rows(0, 60), rows(40, 95), rows(30, 100), trained_on=[], why="it was not asked"
    )

    assert ids(found) == COLUMNS["row_id"][40:95]
    facts = found.rows
    assert (facts.how, facts.compared, facts.why) == ("scored", 55, "")
    assert (facts.baseline, facts.candidate) == (60, 55)
    assert (facts.only_baseline, facts.only_candidate) == (40, 0)


def test_rows_that_the_baseline_was_trained_on_are_left_out_and_counted(tmp_path: Path) -> None:
    trained_on = [*COLUMNS["row_id"][90:100], "elsewhere"]

    found = match(tmp_path, rows(0, 60), rows(40, 100), rows(40, 100), trained_on=trained_on)
    same = match(tmp_path, rows(0, 100), rows(0, 100), trained_on=trained_on)
    common = match(tmp_path, rows(0, 100), rows(40, 100), trained_on=trained_on)

    assert ids(found) == COLUMNS["row_id"][40:90]
    assert (found.rows.how, found.rows.compared, found.rows.trained_on) == ("scored", 50, 10)
    assert (same.rows.compared, same.rows.trained_on) == (90, 10)
    assert (common.rows.how, common.rows.compared, common.rows.trained_on) == ("paired", 50, 10)


def test_a_copy_of_a_row_that_was_trained_on_is_left_out_where_ids_are_content(
    tmp_path: Path,
) -> None:
    contents = [f"{number % 50:016x}-{number // 50}" for number in range(100)]
    columns = {**COLUMNS, "row_id": contents, "y_true": [*COLUMNS["y_true"][:50]] * 2}

    trained_on = sorted([contents[3], contents[99], "0000000000000007-12", "r7"])
    found = match(tmp_path, columns, columns, trained_on=trained_on).rows

    assert (found.compared, found.trained_on) == (94, 6)


def test_rows_that_were_not_scored_are_counted(tmp_path: Path) -> None:
    found = match(tmp_path, rows(0, 60), rows(40, 100), rows(50, 100), trained_on=[])

    assert (found.rows.how, found.rows.compared, found.rows.only_candidate) == ("scored", 50, 10)


def test_a_scored_file_is_not_used_where_the_split_is_unknown(tmp_path: Path) -> None:
    found = match(tmp_path, rows(0, 60), rows(40, 100), rows(40, 100))

    assert (found.rows.how, found.rows.why) == ("unpaired", matching.UNKNOWN_SPLIT)


def test_a_baseline_that_was_trained_on_nearly_all_is_not_scored(tmp_path: Path) -> None:
    trained_on = COLUMNS["row_id"][60:100]

    found = match(tmp_path, rows(0, 60), rows(40, 100), rows(40, 100), trained_on=trained_on)

    assert (found.rows.how, found.rows.why) == ("unpaired", matching.MOSTLY_TRAINED_ON)


def test_a_truth_that_was_corrected_counts_where_the_baseline_answered_it(tmp_path: Path) -> None:
    turned = {"no": "yes", "yes": "no"}
    truth = [turned[str(COLUMNS["y_true"][0])], *COLUMNS["y_true"][1:90]]
    candidate = rows(0, 90, y_true=truth)

    common = match(tmp_path, rows(0, 100), candidate)
    scored = match(tmp_path, rows(0, 100), candidate, candidate, trained_on=[])

    assert (common.rows.how, common.rows.compared, common.rows.relabelled) == ("paired", 89, 1)
    assert (scored.rows.how, scored.rows.compared, scored.rows.relabelled) == ("scored", 90, 0)


def test_a_few_rows_with_a_corrected_truth_are_answered_anew_too(tmp_path: Path) -> None:
    turned = {"no": "yes", "yes": "no"}
    truth = [turned[str(COLUMNS["y_true"][0])], *COLUMNS["y_true"][1:]]
    candidate = {**COLUMNS, "y_true": truth}

    own = match(tmp_path, COLUMNS, candidate, why="it was not asked").rows
    scored = match(tmp_path, COLUMNS, candidate, candidate, trained_on=[]).rows

    assert (own.how, own.compared, own.relabelled, own.why) == ("paired", 99, 1, "it was not asked")
    assert (scored.how, scored.compared, scored.relabelled) == ("scored", 100, 0)


def test_unpaired_runs_keep_all_of_their_rows(tmp_path: Path) -> None:
    found = match(tmp_path, rows(0, 60), rows(50, 100), why="there is no `evaluate:`")

    assert (len(found.baseline), len(found.candidate)) == (60, 50)
    facts = found.rows
    assert (facts.how, facts.why) == ("unpaired", "there is no `evaluate:`")
    assert (facts.compared, facts.only_baseline, facts.only_candidate) == (50, 50, 40)
    assert not found.is_paired


def test_ids_that_name_other_rows_are_an_error_however_rows_are_compared(tmp_path: Path) -> None:
    truth = list(COLUMNS["y_true"])[::-1]

    with pytest.raises(RowIdsNameOtherRows):
        match(tmp_path, rows(0, 100), {**COLUMNS, "y_true": truth})
