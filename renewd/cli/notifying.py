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
    from renewd.report import delivery, message

    configuration = load.load(path).configuration
    if configuration.notify is None:
        output.say(f"{path}: nobody is told anything: there is no key `notify`")
        return 1
    told = message.Message(
        f"renewd: test ({os.uname().nodename})", "this is a test, and nothing is wrong", "success"
    )
    failed = delivery.send({number: (url, told) for number, url in enumerate(configuration.notify.urls)})
    if failed:
        output.say(f"{delivery.words(failed)}\n{delivery.REMEDY}")
        return 1
    print(f"{len(configuration.notify.urls)} told: {told.title}")
    return 0
