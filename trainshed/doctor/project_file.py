"""trainshed.yml: that it can be read, and that what it names is fit for a runner."""

from trainshed.config import Config
from trainshed.doctor.facts import Facts, Unknown
from trainshed.doctor.finding import Finding, Topic

_TOPIC = Topic("trainshed.yml")


def check(facts: Facts) -> list[Finding]:
    config = facts.local.config
    if isinstance(config, Unknown):
        return [_TOPIC.problem("trainshed.yml cannot be used.", config.why)]
    models = ", ".join(config.models)
    return [
        _TOPIC.ok(f"It can be read: {models}."),
        *_locks(facts, config),
        *_images(config),
        *_places(config),
    ]


def _locks(facts: Facts, config: Config) -> list[Finding]:
    found = []
    for name, model in config.models.items():
        if model.lock is None:
            found.append(
                _TOPIC.warning(
                    f"{name} has no `lock:`: it trains with whatever packages the machine has, and "
                    "a newer one changes the model unseen.",
                    "uv pip compile --generate-hashes requirements.in -o requirements/train.txt, "
                    "and `lock: requirements/train.txt`.",
                )
            )
        elif facts.local.locks.get(model.lock) is None:
            found.append(
                _TOPIC.problem(
                    f"{name}: its lock file {model.lock} is not there.",
                    "Commit it, or correct `lock:`.",
                )
            )
        elif not facts.local.locks[model.lock]:
            found.append(
                _TOPIC.warning(
                    f"{name}: {model.lock} has no hashes, so a package index can change what is "
                    "installed.",
                    "uv pip compile --generate-hashes, or pip-compile --generate-hashes.",
                )
            )
        else:
            found.append(_TOPIC.ok(f"{name}: {model.lock} is locked by hashes."))
    return found


def _images(config: Config) -> list[Finding]:
    docker = [name for name, one in config.environments.items() if one.target == "docker"]
    without = [
        name for name, model in config.models.items() if model.is_served and model.image is None
    ]
    if not docker or not without:
        return []
    return [
        _TOPIC.problem(
            f"{name} has no `image:`, and {', '.join(docker)} runs images.",
            f"Add `image: ghcr.io/{{owner}}/{name}`, or `serve: none` if it is not served.",
        )
        for name in without
    ]


def _places(config: Config) -> list[Finding]:
    found = []
    for name, place in config.environments.items():
        if place.host is not None:  # trainshed.yml cannot name a host without its key
            found.append(_TOPIC.ok(f"{name}: the key of {place.host} is pinned."))
        elif place.target == "process":
            found.append(
                _TOPIC.warning(
                    f"{name} is made of processes, which end with a hosted runner: workflows leave "
                    "it out.",
                    "Deploy it on its own machine with scripts/deploy.py, or use `target: docker` "
                    "with a `host:`.",
                )
            )
        else:
            found.append(
                _TOPIC.warning(
                    f"{name} has no `host:`: it runs on the engine of whatever machine deploys, "
                    "and a hosted runner is gone when the job ends.",
                    "Name one: `host: ssh://deploy@server` and its `host_key:`; or let deploy.yml "
                    "run on a runner of your own.",
                )
            )
    if not config.environments:
        found.append(
            _TOPIC.warning(
                "No `environments:`: releases are made and none is deployed.",
                "environments: {production: {target: docker, port: 8080}}",
            )
        )
    return found
