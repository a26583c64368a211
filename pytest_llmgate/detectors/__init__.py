"""Measures of a reply: each module holds one kind of assertion, its parameters and what it says of a reply."""
