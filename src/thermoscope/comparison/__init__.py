"""One prompt under the same noise: ``compare``, ``inspect``, the reading, the article's experiments."""
