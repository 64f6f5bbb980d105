"""Asking CAs what they suggest for the certificates that are live: a few at a time, and nothing depends on an answer."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

from cryptography import x509

from renewd.certs import renewal_info
from renewd.config.model import AcmeIssuer, Issuer, Portal
from renewd.config.targets import Target
from renewd.errors import TargetError, Temporary
from renewd.planning import suggested
from renewd.planning.suggested import LATEST, Suggestion
from renewd.renewal import survey, threads
from renewd.renewal.context import Context
from renewd.renewal.events import Event
from renewd.renewal.survey import Here

if TYPE_CHECKING:
    from renewd.issuers.ari import Information

AWAY = 3  # failures in one round, then its other certificates are not asked for
TOLD = 3  # failures in a row of one certificate, then it is told, once for each directory
NOTHING_FOR = timedelta(hours=1)  # what has nothing to be asked about is looked at again after it


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggested(Event):
    """The CA would have it renewed earlier than renewd would by itself; `at` is when it will be."""

    event: ClassVar[str] = "suggestion.earlier"
    start: datetime
    end: datetime
    at: datetime
    page: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident(Event):
    """The CA wants it replaced at once; `page` says why, if anything does."""

    event: ClassVar[str] = "suggestion.incident"
    level: ClassVar[str] = "error"
    end: datetime
    page: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered(Event):
    """A directory has not answered for a while; renewals go by the local rule."""

    event: ClassVar[str] = "suggestion.unanswered"
    level: ClassVar[str] = "warning"
    directory: str
    why: str


def directory(settings: Issuer) -> str | None:
    """The ACME directory that is asked about what an issuer issued; None where nobody is."""
    if isinstance(settings, AcmeIssuer):
        return settings.directory if settings.ari == "on" else None
    return settings.ari if isinstance(settings, Portal) and settings.ari != "off" else None


@dataclass(frozen=True, slots=True)
class _Question:
    """One certificate's id, whom to ask about it, and what is known so far."""

    target: Target
    certificate: str
    directory: str
    before: Suggestion
    begin: datetime  # of the certificate


class Asker:
    """Asks for one configuration; connections and directories are kept from round to round."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._asked: dict[str, Information] = {}  # by the issuer's name
        self._nothing: dict[str, datetime] = {}  # by identity: until then there is nothing to ask about
        self._told: set[str] = set()  # directories
        configured = context.loaded.configuration.issuers
        self._directories = {name: url for name in configured if (url := directory(configured[name]))}

    def due(self, targets: Iterable[Target], now: datetime, renewed: Iterable[str] = ()) -> list[Target]:
        """Those whose turn has come, the longest waiting first; what was `renewed` (identities) is another certificate."""
        if not self._directories:
            return []
        known, fresh = self._context.suggestions.known(), set(renewed)
        turns = []
        for target in targets:
            if any(issuer in self._directories for issuer in target.issuers):
                at = None if target.identity in fresh else self._turn(target, known.get(target.identity), now)
                if at is None or at <= now:
                    turns.append((at or now, target))
        return [target for _, target in sorted(turns, key=lambda turn: turn[0])]

    def ask(self, targets: Sequence[Target], at_once: int) -> None:
        """Ask about these and keep what is said."""
        context = self._context
        questions = [found for target in targets if (found := self._found(target)) is not None]
        away: Counter[str] = Counter()
        answers = threads.each(questions, lambda question: self._answer(question, away), max(at_once, 1))
        new = {
            question.target.identity: after
            for question, after in zip(questions, answers, strict=True)
            if after
        }
        context.suggestions.keep(new, {target.identity for target in context.loaded.targets})
        for question, after in zip(questions, answers, strict=True):
            if after is not None:
                self._tell(question, after)

    def close(self) -> None:
        """Let go of connections."""
        for each in self._asked.values():
            each.close()

    def _turn(self, target: Target, known: Suggestion | None, now: datetime) -> datetime | None:
        """When it is asked about; None for now. A time that no pause reaches was written under a wrong clock."""
        pauses = (self._nothing.get(target.identity), None if known is None else known.next_at)
        until = max((at for at in pauses if at is not None), default=None)
        return None if until is None or until - now > LATEST else until

    def _found(self, target: Target) -> _Question | None:
        """What to ask about it; where there is nothing, or that cannot be seen, it is looked at again after a while."""
        try:
            question = self._question(target)
        except (TargetError, OSError):  # its own attempt or preflight tells it
            question = None
        if question is None:
            self._nothing[target.identity] = self._context.clock.now() + NOTHING_FOR
        return question

    def _question(self, target: Target) -> _Question | None:
        context, now = self._context, self._context.clock.now()
        leaf = context.live_leaf(target)
        certificate = None if leaf is None else renewal_info.certificate_id(leaf)
        if leaf is None or certificate is None or leaf.not_valid_after_utc <= now:
            return None
        issuer = issuer_of_live(context, target)
        url = self._directories.get(issuer)
        if url is None:
            return None
        known = context.suggestions.known().get(target.identity)
        if known is None or (known.serial, known.issuer) != (leaf.serial_number, issuer):
            follows = known is not None and (known.incident or known.follows)
            known = Suggestion(leaf.serial_number, issuer, now, follows=follows)
        if issuer not in self._asked:
            from renewd.issuers.ari import Information

            settings = context.loaded.configuration.issuers[issuer]
            self._asked[issuer] = Information(url, settings, context.clock)
        return _Question(target, certificate, url, known, leaf.not_valid_before_utc)

    def _answer(self, question: _Question, away: Counter[str]) -> Suggestion | None:
        """What is known after asking; None if renewd is leaving."""
        context, before = self._context, question.before
        if context.stop.is_set():
            return None
        if away[question.directory] >= AWAY:
            return suggested.unanswered(before, context.clock.now(), "the directory does not answer")
        try:
            answer = self._asked[before.issuer].ask(question.certificate)
        except TargetError as error:
            passing = isinstance(error, Temporary)
            away[question.directory] += passing
            wait = error.retry_after if isinstance(error, Temporary) else None
            return suggested.unanswered(before, context.clock.now(), str(error), wait=wait, passing=passing)
        self._told.discard(question.directory)
        if before.follows and answer.window.end <= question.begin:  # and so it would go on for ever
            why = "its window ended before the certificate began"
            return suggested.unanswered(before, context.clock.now(), why, passing=False)
        chance = context.clock.jitter(0.5) - 0.5
        return suggested.learned(before, answer.window, context.clock.now(), wait=answer.wait, chance=chance)

    def _tell(self, question: _Question, after: Suggestion) -> None:
        """What is new, where it makes a renewal earlier; and a directory that fails, once."""
        context, name, before = self._context, question.target.name, question.before
        if after.failures == TOLD and question.directory not in self._told:
            self._told.add(question.directory)
            context.emit(Unanswered(directory=question.directory, why=after.said))
        window, moment = after.window, after.moment
        if window is None or moment is None or moment == before.moment:
            return
        local = survey.look(question.target, Here.of(context.loaded), context.clock.now()).decision.at
        if after.incident:
            context.emit(Incident(name=name, end=window.end, page=window.page))
        elif local is not None and moment < local:
            at = max(moment, context.clock.now())
            context.emit(Suggested(name=name, start=window.start, end=window.end, at=at, page=window.page))


def ask_once(context: Context, targets: Sequence[Target]) -> None:
    """Ask about all whose turn has come, before a pass that a person or a timer began."""
    asker = Asker(context)
    try:
        due = asker.due(targets, context.clock.now())
        if due:
            asker.ask(due, context.loaded.configuration.schedule.concurrency)
    finally:
        asker.close()


def issuer_of_live(context: Context, target: Target) -> str:
    """Who issued what runs; the first of the target's where nobody knows, as with files that were taken over."""
    live = context.installer.current(target)
    known = next((one.issuer for one in context.installer.versions(target) if one.id == live), None)
    return context.issuer_of(target, known)


def replaced(context: Context, target: Target, issuer: str, live: x509.Certificate | None) -> str:
    """The id of the certificate that runs, where that issuer issued it; none after it failed, maybe over that."""
    if live is None or directory(context.loaded.configuration.issuers[issuer]) is None:
        return ""
    failed = context.journal.failures(target.identity, issuer)
    if failed or issuer_of_live(context, target) != issuer:
        return ""
    return renewal_info.certificate_id(live) or ""
