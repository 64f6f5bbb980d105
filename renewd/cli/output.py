"""What commands share in printing."""

import json
import sys
from typing import Any

from renewd.report import style


def document(value: dict[str, Any]) -> None:
    """One JSON document on standard output."""
    text = json.dumps({"schema": 1, **value}, ensure_ascii=False, default=str)
    sys.stdout.write(style.safe_json(text) + "\n")


def say(text: str) -> None:
    """A line for people on standard error."""
    print(text, file=sys.stderr)
