"""Write what is made from code: docs/errors.md, the schema, the tables in the actions' READMEs.

It imports every module of Trainshed, so it needs the developer's environment (`make generate`).
"""

import _framework  # noqa: F401  # isort: skip
import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from trainshed import action_docs, config_file, error_index, script

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = """\
  scripts/generate.py
  scripts/generate.py --check      write nothing; exit with 1 when one of them is not current
"""


def main(argv: Sequence[str] | None = None) -> int:
    args = _arguments(argv)
    documents = _documents(args.root)
    stale = [path for path, text in documents.items() if _read(args.root / path) != text]
    for path in stale:
        if args.check:
            print(f"{path} is not current: run `make generate`", file=sys.stderr)
        else:
            (args.root / path).parent.mkdir(parents=True, exist_ok=True)
            (args.root / path).write_text(documents[path], encoding="utf-8")
            print(f"wrote {path}", file=sys.stderr)
    return 1 if stale and args.check else 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = script.parser(__doc__, examples=EXAMPLES)
    parser.add_argument("--check", action="store_true", help="tell what is not current")
    parser.add_argument(
        "--root",
        type=Path,
        default=ROOT,
        metavar="FOLDER",
        help="where docs/ and actions/ are (default: here)",
    )
    return parser.parse_args(argv)


def _documents(root: Path) -> Mapping[str, str]:
    schema = json.dumps(config_file.json_schema(), indent=2, ensure_ascii=False)
    return {
        "docs/errors.md": error_index.markdown(),
        "docs/trainshed.schema.json": f"{schema}\n",
        **action_docs.documents(root),
    }


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


if __name__ == "__main__":
    raise SystemExit(script.run(main))
