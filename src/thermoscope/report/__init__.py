"""Reports: results as people read them. Nothing here computes; every number comes from a result."""
