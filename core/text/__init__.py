"""What people type and what is answered: phrases, languages, emoji and their grammar, the prompt, the memory."""
