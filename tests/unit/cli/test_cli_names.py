"""A certificate is found by its name as configured, and by the names on it."""

import pytest

from renewd.cli import names
from renewd.config import load
from renewd.errors import UsageError

TEXT = """
issuers: {le: {type: acme, directory: letsencrypt, agree_terms: true}}
certificates:
  - {name: shop.example.com, domains: [shop.example.com, www.shop.example.com], install: {directory: /live/shop}}
  - {name: mail.example.com, install: {directory: /live/mail}}
  - {name: "contoso.com,www.contoso.com,cdn.contoso.com", install: {directory: /live/a}}
  - {name: "cdn.contoso.com,www.contoso.com", install: {directory: /live/b}}
"""


@pytest.fixture
def loaded(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(TEXT)
    return load.load(str(path))


@pytest.mark.parametrize(
    "name", ["shop.example.com", "Shop.example.com ", "www.shop.example.com, shop.example.com"]
)
def test_by_the_name_and_by_the_domains(loaded, name):
    assert names.one(loaded, name) is loaded.targets[0]
    assert names.chosen(loaded, [name, "mail.example.com", name]) == loaded.targets[:2]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        pytest.param("www.shop.example.com", 0, id="the only one that holds it"),
        pytest.param("contoso.com", 2, id="the first name, as check shows it"),
        pytest.param("Contoso.com", 2, id="in any case"),
        pytest.param("cdn.contoso.com", 3, id="the first of one, and another of another"),
    ],
)
def test_by_one_name_of_several(loaded, name, found):
    assert names.one(loaded, name) is loaded.targets[found]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("www.contoso.com", "did you mean contoso.com,www.contoso.com,cdn.contoso.com or cdn.contoso.com,www.contoso.com?"),
        ("mial.example.com", "did you mean mail.example.com?"),
        ("x", "does not name it"),
    ],
)  # fmt: skip
def test_what_is_not_one_alone_is_told(loaded, name, said):
    with pytest.raises(UsageError) as raised:
        names.one(loaded, name)
    assert said in str(raised.value)
