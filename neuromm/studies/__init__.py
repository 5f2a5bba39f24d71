"""What `neuromm run NAME` runs: paradigm × observers → measures → figures; `experiments/` holds thin scripts."""
