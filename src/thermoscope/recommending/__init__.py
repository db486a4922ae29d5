"""The setting for given prompts on a given model: candidates, feasible range, set, pick, confirmation."""
