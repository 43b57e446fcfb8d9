"""On which rows two runs were compared, in a sentence of Markdown for each baseline."""

from trainshed.comparison import Baseline, Comparison
from trainshed.evidence import Rows
from trainshed.report.baselines import gate_first, title
from trainshed.report.escaping import brief, text
from trainshed.report.numbers import be, count
from trainshed.report.sentence import reason


def lines(comparison: Comparison) -> list[str]:
    """Return a sentence for each baseline, or one for those of which the same is true."""
    told: dict[str, list[str]] = {}
    is_alone = len(comparison.baselines) < 2
    for one in gate_first(comparison):
        is_told = bool(one.cannot_compare) and one.name == comparison.gate  # in the answer
        if not one.is_same_run and not is_told:
            name = brief(title(one), 100)
            line = _line(one, comparison, name if is_alone else "it")
            told.setdefault(line, []).append(name)
    if is_alone:
        return list(told)
    return [
        f"Against {' and '.join(names)}: {line[0].lower()}{line[1:]}"
        for line, names in told.items()
    ]


def _line(baseline: Baseline, comparison: Comparison, name: str) -> str:
    if baseline.cannot_compare:
        return f"Not compared: {text(reason(baseline.cannot_compare))}."
    if baseline.evidence is not None:
        return _of_rows(baseline.evidence.rows, name)
    why = text(reason(baseline.no_evidence)) or "no predictions were compared"
    is_moved = baseline.side.dataset != comparison.candidate.dataset
    moved = " The data changed, so the two were measured on different rows." if is_moved else ""
    is_judged = comparison.policy.no_interval == "number"
    found = "Judged by the numbers alone" if is_judged else "Without intervals"
    return f"{found}: {why}.{moved}"


def _of_rows(rows: Rows, name: str) -> str:
    if rows.how == "scored":
        whole = count(rows.candidate, "row")
        return (
            f"The data moved, so {name} was asked again about the candidate's {whole}"
            f"{_left_out(rows)}."
        )
    why = f" ({text(reason(rows.why))})" if rows.why else ""
    if rows.how == "unpaired":
        return (
            f"Each on its own rows{why}, {rows.compared:,} and {rows.baseline:,}: "
            "intervals are wider."
        )
    parted = _parted(rows)
    if not parted:
        return f"Both on the same {count(rows.compared, 'row')}{_left_out(rows)}."
    return (
        f"Both on the {count(rows.compared, 'row')} that both have{_left_out(rows)}; "
        f"{parted} not compared{why}."
    )


def _parted(rows: Rows) -> str:
    """Say which rows one of the runs alone has."""
    alone = [
        f"{count(number, 'row')} of the {whose}"
        for number, whose in ((rows.only_candidate, "candidate"), (rows.only_baseline, "baseline"))
        if number
    ]
    if not alone:
        return ""
    return f"{' and '.join(alone)} {be(rows.only_candidate + rows.only_baseline)}"


def _left_out(rows: Rows) -> str:
    """Say which rows of both were left out, as the end of a sentence."""
    parts = [
        f"{number:,} {words}"
        for number, words in (
            (rows.trained_on, "that it was trained on"),
            (rows.relabelled, "whose truth changed"),
        )
        if number
    ]
    if not parts:
        return ""
    return f"; {' and '.join(parts)} {be(rows.trained_on + rows.relabelled)} left out"
