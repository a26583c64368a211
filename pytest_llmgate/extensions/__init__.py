"""How other packages add assertion types and providers: pluggy hooks and one registry."""
