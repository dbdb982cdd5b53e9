"""The command line: parses options, calls `ci.run`, prints."""
