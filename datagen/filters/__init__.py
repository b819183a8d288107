"""Why a candidate is kept or dropped: form, likeness, drift of meaning, language."""
