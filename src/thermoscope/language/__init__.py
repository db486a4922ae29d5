"""The language that results are written in: sentences are said here, and put into words where they are shown."""
