"""The fused CfC, alone or wired, with or without mixed memory."""
