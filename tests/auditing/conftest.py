"""What several tests of audits share."""

from __future__ import annotations

import pytest

from tests.auditing.fake import FakeClient, endpoint
from thermoscope.auditing.audit import Audit
from thermoscope.auditing.protocol import audit


@pytest.fixture(scope="session")
def honest() -> Audit:
    """The audit of a server that does what it is asked."""
    return audit(endpoint(FakeClient()), keep=False)
