"""What a reader of the page asked for in the address: filter, order and place; anything strange is an error in words."""

import re
from dataclasses import dataclass, fields, replace
from datetime import date, timedelta
from urllib.parse import parse_qsl, urlencode

STATES = {
    "": "any state",
    "trouble": "needs somebody",
    "ok": "ok",
    "due": "due",
    "expired": "expired",
    "missing": "missing",
    "invalid": "invalid",
}
SORTS = {"name": "Name", "state": "State", "expires": "On disk", "renews": "Renewal"}
PER_PAGE = 50
LONGEST = 253  # characters of a text that is looked for, as of a name
_PAGE = re.compile(r"[1-9][0-9]{0,4}", re.ASCII).fullmatch
_WEEK = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII).fullmatch


class Strange(ValueError):
    """An address that this page never writes."""


@dataclass(frozen=True, slots=True)
class Query:
    """As in the address; what is not in it is as here."""

    q: str = ""
    state: str = ""
    week: str = ""  # the Monday of it; renewals wanted then
    sort: str = "name"  # a leading - turns it around
    page: int = 1

    @classmethod
    def parse(cls, text: str) -> "Query":
        """Raises Strange, in words, for what is not known or not right."""
        said: dict[str, str] = {}
        try:
            pairs = parse_qsl(text, keep_blank_values=True, errors="strict")
        except ValueError:
            raise Strange("this is no text") from None
        for key, value in pairs:
            if key not in _KNOWN:
                raise Strange(f"{_quoted(key)} is nothing that can be asked for here")
            if key in said:
                raise Strange(f"{key} is asked for twice")
            said[key] = value
        query = cls(
            said.get("q", "").strip(), said.get("state", ""), said.get("week", ""), said.get("sort") or "name"
        )
        page = said.get("page") or "1"
        if not _PAGE(page):
            raise Strange(f"{_quoted(page)} is no page")
        query._check()
        return replace(query, page=int(page))

    @property
    def column(self) -> str:
        """What it is sorted by."""
        return self.sort.removeprefix("-")

    @property
    def backwards(self) -> bool:
        """Whether the last comes first."""
        return self.sort.startswith("-")

    @property
    def narrows(self) -> bool:
        """Whether some certificates may be left out."""
        return bool(self.q or self.state or self.week)

    @property
    def monday(self) -> date | None:
        """The first day of the week that is asked for."""
        return date.fromisoformat(self.week) if self.week else None

    def href(self, **changes: str | int) -> str:
        """The address of the same with these changes; another filter or order begins at the first page."""
        asked = replace(self, **{"page": 1, **changes})  # type: ignore[arg-type]
        said = {field.name: getattr(asked, field.name) for field in fields(asked)}
        pairs = {key: value for key, value in said.items() if value != _KNOWN[key]}
        return f"/?{urlencode(pairs)}#all" if pairs else "/#all"

    def _check(self) -> None:
        if len(self.q) > LONGEST or not self.q.isprintable():
            raise Strange("this cannot be looked for")
        if self.state not in STATES:
            raise Strange(f"{_quoted(self.state)} is no state")
        if self.column not in SORTS:
            raise Strange(f"nothing can be sorted by {_quoted(self.sort)}")
        if self.week:
            try:
                right = _WEEK(self.week) is not None and date.fromisoformat(self.week).weekday() == 0
            except ValueError:
                right = False
            if not right:
                raise Strange(f"{_quoted(self.week)} is no Monday")


_KNOWN = {field.name: field.default for field in fields(Query)}


def monday(day: date) -> date:
    """The Monday of its week."""
    return day - timedelta(days=day.weekday())


def _quoted(text: str) -> str:
    return repr(text[:40])
