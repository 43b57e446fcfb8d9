"""Show prose and tables to a person at a terminal."""

import re
from collections.abc import Sequence

from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table

from trainshed.progress import Step


def markdown(text: str) -> None:
    """Show a comment as a terminal can; folded detail is left out."""
    shown = re.sub(r"<details>.*?</details>", "", text, flags=re.DOTALL)
    Console().print(Markdown(shown.replace("\u200b", "")))


def table_of_steps(steps: Sequence[Step]) -> None:
    """Show what ran, whether it was true, and how long it took."""
    table = Table("Step", "True", "Seconds", title="What ran", title_justify="left")
    for step in steps:
        table.add_row(step.title, "yes" if step.is_done else "NO", f"{step.seconds:.2f}")
    table.add_section()
    table.add_row("all", "", f"{sum(step.seconds for step in steps):.2f}")
    Console().print(table)
