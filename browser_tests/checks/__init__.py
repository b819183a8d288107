"""What is checked in the page: answers, logits, claims, files, latency, and the gates on them."""
