"""What mail programs can show, and what of a mail they would break: the data, what a mail uses, and our own rules."""
