"""What is sent to a service, one protocol per file: Gemini, OpenAI-compatible servers, a model on this machine."""
