"""YAML events as plain values, in one loop that no nesting, alias or repeated key leads astray.

Not the library's own constructor: that one crashes on deep nesting, lets the last of two equal keys win, expands
every alias, and makes a number of 22:30.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from renewd.config import scalars, syntax
from renewd.config.spots import Path, Spot

_MOST_REPEATED = (
    250_000  # values that aliases may stand for: ten thousand entries that share their hooks fit well
)
_TAGS = (None, "!", "tag:yaml.org,2002:str", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map")
_MERGE = "<<"


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something wrong with the YAML itself; lines count from 1."""

    line: int
    path: Path
    wrong: str
    right: str = ""


class _Stop(Exception):
    """The rest of the text cannot be understood."""


@dataclass(slots=True)
class _Frame:
    """A list or mapping that is being filled."""

    value: Any
    anchor: str | None
    start: int  # how many values there were before it
    part: str | int | None = None  # the index or key that was last put into it
    named: bool = False  # a mapping's key was read, and its value comes next
    merges: bool = False  # the key is <<
    line: int = 0  # of that key
    lines: dict[str, int] = field(default_factory=dict)
    merged: list[Any] = field(default_factory=list)

    @property
    def wants_key(self) -> bool:
        return not self.named and type(self.value) is dict


class Reader:
    """One reading of one text. `flaws` is what was found, `spots` where things stand, if that was wanted.

    `whole` is False where the rest of the text could not be understood.
    """

    def __init__(self, text: str, *, spots: dict[Path, Spot] | None = None) -> None:
        self.flaws: list[Flaw] = []
        self.whole = True
        self.spots = spots
        self._text = text
        self._frames: list[_Frame] = []
        self._anchors: dict[
            str, tuple[Any, int] | None
        ] = {}  # value, and how many are in it; None: not closed
        self._count = 0
        self._repeated = 0
        self._documents = 0
        self._root: Any = None

    def read(self) -> Any:
        """The text's value; worthless if it is not whole. Of equal keys the last counts, and tags do not."""
        steps: dict[type[Event], Callable[[Any], None]] = {
            ScalarEvent: self._scalar,
            MappingStartEvent: self._open,
            SequenceStartEvent: self._open,
            MappingEndEvent: self._close,
            SequenceEndEvent: self._close,
            AliasEvent: self._alias,
            DocumentStartEvent: self._document,
        }
        try:
            for event in yaml.parse(self._text, Loader=yaml.CSafeLoader):
                step = steps.get(type(event))
                if step is not None:
                    step(event)
        except yaml.YAMLError as error:
            self.flaws.append(Flaw(*syntax.say(error, self._text)))
            self.whole = False
        except _Stop:
            self.whole = False
        return self._root

    def _document(self, event: Event) -> None:
        self._documents += 1
        if self._documents > 1:
            self._stop(event, "a second document begins here", "write one document; include takes more files")

    def _scalar(self, event: Any) -> None:
        self._count += 1
        if event.tag is not None:
            self._check_tag(event)
        text = event.value
        value = scalars.read(text) if event.implicit[0] else text
        if event.anchor is not None:
            self._anchors[event.anchor] = (text if self._wants_key() else value, 1)
        if self._wants_key():
            self._name(event, text)
        else:
            self._put(value, event, None if value is text else text)

    def _open(self, event: Any) -> None:
        self._count += 1
        if event.tag is not None:
            self._check_tag(event)
        if len(self._frames) >= syntax.DEEPEST:
            self._frames.clear()  # the path would only be long
            self._stop(event, *syntax.TOO_DEEP)
        if self._wants_key():
            self._stop(event, "a list or mapping stands where a key belongs", "write a text as the key")
        value: Any = {} if type(event) is MappingStartEvent else []
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        self._put(value, event)
        self._frames.append(_Frame(value, event.anchor, self._count))

    def _close(self, event: Event) -> None:
        frame = self._frames.pop()
        for merged in frame.merged:
            for mapping in merged if isinstance(merged, list) else [merged]:
                if not isinstance(mapping, dict):
                    self._stop(event, "<< takes in mappings, and this is none", "write <<: *anchor")
                for key, value in mapping.items():
                    frame.value.setdefault(key, value)
        if frame.anchor is not None:
            self._anchors[frame.anchor] = (frame.value, self._count - frame.start + 1)

    def _alias(self, event: Any) -> None:
        if event.anchor not in self._anchors:
            right = "define it with & above, or quote a text that begins with *"
            self._stop(event, "an alias stands here, and its anchor is not above it", right)
        anchored = self._anchors[event.anchor]
        if anchored is None:
            self._stop(event, "an alias stands inside of what it stands for", "write it out")
        value, size = anchored
        self._count += size
        self._repeated += size
        if self._repeated > _MOST_REPEATED:
            self._stop(event, f"aliases stand for more than {_MOST_REPEATED} values", "use fewer of them")
        if not self._wants_key():
            self._put(value, event)
        elif isinstance(value, str):
            self._name(event, value)
        else:
            self._stop(event, "an alias of no text stands where a key belongs", "write a text as the key")

    def _wants_key(self) -> bool:
        return bool(self._frames) and self._frames[-1].wants_key

    def _name(self, event: Event, key: str) -> None:
        frame = self._frames[-1]
        line = _line(event)
        frame.part, frame.line, frame.named = key, line, True
        frame.merges = (
            key == _MERGE and getattr(event, "implicit", (True,))[0]
        )  # in quotes it is a key as any
        first = frame.lines.setdefault(key, line)
        if first != line or key in frame.value:
            self.flaws.append(
                Flaw(line, self._path(), f"the same key as in line {first}", "keep one of them")
            )

    def _put(self, value: Any, event: Event, text: str | None = None) -> None:
        if not self._frames:
            self._root = value
            return
        frame = self._frames[-1]
        if type(frame.value) is list:
            frame.part = len(frame.value)
            frame.value.append(value)
        elif frame.merges:
            frame.merged.append(value)
        else:
            frame.value[frame.part] = value
        if self.spots is not None:
            line = frame.line if frame.named else _line(event)
            self.spots[self._path()] = Spot(line, text)
        frame.named = False

    def _path(self) -> Path:
        return tuple(frame.part for frame in self._frames if frame.part is not None)

    def _check_tag(self, event: Any) -> None:
        if event.tag not in _TAGS:
            right = "leave it out; quote a text that begins with !"
            self.flaws.append(Flaw(_line(event), self._next(), "a tag, !…, stands here", right))

    def _next(self) -> Path:
        """Where what begins now will stand: a list has not counted it yet."""
        above = self._path()
        if self._frames and type(self._frames[-1].value) is list:
            index = len(self._frames[-1].value)
            return (*above[:-1], index) if index else (*above, index)
        return above

    def _stop(self, event: Event, wrong: str, right: str) -> NoReturn:
        self.flaws.append(Flaw(_line(event), self._path(), wrong, right))
        raise _Stop


def _line(event: Event) -> int:
    return 0 if event.start_mark is None else event.start_mark.line + 1
