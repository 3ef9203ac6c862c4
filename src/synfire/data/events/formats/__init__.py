"""The formats of recordings, one module each."""

from synfire.data.events.format import Format
from synfire.data.events.formats.atis import AtisBin

FORMATS: tuple[type[Format], ...] = (
    AtisBin,  # told by its name alone, so it comes last
)
"""In the order in which they are tried."""
