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
    assert names.chosen(loaded, [name, "mail.example.com", name]) == loaded.targets


def test_one_of_its_domains_is_not_its_name(loaded):
    with pytest.raises(UsageError, match=r"did you mean shop\.example\.com\?"):
        names.one(loaded, "www.shop.example.com")
