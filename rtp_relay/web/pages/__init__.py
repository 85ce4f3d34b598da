"""What is shown, a file for each place of the page, and what can be changed there."""
