"""Training a folder for somebody who watches: what to train next, what is said meanwhile, and the style as it stands."""
