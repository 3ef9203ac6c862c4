"""Findings as text: for the terminal, and as the table of the documentation."""

from collections.abc import Mapping, Sequence
from typing import Any

from synfire.claims.claim import LEARNED, has_learned
from synfire.report import text_table

RUN_COLUMNS = {
    "seed": "seed",
    "accuracy %": "accuracy",
    "events/image": "events",
    "spikes/image": "spikes",
    "T": "steps",
    "epochs": "epochs",
    "train s": "seconds",
}


def describe(record: Mapping[str, Any]) -> str:
    """Return one claim's record (see `running.run_claim`) as text for a terminal."""
    arms = text_table(
        ["arm", *RUN_COLUMNS],
        [[arm["name"], *(run[key] for key in RUN_COLUMNS.values())] for arm in record["arms"] for run in arm["runs"]],
    )
    checks = text_table(
        ["figure", "published", "ours", "spread", "asked", "holds"],
        [[f["says"], f["published"], f["mean"], f["spread"], _asked(f), _word(f)] for f in record["findings"]],
    )
    return "\n\n".join(
        [
            f"{record['says']}\n{record['source']}",
            f"on {record['data']}, {len(record['seeds'])} seeds, {record['images']} test images counted",
            arms,
            checks,
            f"{_verdict(record)} Again: {record['command']}",
        ]
    )


def claims_table(records: Sequence[Mapping[str, Any]]) -> str:
    """Return a Markdown table, a row per finding of every record."""
    lines = [
        "| claim | on | seeds | figure | published | ours (spread) | asked | holds |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for record in sorted(records, key=lambda r: (r["claim"], r["data"])):
        for finding in record["findings"]:
            published = finding["published"]
            where = f" ({finding['published_on']})" if finding["published_on"] else ""
            cells = [
                record["claim"],
                record["data"],
                str(len(record["seeds"])),
                finding["says"],
                "" if published is None else f"{published:g}{where}",
                f"{float(finding['mean']):.3g} ({float(finding['spread']):.2g})",
                _asked(finding),
                _word(finding),
            ]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _asked(finding: Mapping[str, Any]) -> str:
    if finding["bound"] is None:
        return ""
    return f"{'at most' if finding['at_most'] else 'at least'} {finding['bound']:g}"


def _word(finding: Mapping[str, Any]) -> str:
    if finding["bound"] is None:
        return ""
    return {True: "yes", False: "no", None: "undecided"}[finding["holds"]]


def _verdict(record: Mapping[str, Any]) -> str:
    if record["holds"] is not None:
        return f"The claim {'holds' if record['holds'] else 'does not hold'} here."
    runs = [run for arm in record["arms"] for run in arm["runs"]]
    nothing = [run for run in runs if not has_learned(run)]
    limit = LEARNED * nothing[0]["chance"]
    return (
        f"Nothing is decided here: {len(nothing)} of {len(runs)} runs learned nothing (accuracy at most {limit:g} %, "
        f"{LEARNED:g} times chance)."
    )
