"""The command claim."""

import argparse
import shlex
from pathlib import Path

from synfire.base import ConfigError, read_json, write_json
from synfire.claims import CLAIMS, IMAGES, Claim, claims_table, describe, find_claim
from synfire.report import text_table

RECORDS = Path("results/claims")
RUNS = Path("runs/claims")


def claim(args: argparse.Namespace, overrides: list[str]) -> str:
    """Run a claim and keep its record, or list what there is, as the command line says; return the text to print."""
    if args.list:
        return text_table(
            ["claim", "data", ""], [[one.name, ", ".join(one.data_sets), one.says] for one in CLAIMS.values()]
        )
    if args.table is not None:
        return _table(args.table)
    if args.name is None:
        raise ConfigError("claim needs a NAME; `synfire claim --list` names them.")
    chosen = find_claim(args.name)
    data = args.data or chosen.data_sets[0]
    out = args.out or RECORDS / f"{chosen.name}-{data}.json"
    # Imported here, because training takes seconds to import and the list should not.
    from synfire.claims.running import run_claim

    record = run_claim(
        chosen,
        data,
        args.seeds,
        args.runs,
        command=_command(chosen, data, args, overrides),
        root=args.root,
        images=args.images,
        overrides=overrides,
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    write_json(out, record)
    return f"{describe(record)}\nwritten to {out}"


def _command(chosen: Claim, data: str, args: argparse.Namespace, overrides: list[str]) -> str:
    """Return the command line that does the same: data and seeds always, other options that are not the defaults."""
    options = {
        "--root": (args.root, None),
        "--images": (args.images, IMAGES),
        "--runs": (args.runs, RUNS),
        "--out": (args.out, None),
    }
    words = ["synfire", "claim", chosen.name, "--data", data, "--seeds", *map(str, args.seeds)]
    for option, (value, default) in options.items():
        if value != default:
            words += [option, str(value)]
    return shlex.join([*words, *overrides])


def _table(folder: Path) -> str:
    paths = sorted(folder.glob("*.json"))
    if not paths:
        raise ConfigError(f"{folder} holds no record of a claim; run one with `synfire claim NAME`.")
    return claims_table([read_json(path) for path in paths])
