"""What ran: provenance, effective settings, the command that reproduces a result."""
