"""Rate networks named by their papers."""
