"""``python -m thermoscope``."""

from thermoscope.cli.app import main

main()
