"""The playground: a local page, and the API behind it, which calls the public functions of the library alone."""
