"""Markdown as its reader sees it: parsed, with GitHub's tables."""

from markdown_it import MarkdownIt
from markdown_it.token import Token

_MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def tokens(text: str) -> list[Token]:
    parsed = _MARKDOWN.parse(text)
    return [*parsed, *(inner for token in parsed for inner in token.children or ())]


def words(text: str) -> list[str]:
    return [token.content for token in tokens(text) if token.type == "text"]


def tables(text: str) -> list[list[list[str]]]:
    """Every table as rows of cells, as a reader sees them."""
    found: list[list[list[str]]] = []
    for token in _MARKDOWN.parse(text):
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append([])
        elif token.type == "inline" and token.level >= 4 and found:
            found[-1][-1].append("".join(one.content for one in token.children or ()))
    return found
