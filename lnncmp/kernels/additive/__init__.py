"""Additive networks: dh/dt = c tanh(W x + U h + b) - r h by Euler or Runge-Kutta; the Elman network is one of them."""
