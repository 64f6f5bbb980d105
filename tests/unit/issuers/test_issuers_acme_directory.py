"""The directory of an ACME CA: asked at the address that was written, and told by that address where it is none."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from renewd import issuers
from renewd.config.model import AcmeIssuer, Certificate
from renewd.config.targets import Target
from renewd.errors import BadReply, Temporary, Unreachable
from renewd.issuers.acme import Acme
from tests.clocks import FakeClock
from tests.hostile_ca import Ca, hostile_ca
from tests.scripted import answer
from tests.servers import free_port

TARGET = Target("a.example", Certificate.model_construct(), "main")


@pytest.fixture
def ca() -> Iterator[Ca]:
    with hostile_ca() as found:
        yield found


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Callable[[str], Acme]]:
    made: list[Any] = []

    def issuer(url: str) -> Acme:
        model = AcmeIssuer(type="acme", directory=url, agree_terms=True)
        made.append(issuers.make("main", model, FakeClock(), str(tmp_path)))
        return made[-1]

    yield issuer
    for each in made:
        each.close()


@pytest.mark.parametrize("rest", ["", "/", "/?profile=a&b=", "?a=b"])
def test_it_is_asked_for_at_the_address_that_was_written(ca: Ca, at: Callable[[str], Acme], rest: str):
    asked: list[str] = []

    def there(seen: Any) -> bytes:
        asked.append(seen.target)
        return ca.good("directory", {})

    ca.spoiled = {"directory": there, f"directory{rest}": there}
    at(f"{ca.url}{rest}").current(TARGET)
    assert asked == [f"/directory{rest}"]


def test_what_answers_otherwise_is_no_directory(ca: Ca, at: Callable[[str], Acme]):
    ca.spoiled = {"directory": lambda _: answer(404, "404 page not found")}
    with pytest.raises(BadReply) as caught:
        at(ca.url).current(TARGET)
    assert str(caught.value) == f"{ca.url} is no ACME directory: it answers 404"
    assert caught.value.remedy.startswith("Write the address of the CA's directory")


def test_where_it_has_moved_to_is_told(ca: Ca, at: Callable[[str], Acme]):
    ca.spoiled = {"directory": lambda _: answer(301, location=f"{ca.url}/")}
    with pytest.raises(BadReply, match=f"is no ACME directory: it answers 301 and leads to {ca.url}/$"):
        at(ca.url).current(TARGET)


def test_one_that_is_busy_is_asked_again_later(ca: Ca, at: Callable[[str], Acme]):
    ca.spoiled = {"directory": lambda _: answer(503)}
    with pytest.raises(Temporary, match="was answered with 503"):
        at(ca.url).current(TARGET)


def test_one_that_is_not_there_could_not_be_asked_for(at: Callable[[str], Acme]):
    with pytest.raises(Unreachable, match=r"^the directory could not be asked for: ") as caught:
        at(f"http://127.0.0.1:{free_port()}/directory").current(TARGET)
    assert caught.value.remedy == "Check directory, the name service, the firewall and the proxy."
