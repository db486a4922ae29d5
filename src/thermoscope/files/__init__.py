"""Files of people, read safely: bounded, as text and never typed by guess, every failure one line."""
