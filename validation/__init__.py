"""Theory against statistics: one file a case, each with its exact reference and a negative control."""
