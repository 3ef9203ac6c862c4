"""The formats of recordings, one module each."""

from synfire.data.events.format import Format
from synfire.data.events.formats.aedat2 import Aedat2
from synfire.data.events.formats.aedat3 import Aedat3
from synfire.data.events.formats.aedat4 import Aedat4
from synfire.data.events.formats.atis import AtisBin
from synfire.data.events.formats.dat import Dat
from synfire.data.events.formats.es import EventStream
from synfire.data.events.formats.evt import Evt2, Evt3

FORMATS: tuple[type[Format], ...] = (
    Aedat2,
    Aedat3,
    Aedat4,
    EventStream,
    Evt3,
    Evt2,  # also refuses other versions of EVT, and .raw files without a header
    Dat,
    AtisBin,  # told by its name alone, so it comes last
)
"""In the order in which they are tried."""
