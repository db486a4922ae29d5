"""What folk rules about decoding say, tested on small models: the rules, the runs, the tables and the document."""
