"""A hierarchy as in the ventral stream: V1, V2/V4, IT, and an association stage that also hears."""
