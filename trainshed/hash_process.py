"""A process that hashes small files for one thread (hash_worker.py is what it runs)."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from trainshed.dataset_files import Stamp

_WORKER = Path(__file__).with_name("hash_worker.py")


class HashProcess:
    """Started at the first call, in the folder that the paths are relative to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._works = True

    def hash(self, files: Mapping[str, Stamp]) -> dict[str, str] | None:
        """Return the sha256 of each file by its path, or None: then the caller must hash them.

        Whatever went wrong, the caller meets it again with the file's name, or does not meet it
        (the process was killed, or could not be started), which then costs time only.
        """
        reply = self._ask(files).decode() if self._works else ""
        self._works = len(reply) == 64 * len(files)
        if not self._works:
            return None
        return {path: reply[64 * index : 64 * index + 64] for index, path in enumerate(files)}

    def close(self) -> None:
        if self._process:
            self._process.communicate()

    def _ask(self, files: Mapping[str, Stamp]) -> bytes:
        request = os.fsencode("\0".join([field for file in files.items() for field in file]))
        try:
            stdin, stdout = self._pipes()
            stdin.write(len(request).to_bytes(4, "big") + request)
            stdin.flush()
            return stdout.read(64 * len(files))
        except OSError:
            return b""

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable or "", "-I", "-S", str(_WORKER)],
                cwd=self._folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        return self._process.stdin, self._process.stdout
