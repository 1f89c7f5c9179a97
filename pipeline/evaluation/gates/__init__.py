"""When a challenger becomes the champion."""
