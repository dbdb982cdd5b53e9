"""The pages of docs/reference/, generated from the commands, the TOML files' models and the settings."""
