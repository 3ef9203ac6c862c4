"""The one table of claims."""

from difflib import get_close_matches

from synfire.base import ConfigError
from synfire.claims.claim import Claim
from synfire.claims.events import EVENTS_CHANNELS, EVENTS_ONE_STEP
from synfire.claims.multilevel import BARRIER, ONE_STEP, QUANTISED_TWIN

CLAIMS: dict[str, Claim] = {
    claim.name: claim for claim in (ONE_STEP, BARRIER, QUANTISED_TWIN, EVENTS_ONE_STEP, EVENTS_CHANNELS)
}


def find_claim(name: str) -> Claim:
    """Return a claim by its name.

    Raises:
        ConfigError: there is none of that name.
    """
    if name in CLAIMS:
        return CLAIMS[name]
    near = get_close_matches(name, CLAIMS, 1)
    meant = f", perhaps {near[0]} was meant" if near else ""
    raise ConfigError(f"claim {name!r} is unknown{meant}. There are {', '.join(CLAIMS)}.")
