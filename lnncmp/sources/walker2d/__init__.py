"""Where Walker2d trajectories come from."""
