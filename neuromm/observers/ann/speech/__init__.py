"""Hearing lips: a network that learnt syllables from congruent talkers in noise, and what it answers to others."""
