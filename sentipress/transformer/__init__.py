"""Transformer encoders of BERT's family: shape, network, weights that others trained, training, shrinking, export."""
