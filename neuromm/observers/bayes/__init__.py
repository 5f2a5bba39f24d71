"""Ideal observers: pure equations and thin observers over them."""
