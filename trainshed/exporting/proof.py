"""Whether a converted model answers as its original does: every row asked of both, and compared.

Both are asked as the server asks them, so what is compared is what a caller would get. Equal means
what it means for golden rows: the same class, numbers within one pair of constants.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from trainshed.exporting.perturbation import Case
from trainshed.serving import golden
from trainshed.serving.schema import Row

Predict = Callable[[Sequence[Row]], Sequence[Any]]
Format = Literal["onnx", "skops", "joblib"]

_AT_ONCE = 1_000
# onnxruntime takes other ways through its trees for one row, for a few, and for many.
_SIZES = (1, 100)


@dataclass(frozen=True, kw_only=True)
class Refused:
    """The original has no answer for a row."""

    why: str


@dataclass(frozen=True, kw_only=True)
class Difference:
    case: Case
    expected: Any
    """The original's answer."""
    actual: Any


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What asking both has shown. It proves equality when `why` is None."""

    why: str | None
    data: int = 0
    """Rows of the data that were asked, evaluation rows among them."""
    examples: int = 0
    perturbed: int = 0
    refused: int = 0
    """Rows with extreme numbers that the original does not answer: an error there, not compared."""
    largest: float = 0.0
    """The largest difference of two numbers; of numbers above 1, as a part of them."""
    difference: Difference | None = None

    @property
    def is_equal(self) -> bool:
        return self.why is None


def format_of(proof: Proof | None, *, is_skops_allowed: bool = False) -> Format:
    """Return the form in which a model is served: the first that is proved, or allowed.

    Args:
        proof: what exporting has shown; None when nobody tried.
        is_skops_allowed: whether every type inside it is on the repository's list.
    """
    if proof is not None and proof.is_equal:
        return "onnx"
    return "skops" if is_skops_allowed else "joblib"


def prove(original: Predict, converted: Predict, cases: Sequence[Case]) -> Proof:
    """Ask both for every case, stopping at the first difference.

    Changed rows are asked of the converted model alone and among others, too.
    """
    tally = _Tally()
    for start in range(0, len(cases), _AT_ONCE):
        some = cases[start : start + _AT_ONCE]
        expected = answers(original, [case.row for case in some])
        for case, wanted, *given in zip(some, expected, *_asked(converted, some), strict=True):
            difference = tally.compare(case, wanted, given)
            if difference is not None:
                return tally.proof(difference)
    return tally.proof(None)


def answers(predict: Predict, rows: Sequence[Row]) -> Iterator[Any]:
    """Yield one answer per row; where it fails, halve the rows until only those fail that do."""
    try:
        given = predict(rows)
    except Exception as error:  # whatever the model raises, it is no answer
        if len(rows) == 1:
            yield Refused(why=f"{type(error).__name__}: {str(error)[:200]}")
            return
    else:
        yield from given
        return
    half = len(rows) // 2
    yield from answers(predict, rows[:half])
    yield from answers(predict, rows[half:])


def _asked(converted: Predict, some: Sequence[Case]) -> list[Iterator[Any]]:
    rows = [case.row for case in some]
    if all(case.way == "data" for case in some):
        return [answers(converted, rows)]
    return [_in_parts(converted, rows, size) for size in (*_SIZES, len(rows))]


def _in_parts(predict: Predict, rows: Sequence[Row], size: int) -> Iterator[Any]:
    for at in range(0, len(rows), size):
        yield from answers(predict, rows[at : at + size])


class _Tally:
    """What has been compared so far."""

    def __init__(self) -> None:
        self._counts = {"data": 0, "example": 0, "perturbed": 0}
        self._refused = 0
        self._largest = 0.0

    def compare(self, case: Case, expected: Any, given: Sequence[Any]) -> Difference | None:
        self._counts[case.way if case.way in self._counts else "perturbed"] += 1
        if isinstance(expected, Refused) and case.way == "extreme":
            self._refused += 1
            return None
        for actual in given:
            if not _equal(expected, actual):
                return Difference(case=case, expected=expected, actual=actual)
            self._largest = max(self._largest, _distance(expected, actual))
        return None

    def proof(self, difference: Difference | None) -> Proof:
        return Proof(
            why=None if difference is None else _why(difference),
            data=self._counts["data"],
            examples=self._counts["example"],
            perturbed=self._counts["perturbed"],
            refused=self._refused,
            largest=self._largest,
            difference=difference,
        )


def _why(difference: Difference) -> str:
    case, expected = difference.case, difference.expected
    changed = f" ({case.way} values of {', '.join(case.changed)})" if case.changed else ""
    if isinstance(expected, Refused):
        return f"the original refuses a row{changed} that ONNX answers: {expected.why}"
    if isinstance(difference.actual, Refused):
        return f"ONNX has no answer for a row{changed}: {difference.actual.why}"
    return f"a row{changed} is answered differently"


def _equal(expected: Any, actual: Any) -> bool:
    if isinstance(expected, Refused) or isinstance(actual, Refused):
        return isinstance(expected, Refused) and isinstance(actual, Refused)
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        same = expected.get("prediction") == actual.get("prediction")
        return same and golden.equal(expected, actual)
    return golden.equal(expected, actual)


def _distance(expected: Any, actual: Any) -> float:
    if isinstance(expected, Mapping):
        return max(_distance(value, actual[key]) for key, value in expected.items())
    if not (isinstance(expected, float) and isinstance(actual, float)):
        return 0.0
    return abs(expected - actual) / max(1.0, abs(expected))
