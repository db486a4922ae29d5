"""The charts of a report: data in words and numbers, then drawings."""
