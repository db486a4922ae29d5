"""Use cases: prompts, objective and reference of a purpose, as files that users write in the same form."""
