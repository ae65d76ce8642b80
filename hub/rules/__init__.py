"""DECIDES: pure rules of the policy. No clock, file, network or random source; `now` is an argument."""
