"""How the policies that walk were trained."""
