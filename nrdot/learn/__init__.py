"""Training and evaluating the model; the only room that may load scikit-learn."""
