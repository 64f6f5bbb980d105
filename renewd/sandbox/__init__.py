"""A local RCL API with a throwaway CA that plays the vendor as it is; for trying renewd out and for its tests.

Not for production, and nothing of renewd's own depends on it. Read sandbox.py first, then portal.py.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from renewd.sandbox.sandbox import Sandbox

__all__ = ["Sandbox"]


def __getattr__(name: str) -> Any:
    """`Sandbox`, imported when it is first asked for. Raises AttributeError for anything else."""
    if name == "Sandbox":
        from renewd.sandbox.sandbox import Sandbox

        return Sandbox
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
