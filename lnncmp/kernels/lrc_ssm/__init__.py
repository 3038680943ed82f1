"""Fused LRC neurons of LrcSSM."""
