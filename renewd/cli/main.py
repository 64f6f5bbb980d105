"""The command line: parse, call, print, exit. Each command's module is loaded only when it is asked for."""

import atexit
import gc
import importlib
import os
import sys
import threading
import warnings
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from renewd import __version__
from renewd.cli import remote, streams
from renewd.errors import AlreadyRunning, ConfigurationError, RenewdError, UsageError

DEFAULT_PATH = "/etc/renewd/config.yaml"
OBJECTS = 200_000  # more than starting makes; none of them is garbage, and looking for some takes time
FAILED, WRONG = 1, 2  # exit codes: something needs attention; the command or the configuration is wrong

# command → module; the function in it has the command's name, or is called `command`
COMMANDS = {
    "run": "renewd.cli.daemon",
    "renew": "renewd.cli.renewing",
    "check": "renewd.cli.looking",
    "status": "renewd.cli.knowing",
    "health": "renewd.cli.living",
    "history": "renewd.cli.knowing",
    "why": "renewd.cli.knowing",
    "plan": "renewd.cli.planning",
    "validate": "renewd.cli.configuring",
    "preflight": "renewd.cli.preflighting",
    "deploy": "renewd.cli.renewing",
    "rollback": "renewd.cli.renewing",
    "finalize": "renewd.cli.renewing",
    "recover": "renewd.cli.recovering",
    "forget": "renewd.cli.forgetting",
    "revoke": "renewd.cli.revoking",
    "account": "renewd.cli.revoking",
    "notify": "renewd.cli.notifying",
    "init": "renewd.cli.configuring",
    "import": "renewd.cli.importing",
    "completion": "renewd.cli.configuring",
    "install-systemd": "renewd.cli.installing",
    "receive": "renewd.cli.receiving",
    "sandbox": "renewd.cli.sandbox",
    "demo": "renewd.cli.sandbox",
}


class Commands(click.Group):
    """The commands, in the order of the table."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """All names."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command, loaded now; None if there is none of that name."""
        module = COMMANDS.get(cmd_name)
        if module is None:
            return None
        found = importlib.import_module(module)
        command: click.Command = (
            getattr(found, cmd_name, None) or found.command
        )  # import is no name in Python
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command; an unknown one is told with the nearest known one. What the daemon ran is over by that."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, 1)
            hint = f"; did you mean {near[0]}?" if near else "; renewd --help lists them"
            raise click.UsageError(f"no command {args[0]!r}{hint}")
        code = None if ctx.resilient_parsing else remote.call(ctx.params["path"], args)
        if code is not None:
            ctx.exit(code)
        return super().resolve_command(ctx, args)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="renewd %(version)s")
@click.option(
    "--config",
    "path",
    metavar="FILE",
    envvar="RENEWD_CONFIG",
    default=DEFAULT_PATH,
    show_default=True,
    help="The configuration; also from $RENEWD_CONFIG.",
)
@click.pass_context
def command(ctx: click.Context, path: str) -> None:
    """Keeps TLS certificates renewed: looks, issues what is due, installs it in one step, reloads, and looks again."""
    ctx.obj = path


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with its code."""
    gc.set_threshold(OBJECTS)
    if not sys.warnoptions:  # what libraries warn of is for developers
        warnings.simplefilter("ignore")
    _leave(run(args))


def _leave(code: int) -> NoReturn:
    """Exit, where no thread is left, without Python taking itself apart: a tenth of the time that `check` takes."""
    if threading.active_count() > 1:
        sys.exit(code)
    atexit._run_exitfuncs()  # noqa: SLF001 - the public way to them is the exit that takes all apart
    os._exit(code)


def run(args: Sequence[str] | None = None) -> int:
    """The exit code of a command line; what is wrong is told on standard error in a line or two."""
    streams.prepare()
    code = _code(args)
    problem = streams.finish()
    if problem:
        _say(f"renewd: {problem}")
    return code or (FAILED if problem else 0)


def _code(args: Sequence[str] | None) -> int:
    try:
        code: Any = command.main(args, prog_name="renewd", standalone_mode=False)
    except click.ClickException as error:
        _say(_usage(error))
        return WRONG
    except (click.Abort, KeyboardInterrupt):
        return 130
    except BrokenPipeError:  # who read us has enough
        streams.silence(sys.stdout)
        return 0
    except RenewdError as error:
        return _tell(error)
    except Exception as error:  # noqa: BLE001 - a traceback is nothing for people
        return _unexpected(error)
    return code if isinstance(code, int) else 0


def _unexpected(error: Exception) -> int:
    if os.environ.get("RENEWD_DEBUG"):
        raise error
    if isinstance(error, OSError) and streams.is_the_cause(error):
        streams.silence(sys.stdout)
        _say(f"renewd: {streams.words(error)}")
        return FAILED
    _say(f"renewd: unexpected {type(error).__name__}: {error}")
    _say("This is a defect of renewd; RENEWD_DEBUG=1 shows where. Please report it; docs/when.md says how.")
    return FAILED


def _usage(error: click.ClickException) -> str:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return error.format_message()
    usage = getattr(error, "ctx", None)
    hint = f"\n{usage.command_path} --help shows how it is used." if usage is not None else ""
    return f"renewd: {error.format_message()}{hint}"


def _tell(error: RenewdError) -> int:
    if isinstance(error, ConfigurationError):
        _say(str(error))
        return WRONG
    _say(f"renewd: {error}")
    if error.remedy:
        _say(f"  {error.remedy}")
    return WRONG if isinstance(error, UsageError) and not isinstance(error, AlreadyRunning) else FAILED


def _say(text: str) -> None:
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:  # there is nobody left to tell
        streams.silence(sys.stderr)
