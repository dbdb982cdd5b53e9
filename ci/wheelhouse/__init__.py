"""What a wheelhouse or debhouse must contain, and its manifest."""
