"""What people really type, as groups of evaluation texts: everyday phrases, other words, capitals and typos."""
