"""Reports as records: everything that a report says, without markup."""
