"""Mathematics that several mechanisms share: arrays in, arrays out; no trials, no tables."""
