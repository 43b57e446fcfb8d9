"""What trainers reported beside what their predictions give: is it the same metric?

A trainer's `f1` may be of another average, threshold or set of rows than scikit-learn's of the
predictions it wrote. Then it is the trainer's own metric, and an interval would be of another one.
"""

import math
from collections.abc import Iterator, Mapping

from trainshed.errors import ConfigurationError
from trainshed.question import Comparing, Predicted
from trainshed.statistics import measures, metrics
from trainshed.statistics.measures import Pairs
from trainshed.statistics.metrics import Metric
from trainshed.statistics.predictions import Predictions
from trainshed.statistics.sides import Classified, Side, plain

CLOSE = 1e-4
"""Absolute or relative: float32 and other summations differ by less."""
_OF_ONE_CLASS = ("precision", "recall", "f1")


class PositiveIsNotAClass(ConfigurationError):
    """`positive:` of trainshed.yml is neither of the two classes that the predictions hold."""


def own_pairs(question: Comparing, baseline: Predictions, candidate: Predictions) -> Pairs:
    """Return both runs' answers to their own rows, of two classes the positive one last.

    Which one that is, `positive` says, else scores do (`sides.classified`). Where neither does, the
    class whose precision, recall or f1 the trainers reported.

    Raises:
        PositiveIsNotAClass: `positive` is none of two.
        LabelsDiffer, LabelIsOutsideTheClasses: the two are not about the same classes.
    """
    own = measures.pairs(baseline, candidate, positive=question.positive)
    if own.classified is None or len(own.classified[0].classes) != 2:
        return own
    classes = own.classified[0].classes
    if question.positive is not None:
        _reject_strange(question.positive, classes, candidate.source)
        return own
    if baseline.score is not None or candidate.score is not None:
        return own
    turned = measures.pairs(baseline, candidate, positive=classes[0])
    assert turned.classified is not None
    for place, run in ((1, question.candidate), (0, question.baseline)):
        if _all_agree(run, own.classified[place]):
            return own
        if _all_agree(run, turned.classified[place]):
            return turned
    return own


def why_own(question: Comparing, own: Pairs) -> dict[str, str]:
    """Return the metrics that are a trainer's own, each with both numbers."""
    found = {}
    for whose, place, run in (
        ("baseline", 0, question.baseline),
        ("candidate", 1, question.candidate),
    ):
        for name, reported, value in _both(run.metrics, own, place):
            if not is_close(reported, value):
                told = f"the {whose} reported {reported:.6g}, and scikit-learn finds {value:.6g}"
                found[name] = f"{measures.OWN}: {told} in its predictions"
    return found


def is_close(reported: float, value: float) -> bool:
    """Tell whether a reported number is this value, be it rounded to three decimals.

    Rounded to fewer, it might be many a metric's. Zeros at the end are not known any more.
    """
    is_rounded = reported == round(value, 3)
    return is_rounded or math.isclose(reported, value, rel_tol=CLOSE, abs_tol=CLOSE)


def _both(
    reported: Mapping[str, float], own: Pairs, place: int
) -> Iterator[tuple[str, float, float]]:
    for name, number in reported.items():
        metric = metrics.named(name)
        pair = own.of(metric) if metric else None
        if metric is None or pair is None:
            continue
        value = _value(metric, pair[place])
        if value is not None:
            yield name, number, value


def _value(metric: Metric, side: Side) -> float | None:
    if metrics.why_not(metric, side) is not None:
        return None
    value = metrics.value(metric, side)
    return value if math.isfinite(value) else None


def _all_agree(run: Predicted, side: Classified) -> bool:
    """Tell whether what a trainer reported of one class is of this side's positive one."""
    told = [
        is_close(number, metrics.value(metric, side))
        for name, number in run.metrics.items()
        if (metric := metrics.named(name)) and metric.name in _OF_ONE_CLASS and not metric.average
    ]
    return bool(told) and all(told)


def _reject_strange(positive: str, classes: tuple[str, ...], source: str) -> None:
    if plain(positive) not in classes:
        raise PositiveIsNotAClass(
            f"`positive: {positive}` is none of the classes of {source}: {', '.join(classes)}.",
            fix=f"Write one of the two in trainshed.yml, such as `positive: {classes[-1]}`.",
        )
