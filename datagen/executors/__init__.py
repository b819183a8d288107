"""Ways to send requests: asynchronously, in Gemini's batches, on Ray; the journal and the limits that they share."""
