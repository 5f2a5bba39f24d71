"""Artificial networks as psychophysical subjects (torch inside, numpy at the border)."""
