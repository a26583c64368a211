"""The one choke point where private text is replaced, keeping its format."""
