"""What performance claims rest on; each prints ratios or distributions measured within one run."""

MISSED = 3  # exit status: it ran, and a goal was not met
