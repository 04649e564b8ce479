"""What the system has learned: patterns, evidence, classifier and the promotion of models; pure, reads nothing by itself."""
