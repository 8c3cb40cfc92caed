"""The `phonodos` command: subcommands, errors a user can act on, exit codes.

Exit codes: 0 fine, 1 a bug of ours, 2 wrong usage (options, models, configurations), 3 some inputs
failed or standard output could not be written, 4 all failed, 130 interrupted. Nothing heavy is
imported before a subcommand runs.
"""

import os
import sys
import warnings
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from phonodos.cli import (
    alloy,
    bands,
    cite,
    compare,
    data,
    displacements,
    elastic,
    evaluate,
    figures,
    models,
    modes,
    neutron,
    predict,
    results,
    screen,
    serve,
    strain,
    thermo,
    train,
)
from phonodos.cli.output import (
    ALL_FAILED,
    FINE,
    INTERRUPTED,
    SOME_FAILED,
    USAGE,
    print_json,
    show_error,
)
from phonodos.cli.streams import open_streams, tell_lost
from phonodos.errors import (
    ConfigError,
    DataError,
    PhonodosError,
    WeightsError,
    WeightsWarning,
    failure_of,
)
from phonodos.version import __version__

BUG = 1
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
# Where typer keeps the classes of click differs from version to version.
USAGE_ERROR: type[Exception] = next(
    kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException"
)


def debugging(args: list[str] | None = None) -> bool:
    """Return whether tracebacks are wanted: --debug anywhere, or PHONODOS_DEBUG=1."""
    return "--debug" in (args or []) or os.environ.get("PHONODOS_DEBUG", "0") not in ("", "0")


class Group(TyperGroup):
    """The commands, and what becomes of their errors."""

    def main(self, args: Any = None, *rest: Any, **extra: Any) -> Any:
        """Run the command line; --debug may stand anywhere."""
        words = [str(a) for a in (sys.argv[1:] if args is None else args)]
        after = words[words.index("--") :] if "--" in words else []
        own = words[: len(words) - len(after)]
        self.debug = debugging(own)
        self.as_json = "--json" in own
        return super().main([w for w in own if w != "--debug"] + after, *rest, **extra)

    def invoke(self, ctx: Any) -> Any:
        """Run a subcommand; errors become text on stderr (and JSON on stdout) and an exit code."""
        try:
            answer = super().invoke(ctx)
            sys.stdout.flush()
            return answer
        except PhonodosError as err:
            if self.debug:
                raise
            self._tell(err)
            usage = isinstance(err, ConfigError | WeightsError)
            raise typer.Exit(USAGE if usage else ALL_FAILED) from None
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        except (typer.Exit, typer.Abort, USAGE_ERROR):
            raise  # the last kind are wrong options, which typer explains
        except Exception as err:
            if self.debug:
                raise
            code, told = _unforeseen(err, str(ctx.invoked_subcommand or "phonodos"))
            self._tell(told)
            raise typer.Exit(code) from None

    def _tell(self, err: PhonodosError) -> None:
        show_error(err)
        if self.as_json:
            print_json({"error": {"summary": err.summary, "reason": err.reason, "fix": err.fix}})


def _unforeseen(err: Exception, command: str) -> tuple[int, PhonodosError]:
    """Return exit code and words for what no part of a command has named."""
    if isinstance(err, MemoryError | RecursionError):
        fix = "give smaller structures or fewer at a time, or take a machine with more memory"
        return ALL_FAILED, failure_of(err, command, PhonodosError, fix)
    if isinstance(err, OSError):
        name = err.filename or command
        fix = "check the path, the permissions and the room on the disk"
        return ALL_FAILED, DataError(f"{name}: the system refuses", err.strerror or str(err), fix)
    return BUG, PhonodosError(
        f"{type(err).__name__}: {err}",
        "this is a fault of phonodos",
        "please report it with what `phonodos --debug ...` prints",
    )


app = typer.Typer(
    cls=Group,
    name="phonodos",
    help="The phonon density of states of a crystal, straight from its structure.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
PREDICT, MANY = "Predict from a structure", "Many crystals"
ANALYSE, TRAIN = "Analyse", "Data, training and weights"
for panel, commands in {
    PREDICT: (
        predict.predict, thermo.thermo, bands.bands, modes.modes, displacements.displacements,
        elastic.elastic, neutron.neutron,
    ),
    ANALYSE: (alloy.alloy, strain.strain, compare.compare),
    MANY: (screen.screen, serve.serve),
    TRAIN: (train.train, evaluate.evaluate),
}.items():  # fmt: skip
    for command in commands:
        app.command(rich_help_panel=panel)(command)
app.add_typer(results.app, name="results", rich_help_panel=MANY)
app.add_typer(data.app, name="data", rich_help_panel=TRAIN)
app.add_typer(models.app, name="models", rich_help_panel=TRAIN)
app.add_typer(figures.app, name="figures", rich_help_panel=ANALYSE)
app.command(rich_help_panel=ANALYSE)(cite.cite)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"phonodos {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="show the version")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="show tracebacks")] = False,
) -> None:
    """The phonon density of states of a crystal, straight from its structure."""


def _show(message: Warning | str, *_: Any, **__: Any) -> None:
    """Show a warning without the line of code that it comes from."""
    print(f"warning:  {message}", file=sys.stderr)


def main() -> None:
    """Entry point of the `phonodos` command."""
    out, _ = open_streams()
    # Read when a library of linear algebra is loaded. Threads of one small crystal wait for each
    # other; on a busy machine a hundred times longer than one thread needs for everything.
    for name in THREADS:
        os.environ.setdefault(name, "1")
    if not debugging(sys.argv):
        warnings.simplefilter("ignore")
        warnings.filterwarnings("always", category=WeightsWarning)
        warnings.showwarning = _show
    code: int | str | None = FINE
    try:
        app()
    except SystemExit as stop:
        code = stop.code
    if tell_lost(out) and not code:
        code = SOME_FAILED
    sys.exit(code)
