"""What an endpoint does with a setting: the temperature and truncation that its draws show."""
