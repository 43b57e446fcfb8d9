"""Reports of comparisons with evidence: what they say, and that no stranger's string does more."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
import report_cases as cases
from goldens import Golden
from hypothesis import given, settings
from hypothesis import strategies as st
from rendered import tables, tokens, words
from report_cases import ANY_TEXT, HARMLESS, HOSTILE

from benchmarks import rendering
from trainshed import comparison, report
from trainshed.comparison import Comparison
from trainshed.evidence import Rows

CASES: dict[str, Callable[[], Comparison]] = {
    "better_with_intervals": cases.better,
    "worse_with_intervals": cases.worse,
    "noise": cases.noise,
    "undecided": cases.undecided,
    "undecided_blocks": lambda: cases.undecided(undecided="fail"),
    "too_few_rows": cases.too_few_rows,
    "rows_that_are_others": cases.other_rows,
    "data_moved": cases.data_moved,
    "unpaired": cases.unpaired,
    "two_baselines": cases.two_baselines,
    "without_interval": cases.without_interval,
    "regression": cases.regression,
    "three_classes": lambda: cases.multiclass(3),
    "twelve_classes": lambda: cases.multiclass(12),
    "200_metrics": cases.many_metrics,
    "hostile_evidence": lambda: cases.hostile(HOSTILE),
}
OURS = re.compile(
    r"<details><summary>[A-Za-z0-9 ,:→]+</summary>|</details>", re.ASCII
)  # no string of a run stands in a summary
REST = "All are in `comparison.json`."


@pytest.mark.parametrize("name", CASES)
def test_a_report_with_evidence_is_as_its_golden_file(name: str, golden: Golden) -> None:
    golden(report.markdown(CASES[name]()), f"report/{name}.md")


@pytest.mark.parametrize("name", CASES)
def test_every_row_of_a_table_has_as_many_cells_as_its_head(name: str) -> None:
    for table in tables(report.markdown(CASES[name]())):
        assert len({len(row) for row in table}) == 1


@pytest.mark.parametrize("name", CASES)
def test_every_detail_that_is_opened_is_closed(name: str) -> None:
    text = report.markdown(CASES[name]())

    blocks = [one.content.strip() for one in tokens(text) if one.type == "html_block"]
    assert all(OURS.fullmatch(one.replace("→", "to")) or OURS.fullmatch(one) for one in blocks)
    assert [one == "</details>" for one in blocks] == [False, True] * (len(blocks) // 2)


@pytest.mark.parametrize("name", CASES)
def test_a_report_with_evidence_is_the_same_after_json(name: str) -> None:
    made = CASES[name]()

    assert report.markdown(comparison.from_json(made.to_json())) == report.markdown(made)


# The answer


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (
            cases.undecided,
            "undecided: f1 may have lost up to 0.0210 (tolerance 0.01), log_loss may have grown",
        ),
        (cases.too_few_rows, "cannot be compared: 120 rows were compared, required_rows is 200"),
        (cases.other_rows, "their row ids do not name the same rows"),
        (
            cases.noise,
            "not worse in f1, log_loss; f1 moved within noise; only the parameters changed",
        ),
        (cases.worse, "the code, the parameters and the lock file changed"),
        (cases.without_interval, "it is without interval in f1, log_loss"),
    ],
)
def test_the_answer_says_why(made: Callable[[], Comparison], said: str) -> None:
    assert said in report.answer(made())


@pytest.mark.parametrize(("compared", "said"), [(0, "no row was"), (1, "1 row was")])
def test_too_few_rows_are_counted_in_words(compared: int, said: str) -> None:
    made = cases.too_few_rows()
    (before,) = made.baselines
    assert before.evidence is not None
    rows = replace(before.evidence.rows, compared=compared)
    before = replace(before, evidence=replace(before.evidence, rows=rows))

    assert f": {said} compared, required_rows is 200" in report.answer(
        replace(made, baselines=(before,))
    )


# The table and what stands under it


def test_a_difference_that_the_seed_alone_makes_is_called_noise() -> None:
    rows = tables(report.markdown(cases.noise()))[0]

    assert [row[3] for row in rows[1:]] == [
        "+0.0021 [−0.0078, +0.0119] ⚪ noise",
        "−0.0008 [−0.0041, +0.0026] ⚪",
    ]


def test_metrics_without_interval_are_marked_and_each_reason_is_told_once() -> None:
    text = report.markdown(cases.many_metrics())

    assert text.count("it is the trainer's own metric") == 1
    assert text.count(" ¹ |") == 41


def test_reasons_beyond_eight_share_one_mark() -> None:
    names = tuple(f"m{at:02}" for at in range(12))

    text = report.markdown(cases.hostile(names))

    assert "⁸ no interval: m08. ⁹ no interval, for other reasons." in text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "Both on the same 850 rows."),
        ({"compared": 1}, "Both on the same 1 row."),
        ({"relabelled": 1}, "Both on the same 850 rows; 1 whose truth changed is left out."),
        (
            {"only_candidate": 1},
            "Both on the 850 rows that both have; 1 row of the candidate is not compared.",
        ),
        (
            {"only_candidate": 1, "only_baseline": 2, "relabelled": 3, "why": "No *command*."},
            (
                "Both on the 850 rows that both have; 3 whose truth changed are left out; 1 row of "
                r"the candidate and 2 rows of the baseline are not compared (No \*command\*)."
            ),
        ),
        (
            {"how": "scored", "trained_on": 1},
            (
                "The data moved, so the state before this change was asked again about the "
                "candidate's 850 rows; 1 that it was trained on is left out."
            ),
        ),
        (
            {"how": "unpaired", "baseline": 1200},
            "Each on its own rows, 850 and 1,200: intervals are wider.",
        ),
    ],
)
def test_the_rows_are_told_in_one_sentence(changes: dict[str, object], said: str) -> None:
    made = cases.undecided()
    (before,) = made.baselines
    assert before.evidence is not None
    rows = Rows(**({"how": "paired", "compared": 850, "baseline": 850, "candidate": 850} | changes))  # type: ignore[arg-type]
    before = replace(before, evidence=replace(before.evidence, rows=rows))

    assert f"\n\n{said}\n\n" in report.markdown(replace(made, baselines=(before,)))


@pytest.mark.parametrize(
    ("no_interval", "said"),
    [("number", "Judged by the numbers alone"), ("warn", "Without intervals")],
)
def test_a_baseline_without_evidence_says_why(no_interval: str, said: str) -> None:
    made = cases.undecided(no_interval=no_interval)
    (before,) = made.baselines
    before = replace(before, evidence=None, no_evidence="It wrote *none*.")

    text = report.markdown(replace(made, baselines=(before,)))

    assert f"\n\n{said}: It wrote \\*none\\*.\n\n" in text


def test_what_must_not_be_compared_gets_no_sign() -> None:
    shown, _ = report.markdown(cases.other_rows()).split("<details>", 1)

    assert not re.search("🟢|⚪|🟡|🔴", shown)


def test_a_baseline_that_is_the_other_ones_run_is_told_of_once() -> None:
    made = cases.two_baselines()
    parent, live = made.baselines
    parent = replace(parent, side=replace(parent.side, run_id=live.side.run_id))

    text = report.markdown(replace(made, baselines=(parent, live)))

    assert "<summary>Flips: 14" in text
    assert text.count("<summary>Flips") == 1


@pytest.mark.parametrize("changed", [{"model": "a; rm -rf /"}, {"candidate": "$(reboot)"}])
def test_no_command_is_offered_that_a_stranger_could_have_written(changed: dict[str, str]) -> None:
    made = cases.better()
    if "candidate" in changed:
        made = replace(made, candidate=replace(made.candidate, commit=changed["candidate"]))
    else:
        made = replace(made, model=changed["model"])

    assert "scripts/compare.py" in report.markdown(cases.better())
    assert "scripts/compare.py" not in report.markdown(made)


# Strings of strangers


@settings(max_examples=60, deadline=None)
@given(ANY_TEXT)
def test_no_string_of_a_stranger_does_anything_but_show(strings: tuple[str, ...]) -> None:
    text = report.markdown(cases.hostile(strings))

    found = tokens(text)
    assert {one.type for one in found} <= HARMLESS | {"fence"}
    assert all(OURS.fullmatch(one.content.strip()) for one in found if one.type == "html_block")
    assert {one.info for one in found if one.type == "fence"} == {"mermaid"}
    assert not re.search(r"[@#:](?=\w)|www\.|GH.?-\d", "\n".join(words(text)))


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.text(min_size=1, max_size=40), min_size=2, max_size=5, unique=True).map(tuple),
    st.integers(5_000, 60_000),
)
def test_a_report_of_hostile_strings_keeps_within_its_length(
    strings: tuple[str, ...], longest: int
) -> None:
    assert report.length(report.markdown(cases.hostile(strings), longest=longest)) <= longest


# Too long for a comment


@pytest.mark.parametrize("longest", [60_000, 20_000, 12_000, 9_000, 6_000, 4_000, 2_500, 900])
def test_a_report_leaves_out_what_matters_least_and_says_so(longest: int) -> None:
    whole = report.markdown(cases.two_baselines())

    text = report.markdown(cases.two_baselines(), longest=longest, rest=REST)

    assert report.length(text) <= longest
    assert (REST in text) == (text != whole)
    order = re.findall(r"<summary>(Slices|Flips|Data|Curves|What)", whole)
    assert (
        re.findall(r"<summary>(Slices|Flips|Data|Curves)", text)
        == (order[: text.count("<summary>") - text.count("<summary>What")])
    )


@pytest.mark.parametrize("longest", [60_000, 30_000, 5_000])
def test_the_largest_comparison_keeps_within_its_length(longest: int) -> None:
    text = report.markdown(rendering.largest(), longest=longest, rest=REST)

    assert longest * 0.8 < report.length(text) <= longest
    assert "more metrics are left out" in text


def test_a_summary_of_the_largest_comparison_is_one_that_github_takes() -> None:
    text = report.summary(rendering.largest())

    assert len(text.encode()) < 1 << 20


def test_details_that_are_left_out_are_named(golden: Golden) -> None:
    text = report.markdown(cases.better(), longest=4_500, rest=REST)

    assert "Left out for want of room: curves and confusion. All are in" in text
    golden(text, "report/cut_details.md")
