"""Put the framework on the import path. Every script imports this first: nothing is installed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
