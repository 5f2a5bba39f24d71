"""Where and whether together: a network of two streams and a fusion layer, trained on true causes of located events."""
