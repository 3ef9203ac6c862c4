"""The command `synfire`: read the command line, call, and turn errors into one line."""

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from synfire.base import ConfigError, SynfireError
from synfire.cli.parser import parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code.

    It is 0, 2 for an error that the user can mend, 1 for one that nobody foresaw, 130 after Ctrl-C, and 141 if the
    reader of the output went away, such as `head`.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    try:
        try:
            return _run(words)
        finally:
            sys.stdout.flush()  # so that a reader who went away is noticed here
    except BrokenPipeError:
        _drop_output()
        return 141
    except SynfireError as err:
        if debug:
            raise
        print(f"synfire: {err}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        kept = " The run folder keeps the last whole epoch; continue with --resume." if words[:1] == ["train"] else ""
        print(f"synfire: stopped.{kept}", file=sys.stderr)
        return 130
    except Exception as err:
        if debug:
            raise
        message = " ".join(f"{type(err).__name__}: {err}".split()).removesuffix(".")
        print(
            f"synfire: unexpected {message}; this is a defect of synfire or of a part of yours; --debug shows where it "
            "comes from.",
            file=sys.stderr,
        )
        return 1


def _drop_output() -> None:
    """Let Python's own flush at its end go nowhere instead of failing again."""
    with suppress(OSError, ValueError):  # a stream without a file, or closed
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run(words: list[str]) -> int:
    plain, overrides = _split(words)
    args = parser().parse_args(plain or ["--help"])
    if overrides and args.command not in ("train", "eval", "claim"):
        raise ConfigError(f"{args.command} takes no {overrides[0]}; keys of a recipe belong to train, eval and claim.")
    for piece in _COMMANDS[args.command](args, overrides):
        print(piece, end="", flush=True)
    return 0


# Imported in each, because training takes seconds to import and the help should not.
def _train(args: argparse.Namespace, overrides: list[str]) -> Iterator[str]:
    from synfire.cli.train import train

    train(args, overrides)
    return iter(())


def _evaluate(args: argparse.Namespace, overrides: list[str]) -> Iterator[str]:
    from synfire.cli.train import evaluate

    evaluate(args, overrides)
    return iter(())


def _claim(args: argparse.Namespace, overrides: list[str]) -> Iterator[str]:
    from synfire.cli.claim import claim

    yield claim(args, overrides) + "\n"


def _generate(args: argparse.Namespace, _: list[str]) -> Iterator[str]:
    from synfire.cli.generate import generate

    yield from generate(args)
    yield "\n"


def _list(args: argparse.Namespace, _: list[str]) -> Iterator[str]:
    from synfire.cli.listing import listing

    yield listing(args.what) + "\n"


def _report(args: argparse.Namespace, _: list[str]) -> Iterator[str]:
    from synfire.cli.report import report

    yield report(args) + "\n"


def _live(args: argparse.Namespace, _: list[str]) -> Iterator[str]:
    from synfire.cli.live import live

    live(args)
    return iter(())


def _view(args: argparse.Namespace, _: list[str]) -> Iterator[str]:
    from synfire.cli.view import view

    yield view(args) + "\n"


_COMMANDS: dict[str, Callable[[argparse.Namespace, list[str]], Iterator[str]]] = {
    "train": _train,
    "eval": _evaluate,
    "claim": _claim,
    "generate": _generate,
    "list": _list,
    "live": _live,
    "report": _report,
    "view": _view,
}


def _split(words: list[str]) -> tuple[list[str], list[str]]:
    """Part the words into our own and the overrides, --KEY VALUE or --KEY=VALUE with a dot in the key."""
    plain, overrides, rest = [], [], iter(words)
    for word in rest:
        key = word.partition("=")[0]
        if not (key.startswith("--") and "." in key):
            plain.append(word)
            continue
        overrides.append(word)
        if "=" not in word and (value := next(rest, None)) is not None:
            overrides.append(value)
    return plain, overrides
