"""The page in a real browser without scripts: light and dark, wide and narrow, by keyboard, and with hostile names."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from renewd.journal import Failure
from tests import pages
from tests.clocks import FakeClock
from tests.pages import CONFIRM

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WIDE, NARROW = {"width": 1100, "height": 900}, {"width": 360, "height": 740}
CONTRAST = """() => {
  const light = c => { const [r, g, b] = c.map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
                       return .2126 * r + .7152 * g + .0722 * b; };
  const parse = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const behind = node => { for (; node; node = node.parentElement) {
      const c = parse(getComputedStyle(node).backgroundColor); if (c.length === 3 || c[3] === 1) return c.slice(0, 3); }
    return [255, 255, 255]; };
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || node.closest('svg, .skip, .hidden, title') || !node.offsetParent) continue;
    const [a, b] = [light(parse(getComputedStyle(node).color).slice(0, 3)), light(behind(node))].sort((x, y) => y - x);
    const ratio = (a + .05) / (b + .05);
    if (ratio < 4.5) found.push(`${walk.currentNode.data.trim().slice(0, 30)}: ${ratio.toFixed(2)}`);
  }
  for (const node of document.querySelectorAll('[placeholder]')) {
    const style = getComputedStyle(node, '::placeholder');
    const [a, b] = [light(parse(style.color).slice(0, 3)), light(behind(node))].sort((x, y) => y - x);
    if ((a + .05) / (b + .05) < 4.5 || style.opacity < 1) found.push(`placeholder: ${(a + .05) / (b + .05)}`);
  }
  return found;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all tests; each has a profile of its own."""
    assert os.path.exists(CHROMIUM), (
        "chromium is missing; as root: apt-get install chromium (tests/setup does it)"
    )
    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield started
        started.close()


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """Serves pages; they outlast the tabs, which may still be loading something when a test is over."""
    with ExitStack() as serving:
        yield lambda *shown: serving.enter_context(pages.served(*shown))


@pytest.fixture
def visit(browser: Browser, serve):
    """A tab without scripts; whatever the browser complains of fails the test."""
    contexts, said = [], []

    def visit(url: str, viewport=WIDE, scheme="light", **options) -> Page:
        context = browser.new_context(
            viewport=viewport,
            color_scheme=scheme,
            java_script_enabled=options.pop("scripts", False),
            **options,
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("dialog", lambda dialog: said.append(f"a dialog: {dialog.message}"))
        page.goto(url)
        return page

    yield visit
    for context in contexts:
        context.close()
    assert said == []


@pytest.fixture
def board(clock: FakeClock):
    """Some that are well, one of each kind that is not."""
    now = clock.now()
    rows = [
        pages.row(f"well-{number}.example", now, 35 + number, pages.seen(now), **CONFIRM)
        for number in range(60)
    ]
    rows += [
        pages.row("contoso.com,www.contoso.com", now, 5, pages.failed("contoso.com", now)),
        pages.row("wild.example", now, None),
        pages.row(
            "old.example", now, 40, facts={"state": "invalid", "problem": "key and certificate do not match"}
        ),
        pages.row("other.example", now, 61, pages.seen(now, why="it serves 77:01"), **CONFIRM),
    ]
    return pages.board(clock, rows)


@pytest.fixture
def url(board, serve) -> str:
    return serve(board, [(pages.attempt("contoso.com", board.clock.now(), failure=pages.REFUSED), [])])


def kept(page: Page, name: str) -> None:
    """A picture of it, where somebody wants to look at them."""
    folder = os.environ.get("RENEWD_PICTURES")
    if folder:
        page.screenshot(path=Path(folder, f"{name}.png"), full_page=True)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
def test_all_of_it_can_be_read_in_any_light_and_width(visit, url, scheme, viewport):
    page = visit(url, viewport, scheme, scripts=True)
    kept(page, f"page-{scheme}-{viewport['width']}")
    assert page.evaluate(CONTRAST) == [], "WCAG 2.2 asks for 4.5 to 1"
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"], "nothing sticks out"
    page.goto(url + page.get_by_role("link", name="contoso.com").first.get_attribute("href"))
    kept(page, f"one-{scheme}-{viewport['width']}")
    assert page.evaluate(CONTRAST) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


def test_dark_is_dark_and_light_is_light(visit, url):
    def background(scheme):
        return visit(url, scheme=scheme, scripts=True).evaluate(
            "getComputedStyle(document.body).backgroundColor"
        )

    assert background("light") == "rgb(246, 247, 249)"
    assert background("dark") == "rgb(18, 22, 29)"


def test_a_screen_reader_finds_its_way(visit, url):
    page = visit(url)
    for landmark in ("banner", "main", "contentinfo", "search"):
        assert page.get_by_role(landmark).count() == 1, landmark
    headings = page.get_by_role("heading").all_inner_texts()
    assert page.get_by_role("heading", level=1).all_inner_texts() == ["4 of 64 need somebody"]
    assert {"Needs somebody", "Coming renewals", "All certificates"} <= set(headings)
    for region in ("Needs somebody", "Coming renewals", "All certificates"):
        assert page.get_by_role("region", name=region).count() >= 1
    table = page.get_by_role("table", name="Certificates: what is on disk, what is served, when they renew")
    assert table.get_by_role("columnheader").all_inner_texts() == [
        "Name",
        "State",
        "On disk",
        "Served",
        "Renewal",
    ]
    assert table.get_by_role("rowheader").count() == 50
    assert table.locator("th[aria-sort=ascending]").inner_text() == "Name"
    assert page.get_by_label("Name").count() == 1
    assert page.get_by_role("combobox", name="State").count() == 1


def test_the_table_stays_a_table_on_a_telephone(visit, url):
    page = visit(url, NARROW)
    assert page.get_by_role("table").get_by_role("row").count() == 51
    assert page.get_by_role("columnheader", name="Renewal").get_by_role("link").is_visible()


def test_what_is_served_differs_for_the_eye(visit, url):
    page = visit(url)
    page.locator("summary", has_text="other.example").click(position={"x": 400, "y": 10})
    assert page.get_by_text("differs", exact=True).first.is_visible()


def test_filter_sort_and_pages_work_without_a_script(visit, url):
    page = visit(url)
    page.get_by_label("Name").fill("well-1")
    page.get_by_role("button", name="Show").click()
    assert urlsplit(page.url).fragment == "all", "on a telephone the top is six screens away"
    assert page.get_by_role("status").inner_text().endswith("1-11 of 11")
    page.get_by_role("link", name="Show all").click()
    page.get_by_role("combobox", name="State").select_option("missing")
    page.get_by_role("button", name="Show").click()
    assert page.get_by_role("rowheader").all_inner_texts() == ["wild.example"]
    page.get_by_role("link", name="Show all").click()
    page.get_by_role("columnheader", name="On disk").get_by_role("link").click()
    assert page.get_by_role("rowheader").first.inner_text().startswith("contoso.com")
    page.get_by_role("link", name="Next").click()
    assert parse_qs(urlsplit(page.url).query) == {"sort": ["expires"], "page": ["2"]}
    assert page.get_by_role("rowheader").count() == 14


def test_the_timeline_shows_each_week_and_leads_there(visit, url):
    page = visit(url)
    assert page.locator("svg.timeline rect.week").count() == 17
    assert (
        page.locator("svg.timeline title").first.text_content()
        == "week of 2026-11-23: 5, 3 of them due already"
    )
    assert page.get_by_text("due already", exact=True).is_visible()
    box = page.locator("svg.timeline").bounding_box()
    assert box is not None
    assert box["width"] > 700
    page.locator("svg.timeline a").nth(1).click()
    assert "week" in parse_qs(urlsplit(page.url).query)
    assert page.get_by_role("status").inner_text().startswith("Renewals of the week of 2026-11-30")


def test_a_click_leads_to_the_history_of_one(visit, url):
    page = visit(url)
    page.get_by_role("row").filter(has_text="contoso.com").get_by_role("link").click()
    assert page.get_by_role("heading", level=1).inner_text() == "contoso.com"
    assert page.get_by_text("the CA saw 404").first.is_visible()
    page.get_by_role("link", name="All certificates").click()
    assert page.get_by_role("heading", level=1).inner_text() == "4 of 64 need somebody"


def test_it_can_be_used_by_keyboard_alone(visit, url):
    page = visit(url)
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "To the certificates"
    assert page.locator(":focus").is_visible()
    seen = set()
    for _ in range(200):
        page.keyboard.press("Tab")
        focus = page.locator(":focus")
        if focus.count():
            seen.add(focus.first.inner_text()[:20])
    assert {"contoso.com", "Show", "Name", "Next"} <= {text.strip() for text in seen}


@pytest.mark.parametrize(
    "text",
    [
        "<script>document.title='x';alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "\u202emoc.elpmaxe\u202c",
        "a" * 253,
        "<svg/onload=alert(1)>",
    ],
)
def test_hostile_names_run_nothing_even_where_scripts_could(visit, serve, clock, text):
    now = clock.now()
    row = pages.row("a.example", now, 5, pages.failed("a.example", now, Failure("api", "X", text, text)))
    row.look.target.name = text
    board = pages.board(clock, [row])
    board.heard.refused = text
    page = visit(serve(board), NARROW, scripts=True)
    kept(page, f"hostile-{len(text)}")
    assert page.title() == "(1) renewd"
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    assert page.locator("img, script").count() == 0


def test_the_browser_itself_refuses_a_script_that_got_in(browser, url):
    """What the policy is for, if all else failed."""
    context = browser.new_context()
    page = context.new_page()
    refused = []
    page.on("console", lambda message: refused.append(message.text))
    page.goto(url)
    page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {textContent: 'document.title=1'}))"
    )
    assert page.title() == "(4) renewd"
    assert "Content Security Policy" in refused[0]
    context.close()


def test_all_that_fails_and_a_thousand_are_looked_at_too(visit, serve, clock):
    now = clock.now()
    failing = pages.board(
        clock, [pages.row(f"f{n}.example", now, None, pages.failed("x", now)) for n in range(40)]
    )
    failing.heard.suspect, failing.heard.refused = "it went forward by 400 days", "config.yaml:3: web: wrong"
    many = pages.board(clock, [pages.row(f"s{n:04}.example", now, 31 + n % 59) for n in range(1000)])
    for name, board, title in (("failing", failing, "(40) renewd"), ("many", many, "renewd")):
        for scheme in ("light", "dark"):
            page = visit(serve(board), scheme=scheme)
            kept(page, f"{name}-{scheme}")
            assert page.title() == title
