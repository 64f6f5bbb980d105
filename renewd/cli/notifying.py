"""notify: whether people can be told."""

import os

import click


@click.group()
def notify() -> None:
    """Whether people can be told what is not well."""


@notify.command()
@click.pass_obj
def test(path: str) -> int:
    """Send one message to everybody that `notify.urls` names, and say whether it was taken."""
    from renewd.cli import output
    from renewd.config import load
    from renewd.report import delivery
    from renewd.report.message import Message

    configuration = load.load(path).configuration
    if configuration.notify is None:
        output.say(f"{path}: nobody is told anything: there is no key `notify`")
        return 1
    said = f"renewd: a test ({os.uname().nodename})"
    composed = Message(said, "renewd: this is a test, and nothing is wrong", "success")
    try:
        delivery.send(configuration.notify.urls, composed)
    except delivery.Undelivered as error:
        output.say(f"{error}\n{error.remedy}")
        return 1
    print(f"{len(configuration.notify.urls)} told: {composed.title}")
    return 0
