"""The rules that go by time: one module for each, applied by `housekeeper` in the order in which it is given them."""
