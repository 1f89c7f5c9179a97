"""Changes of one property of a picture, with which a trained model is tested."""
