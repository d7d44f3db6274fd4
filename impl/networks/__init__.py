"""Any torch network as it is: run, recorded and traced layer by layer, and left as it was."""
