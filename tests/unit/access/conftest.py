"""What the tests of this directory share."""

import pytest

from tests.fakes.issuer import Issuer


@pytest.fixture(scope="session")
def issuer() -> Issuer:
    return Issuer()
