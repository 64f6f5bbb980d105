"""The addresses: the page, one certificate, metrics, health. Every answer is made from what the board holds."""

import asyncio
import hashlib
import os
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cached_property

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

import renewd
from renewd.config.targets import Target
from renewd.planning import words
from renewd.report import metrics, times, why
from renewd.report.history import Entry
from renewd.report.snapshot import Snapshot
from renewd.report.web import listing, tried, views
from renewd.report.web.board import Board
from renewd.report.web.query import SORTS, STATES, Query, Strange
from renewd.report.web.reading import Busy, Reading

_HERE = os.path.dirname(__file__)
_HISTORY_WITHIN = 4.0  # seconds, then the page is shown without it
_STATIC = {"style.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml"}

History = Callable[[Target], Sequence[Entry]]


class Pages:
    """The handlers, and what they share."""

    def __init__(self, board: Board, history: History, asked: Callable[[], None]) -> None:
        """`asked` is called whenever somebody looks, so that what is old is looked at anew."""
        self._board = board
        self._history = Reading(history)
        self._asked = asked
        self._made: listing.Summary | None = None
        self._static = {name: _read("static", name) for name in _STATIC}

    @cached_property
    def _templates(self) -> Environment:
        mark = hashlib.sha256(b"".join(self._static.values())).hexdigest()[:12]
        found = Environment(
            loader=FileSystemLoader(os.path.join(_HERE, "templates")),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        found.globals.update(version=renewd.__version__, mark=mark, states=STATES, sorts=SORTS)
        return found

    def app(self) -> Starlette:
        """All addresses."""
        made = Starlette(
            routes=[
                Route("/", self.page),
                Route("/certificate/{slug}", self.certificate),
                Route("/metrics", self.metrics),
                Route("/livez", self.livez),
                Route("/healthz", self.healthz),
                Route("/{name}", self.static),
            ],
            exception_handlers={HTTPException: self.refused, Exception: self.failed},  # type: ignore[dict-item]
        )
        made.router.redirect_slashes = False  # it would repeat what it was asked by
        return made

    async def page(self, request: Request) -> Response:
        """Everything at a glance."""
        try:
            query = Query.parse(request.url.query)
        except Strange as strange:
            raise HTTPException(400, str(strange)) from None
        now, known = self._seen()
        if known is None:
            return self._html("waiting.html", now, 200)
        summary = self._summary(known)
        found = listing.listing(summary, query, now)
        if query.page > found.pages:
            raise HTTPException(404, f"there are {found.pages} pages of these")
        return self._html(
            "page.html",
            now,
            query=query,
            listing=found,
            cards=[views.card(row, now) for row in summary.troubled[: listing.FIRST]],
            troubled=len(summary.troubled),
            watched=len(known.rows),
            counts=summary.counts,
            timeline=summary.timeline,
        )

    async def certificate(self, request: Request) -> Response:
        """All that is known of one, with its history."""
        self._plain(request)
        now, known = self._seen()
        row = None if known is None else known.by_slug.get(request.path_params["slug"])
        if known is None or row is None:
            raise HTTPException(404, "no certificate of this name is watched")
        entries: Sequence[Entry] = ()
        missing = ""
        try:
            entries = await asyncio.wait_for(self._history.ask(row.look.target), _HISTORY_WITHIN)
        except Busy:
            missing = "too many look at once; load it again"
        except TimeoutError:
            missing = "the journal does not answer now"
        except Exception as error:  # noqa: BLE001 - the rest of the page is known all the same
            missing = f"the journal cannot be read: {error}"
        subject = why.Subject(row.look, row.known, entries)
        return self._html(
            "certificate.html",
            now,
            line=views.line(row, now, troubled=row.troubled(now)),
            card=views.card(row, now),
            headline=views.plain(why.headline(subject, now)),
            rows=[(label, views.plain(text)) for label, text in why.rows(subject, now)],
            history=tried.history(entries, now),
            missing=views.plain(missing),
        )

    async def metrics(self, request: Request) -> Response:
        """For Prometheus."""
        self._plain(request)
        board = self._board
        self._asked()
        daemon = metrics.daemon(board.pulse, board.heard, board.pulse.last_tick)
        body = board.metrics + daemon + board.counting.text()
        return Response(body, headers={"content-type": metrics.CONTENT_TYPE})

    async def livez(self, request: Request) -> Response:
        """Whether the tick is alive."""
        self._plain(request)
        why_not = self._board.stuck()
        return PlainTextResponse(f"{why_not or 'alive'}\n", 503 if why_not else 200)

    async def healthz(self, request: Request) -> Response:
        """Whether besides nothing is overdue."""
        self._plain(request)
        self._asked()
        said = [views.plain(each) for each in self._board.complaints(self._board.clock.now())]
        return PlainTextResponse("\n".join(said or ["healthy"]) + "\n", 503 if said else 200)

    async def static(self, request: Request) -> Response:
        """Style and icon; what they hold is in their address, so they may be kept."""
        name = request.path_params["name"]
        if name not in _STATIC:
            raise HTTPException(404, "there is no such page")
        kept = {"cache-control": "private, max-age=31536000, immutable", "content-type": _STATIC[name]}
        return Response(self._static[name], headers=kept)

    async def refused(self, request: Request, error: HTTPException) -> Response:  # noqa: ARG002 - its signature
        """What was asked for cannot be; the address is never repeated as it came."""
        return self._html(
            "refused.html", self._board.clock.now(), error.status_code, why=views.plain(error.detail)
        )

    async def failed(self, request: Request, error: Exception) -> Response:  # noqa: ARG002 - its signature
        """A defect: the log says what it was."""
        return PlainTextResponse("this page could not be made; renewd's log says why\n", 500)

    def _summary(self, known: Snapshot) -> listing.Summary:
        """Made anew for a new snapshot only."""
        if self._made is None or self._made.known is not known:
            self._made = listing.Summary.of(known)
        return self._made

    def _seen(self) -> tuple[datetime, Snapshot | None]:
        self._asked()
        return self._board.clock.now(), self._board.known

    def _html(self, template: str, now: datetime, status: int = 200, **values: object) -> Response:
        board, pulse = self._board, self._board.pulse
        shared = {
            "now": f"{times.minute(now)} UTC",
            "pulse": pulse,
            "last_pass": views.moment(pulse.last_pass, now),
            "next_pass": views.moment(pulse.next_pass, now),
            "known_at": None if board.known is None else views.moment(board.known.at, now),
            "warnings": [views.plain(each) for each in _warnings(board, now)],
        }
        text = self._templates.get_template(template).render(shared | values)
        return HTMLResponse(text, status)

    @staticmethod
    def _plain(request: Request) -> None:
        """Raises HTTPException where something is asked for beside the address."""
        if request.url.query:
            raise HTTPException(400, "nothing can be asked for here")


def _warnings(board: Board, now: datetime) -> list[str]:
    """What is wrong with renewd itself, each with what it does about it."""
    said = []
    if board.stuck():
        said.append(f"{board.stuck()}: what stands here may be old. Look at its log, and restart it.")
    if board.heard.refused:
        first = board.heard.refused.partition("\n")[0]
        said.append(f"The newest configuration is wrong and was not taken; the one before holds. {first}")
    if board.heard.tick_failed:
        said.append(f"The last look could not be done, and is tried again: {board.heard.tick_failed}")
    if board.heard.suspect:
        said.append(f"Nothing is ordered while this machine's clock is not believed: {board.heard.suspect}")
    known = board.known
    if known is not None and known.problem:
        said.append(f"The journal could not be read, so nothing is said of what was tried: {known.problem}")
    if known is not None and known.quiet_until is not None and known.quiet_until > now:
        said.append(f"The journal was lost: nothing is ordered {words.until(known.quiet_until, now)}.")
    return said


def _read(*parts: str) -> bytes:
    with open(os.path.join(_HERE, *parts), "rb") as file:
        return file.read()
