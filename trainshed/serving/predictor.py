"""Predictors: rows in, one JSON value per row out.

Without a reference the artifact is what joblib (or pickle) wrote, and its own `predict` is asked.
A reference `module:function` names the user's own: `function(rows)`; when its module also has
`load(path)`, that is called once at start with the artifact's path.
"""

import contextlib
import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from trainshed.errors import ProgramError
from trainshed.serving.plain import NotJson, plain
from trainshed.serving.schema import Row, Schema


class PredictorCannotBeLoaded(ProgramError):
    """The model, or the user's own predictor, cannot be loaded in the serving environment."""


class PredictorBrokeItsContract(ProgramError):
    """The predictor gave another number of predictions than rows, or something JSON cannot hold."""


class Predictor(Protocol):
    def __call__(self, rows: Sequence[Row], /) -> list[Any]: ...


def load(artifact: Path, *, reference: str | None, schema: Schema) -> Predictor:
    """Load what predicts. This runs the user's code: check the artifact's digest before.

    Raises:
        PredictorCannotBeLoaded: whatever importing or unpickling it raised.
    """
    what = f"The predictor {reference}" if reference else f"The artifact {artifact.name}"
    try:
        predict = _users(artifact, reference) if reference else _artifacts_own(artifact, schema)
    except Exception as error:
        raise PredictorCannotBeLoaded(
            f"{what} cannot be loaded: {type(error).__name__}: {error}.",
            fix="Check that requirements/serve.txt installs the versions that training used, and "
            "that `serve: include:` names the code that it needs.",
        ) from error
    _limit_threads()
    return _Checked(predict, what)


class _Checked:
    """Holds a predictor to its contract."""

    def __init__(self, predict: Callable[[Sequence[Row]], Any], what: str) -> None:
        self._predict = predict
        self._what = what

    def __call__(self, rows: Sequence[Row], /) -> list[Any]:
        given = self._predict(rows)
        if isinstance(given, str | Mapping) or not isinstance(given, Iterable):
            raise self._broken(f"returned {type(given).__name__}, not a list")
        try:
            predictions = [plain(value) for value in given]
        except NotJson as error:
            raise self._broken(f"gave a prediction that cannot be sent: {error}") from None
        if len(predictions) != len(rows):
            raise self._broken(f"gave {len(predictions)} predictions for {len(rows)} rows")
        return predictions

    def _broken(self, how: str) -> PredictorBrokeItsContract:
        return PredictorBrokeItsContract(
            f"{self._what} {how}.",
            fix="Return a list with one value per row, made of numbers, strings, lists and dicts.",
        )


def _users(artifact: Path, reference: str) -> Callable[[Sequence[Row]], Any]:
    name, separator, function = reference.partition(":")
    if not (name and separator and function):
        raise ValueError("it should be written module:function")
    module = importlib.import_module(name)
    predict: Callable[[Sequence[Row]], Any] = getattr(module, function)
    if hasattr(module, "load"):
        module.load(artifact)
    return predict


def _artifacts_own(artifact: Path, schema: Schema) -> Callable[[Sequence[Row]], Any]:
    import joblib  # noqa: PLC0415  # the user's own predictor may do without it

    from trainshed.serving import frame  # noqa: PLC0415  # and without pandas

    model = joblib.load(artifact)
    answers = _scored if _has_classes(model) else _plain_answers
    model.predict  # noqa: B018  # something without it is refused now, not at the first request
    trained_on = getattr(model, "feature_names_in_", None)
    return lambda rows: answers(model, frame.of(rows, schema, trained_on=trained_on))


def _has_classes(model: Any) -> bool:
    """One list of classes; a model with several outputs has a list of lists and is not scored."""
    classes = getattr(model, "classes_", None)
    return hasattr(model, "predict_proba") and getattr(classes, "ndim", 0) == 1


def _plain_answers(model: Any, rows: Any) -> Any:
    return model.predict(rows)


def _scored(model: Any, rows: Any) -> list[Any]:
    """The label is asked for, not read off the scores: a model may have its own threshold."""
    labels, scores = model.predict(rows), model.predict_proba(rows)
    if len(model.classes_) == 2:
        pairs = zip(labels, scores, strict=True)
        return [{"prediction": label, "score": row[1]} for label, row in pairs]
    return [
        {"prediction": label, "scores": dict(zip(model.classes_, row, strict=True))}
        for label, row in zip(labels, scores, strict=True)
    ]


def _limit_threads() -> None:
    """Let this thread predict without helpers: for a few rows they cost more than they give.

    Beside two busy programs on two cores, gradient boosting's 99th percentile for one row was 4 to
    1200 ms with two threads and 2 to 21 ms with one; idle, both are alike. OpenMP's limit belongs
    to the thread that sets it, so load where you predict.
    """
    with contextlib.suppress(ImportError):
        threadpoolctl = importlib.import_module("threadpoolctl")  # scikit-learn brings it along
        threadpoolctl.threadpool_limits(limits=1)
