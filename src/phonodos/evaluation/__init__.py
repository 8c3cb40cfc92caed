"""Floor 3: measures of accuracy and the reports made of them."""
