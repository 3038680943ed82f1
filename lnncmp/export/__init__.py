"""Trained networks for other machines: one step and a whole sequence as ONNX, C or a program of torch.export.

A network is described once, as a short program of operations for one step (`program`, `describe`); every format is
written from that program.
"""
