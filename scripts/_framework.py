"""Make the framework importable. Every script imports this first.

Nothing is installed: the framework is the folder above. What it needs lies in an environment of its
own; a script that was started by another Python starts again in that one, which is made if need be.
"""

import importlib.util
import os
import sys
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036 - the Python that a person happens to start it with
    sys.exit(
        "Trainshed needs Python 3.11 or newer; this is Python %d.%d (%s).\n"  # noqa: UP031
        "Install a newer one and use it: python3.11 %s"
        % (sys.version_info[0], sys.version_info[1], sys.executable, sys.argv[0])
    )

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))


_NEEDED = ("docker", "github", "jinja2", "psutil", "pydantic", "rich", "yaml")


def require() -> None:
    """Go on in the framework's environment, unless this Python has what it needs."""
    if all(importlib.util.find_spec(name) for name in _NEEDED):
        return
    from trainshed import environment, script  # noqa: PLC0415  # not before the path is set
    from trainshed.settings import settings  # noqa: PLC0415

    def start_again() -> None:
        made = environment.ensure(
            [ROOT / "requirements" / "framework.txt"],
            root=settings().environments,
            name="framework",
            tell=lambda line: print(line, file=sys.stderr, flush=True),
        )
        if made.folder == Path(sys.prefix):
            sys.exit(f"{made.folder} is damaged: remove it, then run the same command again.")
        os.execv(made.python, [str(made.python), *sys.argv])  # noqa: S606

    sys.exit(script.run(start_again))


if Path(sys.argv[0]).name != "setup.py" or "--describe" in sys.argv:
    require()
