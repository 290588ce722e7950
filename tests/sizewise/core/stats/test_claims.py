"""Every claim of the method, counted: a few cases in CI, all of them where ``slow`` tests run."""

from __future__ import annotations

import pytest
from scipy import stats as reference

from sizewise.core.stats import FALSE_IN_SIMULATION
from tests.sizewise.core.stats.claim import MANY, Claim
from tests.sizewise.core.stats.claims import CLAIMS

REQUIRED = [claim for claim in CLAIMS if claim.required]
ENDED = [claim for claim in CLAIMS if claim.name.startswith("ended-false")]
SMALL = 40
"""How many times fewer groups CI simulates, and at least 40 of them."""
CHANCE = 1e-4
"""How likely a claim that just holds may fail in CI, if its cases were independent."""


@pytest.mark.parametrize("claim", [*REQUIRED, *ENDED], ids=lambda claim: claim.name)
def test_few_cases_do_not_speak_against_the_claim(claim: Claim) -> None:
    found = claim.count(seed=1, groups=max(min(claim.groups, MANY) // SMALL, 40))
    high = FALSE_IN_SIMULATION if claim in ENDED else claim.high
    assert reference.binom.sf(found.hits - 1, found.cases, high) > CHANCE
    assert reference.binom.cdf(found.hits, found.cases, claim.low) > CHANCE


@pytest.mark.slow
@pytest.mark.parametrize("claim", ENDED, ids=lambda claim: claim.name)
def test_no_more_equal_pairs_are_told_apart_than_is_said(claim: Claim) -> None:
    assert round(claim.count().share, 3) <= FALSE_IN_SIMULATION


@pytest.mark.slow
@pytest.mark.parametrize("claim", REQUIRED, ids=lambda claim: claim.name)
def test_the_claim_holds(claim: Claim) -> None:
    assert claim.holds(claim.count())
