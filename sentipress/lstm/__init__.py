"""The LSTM track: networks, training, pruning, distillation, export."""
