"""Two ways to get an answer: ask the person at a terminal, or name the flag that was missing."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from trainshed.errors import ConfigurationError

MOST_OFFERS = 15


class AnswerIsMissing(ConfigurationError):
    """init needs to know something that it may not guess, and there is nobody to ask."""


def _anything(_: str) -> str | None:
    return None


@dataclass(frozen=True, kw_only=True)
class Question:
    text: str
    flag: str
    """How the answer is given on the command line."""
    offers: tuple[str, ...] = ()
    default: str | None = None
    problem: Callable[[str], str | None] = _anything
    """Says what is wrong with an answer, or None."""


class Asker(Protocol):
    def ask(self, question: Question) -> str: ...


class Nobody:
    """There is nobody to ask: what is missing stops init, with the flag that says it."""

    def ask(self, question: Question) -> str:
        offers = ", ".join(question.offers[:MOST_OFFERS])
        found = f" Found here: {offers}." if offers else ""
        raise AnswerIsMissing(
            f"Not known, and not to be guessed: {question.text[0].lower()}{question.text[1:]}"
            f"{found}",
            fix=f"Pass {question.flag}; or run it at a terminal, where it asks.",
        )


@dataclass(frozen=True, kw_only=True)
class AtTerminal:
    """A person answers: a number of the list, other words, or nothing for the default."""

    read: Callable[[str], str] = input
    tell: Callable[[str], None] = print

    def ask(self, question: Question) -> str:
        offers = question.offers[:MOST_OFFERS]
        self.tell("")
        for number, offer in enumerate(offers, start=1):
            self.tell(f"  {number}  {offer}")
        default = f" [{question.default}]" if question.default is not None else ""
        while True:
            answer = self._read(f"{question.text}{default} ", question)
            if answer.isdecimal() and 0 < int(answer) <= len(offers):
                answer = offers[int(answer) - 1]
            answer = answer or question.default or ""
            problem = question.problem(answer) if answer else "An answer is needed."
            if problem is None:
                return answer
            self.tell(f"  {problem}")

    def _read(self, prompt: str, question: Question) -> str:
        try:
            return self.read(prompt).strip()
        except EOFError:
            raise AnswerIsMissing(
                f"No answer came to: {question.text}", fix=f"Answer it, or pass {question.flag}."
            ) from None
