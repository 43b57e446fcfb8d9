import re
from dataclasses import replace

import pytest
from goldens import Golden
from hypothesis import given
from hypothesis import strategies as st
from records import RULES, RUN, V2, compare, side
from rendered import tables, tokens, words
from report_cases import ANY_TEXT, HARMLESS, HOSTILE

from trainshed import comparison, report
from trainshed.comparison import Comparison
from trainshed.config import Metric

GOOD = {"f1": 0.85, "log_loss": 0.23}
V2_DATA = {"dataset": V2, "dataset_path": "data/v2/train.csv"}


def against_both() -> Comparison:
    return compare(
        {"f1": 0.861, "log_loss": 0.2312, "auc": 0.931, "rows": 4000.0},
        parent={"f1": 0.86, "log_loss": 0.24, "auc": 0.93, "rows": 4000.0},
        live={"f1": 0.85, "log_loss": 0.205, "rows": 3600.0},
    )


def on_other_data() -> Comparison:
    return comparison.compare(
        model="churn",
        candidate=side(GOOD, run_id="1" * 64, **V2_DATA),
        parent=side(GOOD, run_id="2" * 64),
        live=side(GOOD, run_id="3" * 64, release="churn@v1.4.0"),
        rules=RULES,
    )


def same_run(f1: float) -> Comparison:
    same = side({"f1": f1, "log_loss": 0.23})
    live = replace(same, release="churn@v1.4.0")
    return comparison.compare(model="churn", candidate=same, parent=None, live=live, rules=RULES)


def many_metrics() -> Comparison:
    before = {f"recall.class-{number:03}": number / 200 for number in range(200)}
    after = {name: value + 0.001 for name, value in before.items()}
    return compare({**after, **GOOD}, live={**before, **GOOD})


def hostile(strings: tuple[str, ...] = HOSTILE) -> Comparison:
    metrics = dict.fromkeys(strings, 0.5)
    rules = {name: Metric(direction="maximize", min=0.6) for name in strings[:2]}
    foreign = {"run_id": "`|<b>\n", "commit": strings[-1], "dataset": "`" * 12}
    return comparison.compare(
        model=strings[0],
        candidate=side(metrics, dataset_path=" ".join(strings), **foreign),
        parent=side(metrics, dataset_path=strings[-1]),
        live=side(metrics, release=" ".join(strings), commit="`", run_id="|", dataset="<"),
        rules=rules,
    )


CASES = {
    "first_release": compare({**GOOD, "rows": 4000.0}),
    "first_release_under_its_minimum": compare({"f1": 0.71, "log_loss": 0.4}),
    "better": compare({"f1": 0.86, "log_loss": 0.2}, parent=GOOD),
    "not_worse": compare({"f1": 0.845, "log_loss": 0.24}, live=GOOD),
    "worse_blocked": compare({"f1": 0.79, "log_loss": 0.2}, live=GOOD),
    "data_changed": on_other_data(),
    "parent_and_live": against_both(),
    "missing_metric": compare({"f1": 0.9}, live=GOOD),
    "new_metric": compare(GOOD, live={"f1": 0.85}),
    "same_run": same_run(0.85),
    "same_run_under_a_new_minimum": same_run(0.79),
    "many_metrics": many_metrics(),
    "hostile_strings": hostile(),
    "tiny_and_huge_numbers": compare(
        {"f1": 0.85, "log_loss": 1.5e-7, "rmse": 1.25e9, "zero": 0.0, "loss": -12.5},
        live={"f1": 0.85 - 1e-17, "log_loss": 2.5e-7, "rmse": 1.5e9, "zero": 0.0, "loss": -12.0},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_report_is_as_its_golden_file(name: str, golden: Golden) -> None:
    golden(report.markdown(CASES[name]), f"report/{name}.md")


@pytest.mark.parametrize("name", CASES)
def test_a_report_starts_with_the_verdict_and_folds_what_was_compared(name: str) -> None:
    text = report.markdown(CASES[name])

    assert re.match(rf"(✅|❌) \*\*{CASES[name].verdict}\*\*: ", text)
    assert text.count("\n<details><summary>What was compared</summary>\n") == 1
    assert text.endswith("\n\n</details>\n")


def test_of_many_metrics_those_that_are_judged_are_shown_and_most_others_folded() -> None:
    shown, folded = report.markdown(many_metrics()).split("<details>", 1)

    assert [row[0] for row in tables(shown)[0][1:3]] == ["f1 ↑", "log_loss ↓"]
    assert folded.startswith("<summary>182 further metrics</summary>")
    assert [len(table) for table in tables(folded)] == [183, 3]


@pytest.mark.parametrize("name", CASES)
def test_every_row_of_a_table_has_as_many_cells_as_its_head(name: str) -> None:
    for table in tables(report.markdown(CASES[name])):
        assert len({len(row) for row in table}) == 1


def test_the_table_has_a_row_for_each_metric_and_shows_its_name_to_the_letter() -> None:
    metrics, _ = tables(report.markdown(hostile()))

    shown = [row[0].replace("\u200b", "").removesuffix(" ↑") for row in metrics[1:]]
    assert sorted(shown) == sorted(
        " ".join(name.split()).replace("\u202e", "�").replace("\u0007", "�") for name in HOSTILE
    )


@given(ANY_TEXT)
def test_no_string_of_a_stranger_does_anything_but_show(strings: tuple[str, ...]) -> None:
    text = report.markdown(hostile(strings))

    assert {token.type for token in tokens(text)} <= HARMLESS
    assert [token.content.strip() for token in tokens(text) if token.type == "html_block"] == [
        "<details><summary>What was compared</summary>",
        "</details>",
    ]
    assert not re.search(r"[@#:](?=\w)|www\.|GH.?-\d", "\n".join(words(text)))


@pytest.mark.parametrize(
    "alive", ["@octocat", "x#1", "GH-1", "gh-12", "a://b", "www.b.c", ":tada:"]
)
def test_what_github_brings_to_life_is_broken_by_a_space_of_no_width(alive: str) -> None:
    shown = "".join(words(report.text(alive)))

    assert shown != alive
    assert shown.replace("\u200b", "") == alive


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0.0000"),
        (0.842, "0.8420"),
        (-0.5, "-0.5000"),
        (0.001, "0.0010"),
        (0.00099, "0.00099"),
        (999_999.0, "999999.0000"),
        (1_000_000.0, "1e+06"),
        (None, "–"),
    ],
)
def test_a_number_is_short(value: float | None, shown: str) -> None:
    assert report.number(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(0.01, "+0.0100"), (-0.01, "−0.0100"), (0.0, "±0"), (None, "–")]
)
def test_a_change_has_its_sign(value: float | None, shown: str) -> None:
    assert report.change(value) == shown


def test_a_report_is_the_same_after_json() -> None:
    compared = against_both()

    assert report.markdown(comparison.from_json(compared.to_json())) == report.markdown(compared)


def test_a_digest_is_shown_by_its_first_digits() -> None:
    assert f"`{RUN.run_id[:12]}`" in report.markdown(same_run(0.85))


# Too long for a comment, or no comparison at all


REST = "All are in `result.json`."


@pytest.mark.parametrize("longest", [70_000, 9_000, 5_000, 3_000, 1_200])
def test_a_report_that_would_be_too_long_says_how_many_metrics_it_leaves_out(longest: int) -> None:
    text = report.markdown(many_metrics(), longest=longest, rest=REST)

    assert report.length(text) <= longest
    rows = sum(len(table) - 1 for table in tables(text)[:-1])
    left_out = len(many_metrics().candidate.metrics) - rows
    assert (left_out > 0) == (longest < len(report.markdown(many_metrics())))
    assert (f"\n\n{left_out} more metrics are left out" in text) == (left_out > 0)
    assert (REST in text) == (left_out > 0)
    assert text.endswith("\n\n</details>\n")


def test_as_many_metrics_are_shown_as_fit() -> None:
    whole = report.markdown(many_metrics())

    assert report.markdown(many_metrics(), longest=report.length(whole)) == whole
    assert "left out" not in whole
    shorter = report.markdown(many_metrics(), longest=report.length(whole) - 1)
    assert report.length(shorter) < report.length(whole)


def test_a_report_that_is_cut_is_as_its_golden_file(golden: Golden) -> None:
    golden(report.markdown(many_metrics(), longest=2_500, rest=REST), "report/cut.md")


PROBLEM = """\
python train.py failed (exit code 1):
Traceback:
  KeyError: 'tenure' in `x`
```
@all"""


def test_a_failure_is_as_its_golden_file(golden: Golden) -> None:
    golden(report.failure("churn", PROBLEM, "Mend `train.py`."), "report/failure.md")


@given(st.text(min_size=1), st.text(min_size=1))
def test_no_text_of_a_failure_does_anything_but_show(problem: str, fix: str) -> None:
    text = report.failure("churn", problem, fix)

    kinds = {token.type for token in tokens(text)}
    assert kinds <= HARMLESS | {"fence"}
    blocks = [token.content.strip() for token in tokens(text) if token.type == "html_block"]
    assert blocks in ([], ["<details><summary>What it said</summary>", "</details>"])
    assert not re.search(r"[@#:](?=\w)|www\.|GH.?-\d", "\n".join(words(text)))


@given(st.text())
def test_a_block_shows_every_line_and_ends_where_it_should(foreign: str) -> None:
    (fence,) = [one for one in tokens(report.block(foreign)) if one.type == "fence"]

    assert len(fence.content.splitlines()) == len(foreign.splitlines())
    assert all(one.isprintable() or one == "\n" for one in fence.content)


def test_a_sentence_names_twenty_metrics_and_counts_the_others() -> None:
    names = {f"m{number:02}": 0.5 for number in range(50)}
    rules = {name: Metric(direction="maximize", min=0.9) for name in names}

    text = report.markdown(compare(names, parent=names, rules=rules))

    assert "and 30 more; against the state before this change it is not worse in m00" in text
    assert "\n- … and 30 more.\n" in text
    assert len(tables(text)[0]) == 51
