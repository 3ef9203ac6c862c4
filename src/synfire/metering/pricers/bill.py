"""What an inference costs, line by line, and on which assumptions."""

from dataclasses import dataclass
from typing import Any

EVENTS = ("graded", "unary", "burst")


@dataclass(frozen=True)
class Line:
    """Energy of one layer for one sample, in pJ."""

    name: str
    kind: str
    compute: float = 0.0
    memory: float = 0.0
    addressing: float = 0.0

    @property
    def total(self) -> float:
        """Sum of the parts."""
        return self.compute + self.memory + self.addressing


@dataclass(frozen=True)
class Bill:
    """Energy of one network for one sample.

    Attributes:
        pricer: name of what made it.
        source: where its numbers come from.
        assumptions: what it takes for granted and leaves out, a sentence each.
        lines: a line per row of the trace that costs anything.
    """

    pricer: str
    source: str
    assumptions: tuple[str, ...]
    lines: tuple[Line, ...]

    @property
    def picojoules(self) -> float:
        """Energy of one inference of one sample, in pJ."""
        return sum(line.total for line in self.lines)

    @property
    def millijoules(self) -> float:
        """The same in mJ; 1 mJ = 1e9 pJ."""
        return self.picojoules / 1e9

    def record(self) -> dict[str, Any]:
        """Return the bill as plain data for a file, energies in pJ."""
        return {
            "pricer": self.pricer,
            "source": self.source,
            "assumptions": list(self.assumptions),
            "picojoules": self.picojoules,
            "lines": [
                {"name": e.name, "kind": e.kind, "compute": e.compute, "memory": e.memory, "addressing": e.addressing}
                for e in self.lines
            ],
        }

    def __str__(self) -> str:
        """Return a table, a line per layer, and the assumptions."""
        lines = [f"{'layer':<36} {'compute':>12} {'memory':>12} {'addressing':>12} {'nJ':>12}"]
        for e in self.lines:
            parts = "".join(f"{value / 1e3:>13.4g}" for value in (e.compute, e.memory, e.addressing, e.total))
            lines.append(f"{e.name:<36}{parts}")
        lines.append(f"{self.pricer}: {self.millijoules:.6g} mJ per inference. {self.source}.")
        lines += [f"- {assumption}" for assumption in self.assumptions]
        return "\n".join(lines)
