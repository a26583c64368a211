"""The sections of the reviewer's page: what each shows, apart from how it is laid out (see `templates/page`)."""
