"""Settings: the parameters of sampling, the stages that they switch on, orders, and grids of values."""
