"""What a run leaves on disk: its directory, recorded replies, money, designs. Only files, no database."""
