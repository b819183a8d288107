"""Who writes paraphrases: rules, or a model that is asked through requests; and the judge of them."""
