"""How other packages add assertion types, providers and reporters: pluggy hooks and one registry."""
