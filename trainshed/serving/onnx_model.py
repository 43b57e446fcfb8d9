"""Answering from an ONNX model: numpy and onnxruntime, no scikit-learn and no DataFrame.

The model says in its own metadata what it answers (`trainshed.exporting` writes it). It takes each
column of text by its name, as strings, and all others as one matrix of doubles; a missing number
is NaN, a missing text `MISSING_TEXT`. One object must not be called from two threads at once.
"""

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import onnxruntime

from trainshed.errors import ProgramError
from trainshed.serving.schema import Row, Schema

MISSING_TEXT = "\ue000trainshed:missing"
"""What a missing text is called inside a model: it begins with a code point nobody may exchange."""
NUMBERS = "trainshed:numbers"
"""The input that holds all columns but those of text, in the order that the metadata says."""
COLUMN = "column:"
"""What the name of a column's own input begins with."""
METADATA = "trainshed"
"""The key of a model's metadata under which our own lies, as JSON."""

Kind = Literal["score", "scores", "label", "value"]


class OnnxModelDoesNotFit(ProgramError):
    """The ONNX model was not written by this Trainshed, or takes other columns than the schema."""


class AnswerIsNotFinite(ValueError):
    """The model answered NaN or infinity, which JSON cannot hold."""


class OnnxModel:
    """A model that was exported and proved. `predict` takes rows that the schema has passed."""

    def __init__(
        self,
        session: Any,
        *,
        kind: Kind,
        classes: Sequence[Any],
        numbers: Sequence[str],
        lowered: Sequence[str],
    ) -> None:
        self._run = session._sess.run  # its own `run` checks what we know, for 2 µs a call
        self._outputs = [session.get_outputs()[0].name]
        self._classes = list(classes)
        self._names = [str(one) for one in classes]
        self._numbers = list(numbers)
        inputs = [one.name for one in session.get_inputs() if one.name != NUMBERS]
        text = [name.removeprefix(COLUMN) for name in inputs]
        self._text = [(name, _lowered if name in lowered else _text) for name in text]
        self._answers: Callable[[Any], list[Any]] = {
            "score": self._scored,
            "scores": self._scored_by_class,
            "label": _labels,
            "value": _values,
        }[kind]
        # One row alone is the common case: its arrays are made once, and filled anew each time.
        self._row = np.empty((1, len(self._numbers)))
        self._row_text = np.empty((len(self._text), 1, 1), dtype=object)
        self._cells = self._row_text.reshape(-1)
        self._feed: dict[str, Any] = {
            f"{COLUMN}{name}": self._row_text[at] for at, name in enumerate(text)
        }
        if self._numbers:
            self._feed[NUMBERS] = self._row

    @classmethod
    def load(cls, path: Path, schema: Schema) -> Self:
        """Load a model from a file; check its digest before. Raises as `of` does."""
        return cls.of(path.read_bytes(), schema, name=path.name)

    @classmethod
    def of(cls, content: bytes, schema: Schema, *, name: str) -> Self:
        """Load a model from its bytes; `name` is what errors call it.

        Raises:
            OnnxModelDoesNotFit: it is none of ours, or takes columns that the schema has not.
        """
        try:
            session = onnxruntime.InferenceSession(content, _options(), _PROVIDERS)
        except Exception as error:  # onnxruntime's own classes have no common one
            raise _does_not_fit(name, f"onnxruntime cannot load it: {error}") from None
        text = session.get_modelmeta().custom_metadata_map.get(METADATA)
        if text is None:
            raise _does_not_fit(name, "it has no metadata of Trainshed's")
        said = json.loads(text)
        model = cls(session, **said)
        known = {column.name for column in schema.columns or ()}
        takes = [*model._numbers, *(one for one, _ in model._text)]
        unknown = [one for one in takes if one not in known]
        if unknown:
            raise _does_not_fit(name, f"the schema has no column {unknown[0]!r}")
        return model

    def predict(self, rows: Sequence[Row]) -> list[Any]:
        """Return one answer per row, in the form that `trainshed.serving.predictor` gives.

        Raises:
            AnswerIsNotFinite: the model has no finite answer for one of the rows.
        """
        if not rows:
            return []
        feed = self._feed_one(rows[0]) if len(rows) == 1 else self._feed_many(rows)
        return self._answers(self._run(self._outputs, feed, None)[0])

    __call__ = predict

    def _feed_one(self, row: Row) -> dict[str, Any]:
        if self._numbers:
            self._row[0] = [row[name] for name in self._numbers]  # numpy makes NaN of None
        for at, (name, fed) in enumerate(self._text):
            self._cells[at] = fed(row[name])
        return self._feed

    def _feed_many(self, rows: Sequence[Row]) -> dict[str, Any]:
        feed = {
            f"{COLUMN}{name}": np.array([[fed(row[name])] for row in rows], dtype=object)
            for name, fed in self._text
        }
        if self._numbers:
            numbers = [[row[name] for name in self._numbers] for row in rows]
            feed[NUMBERS] = np.array(numbers, dtype=np.float64)
        return feed

    def _scored(self, probabilities: Any) -> list[Any]:
        """Of two classes: the second one's probability decides, and is the score."""
        first, second = self._classes
        return [
            {"prediction": second if score > rest else first, "score": _finite(score)}
            for rest, score in probabilities.tolist()
        ]

    def _scored_by_class(self, probabilities: Any) -> list[Any]:
        answers = []
        for scores in probabilities.tolist():
            _finite(sum(scores))
            best = self._classes[scores.index(max(scores))]
            answers.append(
                {"prediction": best, "scores": dict(zip(self._names, scores, strict=True))}
            )
        return answers


_PROVIDERS = ["CPUExecutionProvider"]


def _options() -> Any:
    """One thread: for a few rows helpers cost more than they give, and workers share the cores."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what it has to say comes as an exception, too
    return options


def _text(value: str | None) -> str:
    if value is None:
        return MISSING_TEXT
    if value.isascii():
        return value
    # Half a surrogate pair is valid in JSON but is no text that can be encoded.
    return value.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def _lowered(value: str | None) -> str:
    return _text(value if value is None else value.lower())


def _labels(labels: Any) -> list[Any]:
    return list(labels.reshape(-1).tolist())


def _values(values: Any) -> list[Any]:
    return [_finite(value) for value in values.reshape(-1).tolist()]


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise AnswerIsNotFinite(f"the model answered {value}")
    return value


def _does_not_fit(name: str, why: str) -> OnnxModelDoesNotFit:
    return OnnxModelDoesNotFit(
        f"{name}: cannot be served: {why}.",
        fix="Export it again from its run, with the schema that the trainer wrote.",
    )
