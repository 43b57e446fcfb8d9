"""Two runs' predictions as arrays that metrics understand: one list of classes for both."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from trainshed.errors import ProgramError
from trainshed.statistics.columns import Codes, Floats, Numbers, Rows, Texts, number_of
from trainshed.statistics.predictions import Predictions

_WHOLE = re.compile(r"-?[0-9]+\.0+")


class LabelsDiffer(ProgramError):
    """The two runs choose among different classes, so they do not answer the same question."""


class LabelIsOutsideTheClasses(ProgramError):
    """A truth or an answer is none of the classes that the predictions have scores for."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Classified:
    """One run's answers to a classification. Codes count from 0 within `classes`."""

    classes: tuple[str, ...]
    """Sorted, by number where all are numbers; of two the positive one is last."""
    truth: Codes
    answer: Codes
    score: Floats | None
    """Of two classes: (rows,), the positive one's. Of more: (rows, classes). None: not written."""

    def __len__(self) -> int:
        return len(self.truth)

    def take(self, rows: Rows) -> "Classified":
        return Classified(
            classes=self.classes,
            truth=self.truth[rows],
            answer=self.answer[rows],
            score=None if self.score is None else self.score[rows],
        )

    @property
    def is_binary(self) -> bool:
        return len(self.classes) <= 2


@dataclass(frozen=True, kw_only=True, eq=False)
class Measured:
    """One run's answers to a regression."""

    truth: Floats
    answer: Floats

    def __len__(self) -> int:
        return len(self.truth)

    def take(self, rows: Rows) -> "Measured":
        return Measured(truth=self.truth[rows], answer=self.answer[rows])


Side = Classified | Measured


def measured(predictions: Predictions) -> Measured | None:
    """Return a regression's answers; None when truth or answer is no number."""
    truth, answer = predictions.truth.numbers, predictions.answer.numbers
    if truth is None or answer is None:
        return None
    return Measured(truth=truth, answer=answer)


def classified(
    first: Predictions, second: Predictions, *, positive: str | None = None
) -> tuple[Classified, Classified] | None:
    """Return two runs' answers over one list of classes; None when labels are no classes.

    Args:
        first, second: the same rows for paired statistics, any rows for unpaired ones.
        positive: of two classes; None takes the one that higher scores of `y_score` go with, and
            without `y_score` the last one, as scikit-learn does.

    Raises:
        LabelsDiffer: they choose among different classes.
        LabelIsOutsideTheClasses: a label has no score.
    """
    both = (first, second)
    if any(isinstance(column, Numbers) for one in both for column in (one.truth, one.answer)):
        return None
    classes = _classes(first, second)
    if len(classes) == 2 and (positive or _positive(both, classes)) == classes[0]:
        classes = classes[::-1]
    return _side(first, classes), _side(second, classes)


def _side(one: Predictions, classes: tuple[str, ...]) -> Classified:
    assert isinstance(one.truth, Texts)
    assert isinstance(one.answer, Texts)
    return Classified(
        classes=classes,
        truth=_codes(one.truth, classes),
        answer=_codes(one.answer, classes),
        score=_scores(one, classes),
    )


def _classes(first: Predictions, second: Predictions) -> tuple[str, ...]:
    """Return the classes that have scores, else those that occur."""
    scored, found = [], []
    for one in (first, second):
        scored.append({plain(name) for name in one.class_scores})
        found.append(_labels(one, scored[-1]))
    _reject_different(first, second, scored, having="scores for")
    every = found[0] | found[1]
    if not any(scored) and len(every) > 2 and (first.score is not None or second.score is not None):
        _reject_different(first, second, found, having="labels")
    return _in_order(scored[0] or scored[1] or every)


def _labels(one: Predictions, scored: set[str]) -> set[str]:
    """Return the labels that occur; each must have a score, where classes have scores."""
    found: set[str] = set()
    for column, name in ((one.truth, "y_true"), (one.answer, "y_pred")):
        assert isinstance(column, Texts)
        used = {plain(column.values[code]) for code in np.unique(column.codes)}
        outside = sorted(used - scored) if scored else []
        if outside:
            raise LabelIsOutsideTheClasses(
                f"{one.source}: {name} holds {outside[0]!r}, which has no scores. "
                f"There are scores for: {_listed(scored)}.",
                fix=f"Write y_score.{outside[0]} too, or correct the label.",
            )
        found |= used
    if one.score is not None and not scored and len(found) > 2:
        raise LabelIsOutsideTheClasses(
            f"{one.source}: a lone y_score goes with two classes, and there are {len(found)}: "
            f"{_listed(found)}.",
            fix="Write y_score.<class> for each class, or correct the labels.",
        )
    return found


def _reject_different(
    first: Predictions, second: Predictions, classes: Sequence[set[str]], *, having: str
) -> None:
    if classes[0] and classes[1] and classes[0] != classes[1]:
        left, right = map(_listed, classes)
        raise LabelsDiffer(
            f"{first.source} has {having} {left}; {second.source} has {having} {right}.",
            fix="Two models are compared when they choose among the same classes.",
        )


def _positive(both: Sequence[Predictions], classes: tuple[str, ...]) -> str | None:
    """Return the class that higher lone scores stand for: a model answers it where it is sure."""
    for one in both:
        assert isinstance(one.answer, Texts)
        is_last = _codes(one.answer, classes) == 1
        if one.score is not None and is_last.any() and not is_last.all():
            rises = one.score[is_last].mean() >= one.score[~is_last].mean()
            return classes[1] if rises else classes[0]
    return None


def _codes(column: Texts, classes: tuple[str, ...]) -> Codes:
    table = {name: code for code, name in enumerate(classes)}
    turned = [table.get(plain(value), -1) for value in column.values]
    return np.array(turned, dtype=np.int32)[column.codes]


def _scores(one: Predictions, classes: tuple[str, ...]) -> Floats | None:
    by_class = {plain(name): score for name, score in one.class_scores.items()}
    if len(classes) <= 2:
        return by_class.get(classes[-1], one.score)
    if not by_class:
        return None
    return np.column_stack([by_class[name] for name in classes])


def _listed(names: Iterable[str]) -> str:
    return ", ".join(_in_order(names)[:10])


def _in_order(names: Iterable[str]) -> tuple[str, ...]:
    """Sort classes as scikit-learn does: numbers by value."""
    numbers = {name: number_of(name) for name in names}
    if all(number == number for number in numbers.values()):  # noqa: PLR0124  # none is NaN
        return tuple(sorted(numbers, key=lambda name: (numbers[name], name)))
    return tuple(sorted(numbers))


def plain(label: str) -> str:
    """Write a whole number as one: pandas turns 1 to 1.0 where another row lacks its value."""
    return label.partition(".")[0] if _WHOLE.fullmatch(label) else label
