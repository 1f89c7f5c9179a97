"""What turns a picture into a tensor, and a tensor into features."""
