"""What runs an artefact, one runtime per file, and how a command names them."""
