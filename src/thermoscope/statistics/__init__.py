"""From measures to evidence: intervals, bands, paired differences, claims, distance to a reference."""
