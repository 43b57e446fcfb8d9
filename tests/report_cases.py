"""Comparisons with evidence: one of each kind that a report is made of; and strangers' strings."""

from dataclasses import replace
from typing import Any

from evidence_facts import (
    ATTRIBUTED,
    BETTER,
    CURVES,
    DATA,
    DETAILED,
    FLIPS,
    ON_NEW_DATA,
    OWN,
    PAIRED,
    PROFIT,
    SLICES,
    V2_DATA,
    against,
    column,
    compare,
    measured,
)
from hypothesis import strategies as st
from records import RULES, side

from trainshed import comparison
from trainshed.attribution import Attribution, Share
from trainshed.comparison import Against, Comparison, Policy
from trainshed.config import Metric
from trainshed.data_evidence import Balance, Leakage, Moved
from trainshed.evidence import Confusion, Evidence, Flip, Measured, Noise, Rows, Slice, Slices

HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "</details><!-- ",
    "@octocat #1 GH-1 octocat/hello#1",
    "a | b || c",
    "`code` ```fence",
    "line\nbreak\r\n\n# heading",
    "[link](https://evil.example) ![image](http://evil.example/x.png)",
    "https://evil.example www.evil.example mail@evil.example",
    "*bold* _italic_ ~~gone~~ $math$ :tada: &lt;b&gt;",
    "- item 1. item\\",
    "\u202etxt.exe\u0007",
)
HARMLESS = {  # kinds of tokens: a report needs no link, no image
    *(f"{part}_{end}" for part in ("paragraph", "table", "thead", "tbody", "tr", "th", "td")
      for end in ("open", "close")),
    *("strong_open", "strong_close", "bullet_list_open", "bullet_list_close", "html_block"),
    *("list_item_open", "list_item_close", "inline", "text", "softbreak", "code_inline"),
}  # fmt: skip
ANY_TEXT = st.lists(st.text(min_size=1), min_size=2, max_size=5, unique=True).map(tuple)


def better() -> Comparison:
    before = against(DETAILED, changed=("code",))
    before = replace(before, side=replace(before.side, metrics=before.side.metrics | PROFIT))
    return compare(BETTER, parent=before)


def worse() -> Comparison:
    evidence = Evidence(
        rows=PAIRED,
        metrics={
            "f1": measured(0.8517, 0.8193, -0.0603, -0.0141, level=0.975),
            "log_loss": measured(0.2105, 0.2110, -0.0061, 0.0070),
        },
        slices=replace(SLICES, found=SLICES.found[:2]),
        flips=replace(FLIPS, right_to_wrong=1, wrong_to_right=0, both_right=800, both_wrong=49,
                      p_value=1.0, is_exact=True, surest=FLIPS.surest[:1]),
    )  # fmt: skip
    live = against(evidence, release="churn@v1.4.0", changed=("code", "params", "lock"))
    return compare({"f1": 0.8193, "log_loss": 0.2110}, live=live)


def noise() -> Comparison:
    evidence = Evidence(
        rows=PAIRED,
        metrics={
            "f1": measured(0.8193, 0.8214, -0.0078, 0.0119),
            "log_loss": measured(0.2310, 0.2302, -0.0041, 0.0026),
        },
    )
    return compare(
        {"f1": 0.8214, "log_loss": 0.2302},
        live=against(evidence, release="churn@v1.4.0", changed=("params",)),
        noise={
            "f1": Noise(limit=0.0062, seeds=5, spread=0.0022),
            "log_loss": Noise(limit=0.0004, seeds=5, spread=0.00014),
        },
    )


def undecided(**policy: Any) -> Comparison:
    evidence = Evidence(
        rows=PAIRED,
        metrics={
            "f1": measured(0.8193, 0.8150, -0.0210, 0.0124, level=0.975),
            "log_loss": measured(0.2310, 0.2352, -0.0203, 0.0291, level=0.975),
        },
    )
    return compare(
        {"f1": 0.8150, "log_loss": 0.2352},
        parent=against(evidence, changed=("code",)),
        policy=Policy(**policy),
    )


def too_few_rows() -> Comparison:
    rows = Rows(how="paired", compared=120, baseline=120, candidate=120)
    evidence = Evidence(
        rows=rows,
        metrics={
            "f1": measured(0.8193, 0.8517, -0.0841, 0.1603),
            "log_loss": measured(0.2310, 0.2105, -0.0712, 0.0298),
        },
    )
    return compare(
        {"f1": 0.8517, "log_loss": 0.2105},
        parent=against(evidence),
        policy=Policy(required_rows=200),
    )


def other_rows() -> Comparison:
    why = (
        "612 of the 850 rows that both runs have differ in y_true (row_id '17' is one): "
        "their row ids do not name the same rows."
    )
    return compare(
        {"f1": 0.8517, "log_loss": 0.2105}, live=against(None, release="churn@v1.4.0",
        cannot_compare=why)
    )  # fmt: skip


def data_moved() -> Comparison:
    """The rows that were scored again; what changed; who changed it; rows that leaked."""
    return compare(
        {"f1": 0.8402, "log_loss": 0.2189},
        live=against(
            ON_NEW_DATA,
            release="churn@v1.4.0",
            changed=("code", "data"),
            data=DATA,
            attribution=ATTRIBUTED,
        ),
        data=V2_DATA,
        leakage=Leakage(rows=40, evaluated=850, examples=(("17", "433"), ("21", "1208"))),
    )


def unpaired() -> Comparison:
    evidence = replace(
        ON_NEW_DATA,
        rows=Rows(
            how="unpaired",
            compared=850,
            baseline=812,
            candidate=850,
            only_baseline=812,
            only_candidate=850,
            why="trainshed.yml has no evaluate command",
        ),
    )
    return compare(
        {"f1": 0.8391, "log_loss": 0.2201},
        parent=against(evidence, changed=("data",), no_data="the data is not in git any more"),
        data=V2_DATA,
        leakage=Leakage(rows=0, evaluated=850, examples=()),
    )


def two_baselines() -> Comparison:
    """The live release was asked again, the state before answered the same rows itself."""
    before = Evidence(
        rows=Rows(how="paired", compared=847, baseline=849, candidate=850,
                  only_candidate=1, only_baseline=0, relabelled=2),
        metrics={
            "f1": measured(0.8317, 0.8395, -0.0040, 0.0197),
            "log_loss": measured(0.2222, 0.2201, -0.0061, 0.0018),
        },
        slices=SLICES,
        flips=FLIPS,
    )  # fmt: skip
    return compare(
        {"f1": 0.8402, "log_loss": 0.2189},
        parent=against(before, changed=("code",)),
        live=against(
            replace(ON_NEW_DATA, flips=FLIPS),
            release="churn@v1.4.0",
            changed=("code", "data"),
            data=DATA,
        ),
        data=V2_DATA,
    )


def without_interval() -> Comparison:
    """Metrics of the trainer's own, judged where trainshed.yml says so, and shown elsewhere."""
    own = {"f1": OWN, "log_loss": OWN, "profit": OWN}
    evidence = Evidence(
        rows=PAIRED, metrics=own | {"roc_auc": Measured(why_not="the predictions have no y_score")}
    )
    before = {"f1": 0.8193, "log_loss": 0.2310, "profit": 1190.0, "roc_auc": 0.9204}
    live = against(evidence, release="churn@v1.4.0", changed=("code",))
    return compare(
        {**BETTER, "log_loss": 0.2310},
        live=replace(live, side=replace(live.side, metrics=before)),
        policy=Policy(no_interval="warn"),
    )


def regression() -> Comparison:
    evidence = Evidence(
        rows=PAIRED,
        metrics={
            "rmse": measured(1432.5, 1398.2, -61.3, -8.9),
            "r2": measured(0.612, 0.641, 0.0071, 0.0512),
        },
        slices=Slices(
            metric="rmse",
            found=(
                Slice(column="district", value="7", rows=44, baseline=1801.0, candidate=1922.4,
                      difference=121.4, interval=(-20.1, 260.0), p_value=0.31,
                      finding="undecided"),
            ),
            left_out=3,
        ),
    )  # fmt: skip
    return compare(
        {"rmse": 1398.2, "r2": 0.641},
        parent=against(evidence, changed=("code",)),
        rules={"rmse": Metric(direction="minimize", tolerance=20.0)},
    )


def multiclass(classes: int) -> Comparison:
    names = tuple(f"class {at}" for at in range(classes))
    before = tuple(
        tuple(90 if row == at else (row + at) % 4 for at in range(classes))
        for row in range(classes)
    )
    after = tuple(
        tuple(n + (row != at) * ((row * at) % 3) for at, n in enumerate(line))
        for row, line in enumerate(before)
    )
    evidence = Evidence(
        rows=PAIRED,
        metrics={"f1": measured(0.91, 0.88, -0.05, -0.0121)},
        confusion=Confusion(classes=names, baseline=before, candidate=after),
    )
    return compare(
        {"f1": 0.88},
        live=against(evidence, release="churn@v1.4.0", changed=("code",)),
        rules={"f1": RULES["f1"]},
    )


def many_metrics(number: int = 200) -> Comparison:
    """`number` further metrics, of which every fifth is the trainer's own."""
    names = [f"recall.class-{at:03}" for at in range(number)]
    known = {
        name: OWN if at % 5 == 0 else measured(0.5, 0.501, -0.02, 0.022)
        for at, name in enumerate(names)
    }
    evidence = replace(DETAILED, metrics={**DETAILED.metrics, **known})
    live = against(evidence, release="churn@v1.4.0", changed=("code",))
    before = dict.fromkeys(names, 0.5) | live.side.metrics | PROFIT
    return compare(
        dict.fromkeys(names, 0.501) | BETTER,
        live=replace(live, side=replace(live.side, metrics=before)),
    )


def hostile(strings: tuple[str, ...]) -> Comparison:
    """A stranger's strings wherever a comparison holds a string."""

    def at(place: int) -> str:
        return strings[place % len(strings)]

    everything = " ".join(strings)
    rules = {name: Metric(direction="maximize", min=0.6) for name in strings[:2]}
    evidence = Evidence(
        rows=Rows(how="unpaired", compared=2, baseline=1, candidate=2, why=everything),
        metrics={name: Measured(why_not=at(place + 1)) for place, name in enumerate(strings)},
        slices=Slices(
            metric=at(0),
            found=(
                *(replace(SLICES.found[0], column=at(place + 1), value=name)
                  for place, name in enumerate(strings)),
                *(replace(SLICES.found[3], column=name, value=name, why_not=name)
                  for name in strings),
            ),
            left_out=1,
        ),
        flips=replace(
            FLIPS,
            surest=tuple(
                Flip(row_id=name, truth=at(place + 1), answer=at(place + 2), confidence=None,
                     columns={at(place + 3): name, at(place + 4): name})
                for place, name in enumerate(strings)
            ),
        ),
        confusion=Confusion(
            classes=strings,
            baseline=tuple(tuple(range(len(strings))) for _ in strings),
            candidate=tuple(tuple(range(1, len(strings) + 1)) for _ in strings),
        ),
        curves=CURVES,
    )  # fmt: skip
    data = replace(
        DATA,
        rows=None,
        why_not=everything,
        changes=None,
        columns=replace(
            DATA.columns,
            added=strings,
            removed=strings,
            retyped=dict.fromkeys(strings, ("text", "empty")),
            columns=tuple(
                column(name, 0.3, moved=(Moved(name=name, before=0.1, after=0.2),))
                for name in strings
            ),
            balance=Balance(
                shares=tuple(Moved(name=name, before=0.1, after=0.2) for name in strings),
                left_out=2,
            ),
        ),
    )
    metrics = dict.fromkeys(strings, 0.5)
    shares = {name: Share(difference=0.1, interval=(-0.1, 0.2)) for name in strings}
    foreign = {"run_id": "`|<b>\n", "commit": everything, "dataset": "`" * 12}
    return comparison.compare(
        model=at(0),
        candidate=side(metrics, dataset_path=everything, **foreign),
        parent=Against(
            side=side(metrics, dataset_path=at(-1)),
            no_evidence=everything,
            no_data=everything,
            changed=strings,
        ),
        live=Against(
            side=side(metrics, release=everything, commit="`", run_id="|", dataset="<"),
            evidence=evidence,
            changed=strings,
            data=data,
            no_data=everything,
            attribution=Attribution(run_id="```\n# x", data=shares, code=shares),
        ),
        rules=rules,
        noise={name: Noise(limit=0.1, seeds=3, spread=0.05) for name in strings},
        leakage=Leakage(rows=3, evaluated=9, examples=tuple(zip(strings, strings, strict=True))),
    )
