"""What two runs' predictions say of the candidate: all of it, as facts, in one call."""

from collections.abc import Mapping
from pathlib import Path

from trainshed.evidence import Evidence, Flips, Slices
from trainshed.question import Comparing
from trainshed.rule import Rule
from trainshed.statistics import (
    confusion,
    curves,
    flips,
    matching,
    measures,
    metrics,
    predictions,
    reported,
    slices,
    training_rows,
)
from trainshed.statistics.matching import Matched
from trainshed.statistics.measures import Compared, Pairs
from trainshed.statistics.predictions import Predictions
from trainshed.statistics.sides import Classified


def gather(question: Comparing) -> Evidence:
    """Compare two runs' predictions.

    Raises:
        ProgramError: predictions cannot be read, or the two do not answer the same question
            (RowIdsNameOtherRows, LabelsDiffer, LabelIsOutsideTheClasses).
        PositiveIsNotAClass: `positive` is none of the two classes.
    """
    baseline, candidate = (
        predictions.read(Path(one.predictions), source=one.source)
        for one in (question.baseline, question.candidate)
    )
    own = reported.own_pairs(question, baseline, candidate)
    matched = _match(question, baseline, candidate)
    pairs = measures.pairs(matched.baseline, matched.candidate, positive=_positive(own, question))
    compared = measures.compare(
        pairs,
        question.metrics,
        without=(
            reported.why_own(question, own)
            if matched.rows.compared
            else dict.fromkeys(question.metrics, measures.NO_ROWS)
        ),
        run_ids=_run_ids(question),
        paired=matched.is_paired,
        resamples=question.resamples,
    )
    classified = pairs.classified if _are_classes(question) else None
    return Evidence(
        rows=matched.rows,
        metrics=measures.judged(compared, question.rules),
        slices=_slices(question, matched, pairs, compared),
        flips=_flips(question, matched, classified),
        confusion=None if classified is None else confusion.of(*classified),
        curves=() if classified is None else curves.of(*classified),
    )


def _match(question: Comparing, baseline: Predictions, candidate: Predictions) -> Matched:
    scored, trained_on = None, None
    if question.scored is not None:
        source = f"what {question.baseline.source} answers to the candidate's rows"
        scored = predictions.read(Path(question.scored), source=source)
    if question.trained_on is not None:
        source = f"the training rows of {question.baseline.source}"
        trained_on = training_rows.read(Path(question.trained_on), source=source)
    return matching.match(
        baseline, candidate, scored=scored, trained_on=trained_on, why=question.why
    )


def _positive(own: Pairs, question: Comparing) -> str | None:
    """Return the class that was positive on each run's own rows: it is so on any rows."""
    if own.classified is None or len(own.classified[0].classes) != 2:
        return question.positive
    return own.classified[0].classes[-1]


def _are_classes(question: Comparing) -> bool:
    """Tell whether answers are classes: numbers are not, where every metric is of a regression."""
    known = [metric for name in question.metrics if (metric := metrics.named(name))]
    return not known or not all(metric.is_regression for metric in known)


def _slices(
    question: Comparing, matched: Matched, pairs: Pairs, compared: Mapping[str, Compared]
) -> Slices | None:
    """Judge slices by the first metric that gates and has an interval, else by the first one."""
    order = [*question.rules, *compared]
    name = next((one for one in order if one in compared and compared[one].difference), None)
    metric = metrics.named(name) if name else None
    pair = pairs.of(metric) if metric else None
    if name is None or metric is None or pair is None or not matched.is_paired:
        return None
    columns = matched.candidate.slices
    return slices.find(
        pair,
        {column: one for column, one in columns.items() if column not in question.private},
        name,
        metric,
        question.rules.get(name) or Rule(direction=metric.direction),
        run_ids=_run_ids(question),
        bins=question.bins,
        resamples=question.resamples,
    )


def _flips(
    question: Comparing, matched: Matched, classified: tuple[Classified, Classified] | None
) -> Flips | None:
    if classified is None or not matched.is_paired:
        return None
    return flips.find(*classified, rows=matched.candidate, private=question.private)


def _run_ids(question: Comparing) -> tuple[str, str]:
    return question.baseline.run_id, question.candidate.run_id
