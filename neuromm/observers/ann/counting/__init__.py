"""How many: a network that counts flashes and beeps seen through a slow eye and heard through a quick ear."""
