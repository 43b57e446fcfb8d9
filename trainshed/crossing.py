"""An error of ours on its way from one of our processes to the one that asked it."""

import importlib
from dataclasses import dataclass

import trainshed
from trainshed import errors
from trainshed.errors import TrainshedError


@dataclass(frozen=True, kw_only=True)
class Crossing:
    module: str
    name: str
    kind: str
    problem: str
    fix: str


def of(error: TrainshedError) -> Crossing:
    return Crossing(
        module=type(error).__module__,
        name=type(error).__name__,
        kind=error.kind,
        problem=error.problem,
        fix=error.fix,
    )


def arrived(one: Crossing) -> TrainshedError:
    """Return the error that crossed: of the same class, problem and fix.

    A class beside code that cannot be imported here is made anew, of the same name and kind: it has
    the same slug and exit code, and nobody here could have named it.
    """
    return _class_of(one)(one.problem, fix=one.fix)


def _class_of(one: Crossing) -> type[TrainshedError]:
    if one.module.partition(".")[0] == trainshed.__name__:
        try:
            found = getattr(importlib.import_module(one.module), one.name, None)
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] == trainshed.__name__:
                raise
            return type(one.name, (_kind(one.kind),), {"__module__": one.module})
        if isinstance(found, type) and issubclass(found, TrainshedError):
            return found
    raise ValueError(f"{one.module}.{one.name} is no error of ours")


def _kind(name: str) -> type[TrainshedError]:
    """Return the class of a kind; an unknown one is unexpected."""
    kinds = (one for one in vars(errors).values() if isinstance(one, type))
    found = (one for one in kinds if issubclass(one, TrainshedError) and one.kind == name)
    return next(found, TrainshedError)
