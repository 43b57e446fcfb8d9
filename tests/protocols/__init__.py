"""What other serving tools answered on our models, and the command that asks them."""
