"""From cleaned texts to numbers: tokenizers, word pairs, word vectors."""
