"""The formats of recordings, one module each."""

from synfire.data.events.format import Format
from synfire.data.events.formats.aedat2 import Aedat2
from synfire.data.events.formats.aedat3 import Aedat3
from synfire.data.events.formats.aedat4 import Aedat4
from synfire.data.events.formats.atis import AtisBin
from synfire.data.events.formats.bs1 import SpikesBs1
from synfire.data.events.formats.dat import Dat
from synfire.data.events.formats.es import EventStream
from synfire.data.events.formats.evt import Evt2, Evt3
from synfire.data.events.formats.hdf5 import Hdf5Events
from synfire.data.events.formats.npz import NpzEvents
from synfire.data.events.formats.stmnist import TactileMat
from synfire.data.events.formats.text import TextEvents

FORMATS: tuple[type[Format], ...] = (
    Hdf5Events,
    NpzEvents,
    TactileMat,
    Aedat2,
    Aedat3,
    Aedat4,
    EventStream,
    TextEvents,  # may begin with lines like those of the next
    Evt3,
    Evt2,  # also refuses other versions of EVT, and .raw files without a header
    Dat,
    SpikesBs1,
    AtisBin,  # told by their names alone, so these come last
)
"""In the order in which they are tried."""
