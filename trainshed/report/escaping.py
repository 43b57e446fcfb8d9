"""Foreign strings in Markdown: they show as they are, and do nothing."""

import re

_LONGEST = 60
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+!|~@&$-])")
# What GitHub brings to life without any brackets: a mention, a reference, a link, an emoji's name.
_ALIVE = re.compile(r"(\\[@#]|:(?=\S)|www(?=\.)|GH\\-(?=\d))", re.IGNORECASE)


def text(value: object) -> str:
    """Escape a foreign string for Markdown: it shows as it is, links nothing, mentions nobody."""
    return _ALIVE.sub("\\1\u200b", _SPECIAL.sub(r"\\\1", one_line(value)))  # zero-width space


def brief(value: object, longest: int = _LONGEST) -> str:
    """Escape a foreign string, of which no more than its beginning is shown."""
    shown = one_line(value)
    return text(shown if len(shown) <= longest else f"{shown[: longest - 1].rstrip()}…")


def one_line(value: object) -> str:
    """Return a text as one line of what can be printed. Nothing in it is escaped yet."""
    line = " ".join(str(value).split())
    if line.isprintable():
        return line
    return "".join(one if one.isprintable() else "�" for one in line)


def code(value: str) -> str:
    """Show the first 12 digits of an id or a digest as code, whatever it holds."""
    return f"`{re.sub(r'[^0-9A-Za-z]', '?', value[:12])}`"


def block(foreign: str) -> str:
    """Show foreign lines as they are, in a block that none of them can end."""
    lines = [
        "".join(one if one.isprintable() else "�" for one in line.expandtabs())
        for line in foreign.splitlines()
    ]
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", foreign)), 3)
    return "\n".join([f"{fence}text", *lines, fence])


def length(markdown: str) -> int:
    """Count characters as the strictest reader does, who counts an emoji as two (UTF-16)."""
    return len(markdown.encode("utf-16-le", "surrogatepass")) // 2
