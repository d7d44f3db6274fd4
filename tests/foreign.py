"""Networks as strangers write them: one peculiarity each, with the answer that every claim about a layer must give."""
