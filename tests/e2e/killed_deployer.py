"""Run scripts/deploy.py in this process, and kill it before or after one of its calls.

    python killed_deployer.py before trainshed.targets.process:ProcessTarget.switch 1 run --forward

The third argument is which of the calls: 1 for the first. SIGKILL: nothing is cleared up, nothing
is flushed, as when the machine is out of memory or somebody pulls the plug.
"""

import importlib
import os
import runpy
import signal
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def main(when: str, what: str, number: str, *arguments: str) -> None:
    sys.path.insert(0, str(ROOT))
    kill_at(what, when, int(number))
    script = ROOT / "scripts" / "deploy.py"
    sys.argv = [str(script), *arguments]
    sys.path.insert(0, str(script.parent))
    runpy.run_path(str(script), run_name="__main__")


def kill_at(what: str, when: str, number: int) -> None:
    """Replace a callable, such as `module:Class.method`, by one that kills this process."""
    module, _, path = what.partition(":")
    *owners, name = path.split(".")
    owner: Any = importlib.import_module(module)
    for one in owners:
        owner = getattr(owner, one)
    original = getattr(owner, name)
    calls = 0

    def deadly(*positional: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == number and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*positional, **named)
        if calls == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, deadly)


if __name__ == "__main__":
    main(*sys.argv[1:])
