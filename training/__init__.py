"""How the bundled model is made: from a folder of texts to the files in the package."""
