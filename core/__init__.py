"""The ground that every stage stands on: emoji, prompt, records, runtime protocol, grid, config, workspace, errors."""
