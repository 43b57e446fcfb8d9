"""A model card: what a released model is, in the form that model hubs read. Facts only.

What nobody stated is said to be not stated: a machine cannot know what a model is unfit for.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trainshed import config, image, release_notes
from trainshed.manifest import Manifest

NAME = "model-card.md"


@dataclass(frozen=True, kw_only=True)
class Card:
    manifest: Manifest
    settings: config.Model
    """The model in trainshed.yml, at the commit that was released."""
    lock: str | None
    """sha256 of the lock file of the training environment."""
    run: Mapping[str, Any] | None
    """The run's record in the ledger: its params, seed, date and seconds."""
    rows: int | None = None
    """How many the data has, where it is a table in git."""
    repository: str = ""
    """Its page; empty where there is none."""


def markdown(card: Card) -> str:
    """Return the card: a YAML header for machines, then Markdown for people."""
    settings, manifest = card.settings, card.manifest
    header = {
        "model_name": manifest.model,
        "version": manifest.version,
        "metrics": sorted(settings.metrics),
    }
    rendered: str = (
        release_notes.environment()
        .get_template("model-card.md.j2")
        .render(
            it=card,
            # JSON is YAML, and no name in it can end a line early.
            header={key: json.dumps(value) for key, value in header.items()},
            metrics=_metrics(card),
            others=_others(card),
            command=" ".join(settings.train),
            params=_params(card),
            port=image.PORT,
        )
    )
    return rendered


def _metrics(card: Card) -> list[dict[str, Any]]:
    """One row for each metric that trainshed.yml judges."""
    return [
        {
            "name": name,
            "value": card.manifest.metrics.get(name),
            "better": "higher" if rule.direction == "maximize" else "lower",
            "bounds": _bounds(rule),
            "tolerance": rule.tolerance,
        }
        for name, rule in card.settings.metrics.items()
    ]


def _bounds(rule: config.Metric) -> str:
    least = None if rule.min is None else f"at least {rule.min:g}"
    most = None if rule.max is None else f"at most {rule.max:g}"
    return ", ".join(one for one in (least, most) if one) or "none"


def _others(card: Card) -> dict[str, float]:
    metrics = card.manifest.metrics
    return {name: metrics[name] for name in sorted(metrics.keys() - card.settings.metrics.keys())}


def _params(card: Card) -> dict[str, str]:
    if card.run is None:
        return {}
    reported = {str(name): str(value) for name, value in (card.run.get("params") or {}).items()}
    return {"seed": str(card.run.get("seed")), **reported}
