"""Recurrent layers and the sequence models made of them: plain PyTorch, on any device."""
