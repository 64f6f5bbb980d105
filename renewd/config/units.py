"""Durations, shares and modes as people write them in the YAML."""

import re
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"([0-9]{1,9})([smhd])")
_SHARE = re.compile(r"([0-9]{1,4})/([0-9]{1,4})")
LONGEST = timedelta(days=3650)  # ten years: beyond it a number is a slip of the keyboard


def duration(text: Any) -> timedelta:
    """The time that `90s`, `10m`, `12h` or `30d` names. Raises ValueError for anything else."""
    if isinstance(text, timedelta):
        return text
    match = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"{text!r} is not a duration; write a number and a unit, such as 90s, 10m, 12h, 30d")
    length = timedelta(seconds=int(match[1]) * _SECONDS[match[2]])
    if length > LONGEST:
        raise ValueError(f"{text!r} is longer than ten years; write a shorter duration, such as 30d")
    return length


def show_duration(length: timedelta) -> str:
    """The shortest form of a duration that `duration` reads back."""
    seconds = int(length.total_seconds())
    for unit in ("d", "h", "m"):
        if seconds and seconds % _SECONDS[unit] == 0:
            return f"{seconds // _SECONDS[unit]}{unit}"
    return f"{seconds}s"


Duration = Annotated[
    timedelta,
    BeforeValidator(duration),
    PlainSerializer(show_duration),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]+[smhd]$", "examples": ["90s", "10m", "12h", "30d"]}),
]


@dataclass(frozen=True, slots=True)
class RenewBefore:
    """How long before the end to renew: a share of the lifetime, or a fixed time. One of the two is None."""

    share: Fraction | None = Fraction(1, 3)
    time: timedelta | None = None

    def __str__(self) -> str:
        return str(self.share) if self.time is None else show_duration(self.time)


def renew_before(value: Any) -> RenewBefore:
    """The rule that `1/3` or `30d` names. Raises ValueError for anything else, shares of 0 and of 1 or more."""
    if isinstance(value, RenewBefore):
        return value
    match = _SHARE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        try:
            length = duration(value)
        except ValueError:
            raise ValueError(
                f"{value!r} is neither a share nor a duration; write one such as 1/3 or 30d"
            ) from None
        if not length:
            raise ValueError("0 would renew after the end; write one such as 1/3 or 30d")
        return RenewBefore(share=None, time=length)
    if not 0 < int(match[1]) < int(match[2]):
        raise ValueError(f"{value!r} is no share between 0 and 1; write one such as 1/3")
    return RenewBefore(share=Fraction(int(match[1]), int(match[2])))


def mode(value: Any) -> int:
    """The permission bits that the string "0640" names. Raises ValueError if any bit is for others."""
    if isinstance(value, int) and not isinstance(value, bool):
        raise ValueError(  # noqa: TRY004 - pydantic takes ValueErrors
            f'{value} is a number, and YAML may read it as a decimal one; write it quoted, such as "0640"'
        )
    if not isinstance(value, str) or not re.fullmatch(r"0?[0-7]{3}", value):
        raise ValueError(f'{value!r} is not a file mode; write it quoted and octal, such as "0600" or "0640"')
    bits = int(value, 8)
    if bits & 0o007:
        raise ValueError(
            f'{value} lets everybody at the private key; write one without bits for others, such as "0640"'
        )
    if bits & 0o111 or not bits & 0o400:
        raise ValueError(f'{value} is not for a file its owner reads; write one such as "0600" or "0640"')
    return bits
