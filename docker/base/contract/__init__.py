"""What the stages agree on: documents, the job folder, errors, logs and the command line."""
