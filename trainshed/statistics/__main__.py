"""Answer questions, one a line on standard input, with one line each (`trainshed.statistician`).

It ends when standard input does, whatever it is doing: then nobody waits for the answer.
"""

import json
import os
import queue
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict
from typing import IO, Any

from trainshed import crossing
from trainshed.errors import TrainshedError
from trainshed.statistics import answers


def main() -> None:
    # What a library prints must not get between the answers.
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    # Of sys.stdin Python would want to close what the thread is reading.
    stdin = os.fdopen(os.dup(sys.stdin.fileno()), "rb")
    questions: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(stdin, questions), daemon=True).start()
    while True:
        replies.write(_reply(questions.get()) + b"\n")
        replies.flush()


def _read(stdin: IO[bytes], questions: "queue.SimpleQueue[bytes]") -> None:
    for line in stdin:
        questions.put(line)
    os._exit(0)


def _reply(line: bytes) -> bytes:
    """Return the facts, or an error of ours. Any other exception ends the process, and is shown."""
    asked = json.loads(line)
    try:
        reply: Mapping[str, Any] = {
            "answer": answers.to(asked["kind"], json.dumps(asked["fields"]))
        }
    except TrainshedError as error:
        reply = {"error": asdict(crossing.of(error))}
    return json.dumps(reply).encode()


if __name__ == "__main__":
    main()
