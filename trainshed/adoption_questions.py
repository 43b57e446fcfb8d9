"""What init must know of a model: taken from flags, from what can only be one thing, or asked.

A thing that is found and is the only one of its kind is taken and told. A column to predict and
which way a metric is better are never guessed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from trainshed.adoption import Choices, Data
from trainshed.adoption_asking import Asker, Question
from trainshed.adoption_facts import Facts
from trainshed.adoption_flags import (
    NONE,
    FlagIsOdd,
    Flags,
    command,
    direction,
    environment,
    environment_problem,
    metric,
    metrics_problem,
    name_problem,
)
from trainshed.config import Metric


@dataclass(frozen=True, kw_only=True)
class Questions:
    facts: Facts
    asker: Asker
    tell: Callable[[str], None]
    probe: Callable[[Choices], Mapping[str, float]] | None
    """Trains once and returns the metrics; None unless it was asked for."""
    digest: Callable[[str], str | None]
    """Hashes data that is here; None when it is not."""
    is_interactive: bool

    def answer(self, flags: Flags) -> Choices:
        """Return every choice.

        Raises:
            AnswerIsMissing: something is not known, and there is nobody to ask.
            FlagIsOdd: a flag cannot be read.
        """
        model = self._model(flags)
        train = self._train(flags)
        data = self._data(flags)
        target = self._target(flags, data.path)
        inputs = self._inputs(flags, train)
        lock = self._lock(flags)
        places = self._environments(flags)
        partly = Choices(
            model=model,
            data=data,
            target=target,
            train=train,
            metrics={},
            out=flags.out,
            inputs=inputs,
            lock=lock,
            image=self._image(flags, model, places),
            is_served=flags.is_served,
            environments=places,
        )
        return replace(partly, metrics=self._metrics(flags, partly))

    def _model(self, flags: Flags) -> str:
        question = Question(
            text="What is the model called?", flag="--model NAME", problem=name_problem
        )
        return self._taken(flags.model, question)

    def _train(self, flags: Flags) -> tuple[str, ...]:
        if flags.train is not None:
            return command(flags.train, "--train")
        path = self._one(
            flags.trainer,
            [one.path for one in self.facts.trainers],
            Question(text="Which program trains it?", flag="--trainer PATH or --train COMMAND"),
            what="trainer",
        )
        found = self.facts.trainer(path)
        if found is not None and found.command is not None:
            return found.command
        program = "python" if path.endswith(".py") else "bash" if path.endswith(".sh") else ""
        answer = self.asker.ask(
            Question(
                text=f"How is {path} started? It must take a dataset's path and an output path.",
                flag=f"--train '{program or 'PROGRAM'} {path} {{data}} {{out}}'",
                default=" ".join(filter(None, [program, path, "{data}", "{out}"])),
            )
        )
        return command(answer, "--train")

    def _data(self, flags: Flags) -> Data:
        question = Question(text="Which data is it trained on?", flag="--data PATH")
        path = self._one(flags.data, self.facts.data, question, what="data file")
        if flags.fetch is None:
            return Data(path=path)
        sha256 = flags.sha256 or self.digest(path)
        if sha256 is None:
            raise FlagIsOdd(
                f"--fetch needs to know what is right: the digest of {path} is not known.",
                fix="Fetch it once, so that it is here, or pass --sha256 as `sha256sum` prints it.",
            )
        return Data(path=path, fetch=command(flags.fetch, "--fetch"), sha256=sha256)

    def _target(self, flags: Flags, data: str) -> str | None:
        header = self.facts.columns.get(data, ())

        def problem(answer: str) -> str | None:
            if not header or answer in {NONE, *header}:
                return None
            return f'{data} has no column "{answer}".'

        question = Question(
            text=f"Which column of {data} is predicted?",
            flag="--target COLUMN (or --target none)",
            offers=(*header[-1:], *header[:-1]),  # the last one is the likeliest
            problem=problem,
        )
        answer = self._taken(flags.target, question)
        return None if answer == NONE else answer

    def _inputs(self, flags: Flags, train: Sequence[str]) -> tuple[str, ...] | None:
        if flags.inputs:
            return None if flags.inputs == (NONE,) else flags.inputs
        folders = dict.fromkeys(
            f"{PurePosixPath(part).parts[0]}/"
            for part in train
            if "/" in part and not part.startswith(("{", "/", "-"))
        )
        if self.is_interactive and folders:
            answer = self.asker.ask(
                Question(
                    text="What may training read, besides its data? Everything else is missing "
                    "there, and a change of it trains nothing anew.",
                    flag="--input PATH",
                    offers=(*folders, "all"),
                    default=next(iter(folders)),
                )
            )
            return None if answer == "all" else tuple(answer.replace(",", " ").split())
        self.tell("training may read the whole tree, so every commit is a run: --input narrows it")
        return None

    def _lock(self, flags: Flags) -> str | None:
        hashed = [one.path for one in self.facts.locks if one.is_hashed]
        loose = [one.path for one in self.facts.locks if not one.is_hashed]
        if flags.lock is None and not hashed and not loose:
            hint = ""
            if self.facts.uv_lock:
                hint = f" ({self.facts.uv_lock}: `uv export -o requirements.txt` makes one of it)"
            self.tell(f"no lock file: training uses the Python on the PATH{hint}")
            return None
        question = Question(
            text="Which lock file holds the packages that training needs?",
            flag="--lock PATH (or --lock none)",
            offers=(*hashed, *loose, NONE),
            default=hashed[0] if hashed else NONE,
        )
        if flags.lock is None and not self.is_interactive and len(hashed) == 1:
            self.tell(f"lock file: {hashed[0]}")
            return hashed[0]
        lock = self._taken(flags.lock, question)
        if lock in loose:
            self.tell(f"{lock} has no hashes: what it installs may change from day to day")
        return None if lock == NONE else lock

    def _image(self, flags: Flags, model: str, places: Mapping[str, Any]) -> str | None:
        default = f"ghcr.io/{{owner}}/{model}"
        if flags.image is not None:
            return None if flags.image == NONE else flags.image
        if any(place["target"] == "docker" for place in places.values()) and flags.is_served:
            self.tell(f"image: {default}")
            return default
        return None

    def _environments(self, flags: Flags) -> dict[str, dict[str, Any]]:
        if flags.environments or not self.is_interactive:
            return dict(environment(one) for one in flags.environments)
        answer = self.asker.ask(
            Question(
                text="Where do releases run? (NAME=TARGET:PORT; trainshed.yml tells how to name a "
                "host)",
                flag="--environment NAME=TARGET:PORT",
                offers=("none", "production=docker:8080", "production=process:8080"),
                default=NONE,
                problem=environment_problem,
            )
        )
        return {} if answer == NONE else dict([environment(answer)])

    def _metrics(self, flags: Flags, partly: Choices) -> dict[str, Metric]:
        named = dict(metric(one) for one in flags.metrics)
        printed = self.probe(partly) if self.probe is not None else None
        if printed is not None:
            self.tell("it printed " + ", ".join(f"{k}={v:g}" for k, v in printed.items()))
        if named:
            _require_printed(named, printed)
            return named
        trainer = self.facts.trainer(next((p for p in partly.train if self.facts.trainer(p)), ""))
        seen = tuple(printed or ()) or (trainer.metrics if trainer else ())
        guesses = [f"{name}:{direction(name) or '?'}" for name in seen]
        sure = [one for one in guesses if not one.endswith("?")]
        answer = self.asker.ask(
            Question(
                text="Which metrics judge it, and which way is better? "
                "(NAME:maximize or NAME:minimize; several with commas)",
                flag=f"--metric {guesses[0] if guesses else 'f1:maximize'}, once for each",
                offers=tuple(guesses),
                default=",".join(sure) if sure else None,
                problem=metrics_problem,
            )
        )
        return dict(metric(one) for one in answer.replace(",", " ").split())

    def _one(
        self, given: str | None, found: Sequence[str], question: Question, *, what: str
    ) -> str:
        """Take what was given, or the only one there is; ask when it may be several."""
        if given is None and len(found) == 1 and not self.is_interactive:
            self.tell(f"{what}: {found[0]}")
            return found[0]
        default = found[0] if len(found) == 1 else None
        return self._taken(given, replace(question, offers=tuple(found), default=default))

    def _taken(self, given: str | None, question: Question) -> str:
        if given is None:
            return self.asker.ask(question)
        problem = question.problem(given)
        if problem is not None:
            offers = f"There are: {', '.join(question.offers)}." if question.offers else ""
            flag = question.flag.split(" ")[0]
            raise FlagIsOdd(f"{flag} {given}: {problem}", fix=offers or f"Pass {question.flag}.")
        return given


def _require_printed(named: Mapping[str, Metric], printed: Mapping[str, float] | None) -> None:
    missing = [name for name in named if printed is not None and name not in printed]
    if missing:
        raise FlagIsOdd(
            f"--metric {missing[0]}: the trainer does not print it.",
            fix=f"It prints: {', '.join(printed or ())}.",
        )
