"""Published claims as comparisons that anyone can run: both arms, our figure beside theirs, and whether it holds."""

from synfire.claims.catalogue import CLAIMS, find_claim
from synfire.claims.claim import IMAGES, Arm, Check, Claim, Finding
from synfire.claims.tables import claims_table, describe

__all__ = ["CLAIMS", "IMAGES", "Arm", "Check", "Claim", "Finding", "claims_table", "describe", "find_claim"]
