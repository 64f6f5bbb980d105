"""What commands share in printing."""

import json
import sys
from typing import Any


def document(value: dict[str, Any]) -> None:
    """One JSON document on standard output."""
    json.dump({"schema": 1, **value}, sys.stdout, ensure_ascii=False, default=str)
    sys.stdout.write("\n")


def say(text: str) -> None:
    """A line for people on standard error."""
    print(text, file=sys.stderr)
