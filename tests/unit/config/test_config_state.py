"""Where the state is, without the rest of the file."""

import pytest

from renewd.config import load, state
from renewd.config.model import Configuration
from renewd.errors import ConfigurationError
from tests.unit.config.conftest import ENTRY, ISSUERS


def test_it_is_what_the_whole_file_says(write):
    path = write(f"{ISSUERS}{ENTRY}state_directory: /srv/renewd\n")
    assert state.directory(path) == load.load(path).configuration.state_directory == "/srv/renewd"


def test_a_file_that_says_nothing_has_the_default(write):
    assert state.directory(write(f"{ISSUERS}{ENTRY}")) == state.DIRECTORY
    assert Configuration.model_fields["state_directory"].default == state.DIRECTORY


@pytest.mark.parametrize("rest", ["certificats: []", "schedule: {every: never}", ""])
def test_what_else_is_wrong_with_the_file_is_no_matter(write, rest: str):
    assert state.directory(write(f"state_directory: /srv/renewd\n{rest}\n")) == "/srv/renewd"


@pytest.mark.parametrize("value", ["7", "srv/renewd", "[/srv]", "null"])
def test_one_that_is_no_path_is_told_with_its_line(write, value: str):
    with pytest.raises(ConfigurationError, match=r":2: state_directory: it is no absolute path"):
        state.directory(write(f"log: {{}}\nstate_directory: {value}\n"))


def test_a_file_that_is_none_is_told(write):
    with pytest.raises(ConfigurationError):
        state.directory(write("state_directory: [\n"))
    with pytest.raises(ConfigurationError, match="no such file"):
        state.directory("/nowhere/config.yaml")
