"""Loading a configuration of ten thousand certificates, by what YAML's own loader takes for the same text."""

import pytest
import yaml

from renewd.config import load
from tests.bench.rounds import compared

pytestmark = pytest.mark.bench

BOUND = 5


def measured(population, text, rounds):
    path = population.write(text)
    assert [target.name for target in load.load(path).targets] == population.names
    return compared(rounds, lambda: load.load(path), lambda: yaml.load(text, Loader=yaml.CSafeLoader))


def test_names(population, table):
    ratio = measured(population, population.listed(), 15)
    table.add("loading 10,000 names / yaml.load", ratio.value, BOUND, ratio)
    assert ratio.value < BOUND


def test_full_entries(population, table):
    ratio = measured(population, population.written_out(), 3)
    table.add("loading 10,000 full entries / yaml.load", ratio.value, BOUND, ratio)
    assert ratio.value < BOUND
