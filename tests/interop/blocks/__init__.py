"""`peerage blocks` beside networks of real CometBFT validators."""
