"""LiteRT artefacts: the .task for MediaPipe and the .litertlm for LiteRT-LM."""
