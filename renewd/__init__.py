"""renewd keeps TLS certificates renewed; docs/architecture.md says where everything is."""

import sys
from datetime import UTC, datetime

__version__ = "0.1.0"
RELEASED = datetime(2026, 11, 1, tzinfo=UTC)  # with __version__: a clock that shows less is wrong

# httpx loads a command line of its own where it can, with rich and pygments: 4 MB in a daemon. So it cannot.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
