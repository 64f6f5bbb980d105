"""Times as documents and people's screens write them."""

from datetime import UTC, datetime


def rfc3339(moment: datetime | None) -> str | None:
    """`2027-02-21T08:00:00Z`; None for none. Cut to the second, and without strftime: it is called very often."""
    if moment is None:
        return None
    return f"{moment.astimezone(UTC).isoformat()[:19]}Z"


def minute(moment: datetime) -> str:
    """`2026-11-23 12:04`, in UTC."""
    return moment.astimezone(UTC).isoformat(" ")[:16]


def clock(moment: datetime) -> str:
    """`12:04:31`, in UTC."""
    return moment.astimezone(UTC).isoformat()[11:19]
