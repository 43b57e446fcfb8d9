"""Read `trainshed.yml`; every mistake is told with its place in the file and its fix."""

import difflib
import json
from collections.abc import Hashable, Iterable
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from trainshed.config import HOST_EXAMPLE, HOST_KEY_EXAMPLE, Config, Misfit
from trainshed.errors import ConfigurationError

NAME = "trainshed.yml"

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MERGE = "tag:yaml.org,2002:merge"


class ConfigIsMissing(ConfigurationError):
    """There is no trainshed.yml."""


class ConfigIsMalformed(ConfigurationError):
    """trainshed.yml is not YAML, or a key in it is unknown, missing or of the wrong kind."""


class ModelIsUnknown(ConfigurationError):
    """trainshed.yml has no model (or environment) of that name."""


class _UniqueKeyLoader(_Loader):  # type: ignore[misc]  # its base is chosen at run time
    """A safe loader that refuses a key given twice: YAML would silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            if key_node.tag == _MERGE:  # `<<: *defaults` is no key of its own
                continue
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                break  # told below, by the loader itself
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f'the key "{key}" stands twice', key_node.start_mark
                )
            seen.add(key)
        mapping: dict[Hashable, Any] = super().construct_mapping(node, deep=deep)
        return mapping

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep=deep)
        except (ValueError, LookupError, AttributeError) as error:
            # PyYAML lets these through, from the date 2020-13-45 or `!!bool perhaps` say.
            raise yaml.constructor.ConstructorError(
                None, None, f"{_shown(node.value)} cannot be read ({error})", node.start_mark
            ) from None


def load(text: str | bytes, *, where: str = NAME) -> Config:
    """Return the configuration that a file's text holds.

    Raises:
        ConfigIsMalformed: names the path in the file of the first mistake, and its fix.
    """
    try:
        content = yaml.load(text, Loader=_UniqueKeyLoader)  # noqa: S506  # it is a safe loader
    except yaml.YAMLError as error:
        raise ConfigIsMalformed(
            f"{where}: is not YAML: {_one_line(error)}",
            fix="Mend that line; an editor that knows YAML shows it.",
        ) from None
    if not isinstance(content, dict):
        raise ConfigIsMalformed(
            f"{where}: should be a mapping with `models:`, got {_shown(content)}.",
            fix="Start from the example in the README.",
        )
    try:
        return Config.model_validate(content)
    except ValidationError as error:
        raise _told(error, where=where, content=content) from None


def model_of(configuration: Config, name: str | None) -> str:
    """Return the model that is meant: the one named, or the only one there is."""
    if name is None:
        if len(configuration.models) == 1:
            return next(iter(configuration.models))
        raise ModelIsUnknown(
            f"{NAME} has {len(configuration.models)} models: {_list(configuration.models)}.",
            fix="Say which one with --model.",
        )
    _require(name, configuration.models, what="model")
    return name


def environments_of(configuration: Config, name: str | None) -> list[str]:
    if name is None:
        return list(configuration.environments)
    _require(name, configuration.environments, what="environment")
    return [name]


def _require(name: str, known: Iterable[str], *, what: str) -> None:
    names = list(known)
    if name not in names:
        close = difflib.get_close_matches(name, names, n=1)
        raise ModelIsUnknown(
            f'{NAME} has no {what} "{name}"; it has: {_list(names) or "none"}.',
            fix=f'Did you mean "{close[0]}"?' if close else f"Add it, or name a {what} it has.",
        )


def _told(error: ValidationError, *, where: str, content: Any) -> ConfigIsMalformed:
    first = _deepest(error)
    place = _place(first["loc"], content)
    problem, fix = _sentence(first, place)
    path = "/".join(place)
    return ConfigIsMalformed(f"{where}: {path}{': ' if path else ''}{problem}.", fix=fix)


def _deepest(error: ValidationError) -> Any:
    """Of the errors of a union's branches, the one that came furthest is the one that is meant."""
    return max(error.errors(), key=lambda one: (_SURE.get(one["type"], 0), len(one["loc"])))


# A key that is misspelt is also a key that is missing: name the misspelling.
_SURE = {"extra_forbidden": 2, "missing": 1, "value_error": 1}


def _place(location: tuple[int | str, ...], content: Any) -> list[str]:
    """Keep the parts of pydantic's location that stand in the file (it adds names of branches)."""
    place: list[str] = []
    node = content
    for part in location:
        is_key = isinstance(node, dict) and part in node
        is_index = isinstance(node, list) and isinstance(part, int) and part < len(node)
        if is_key or is_index:
            place.append(str(part))
            node = node[part]
        elif part == location[-1] and isinstance(node, dict) and part != "[key]":
            place.append(str(part))
    return place


def _sentence(one: Any, place: list[str]) -> tuple[str, str]:
    """Return what is wrong with a value, and how to mend it."""
    kind, got, write = one["type"], _shown(one["input"]), f"Write {_example(place)}"
    if kind == "extra_forbidden":
        return "unknown key", _suggestion(place)
    if kind == "missing":
        return "is missing", f"Add it: {_example(place)}"
    if kind == "value_error":
        return _sentence_of_ours(one["ctx"]["error"], place, got)
    if kind == "literal_error":
        return f"should be {one['ctx']['expected']}, got {got}", "Choose one of these."
    if one["loc"][-1] == "[key]":
        return f"is not a name, got {got}", _VARIABLE if "env" in place else _NAME
    expected = _EXPECTED.get(kind, one["msg"].removeprefix("Input ").lower())
    return f"{expected}, got {got}", write


def _sentence_of_ours(error: ValueError, place: list[str], got: str) -> tuple[str, str]:
    if isinstance(error, Misfit):
        return str(error), f"Write {error.example}"
    if not place:
        return str(error), "Give it one."
    return f"{error}, got {got}", f"Write {_example(place)}"


def _suggestion(place: list[str]) -> str:
    known = _keys_beside(place)
    close = difflib.get_close_matches(place[-1], known, n=1)
    return f'Did you mean "{close[0]}"?' if close else f"Known keys here: {_list(known)}."


_EXPECTED = {
    "string_pattern_mismatch": "has an odd form",
    "float_type": "should be a number",
    "int_type": "should be a whole number",
    "string_type": "should be text",
    "list_type": "should be a list",
    "dict_type": "should be a mapping",
    "model_type": "should be a mapping",
    "model_attributes_type": "should be a mapping",
    "too_short": "should not be empty",
    "finite_number": "should be a finite number",
}

_EXAMPLES = {
    "models": "models: {churn: {data: data/v1/train.csv, train: [...], metrics: {...}}}",
    "data": "data: data/v1/train.csv",
    "sha256": "the 64 hexadecimal digits that `sha256sum` prints",
    "fetch": "fetch: [dvc, pull, data/big.parquet]",
    "path": "path: data/big.parquet",
    "train": 'train: [python, pipelines/train.py, --data, "{data}", --out, "{out}"]',
    "metrics": "metrics: {f1: {direction: maximize, min: 0.80, tolerance: 0.01}}",
    "direction": "direction: maximize",
    "min": "a value such as 0.80.",
    "max": "a value such as 0.50.",
    "tolerance": "a value such as 0.01.",
    "timeout": "timeout: 30m",
    "inputs": "inputs: [pipelines/]",
    "lock": "lock: requirements/train.txt",
    "out": "out: models/churn.pkl",
    "image": "image: ghcr.io/{owner}/churn",
    "include": "include: [pipelines/]",
    "predictor": "predictor: pipelines.predict:predict",
    "env": 'env: {SEED: "{seed}"} (quote numbers and yes/no: they are text)',
    "port": "port: 8080",
    "address": "address: 127.0.0.1",
    "domain": "domain: churn.example.org",
    "host": HOST_EXAMPLE,
    "host_key": HOST_KEY_EXAMPLE,
    "serve": "serve: none, or serve: {predictor: pipelines.predict:predict}",
    "target": "target: churn",
    "seed": "seed: 0",
    "evaluate": 'evaluate: [python, pipelines/evaluate.py, --model, "{model}", --data, "{data}", '
    '--out, "{out}"]',
    "gate": "gate: {baseline: live, undecided: warn, required_rows: 200}",
    "required_rows": "required_rows: 200",
    "bins": "bins: {age: [18, 30, 65]}",
    "key": "key: [customer_id]",
    "private": "private: [phone]",
    "positive": 'positive: "yes" (quoted: an unquoted yes is no text)',
    "leakage": "a share such as 0.01.",
    "environments": "environments: {production: {target: process, port: 8080}}",
}


_NAME = "Use lower-case letters, digits and single hyphens, at most 64 of them, such as churn."
_VARIABLE = "Use letters, digits and underscores, such as SEED."


def _example(place: list[str]) -> str:
    part = next((part for part in reversed(place) if part in _EXAMPLES), "models")
    return _EXAMPLES[part]


def _keys_beside(place: list[str]) -> list[str]:
    """Return the keys known where the unknown one stands, by walking the classes of `config`."""
    section: type[BaseModel] = Config
    for part in place[:-1]:
        field = section.model_fields.get(part)
        if field is not None:
            section = _section_in(field.annotation) or section
    return list(section.model_fields)


def _section_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_section_in(argument) for argument in get_args(annotation))
    return next((section for section in found if section), None)


def _shown(value: Any) -> str:
    try:
        text = json.dumps(value, default=str, ensure_ascii=False)
    except (TypeError, ValueError):  # a key that JSON lacks, or a mapping that holds itself
        text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _list(names: Iterable[str]) -> str:
    return ", ".join(names)


def _one_line(error: yaml.YAMLError) -> str:
    return " ".join(
        str(error)
        .replace('in "<byte string>", ', "at ")
        .replace('in "<unicode string>", ', "at ")
        .split()
    )


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of `trainshed.yml`, for editors."""
    schema = Config.model_json_schema(mode="validation")
    draft = "https://json-schema.org/draft/2020-12/schema"
    return {"$schema": draft, **_as_strict(schema), "title": NAME}


def _as_strict(node: Any) -> Any:
    """Let the schema refuse what the validators refuse: odd names, and keys without a value."""
    if isinstance(node, list):
        return [_as_strict(one) for one in node if one != {"type": "null"}]
    if not isinstance(node, dict):
        return node
    strict = {key: _as_strict(one) for key, one in node.items() if (key, one) != ("default", None)}
    if "patternProperties" in strict:
        strict["additionalProperties"] = False
    return strict
